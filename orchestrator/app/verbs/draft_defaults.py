"""What a form begins with, and what its fields may be: as the registries, the state and the clock say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.drafts import content_of, form_of
from orchestrator.config import JobTable, Settings
from orchestrator.config.jobs import GridTable, key_names
from orchestrator.model.job import Job
from orchestrator.products.registry import COPERNICUS, DEFAULT, PRODUCTS, find_product
from orchestrator.recipes.registry import CODE
from orchestrator.routes.registry import PIXEL_ROUTES

_MONTHS = 3
# Products that a page makes; others are made of files that are here, by their own commands.
_MADE = ("mosaic", "cube", "chips", "table", "scenes")
_FIRST_NAME = "drawn"
_NO_ACCOUNT = "needs an account: [credentials.cdse] in config.toml"


@dataclass(frozen=True, slots=True)
class Offered:
    """
    A product that a form may ask for.

    Attributes:
        name: As a job file has it.
        summary: What it delivers, in a line.
        lacks: Why it cannot be asked for here, and what to do; empty where it can.
        routes: Which ways its pixels may come, the usual one first.
        has_recipe: Whether a recipe says what its pixels are.
    """

    name: str
    summary: str
    lacks: str
    routes: tuple[str, ...]
    has_recipe: bool


def offered(settings: Settings) -> Iterator[Offered]:
    """Yield the products that a form may ask for, the usual one first."""
    cdse = settings.credentials.cdse
    has_account = bool(settings.copernicus.url or cdse.user or cdse.client_id or cdse.access_key or cdse.key_file)
    for name in _MADE:
        entry = PRODUCTS[name]
        lacks = "" if has_account or entry.service != COPERNICUS else _NO_ACCOUNT
        yield Offered(name, entry.summary, lacks, entry.routes or PIXEL_ROUTES, entry.recipe(entry.keys()))


def choices(field: str) -> tuple[str, ...]:
    """Return the words that a field may be, where it is one of several."""
    annotation = _model_field(field).annotation
    return () if get_origin(annotation) is tuple else tuple(_literals(annotation))


def usual(field: str) -> str:
    """Return what a field is where nothing is said, as text; empty where that depends on others."""
    default = _model_field(field).get_default(call_default_factory=False)
    return "" if default is None or default in ((), "") else form_of({"x": default})["x"]


def _model_field(field: str) -> Any:
    table, _, key = field.rpartition(".")
    models: Mapping[str, Any] = {"": JobTable, "grid": GridTable, **key_names()}
    return models[table].model_fields[key]


def _literals(annotation: Any) -> Iterator[str]:
    for one in get_args(annotation):
        if get_origin(annotation) is Literal:
            yield str(one)
        else:
            yield from _literals(one)


def first_form(app: Records, base: Path) -> dict[str, str]:
    """
    Return what a form begins with, so that an area is all that is missing.

    The dates are the last whole months, since a composite of less has gaps where it was cloudy; the folder is that of
    the newest run, else `results` below `base`.
    """
    today = app.clock.now().date()
    last = today.replace(day=1)
    begin = last
    for _ in range(_MONTHS):
        begin = (begin - timedelta(days=1)).replace(day=1)
    output = _newest_output(app) or str(base / "results")
    form = {"product": DEFAULT, "recipe": str(JobTable.model_fields["recipe"].default), "output": output}
    form |= {"start_date": str(begin), "end_date": str(last), "base_name": free_name(app, _FIRST_NAME, output)}
    return form | ({} if app.settings.gcs.bucket else {"route": "pixels"})


def _newest_output(app: Records) -> str:
    heads = app.store.runs.heads(1) if app.has_state() else []
    return Job.from_json(heads[0].job).destination if heads and heads[0].product == DEFAULT else ""


def free_name(app: Records, name: str, output: str) -> str:
    """Return a name that no run has and no file in the folder of the results begins with: `name`, else `name-2`, ..."""
    folder = Path(output).expanduser()
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    for number in range(1, 1000):
        free = name if number == 1 else f"{name}-{number}"
        known = app.has_state() and any(head.base_name == free for head in app.store.runs.named(free))
        if not known and not any(file.startswith((f"{free}_", f"{free}.")) or file == free for file in there):
            return free
    return name


def form_of_run(app: Records, name: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """
    Return the form that makes the job of a run once more, and what a person should know of it, a sentence each.

    Raises:
        UserError: No run is called so.
    """
    head = find_head(app.store, name)
    job = Job.from_json(head.job)
    notes = [f"These are the words of run {head.id}; unchanged, they mean that run."]
    if job.area.piece:
        notes.append(
            f"It was one of several by the column {job.area.each}: {job.area.piece}. Choose it with a condition on the "
            "features, or the area is all of them."
        )
    if job.product not in _MADE:
        notes.append(f"A {job.product} is made by its own command; what you see is its job file.")
    if job.recipe in CODE and job.params.get("file"):
        notes.append("Its pixels are Python code, which is run for a page only where a job of config.toml names it.")
    return form_of(content_of(job)), tuple(notes)


def products_with(settings: Settings, product: str) -> Sequence[Offered]:
    """Return what `offered` does, and a product that a run has though a form does not make it."""
    found = list(offered(settings))
    if product in PRODUCTS and product not in _MADE:
        entry = find_product(product)
        found.append(Offered(product, entry.summary, "is made by its own command", entry.routes, has_recipe=False))
    return found
