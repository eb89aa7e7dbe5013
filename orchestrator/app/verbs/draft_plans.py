"""What a draft would do, before anything is submitted; and the run that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.elsewhere import pinned
from orchestrator.app.verbs.busy import Tell, untold
from orchestrator.app.verbs.commands import command_of, job_file, job_table, service_words, shell_line
from orchestrator.app.verbs.draft_areas import outline_of
from orchestrator.app.verbs.draft_needs import needs_of
from orchestrator.app.verbs.drafts import GENERAL, DraftError, Refusals, job_of
from orchestrator.app.verbs.recipes import check_parameter
from orchestrator.app.verbs.runs import check_output, submit
from orchestrator.core.errors import RecipeError
from orchestrator.model.job import Job
from orchestrator.products.registry import find_product
from orchestrator.recipes.registry import CODE

if TYPE_CHECKING:
    from orchestrator.app.application import Application


@dataclass(frozen=True, slots=True)
class DraftPlan:
    """
    What a draft would do.

    Attributes:
        fingerprint: Of the job as it is today; a submission names it, and is refused where the draft is another then.
        base_name: Of the result.
        product: What is delivered.
        rows: What it needs, as (what, words).
        notes: What a person should know, a sentence each.
        outline: Of the area, GeoJSON in degrees; None where the product has none.
        parts: Rectangles that are asked for, GeoJSON in degrees; None where they are not known before it is run.
        command: The command line that does the same; empty where only a job file can say it.
        table: The same as `[jobs.NAME]` for config.toml.
        file: The same as a job file.
        known: Id of the run that has this job already; empty where there is none.
        known_state: Its state.
    """

    fingerprint: str
    base_name: str
    product: str
    rows: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    outline: Mapping[str, Any] | None
    parts: Mapping[str, Any] | None
    command: str
    table: str
    file: str
    known: str = ""
    known_state: str = ""


def plan_draft(
    app: Application, content: Mapping[str, Any], base: Path, *, words: Sequence[str] = (), say: Tell = untold
) -> DraftPlan:
    """
    Plan what a form says, for today; nothing is stored, and only a product whose scenes must be known asks anybody.

    Args:
        app: What the job would be run with.
        content: Of a job file; see `drafts.read_form`.
        base: The folder that relative paths count from.
        words: Options that a command needs before its name, to mean the same state.
        say: Told what is being done.

    Raises:
        DraftError: The draft is no job; what is wrong is said by field.
    """
    from orchestrator.products.mosaic.settle import check_output as check_folder  # noqa: PLC0415  heavy

    say("reading the area")
    job = settled_draft(app, content, base)
    dated = job.dated(app.clock.now().date())
    said = Refusals()
    with said.at("output"):
        check_folder(dated)
    with said.at("base_name"):
        check_output(app, dated, job.declaration(), overwrite=False)
    said.check()
    say("planning")
    rows, notes, parts = needs_of(app, job, say)
    absolute = _absolute(content, job)
    known = app.store.runs.find(dated.fingerprints()) if app.has_state() else None
    return DraftPlan(
        dated.fingerprint(),
        dated.base_name,
        job.product,
        rows,
        notes,
        outline_of(job),
        parts,
        shell_line(command_of(absolute, words, service_words(app.settings))),
        job_table(absolute),
        job_file(absolute),
        known.id if known else "",
        str(known.state) if known else "",
    )


def submit_draft(app: Application, content: Mapping[str, Any], base: Path, fingerprint: str) -> str:
    """
    Hand a planned draft to the daemon; return the id of its run. A run that it has already is returned as it is.

    Raises:
        DraftError: The draft is no job, or another than the one that was planned.
    """
    job = settled_draft(app, content, base)
    if job.dated(app.clock.now().date()).fingerprint() != fingerprint:
        told = "this is not what was planned: the form, a file or the day has changed; plan it again"
        raise DraftError({GENERAL: told})
    said = Refusals()
    run = None
    with said.at("base_name"):
        run = submit(app, job, priority=int(content.get("priority", 0)) or None)
    said.check()
    assert run is not None  # noqa: S101  it was refused otherwise
    return run.id


def settled_draft(app: Application, content: Mapping[str, Any], base: Path) -> Job:
    """
    Return the one job that a form makes, its area read and its files pinned.

    Raises:
        DraftError: What is wrong, by field.
    """
    from orchestrator.app.planner import expand  # noqa: PLC0415  geopandas is heavy

    job = job_of(content, app.settings.services, base)
    said = Refusals()
    with said.at("recipe"):
        _check_code(app, job)
    said.check()
    _check_words(job, app.clock.now().date(), said)
    jobs: list[Job] = []
    with said.at(_place_field(job)):
        jobs = expand(job)
    said.check()
    if len(jobs) > 1:
        told = f"this makes {len(jobs)} results, one for each {job.area.each}; leave it out, or use the command line"
        raise DraftError({"area.each": told})
    return pinned(app, jobs, app.stop)[0]


def _place_field(job: Job) -> str:
    """Return the field that says where the pixels lie."""
    if job.area.source:
        return "area.source"
    named = {"chips": ("tiles",), "table": ("points", "polygons"), "scenes": ("tiles",)}.get(job.product, ("",))
    given = next((key for key in named if job.keys.get(key)), named[0])
    return f"{job.product}.{given}" if given else "area.source"


def _check_words(job: Job, today: date, said: Refusals) -> None:
    """Look at what can be told without the area: dates, CRS, recipe, parameters and bands, each in its own field."""
    from orchestrator.plan.reproject import parse_crs  # noqa: PLC0415  pyproj is heavy

    dates = None
    with said.at("start_date"):
        dates = job.dates(today)
    if job.grid.crs:
        with said.at("grid.crs"):
            parse_crs(job.grid.crs)
    if job.recipe and dates:
        _check_recipe(job, dates, said)


def _check_recipe(job: Job, dates: tuple[date, date], said: Refusals) -> None:
    from orchestrator.recipes.contract import ImageRequest  # noqa: PLC0415
    from orchestrator.recipes.registry import find_recipe  # noqa: PLC0415  `ee` costs a second

    good = {}
    for name, value in job.params.items():
        with said.at(f"params.{name}"):
            check_parameter(job.recipe, name, value)
            good[name] = value
    if len(good) == len(job.params):
        with said.at("bands" if job.bands else "recipe"):
            find_recipe(job.recipe).pixels(ImageRequest({}, *dates, job.bands, job.params))


def _check_code(app: Application, job: Job) -> None:
    """
    Refuse a Python file that no job of config.toml names: a page gives nobody a way to run code of their own.

    Raises:
        RecipeError: No job does.
    """
    file = str(job.params.get("file", ""))
    if job.recipe not in CODE or not file:
        return
    named = {
        (table.recipe, _found(app.config_dir, str(table.params["file"])))
        for table in app.settings.jobs.values()
        if table.params.get("file")
    }
    if (job.recipe, _found(app.config_dir, file)) not in named:
        raise RecipeError(
            f"{file} is Python code, which is run for a page only where a job of config.toml names it; "
            "write such a job, or use `orchestrator run`"
        )


def _found(base: Path, file: str) -> Path:
    return (base / Path(file).expanduser()).resolve()


def _absolute(content: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """Return the content with its paths absolute, for a command or a file that is used from any folder."""
    made = dict(content) | {"output": job.destination}
    if job.area.source:
        area = made.get("area")
        made["area"] = (dict(area) if isinstance(area, Mapping) else {}) | {"source": job.area.source}
    table = made.get(job.product)
    if isinstance(table, Mapping):
        paths = {name: job.keys[name] for name in find_product(job.product).paths if job.keys.get(name)}
        made[job.product] = dict(table) | paths
    return made
