"""`status`, `why`, `retry`, `cancel`, `clean`: looking after runs."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import rich_click as click
from rich.table import Table

from orchestrator.app import Application
from orchestrator.core.errors import UserError
from orchestrator.core.files import LockedError
from orchestrator.core.units import format_bytes, format_seconds
from orchestrator.engine.execution import retry_run
from orchestrator.engine.publication import set_min_valid
from orchestrator.engine.stores.records import Run, Task
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, opened
from orchestrator.faces.cli.standing import nobody, standing, wrong_jobs
from orchestrator.model.job import check_share
from orchestrator.model.states import PART_DONE, RUN_FINAL, TASK_LIVE, RunState, TaskState
from orchestrator.model.validity import valid_words


def _application(context: Context) -> Application:
    loaded = context.load()
    folder = loaded.path.resolve().parent if loaded.path else None
    return Application(loaded.settings, stop=context.stop, config_dir=folder, refused_jobs=loaded.refused_jobs)


@click.command()
@click.argument("run_id", required=False)
@click.option("--limit", default=20, help="Runs shown.  [default: 20]")
@click.pass_obj
def status(context: Context, /, run_id: str | None, limit: int) -> int:
    """Show the latest runs, or one run with its tasks and latest events."""
    app, output = _application(context), context.output()
    if run_id:
        _show_run(app, app.store.run(run_id), output)
        return 0
    table = Table("run", "name", "state", "parts", "updated", "why", box=None, header_style="bold")
    for run in app.store.runs(limit=limit):
        facts = _facts(app, run)
        output.message("run", facts)
        parts = f"{facts['parts_done']}/{facts['parts']}" if facts["parts"] else ""
        table.add_row(run.id, run.job_name, run.state, parts, run.updated[:19], run.reason[:80])
    if not output.as_json:
        output.lasting.print(table if table.row_count else "no runs yet; `orchestrator demo` makes one")
    for name, sentence in wrong_jobs(app).items():
        output.message("job", {"name": name, "error": sentence})
    for line in standing(app):
        output.say(line)
    return 0


def _facts(app: Application, run: Run) -> dict[str, Any]:
    parts = app.store.parts(run.id)
    result = json.loads(run.result) if run.result else {}
    return {
        "run": run.id,
        "name": run.job_name,
        "logical_date": run.logical_date,
        "state": run.state,
        "reason": run.reason,
        "parts": len(parts),
        "parts_done": sum(part.state in PART_DONE for part in parts),
        "created": run.created,
        "updated": run.updated,
        "path": result.get("path", ""),
        "sha256": result.get("sha256", ""),
        "valid": result.get("valid", {}),
    }


def _show_run(app: Application, run: Run, output: Output) -> None:
    tasks, parts = app.store.tasks(run.id), app.store.parts(run.id)
    states = Counter(part.state for part in parts)
    facts = _facts(app, run) | {"part_states": dict(states)}
    facts |= {"tasks": [{"key": t.key, "state": t.state, "attempt": t.attempt, "error": t.error} for t in tasks]}
    output.message("run", facts)
    output.say(f"{run.id}  {run.job_name}  {run.state}  {run.reason}")
    if facts["valid"]:
        output.say(valid_words(facts["valid"]))
    output.say("parts: " + (", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none yet"))
    received = sum(part.source.size for part in parts if part.source)
    output.say(f"objects: {format_bytes(received)}, EECU-seconds: {sum(t.eecu_seconds for t in tasks):.1f}")
    table = Table("task", "state", "attempt", "operation", "done", "error", box=None, header_style="bold")
    for task in tasks:
        operation = task.operation.rsplit("/", 1)[-1]
        table.add_row(task.key, task.state, str(task.attempt), operation, f"{task.progress:.0%}", task.error[:80])
    if not output.as_json and tasks:
        output.lasting.print(table)
    for event in app.store.events(run.id, 15):
        output.say(f"{event.at[:19]}  {event.name}  {event.facts}")


@click.command()
@click.argument("run_id")
@click.pass_obj
def why(context: Context, /, run_id: str) -> int:
    """Say what a run is waiting for, and what happens next."""
    app, output = _application(context), context.output()
    run = app.store.run(run_id)
    sentences = explain(app, run)
    output.message("why", {"run": run.id, "state": run.state, "because": sentences})
    for sentence in sentences:
        output.say(sentence)
    return 0


def explain(app: Application, run: Run) -> list[str]:
    """Return why the run is where it is, in sentences."""
    if run.state is RunState.CLEANED:
        return [f"It is done: {json.loads(run.result)['path']}."]
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        return [
            f"It is {run.state}: {run.reason}.",
            f"`orchestrator retry {run.id}` goes on from {run.resume}; `orchestrator clean {run.id}` clears up.",
        ]
    sentences = [] if _worked_on(app, run) else [nobody(app)]
    if run.state is RunState.HELD:
        person = (
            f"After that, `orchestrator retry {run.id}`." if run.needs_person else "It is looked at again by itself."
        )
        return [f"It is held: {run.reason}.", person, *sentences]
    return sentences + _waiting(app.store.tasks(run.id), run)


def _waiting(tasks: list[Task], run: Run) -> list[str]:
    if run.state is not RunState.EXPORTING:
        return [f"It is {run.state} and goes on by itself."]
    now = datetime.now(UTC).timestamp()
    live = Counter(task.state for task in tasks if task.state in TASK_LIVE)
    planned = [task for task in tasks if task.state is TaskState.PLANNED]
    cooling = [task for task in planned if task.next_at > now]
    found = [f"{count} tasks are {state} in Earth Engine." for state, count in sorted(live.items())]
    if planned:
        found.append(f"{len(planned)} tasks wait for a place in Earth Engine's queue.")
    if cooling:
        soonest = min(cooling, key=lambda task: task.next_at)
        wait = format_seconds(soonest.next_at - now)
        found.append(f"Task {soonest.key} is tried again in {wait}; Earth Engine said: {soonest.error}.")
    uncollected = [t for t in tasks if t.state is TaskState.SUCCEEDED and not t.collected]
    if uncollected:
        found.append(f"{len(uncollected)} finished tasks have not shown all their files yet.")
    return found or ["Its parts are being downloaded and placed."]


def _worked_on(app: Application, run: Run) -> bool:
    try:
        with app.lock(run.id):
            return False
    except LockedError:
        return True


@click.command()
@click.argument("run_id")
@click.option(
    "--min-valid", type=float, metavar="SHARE", help="Publish it with this share of valid pixels, e.g. 0.4, or more."
)
@click.pass_obj
def retry(context: Context, /, run_id: str, min_valid: float | None) -> int:
    """Take a failed, cancelled or held run up again where it stopped; `run` or `serve` then carries it on."""
    app, output = _application(context), context.output()
    run = app.store.run(run_id)
    with app.lock(run.id):
        if min_valid is not None:
            check_share(min_valid)
            set_min_valid(app.store, run.id, min_valid)
        run = retry_run(run, app.store)
    output.message("run", {"run": run.id, "state": run.state})
    output.say(f"{run.id} is {run.state} again; the daemon goes on with it, or the same `run` command")
    return 0


@click.command()
@click.argument("run_id")
@service_options
@click.pass_obj
def cancel(context: Context, /, run_id: str, **given: Any) -> int:
    """End a run: its tasks in Earth Engine are cancelled; what it left is kept until `clean`."""
    output = context.output()
    app = _application(context)
    run = app.store.run(run_id)
    if run.state in RUN_FINAL:
        raise UserError(f"run {run.id} is {run.state} already")
    app.store.wish(run.id, "cancel")
    try:
        with app.lock(run.id), opened(context, given, output) as joined:
            joined.execution(run).cancel()
        output.say(f"{run.id} is cancelled")
    except LockedError:
        output.say(f"{run.id} will be cancelled by the process that works on it")
    output.message("run", {"run": run.id, "state": app.store.run(run.id).state})
    return 0


@click.command()
@click.argument("run_id")
@service_options
@click.pass_obj
def clean(context: Context, /, run_id: str, **given: Any) -> int:
    """Take away what an ended run left in the cloud and on disk; never its result, never what is not ours."""
    output = context.output()
    with opened(context, given, output) as app:
        run = app.store.run(run_id)
        with app.lock(run.id):
            cleaned = app.execution(run).sweep(run)
    output.message("cleaned", {"run": run.id, "deleted": cleaned.deleted, "foreign": list(cleaned.foreign)})
    output.say(f"{cleaned.deleted} objects deleted, {cleaned.absent} were gone already")
    for name in cleaned.changed:
        output.say(f"kept, because somebody replaced it: {name}")
    for name in cleaned.foreign:
        output.say(f"kept, because it is not ours: {name}")
    return 0
