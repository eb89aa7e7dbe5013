"""Ends what of a run is with Earth Engine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from orchestrator.core import crash
from orchestrator.core.errors import CredentialError, TransientError
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.work_records import Task
from orchestrator.engine.work import HoldError
from orchestrator.model.batch import Operation
from orchestrator.model.states import TASK_LIVE, TaskState


def cancel_exports(context: RunContext) -> None:
    """
    Cancel whatever of a run is with Earth Engine: nobody waits for it, and it would be paid for.

    Raises:
        TransientError, CredentialError: The service cannot be asked, and tasks of the run are with it.
        HoldError: Another copy of this state works by the same names: what runs is its own.
    """
    tasks = context.store.tasks.of(context.run_id)
    if live := {task.key: task for task in tasks if task.state in TASK_LIVE}:
        _cancel(context, live)
    elif any(task.attempt and not task.is_settled for task in tasks):
        # What still runs is overtaken, or a lost state began it. Where it cannot be seen now, the sweeper ends it.
        with suppress(TransientError, CredentialError, HoldError):
            _cancel(context, {})


def _cancel(context: RunContext, live: Mapping[str, Task]) -> None:
    tasks, clients, run_id = context.store.tasks, context.clients, context.run_id
    context.check_prefix()
    known = {attempt.description: (attempt.task, attempt.number) for attempt in tasks.attempts(run_id)}

    def attempt_of(operation: Operation) -> tuple[str, int] | None:
        said = clients.route.described(operation.description)
        return (said.task, said.number) if said and said.run_id == run_id else known.get(operation.description)

    # Listed as well as remembered: a submission whose answer was lost runs too, and a list may lag behind. Whatever is
    # listed of the run, also of an attempt that was overtaken or that a lost state made.
    listed = {o.name: (o, attempt) for o in clients.list_operations() if (attempt := attempt_of(o))}
    running = {name for name, (operation, _attempt) in listed.items() if operation.is_live}
    unlisted = {task.operation for task in live.values() if task.operation} - listed.keys()
    for name in sorted(running | unlisted):
        context.check_lease()
        context.check_prefix()
        clients.route.cancel(name)
        crash.point("operation.cancelled")
    # One that is in doubt and not listed yet stays so, and one that has ended by itself too: should the run be
    # retried, it is found, not begun again.
    found = {listed[name][1] for name in running}
    ended = [key for key, task in live.items() if task.operation in unlisted or (key, task.attempt) in found]
    tasks.change(run_id, {key: TaskChange(state=TaskState.CANCELLED) for key in ended})
