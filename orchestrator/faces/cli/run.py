"""`run`, `plan` and `submit`: a job from its declaration to its result, to its plan, or to the daemon."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.app import Application, LocalPlan, expand
from orchestrator.core import log
from orchestrator.core.errors import (
    ConfigError,
    CredentialError,
    OrchestratorError,
    PermanentError,
    Stopped,
    UserError,
)
from orchestrator.core.files import LockedError
from orchestrator.core.units import format_bytes, format_seconds
from orchestrator.engine.execution import retry_run
from orchestrator.engine.ownership import Claimant, check_free, check_owner
from orchestrator.engine.progress import Progress
from orchestrator.engine.publication import beside, final_path, is_result, set_min_valid
from orchestrator.engine.service import admit
from orchestrator.engine.stores.records import Run
from orchestrator.faces.cli.exits import DONE, FAILED, MEANINGS, WAITS_FOR_PERSON, together
from orchestrator.faces.cli.options import ENVIRONMENT, build_job, build_table, job_options, service_options
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, opened
from orchestrator.model.job import Job
from orchestrator.model.states import RUN_FINAL, RunState
from orchestrator.model.validity import valid_words

OVERWRITE = click.option(
    "--overwrite", is_flag=True, help="Replace files at the result's place that this job did not make."
)


def today() -> date:
    """Return the logical date of a run that is begun by hand."""
    return datetime.now(UTC).date()


@click.command(epilog=ENVIRONMENT)
@job_options
@service_options
@click.option("--again", is_flag=True, help="Do it once more although it is done.")
@OVERWRITE
@click.pass_obj
def run(context: Context, /, again: bool, overwrite: bool, **given: Any) -> int:
    """
    Bring one area to one clipped GeoTIFF, and watch.

    Started again after a crash, the same command continues; when the result is there already, it says so.
    """
    output = context.output()
    table, base = build_table(given)  # what is asked wrongly is said before anything is started
    with opened(context, given, output) as app:
        app.check_service()
        with output.busy("reading the area"):
            jobs = expand(table.job(base, app.settings.service))
        if len(jobs) == 1:
            return run_one(app, jobs[0], output, again=again, overwrite=overwrite)
        return _run_all(app, jobs, output, again=again, overwrite=overwrite)


def _run_all(app: Application, jobs: Sequence[Job], output: Output, *, again: bool, overwrite: bool) -> int:
    """Carry one job after the other; one that fails does not stop the others. At the end say which did."""
    ended: list[Ended] = []
    for number, job in enumerate(jobs, 1):
        output.note(f"{number} of {len(jobs)}: {job.base_name}")
        try:
            ended.append(Ended(job.base_name, run_one(app, job, output, again=again, overwrite=overwrite)))
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
    declaration, job = job.declaration(), job.dated(today())
    known = app.store.runs.find(job.fingerprints())
    if known is None:
        with output.busy(f"planning {job.base_name}"):
            app.planner().local(job)  # what is wrong with the declaration is said before anything is stored
    if known is None or known.state in RUN_FINAL:
        _check_output(app, job, declaration, overwrite=overwrite)
    run_ = admit(
        app.store,
        job.base_name,
        job,
        today(),
        declaration=declaration,
        installation=app.owner,
        again=again or _result_is_gone(app, known, job, output),
        overwrite=overwrite,
    )
    if job.min_valid != Job.from_json(run_.job).min_valid:
        # The same command with another wish continues the run; with the same one, what `retry` said meanwhile stands.
        set_min_valid(app.store, run_.id, job.min_valid)
    if run_.state in (RunState.FAILED, RunState.CANCELLED) or run_.needs_person:
        run_ = retry_run(run_, app.store)
    if run_.state is RunState.CLEANED:
        output.note(f"done already as run {run_.id}; --again does it once more")
    else:
        run_ = _carried(app, run_, output)
    return conclude(run_, output)


def _carried(app: Application, run_: Run, output: Output) -> Run:
    """Work on a run under its lock, and show how far it is."""
    progress = Progress()
    try:
        with app.lock(run_.id), output.watching(progress.snapshot, run_.job_name):
            return app.execution(run_, progress).follow()
    except LockedError as error:
        raise LockedError(f"{error}; `orchestrator watch {run_.id}` follows it") from None


def _check_output(app: Application, job: Job, declaration: str, *, overwrite: bool) -> None:
    """Refuse to begin where another installation is at work, or where a file lies that this job did not make."""
    final = final_path(job)
    who = Claimant(declaration, job.fingerprints(), job.base_name, overwrite=overwrite)
    check_free(final, who, app.owner, app.store)
    check_owner(final, who, app.store)


def _result_is_gone(app: Application, done: Run | None, job: Job, output: Output) -> bool:
    """Tell whether the job was done once and its result is not there any more, whole."""
    if done is None or done.state is not RunState.CLEANED:
        return False
    final, result = final_path(job), json.loads(done.result)
    with output.busy(f"comparing {final.name} with its checksum"):
        return not is_result(final, result, app.stop)


def conclude(run_: Run, output: Output) -> int:
    """Say how a run ended; return the exit code."""
    if run_.state is RunState.CLEANED:
        show_result(run_, output)
        return 0
    output.message("summary", {"run": run_.id, "state": run_.state, "reason": run_.reason})
    if run_.needs_person:
        output.warn(f"run {run_.id} is held: {run_.reason}")
        return WAITS_FOR_PERSON
    if run_.state is RunState.CANCELLED:
        output.warn(f"run {run_.id} was cancelled; `orchestrator clean {run_.id}` takes away what it left")
        return 1
    raise PermanentError(f"run {run_.id} failed: {run_.reason}")


def show_result(run_: Run, output: Output) -> None:
    """Show where the result is and what stands behind it."""
    result = json.loads(run_.result)
    final = Path(result["path"])
    assembly = result["assembly"]
    picture = beside(final, ".png")
    took = datetime.fromisoformat(run_.updated) - datetime.fromisoformat(run_.created)
    output.message(
        "summary",
        {"run": run_.id, "state": run_.state, **result, "proof": str(beside(final, ".json")), "picture": str(picture)},
    )
    if output.quiet:
        output.say(str(final))
        return
    output.say(f"{final}  ({format_bytes(result['bytes'])})")
    output.say(f"{beside(final, '.json')}  proof: every part with window, object, generation and checksum")
    if picture.exists():
        output.say(f"{picture}  quicklook")
    if valid := result.get("valid"):  # results of the first version do not say
        output.say(f"valid: {valid_words(valid)}")
    output.say(f"sha256 {result['sha256']}")
    output.say(
        f"blocks: {assembly['blocks_copied']} copied, {assembly['blocks_encoded']} encoded, "
        f"{assembly['blocks_sparse']} empty ({assembly['method']}); overviews: {assembly['overviews']}; "
        f"took {format_seconds(took.total_seconds())}"
    )


@click.command(epilog=ENVIRONMENT)
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
    app = Application(context.load().settings, stop=context.stop)
    service = "sandbox" if given["sandbox"] or given["sandbox_url"] else app.settings.service
    with output.busy("reading the area"):
        jobs = [one.dated(today()) for one in expand(build_job(given, service))]
    if len(jobs) > 1 and (png or geojson):
        raise UserError("--png and --geojson name one file, but --each makes several plans; leave them out")
    for job in jobs:
        picture = png or Path(job.output) / f"{job.base_name}_plan.png"
        table = geojson or Path(job.output) / f"{job.base_name}_plan.geojson"
        with output.busy(f"planning {job.base_name}"):
            from orchestrator.plan.picture import draw_plan, parts_geojson  # noqa: PLC0415  matplotlib is heavy

            local = app.planner().local(job)
            draw_plan(local.plan, picture, job.base_name)
            table.write_text(json.dumps(parts_geojson(local.plan)), encoding="utf-8")
        _show_plan(job, local, output, picture, table)
    return 0


def _show_plan(job: Job, local: LocalPlan, output: Output, picture: Path, table: Path) -> None:
    made = local.plan
    grid = made.grid
    facts = {
        "base_name": job.base_name,
        "crs": grid.crs,
        "transform": list(grid.transform),
        "height": grid.height,
        "width": grid.width,
        "bands": list(made.pixels.bands),
        "dtype": made.pixels.dtype,
        "tasks": len(made.tasks),
        "parts": made.part_count,
        "part_height": made.tasks[0].part_height,
        "part_width": made.tasks[0].part_width,
        "max_part_bytes": made.max_part_bytes,
        "area_pixels": made.area_pixels,
        "raw_bytes": made.area_pixels * made.pixels.bytes_per_pixel,
        "bucket_bytes_at_most": made.bucket_bytes,
        "disk_bytes_at_most": made.disk_bytes,
        "memory_bytes": made.memory_bytes,
        "notes": list(local.notes),
        "picture": str(picture),
        "geojson": str(table),
    }
    output.message("plan", facts)
    share = made.area_pixels / grid.pixels
    a, _b, c, _d, e, f = grid.transform
    part = f"{facts['part_width']} × {facts['part_height']}"
    under = format_bytes(made.max_part_bytes)
    kinds = f"{len(made.pixels.bands)} bands of {made.pixels.dtype}"
    raw = format_bytes(made.area_pixels * made.pixels.bytes_per_pixel)
    output.say(f"{job.base_name}: {grid.width} × {grid.height} pixels of {a:g} × {-e:g} in {grid.crs}")
    output.say(f"  origin   {c:.12g}, {f:.12g}")
    output.say(f"  area     {made.area_pixels:,} pixels, {share:.0%} of the grid; {kinds}")
    output.say(f"  tasks    {len(made.tasks)}; {made.part_count} parts of at most {part} pixels, each under {under}")
    output.say(f"  bucket   at most {format_bytes(made.bucket_bytes)}; the area's pixels are {raw} uncompressed")
    output.say(f"  disk     at most {format_bytes(made.disk_bytes)} at the fullest moment")
    output.say(f"  memory   about {format_bytes(made.memory_bytes)}")
    for note in local.notes:
        output.say(f"  note     {note}")
    output.say(f"  {picture}\n  {table}")


@click.command(epilog=ENVIRONMENT)
@job_options
@click.option("--sandbox-url", metavar="URL", help="For a daemon that was started with the same option.")
@click.option("--again", is_flag=True, help="Do it once more although it is done.")
@OVERWRITE
@click.pass_obj
def submit(context: Context, /, again: bool, overwrite: bool, **given: Any) -> int:
    """Hand a job to the daemon (`orchestrator serve`) that uses the same state folder."""
    output = context.output()
    app = Application(context.load().settings, stop=context.stop)
    job = build_job(given, "sandbox" if given["sandbox_url"] else app.settings.service)
    with output.busy("reading the area"):
        jobs = expand(job)
    for declared in jobs:
        declaration, one = declared.declaration(), declared.dated(today())
        with output.busy(f"planning {one.base_name}"):
            app.planner().local(one)
        _check_output(app, one, declaration, overwrite=overwrite)
        run_ = admit(
            app.store,
            one.base_name,
            one,
            today(),
            declaration=declaration,
            installation=app.owner,
            again=again,
            overwrite=overwrite,
        )
        output.message("submitted", {"run": run_.id, "state": run_.state, "base_name": one.base_name})
        output.say(f"{run_.id}  {one.base_name}  {run_.state}")
    return 0
