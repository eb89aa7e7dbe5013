"""
Exactly-once submission: intent before effect, adoption after doubt.

A task is SUBMITTING from the moment its attempt is committed until its operation is known. Sending the same request
id again is safe, since Earth Engine starts at most one operation for it; a new attempt is made only after the service
says the id is known and the operation stays unfindable for long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core import crash
from orchestrator.core.errors import QuotaError, ThrottleError, TransientError
from orchestrator.engine.context import RunContext
from orchestrator.engine.ladder import SHARDS, Ladder
from orchestrator.engine.limits import Limits
from orchestrator.engine.names import new_attempt
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import Attempt, Task
from orchestrator.model.ports import AlreadyStartedError, ExportOrder, Operation, RefusedError
from orchestrator.model.states import Failure, TaskState

# A request id is not given up sooner, however long it is known: a list may not have been had since.
_LEAST_TRIES = 3
# What a refused submission needs that is no longer the same order.
_TO_ANSWER = frozenset({Failure.MEMORY, Failure.TIMEOUT, Failure.SIZE})
OPERATION_STATES: Mapping[str, TaskState] = {
    "PENDING": TaskState.QUEUED,
    "RUNNING": TaskState.RUNNING,
    "CANCELLING": TaskState.RUNNING,
    "SUCCEEDED": TaskState.SUCCEEDED,
    "FAILED": TaskState.FAILED,
    "CANCELLED": TaskState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Submitter:
    """Hands tasks of one run to Earth Engine; `image` is the expression they compute."""

    context: RunContext
    image: str
    ladder: Ladder
    limits: Limits

    def begin(self, task: Task) -> None:
        """Commit the next attempt of a PLANNED task and post it."""
        attempt = self.intend(task)
        self.post(task, attempt)

    def intend(self, task: Task) -> Attempt:
        """Commit the next attempt of a PLANNED task: from here on it counts as live."""
        process = self.context.process
        attempt = new_attempt(
            self.context.run_id,
            task.key,
            task.attempt + 1,
            prefix=process.prefix,
            owner=process.owner,
            route=self.context.clients.route,
            now=self.context.now(),
        )
        self.context.store.tasks.intend(self.context.run_id, attempt)
        crash.point("task.intended")
        return attempt

    def post(self, task: Task, attempt: Attempt) -> None:
        """
        Send an attempt, whose intent is committed, once; doubt leaves it SUBMITTING.

        Raises:
            PermanentError: The service refuses the task.
            QuotaError: Nothing may be started before the quota returns.
        """
        try:
            operation = self.context.clients.route.submit(self.image, self.context.plan, self._order(task, attempt))
        except AlreadyStartedError as error:
            self._doubt(task, attempt, "already_started", error, known=True)
        except QuotaError:
            raise
        except ThrottleError as error:
            self._doubt(task, attempt, "throttled", error)
            self.limits.pause(max(error.wait_seconds, self.context.backoff.repost_seconds))
        except TransientError as error:
            self._doubt(task, attempt, "no_answer", error)
        except RefusedError as error:
            self._refused(task, attempt, error)
        else:
            crash.point("task.posted")
            self.adopt(task, operation, "task.submitted")

    def settle(self, task: Task, attempt: Attempt, listed: Mapping[str, list[Operation]]) -> None:
        """Find out what became of a SUBMITTING task: adopt its operation, post it again, or give the id up."""
        if found := listed.get(attempt.description):
            self._adopt_one(task, found)
        elif not self.context.waits.due(f"post {task.key}", task.next_at):
            return
        elif self._burnt(task, attempt):
            self.context.record("task.request_id_burnt", {"task": task.key, "attempt": attempt.number})
            self.context.store.tasks.reset(self.context.run_id, task.key, TaskChange())
        else:
            self.post(task, attempt)

    def adopt(self, task: Task, operation: Operation, event: str = "task.adopted") -> None:
        """Make `operation` the one of the task's current attempt."""
        state = OPERATION_STATES.get(operation.state, TaskState.QUEUED)
        early = state if state in (TaskState.QUEUED, TaskState.RUNNING) else TaskState.QUEUED
        self.context.store.tasks.identify(self.context.run_id, task.key, operation.name, early)
        facts = {"task": task.key, "operation": operation.name, "parts": len(task.plan.parts())}
        self.context.record(event, facts)

    def _burnt(self, task: Task, attempt: Attempt) -> bool:
        """
        Tell whether the service knows the request id, and its operation was not to be found for long.

        Counted from when this process learned it: an order committed long ago may have been sent a moment ago.
        """
        known_for_long = task.known and self.context.waits.since(
            f"known {attempt.request_id}", self.context.backoff.burnt_seconds
        )
        return known_for_long and task.tries >= _LEAST_TRIES

    def _adopt_one(self, task: Task, found: list[Operation]) -> None:
        """Adopt the oldest of several operations of one attempt and cancel the others."""
        first, *others = sorted(found, key=lambda o: (o.created, o.name))
        for other in others:
            self.context.record("task.duplicate", {"task": task.key, "operation": other.name})
            self.context.clients.route.cancel(other.name)
        self.adopt(task, first)

    def _doubt(self, task: Task, attempt: Attempt, why: str, error: Exception, *, known: bool = False) -> None:
        wait = self.context.backoff.repost_seconds * 2 ** min(task.tries, 6)
        change = TaskChange(
            error=str(error), tries=task.tries + 1, next_at=self.context.now() + wait, known=known or task.known
        )
        self.context.store.tasks.change(self.context.run_id, {task.key: change})
        if change.known:
            self.context.waits.since(f"known {attempt.request_id}", 0.0)
        facts = {"task": task.key, "why": why, "error": str(error), "again_in_seconds": wait}
        self.context.record("task.doubt", facts)

    def _refused(self, task: Task, attempt: Attempt, error: RefusedError) -> None:
        """A sentence we do not know is tried once more; too much at once is asked for in smaller pieces."""
        failure = error.diagnosis.failure
        if failure is Failure.UNKNOWN and task.tries == 0:
            self._doubt(task, attempt, "unknown_sentence", error)
            return
        change = TaskChange(state=TaskState.FAILED, error=str(error))
        self.context.store.tasks.change(self.context.run_id, {task.key: change})
        if failure in _TO_ANSWER:
            self.ladder.answer(
                task, Operation("", "FAILED", error=str(error), failure=failure, diagnosis=error.diagnosis)
            )
        else:
            raise error

    def _order(self, task: Task, attempt: Attempt) -> ExportOrder:
        return ExportOrder(
            request_id=attempt.request_id,
            description=attempt.description,
            prefix=attempt.prefix,
            window=task.plan.window,
            part_height=task.plan.part_height,
            part_width=task.plan.part_width,
            shard=SHARDS[min(task.rung, len(SHARDS) - 1)],
            bands=self.context.plan.pixels.bands,
        )
