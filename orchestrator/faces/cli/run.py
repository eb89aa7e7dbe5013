"""`run`, `plan` and `submit`: a job from its declaration to its result, to its plan, or to the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.app import Application, expand
from orchestrator.app.notices.post import telling
from orchestrator.app.verbs import runs
from orchestrator.app.verbs.plans import PlanReport, cost_words, plan_to_files
from orchestrator.app.verbs.reasons import passed_over
from orchestrator.config import JobTable
from orchestrator.core import log
from orchestrator.core.errors import ConfigError, CredentialError, OrchestratorError, Stopped, UserError
from orchestrator.core.units import format_bytes, format_count
from orchestrator.engine.progress import Progress
from orchestrator.faces.cli.boxes import AreaCommand
from orchestrator.faces.cli.ends import conclude
from orchestrator.faces.cli.exits import DONE, FAILED, MEANINGS, together
from orchestrator.faces.cli.options import (
    ENVIRONMENT,
    again_option,
    build_job,
    build_table,
    job_options,
    service_options,
)
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, loaded_for, opened
from orchestrator.faces.objects import runs as objects
from orchestrator.model.job import Job
from orchestrator.model.states import RUN_FINAL, RunState

OVERWRITE = click.option(
    "--overwrite", is_flag=True, help="Replace files at the result's place that this job did not make."
)
PRIORITY = click.option(
    "--priority",
    type=click.IntRange(-1000, 1000),
    metavar="NUMBER",
    help="How early the daemon takes it: the higher number first.  [default: 0, or that of JOB.toml]",
)


@click.command(cls=AreaCommand, epilog=ENVIRONMENT)
@job_options
@service_options
@again_option
@OVERWRITE
@PRIORITY
@click.pass_obj
def run(context: Context, /, again: bool, overwrite: bool, priority: int | None, **given: Any) -> int:
    """
    Bring one area to one clipped GeoTIFF, and watch.

    Started again after a crash, the same command continues; when the result is there already, it says so.
    """
    output = context.output()
    table, base = build_table(given)  # what is asked wrongly is said before anything is started
    how = Begin(again, overwrite, _priority(table, priority))
    with opened(context, given, output) as app:
        app.check_service(table.product)
        with output.busy("reading the area"):
            jobs = expand(table.job(base, app.settings.services))
        if len(jobs) == 1:
            return _run_one(app, jobs[0], output, how)
        return run_all(app, jobs, output, how)


@dataclass(frozen=True, slots=True)
class Begin:
    """How a run is begun; see `runs.begin`."""

    again: bool = False
    overwrite: bool = False
    priority: int | None = None


def _priority(table: JobTable, given: int | None) -> int | None:
    return (table.priority or None) if given is None else given


def run_all(app: Application, jobs: Sequence[Job], output: Output, how: Begin) -> int:
    """Carry one job after the other; one that fails does not stop the others. At the end say which did."""
    ended: list[Ended] = []
    for number, job in enumerate(jobs, 1):
        output.note(f"{number} of {len(jobs)}: {job.base_name}")
        try:
            ended.append(Ended(job.base_name, _run_one(app, job, output, how)))
        except (Stopped, ConfigError, CredentialError, BrokenPipeError):
            raise  # nothing of this one job, and the same for the next
        except (OrchestratorError, OSError) as error:
            ended.append(Ended(job.base_name, getattr(error, "exit_code", FAILED), " ".join(str(error).split())))
        except Exception as error:  # noqa: BLE001  the edge of a job: a fault of ours in one must not cost the others
            log.get("run").error("run.fault", job=job.base_name, exc_info=error)
            ended.append(Ended(job.base_name, FAILED, f"{type(error).__name__}: {error}"))
        if ended[-1].sentence:
            output.error(f"{job.base_name}: {ended[-1].sentence}", ended[-1].exit_code)
    return _summed_up(ended, output)


@dataclass(frozen=True, slots=True)
class Ended:
    """How one of several jobs ended. `sentence` is empty unless an error ended it."""

    base_name: str
    exit_code: int
    sentence: str = ""


def _summed_up(ended: Sequence[Ended], output: Output) -> int:
    """Say how several jobs ended; return the exit code for all of them."""
    code = together([one.exit_code for one in ended])
    jobs = [{"base_name": one.base_name, "exit_code": one.exit_code, "sentence": one.sentence} for one in ended]
    output.message("jobs", {"exit_code": code, "jobs": jobs})
    output.note(f"{sum(one.exit_code == DONE for one in ended)} of {len(ended)} done")
    for one in ended:
        if one.exit_code != DONE:
            output.note(f"  {one.base_name}: {one.sentence or MEANINGS[one.exit_code]}")
    return code


def run_one(app: Application, job: Job, output: Output, *, again: bool = False, overwrite: bool = False) -> int:
    """Carry one job to its end and show the result; return the exit code."""
    return _run_one(app, job, output, Begin(again, overwrite))


def _run_one(app: Application, job: Job, output: Output, how: Begin) -> int:
    begun = runs.begin(app, job, **asdict(how), busy=output.busy, tell=output.note)
    if begun.state is RunState.CLEANED:
        output.note(f"done already as run {begun.id}; --again does it once more")
        return conclude(begun, output, audit=job.audit)
    progress = Progress()
    with output.watching(progress.snapshot, begun.job_name), telling(app, lambda: app.owner):
        ended = runs.carry(app, begun, progress)
    return conclude(ended, output, audit=job.audit)


@click.command(cls=AreaCommand, epilog=ENVIRONMENT)
@job_options
@service_options
@click.option(
    "--png",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Picture.  [default: NAME_plan.png in the output folder]",
)
@click.option(
    "--geojson",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Parts.  [default: NAME_plan.geojson in the output folder]",
)
@click.pass_obj
def plan(context: Context, /, png: Path | None, geojson: Path | None, **given: Any) -> int:
    """
    Show grid, tasks, parts and what they need, without asking Earth Engine anything.

    Writes a picture and a GeoJSON of the parts.
    """
    output = context.output()
    app = Application(loaded_for(context, given).settings, stop=context.stop)
    with output.busy("reading the area"):
        jobs = expand(build_job(given, app.settings.services))
    if len(jobs) > 1 and (png or geojson):
        raise UserError("--png and --geojson name one file, but --each makes several plans; leave them out")
    for job in jobs:
        _show_plan(plan_to_files(app, job, output.busy, picture=png, geojson=geojson), output)
    return 0


def _show_plan(report: PlanReport, output: Output) -> None:
    facts, made, grid = report.facts(), report.plan, report.plan.grid
    output.message("plan", facts)
    share = made.area_pixels / grid.pixels
    a, _b, c, _d, e, f = grid.transform
    part = f"{facts['part_width']} × {facts['part_height']}"
    under = format_bytes(made.max_part_bytes)
    kinds = f"{format_count(len(made.pixels.bands), 'band')} of {made.pixels.dtype}"
    raw = format_bytes(report.raw_bytes)
    output.say(f"{report.base_name}: {grid.width} × {grid.height} pixels of {a:g} × {-e:g} in {grid.crs}")
    output.say(f"  origin   {c:.12g}, {f:.12g}")
    output.say(f"  area     {made.area_pixels:,} pixels, {share:.0%} of the grid; {kinds}; {raw} uncompressed")
    if made.tasks or not made.direct:
        parts = format_count(made.part_count, "part")
        output.say(f"  tasks    {len(made.tasks)}; {parts} of at most {part} pixels, each under {under}")
    if made.direct:
        output.say(f"  requests {len(made.direct)}; each brings its pixels in the answer")
    if made.tasks or not made.direct:
        output.say(f"  bucket   at most {format_bytes(made.bucket_bytes)}")
    output.say(f"  disk     at most {format_bytes(made.disk_bytes)} at the fullest moment")
    output.say(f"  memory   about {format_bytes(made.memory_bytes)}")
    output.say(f"  compute  {cost_words(report.cost, report.cost_source, report.tier_hours)}")
    for note in report.notes:
        output.say(f"  note     {note}")
    output.say(f"  {report.picture}\n  {report.geojson}")


@click.command(cls=AreaCommand, epilog=ENVIRONMENT)
@job_options
@click.option("--sandbox-url", metavar="URL", help="For a daemon that was started with the same option.")
@again_option
@OVERWRITE
@PRIORITY
@click.pass_obj
def submit(context: Context, /, again: bool, overwrite: bool, priority: int | None, **given: Any) -> int:
    """Hand a job to the daemon (`orchestrator serve`) that uses the same state folder."""
    output = context.output()
    app = Application(loaded_for(context, given).settings, stop=context.stop)
    table, base = build_table(given)
    with output.busy("reading the area"):
        jobs = expand(table.job(base, app.settings.services))
    for one in jobs:
        begun = runs.submit(
            app, one, again=again, overwrite=overwrite, priority=_priority(table, priority), busy=output.busy
        )
        name = Job.from_json(begun.job).base_name
        output.message("submitted", objects.submitted_facts(begun))
        output.say(f"{begun.id}  {name}  {begun.state}")
        if begun.state not in RUN_FINAL:
            for sentence in passed_over(app, {begun.id: one.service}).values():
                output.warn(f"nobody works on {begun.id}: {sentence}")
    return 0
