"""Ends what of a run is with Earth Engine."""

from __future__ import annotations

from orchestrator.core import crash
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.model.states import TASK_LIVE, TaskState


def cancel_exports(context: RunContext) -> None:
    """
    Cancel whatever of a run is with Earth Engine: nobody waits for it, and it would be paid for.

    Raises:
        HoldError: Another copy of this state works by the same names: what runs is its own.
    """
    tasks, clients, run_id = context.store.tasks, context.clients, context.run_id
    live = {task.key: task for task in tasks.of(run_id) if task.state in TASK_LIVE}
    if not live:
        return
    context.check_prefix()
    described = {attempt.description: attempt for attempt in tasks.attempts(run_id) if attempt.task in live}
    # Listed as well as remembered: a submission whose answer was lost runs too, and a list may lag behind.
    listed = [operation for operation in clients.list_operations() if operation.description in described]
    running = {operation.name for operation in listed if operation.is_live}
    unlisted = {task.operation for task in live.values() if task.operation} - {o.name for o in listed}
    for name in sorted(running | unlisted):
        context.check_lease()
        context.check_prefix()
        clients.route.cancel(name)
        crash.point("operation.cancelled")
    # One that is in doubt and not listed yet stays so, and one that has ended by itself too: should the run be
    # retried, it is found, not begun again.
    found = {(described[o.description].task, described[o.description].number) for o in listed if o.name in running}
    ended = [key for key, task in live.items() if task.operation in unlisted or (key, task.attempt) in found]
    tasks.change(run_id, {key: TaskChange(state=TaskState.CANCELLED) for key in ended})
