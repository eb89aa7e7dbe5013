"""`why`, `retry`, `cancel`, `clean`: looking after runs."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import rich_click as click

from orchestrator.app.finding import find_run
from orchestrator.app.records import Records
from orchestrator.core.errors import UserError
from orchestrator.core.files import LockedError
from orchestrator.core.units import format_seconds
from orchestrator.engine.stores.records import Run, Task
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.session import Context, opened, resting
from orchestrator.faces.cli.standing import nobody
from orchestrator.model.job import check_share
from orchestrator.model.states import RUN_FINAL, TASK_LIVE, RunState, TaskState


@click.command()
@click.argument("run_id", metavar="RUN")
@click.pass_obj
def why(context: Context, /, run_id: str) -> int:
    """Say what a run is waiting for, and what happens next."""
    app, output = resting(context), context.output()
    run = find_run(app.store, run_id)
    sentences = explain(app, run)
    output.message("why", {"run": run.id, "state": run.state, "because": sentences})
    for sentence in sentences:
        output.say(sentence)
    return 0


def explain(app: Records, run: Run) -> list[str]:
    """Return why the run is where it is, in sentences."""
    if run.state is RunState.CLEANED:
        return [f"It is done: {json.loads(run.result)['path']}."]
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        return [
            f"It is {run.state}: {run.reason}.",
            f"`orchestrator retry {run.id}` goes on from {run.resume}; `orchestrator clean {run.id}` clears up.",
        ]
    sentences = [] if is_worked_on(app, run.id) else [nobody(app)]
    if run.state is RunState.HELD:
        person = (
            f"After that, `orchestrator retry {run.id}`." if run.needs_person else "It is looked at again by itself."
        )
        return [f"It is held: {run.reason}.", person, *sentences]
    return sentences + _waiting(app.store.tasks.of(run.id), run)


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


def is_worked_on(app: Records, run_id: str) -> bool:
    """Tell whether a process works on a run."""
    try:
        with app.lock(run_id):
            return False
    except LockedError:
        return True


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--min-valid", type=float, metavar="SHARE", help="Publish it with this share of valid pixels, e.g. 0.4, or more."
)
@click.pass_obj
def retry(context: Context, /, run_id: str, min_valid: float | None) -> int:
    """Take a failed, cancelled or held run up again where it stopped; `run` or `serve` then carries it on."""
    from orchestrator.engine.execution import retry_run  # noqa: PLC0415  `why` does not need it
    from orchestrator.engine.publication import set_min_valid  # noqa: PLC0415

    app, output = resting(context), context.output()
    run = find_run(app.store, run_id)
    with app.lock(run.id):
        if min_valid is not None:
            check_share(min_valid)
            set_min_valid(app.store, run.id, min_valid)
        run = retry_run(run, app.store)
    output.message("run", {"run": run.id, "state": run.state})
    output.say(f"{run.id} is {run.state} again; the daemon goes on with it, or the same `run` command")
    return 0


@click.command()
@click.argument("run_id", metavar="RUN")
@service_options
@click.pass_obj
def cancel(context: Context, /, run_id: str, **given: Any) -> int:
    """End a run: its tasks in Earth Engine are cancelled; what it left is kept until `clean`."""
    output = context.output()
    app = resting(context)
    run = find_run(app.store, run_id)
    _check_cancellable(run)
    app.store.runs.request(run.id, "cancel")
    try:
        with app.lock(run.id), opened(context, given, output) as joined:
            run = joined.store.runs.get(run.id)
            _check_cancellable(run)
            with output.busy("cancelling its tasks in Earth Engine"):
                joined.execution(run).cancel()
        output.say(f"{run.id} is cancelled")
    except LockedError:
        output.say(f"{run.id} will be cancelled by the process that works on it")
    output.message("run", {"run": run.id, "state": app.store.runs.get(run.id).state})
    return 0


def _check_cancellable(run: Run) -> None:
    """
    Refuse to cancel what has ended.

    Raises:
        UserError: The run has ended, or its result is there already.
    """
    if run.state in RUN_FINAL:
        raise UserError(f"run {run.id} is {run.state} already; there is nothing to cancel")
    if run.state is RunState.PUBLISHED:
        raise UserError(
            f"run {run.id} has its result already, {json.loads(run.result)['path']}; there is nothing to cancel. "
            f"`orchestrator clean {run.id}` takes away what it left"
        )


@click.command()
@click.argument("run_id", metavar="RUN")
@service_options
@click.pass_obj
def clean(context: Context, /, run_id: str, **given: Any) -> int:
    """Take away what an ended run left in the cloud and on disk; never its result, never what is not ours."""
    output = context.output()
    find_run(resting(context).store, run_id)
    with opened(context, given, output) as app:
        run = find_run(app.store, run_id)
        with app.lock(run.id), output.busy("taking away what it left"):
            if run.state is RunState.PUBLISHED:  # its result is there: the clean-up is all that is left of it
                run = app.execution(run).work()
            cleaned = app.execution(run).sweep(run)
    output.message("cleaned", {"run": run.id, "deleted": cleaned.deleted, "foreign": list(cleaned.foreign)})
    output.say(f"{cleaned.deleted} objects deleted, {cleaned.absent} were gone already")
    for name in cleaned.changed:
        output.say(f"kept, because somebody replaced it: {name}")
    for name in cleaned.foreign:
        output.say(f"kept, because it is not ours: {name}")
    return 0
