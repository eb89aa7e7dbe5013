"""
Exactly-once submission: intent before effect, adoption after doubt.

A task is SUBMITTING from the moment its attempt is committed until its operation is known. Sending the same request
id again is safe, since Earth Engine starts at most one operation for it; a new attempt is made only after the service
says the id is known and the operation stays unfindable for long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.core import crash
from orchestrator.core.errors import QuotaError, ThrottleError, TransientError
from orchestrator.engine.batch.exports import Exports
from orchestrator.engine.batch.ladder import Ladder
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.limit_records import Shortage, Within
from orchestrator.engine.stores.work_records import Attempt, Task
from orchestrator.model.batch import (
    AlreadyStartedError,
    AttemptNames,
    BatchRoute,
    ExportOrder,
    Operation,
    OperationState,
    OrderShape,
)
from orchestrator.model.ports import RefusedError
from orchestrator.model.states import Failure, TaskState

# A request id is not given up sooner, however long it is known: a list may not have been had since.
_LEAST_TRIES = 3
# What a refused submission needs that is no longer the same order.
_TO_ANSWER = frozenset({Failure.MEMORY, Failure.TIMEOUT, Failure.SIZE})
OPERATION_STATES: Mapping[OperationState, TaskState] = {
    OperationState.QUEUED: TaskState.QUEUED,
    OperationState.RUNNING: TaskState.RUNNING,
    OperationState.CANCELLING: TaskState.RUNNING,
    OperationState.SUCCEEDED: TaskState.SUCCEEDED,
    OperationState.FAILED: TaskState.FAILED,
    OperationState.CANCELLED: TaskState.CANCELLED,
}


def early_state(operation: Operation) -> TaskState:
    """Return the state of a task whose operation has just become known: how it ended is told by the next look."""
    state = OPERATION_STATES.get(operation.state, TaskState.QUEUED)
    return state if state in (TaskState.QUEUED, TaskState.RUNNING) else TaskState.QUEUED


def identity(route: BatchRoute, description: str) -> tuple[str, str, int] | str:
    """Return what tells the operations of one attempt from all others, whatever parts they were asked for."""
    said = route.described(description)
    return (said.run_id, said.task, said.number) if said else description


def _shape(asked: OrderShape) -> tuple[int, int]:
    return asked.part_height, asked.part_width


class Submitter:
    """Hands tasks of one run to Earth Engine."""

    def __init__(self, context: RunContext, exports: Exports, ladder: Ladder) -> None:
        self._context = context
        self._run_id = context.run_id
        self._tasks = context.store.tasks
        self._route = context.clients.route
        self._exports = exports
        self._ladder = ladder

    def intend(self, task: Task, within: Within) -> Attempt | Shortage:
        """Commit the next attempt of a PLANNED task, if it fits: from here on it counts as live."""
        number = task.attempt + 1
        asked = OrderShape(task.plan.part_height, task.plan.part_width, task.rung)
        names = self._route.name_attempt(self._run_id, task.key, number, asked)
        attempt = Attempt(
            task=task.key,
            number=number,
            request_id=names.request_id,
            description=names.description,
            prefix=names.prefix,
            operation="",
            first_posted=self._context.now(),
        )
        if short := self._tasks.intend(self._run_id, attempt, within):
            return short
        crash.point("task.intended")
        return attempt

    def post(self, task: Task, attempt: Attempt) -> None:
        """
        Send an attempt, whose intent is committed, once; doubt leaves it SUBMITTING.

        Raises:
            PermanentError: The service refuses the task.
            QuotaError: Nothing may be started before the quota returns.
        """
        self._context.check_lease()
        try:
            operation = self._route.start(self._exports.image, self._exports.plan, self._order(task, attempt))
        except AlreadyStartedError as error:
            self._doubt(task, attempt, "already_started", error, known=True)
        except QuotaError:
            raise
        except ThrottleError as error:
            self._doubt(task, attempt, "throttled", error)
            self._context.process.limits.pause(
                max(error.wait_seconds, self._context.backoff.repost_seconds), str(error)
            )
        except TransientError as error:
            self._doubt(task, attempt, "no_answer", error)
        except RefusedError as error:
            self._refused(task, attempt, error)
        else:
            crash.point("task.posted")
            self._context.process.limits.handed_over()
            self.adopt(task, operation, "task.submitted")

    def settle(self, task: Task, attempt: Attempt, found: Sequence[Operation]) -> None:
        """Find out what became of a SUBMITTING task: adopt an operation of it, post it again, or give the id up."""
        if found:
            self._adopt_one(task, found)
        elif not self._context.waits.due(f"post {task.key}", task.next_at):
            return
        elif self._burnt(task, attempt):
            self._context.record("task.request_id_burnt", {"task": task.key, "attempt": attempt.number})
            self._tasks.reset(self._run_id, task.key, TaskChange())
        else:
            self.post(task, attempt)

    def adopt(self, task: Task, operation: Operation, event: str = "task.adopted") -> None:
        """Make `operation` the one of the task's current attempt."""
        state = early_state(operation)
        said = self._route.described(operation.description)
        if said and said.asked and _shape(said.asked) != (task.plan.part_height, task.plan.part_width):
            # Started by a state that is lost, which had learned other sizes: the files are of those.
            plan = replace(task.plan, part_height=said.asked.part_height, part_width=said.asked.part_width)
            mine = next(a for a in self._tasks.attempts(self._run_id) if (a.task, a.number) == (task.key, said.number))
            now = replace(mine, operation=operation.name, description=operation.description)
            self._tasks.adopt(self._run_id, now, plan, said.asked.rung, state)
        else:
            self._tasks.identify(self._run_id, task.key, operation.name, state)
        facts = {"task": task.key, "operation": operation.name, "parts": task.plan.part_count}
        self._context.record(event, facts)

    def _burnt(self, task: Task, attempt: Attempt) -> bool:
        """
        Tell whether the service knows the request id, and its operation was not to be found for long.

        Counted from when this process learned it: an order committed long ago may have been sent a moment ago.
        """
        known_for_long = task.known and self._context.waits.since(
            f"known {attempt.request_id}", self._context.backoff.burnt_seconds
        )
        return known_for_long and task.tries >= _LEAST_TRIES

    def _adopt_one(self, task: Task, found: Sequence[Operation]) -> None:
        """Adopt the oldest of several operations of one attempt and cancel the others."""
        first, *others = sorted(found, key=lambda o: (o.created, o.name))
        for other in others:
            self._context.check_lease()
            self._context.check_prefix()
            self._context.record("task.duplicate", {"task": task.key, "operation": other.name})
            self._route.cancel(other.name)
        self.adopt(task, first)

    def _doubt(self, task: Task, attempt: Attempt, why: str, error: Exception, *, known: bool = False) -> None:
        wait = self._context.backoff.repost_seconds * 2 ** min(task.tries, 6)
        if isinstance(error, ThrottleError):
            wait = max(wait, error.wait_seconds)
        change = TaskChange(
            error=str(error), tries=task.tries + 1, next_at=self._context.now() + wait, known=known or task.known
        )
        self._tasks.change(self._run_id, {task.key: change})
        if change.known:
            self._context.waits.since(f"known {attempt.request_id}", 0.0)
        facts = {"task": task.key, "why": why, "error": str(error), "again_in_seconds": wait}
        self._context.record("task.doubt", facts)

    def _refused(self, task: Task, attempt: Attempt, error: RefusedError) -> None:
        """A sentence we do not know is tried once more; too much at once is asked for in smaller pieces."""
        failure = error.diagnosis.failure
        if failure is Failure.UNKNOWN and task.tries == 0:
            self._doubt(task, attempt, "unknown_sentence", error)
            return
        change = TaskChange(state=TaskState.FAILED, error=str(error))
        self._tasks.change(self._run_id, {task.key: change})
        if failure in _TO_ANSWER:
            self._ladder.answer(
                task, Operation("", OperationState.FAILED, error=str(error), failure=failure, diagnosis=error.diagnosis)
            )
        else:
            raise error

    def _order(self, task: Task, attempt: Attempt) -> ExportOrder:
        return ExportOrder(
            names=AttemptNames(attempt.request_id, attempt.description, attempt.prefix),
            window=task.plan.window,
            part_height=task.plan.part_height,
            part_width=task.plan.part_width,
            rung=task.rung,
            bands=self._exports.plan.pixels.bands,
        )
