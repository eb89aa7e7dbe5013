"""
Exactly-once submission: intent before effect, adoption after doubt.

A task is SUBMITTING from the moment its attempt is committed until its operation is known. Sending the same request
id again is safe, since Earth Engine starts at most one operation for it; a new attempt is made only after the service
says the id is known and the operation stays unfindable for long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core import crash
from orchestrator.core.errors import ThrottleError, TransientError
from orchestrator.engine.names import new_attempt
from orchestrator.engine.setting import Hands, Surroundings
from orchestrator.engine.stores.contract import Store, TaskChange
from orchestrator.engine.stores.records import Attempt, Task
from orchestrator.model.plan import Plan
from orchestrator.model.ports import AlreadyStartedError, ExportOrder, Operation
from orchestrator.model.states import TaskState

# The memory ladder's first steps: Earth Engine computes an export in tiles of this side; a quarter of the pixels
# at once needs about a quarter of the memory there.
SHARDS = (256, 128, 64)
# A request id is not given up sooner, however old it is: after a crash its first post may have been a moment ago.
_LEAST_TRIES = 3
ALREADY_STARTED = "already_started"
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
    """Hands tasks of one run to Earth Engine."""

    run_id: str
    plan: Plan
    image: str
    store: Store
    hands: Hands
    around: Surroundings
    record: Callable[[str, Mapping[str, Any]], None]

    def begin(self, task: Task) -> None:
        """Commit the next attempt of a PLANNED task and post it."""
        attempt = new_attempt(
            self.run_id,
            task.key,
            task.attempt + 1,
            prefix=self.around.prefix,
            owner=self.around.owner,
            route=self.hands.route,
            now=self._now(),
        )
        self.store.intend(self.run_id, attempt)
        crash.point("task.intended")
        self.post(task, attempt)

    def post(self, task: Task, attempt: Attempt) -> None:
        """Send an attempt, whose intent is committed, once; doubt leaves it SUBMITTING."""
        try:
            operation = self.hands.route.submit(self.image, self.plan, self._order(task, attempt))
        except AlreadyStartedError as error:
            self._doubt(task, ALREADY_STARTED, error)
        except ThrottleError as error:
            self._doubt(task, "throttled", error)
        except TransientError as error:
            self._doubt(task, "no_answer", error)
        else:
            crash.point("task.posted")
            self.adopt(task, operation, "task.submitted")

    def settle(self, task: Task, attempt: Attempt, listed: Mapping[str, list[Operation]]) -> None:
        """Find out what became of a SUBMITTING task: adopt its operation, post it again, or give the id up."""
        burnt = self.around.patience.burnt_seconds
        if found := listed.get(attempt.description):
            self._adopt_one(task, found)
        elif task.next_at > self._now():
            return
        elif task.tries >= _LEAST_TRIES and self._now() - attempt.first_posted > burnt and _known(task):
            self.record("task.request_id_burnt", {"task": task.key, "attempt": attempt.number})
            self.store.reset_task(self.run_id, task.key, task.error, 0.0)
        else:
            self.post(task, attempt)

    def adopt(self, task: Task, operation: Operation, event: str = "task.adopted") -> None:
        """Make `operation` the one of the task's current attempt."""
        state = OPERATION_STATES.get(operation.state, TaskState.QUEUED)
        early = state if state in (TaskState.QUEUED, TaskState.RUNNING) else TaskState.QUEUED
        self.store.identify(self.run_id, task.key, operation.name, early)
        facts = {"task": task.key, "operation": operation.name, "parts": len(task.plan.parts())}
        self.record(event, facts)

    def _adopt_one(self, task: Task, found: list[Operation]) -> None:
        """Adopt the oldest of several operations of one attempt and cancel the others."""
        first, *others = sorted(found, key=lambda o: (o.created, o.name))
        for other in others:
            self.record("task.duplicate", {"task": task.key, "operation": other.name})
            self.hands.route.cancel(other.name)
        self.adopt(task, first)

    def _doubt(self, task: Task, why: str, error: Exception) -> None:
        wait = self.around.patience.repost_seconds * 2 ** min(task.tries, 6)
        self.store.change_tasks(
            self.run_id,
            {task.key: TaskChange(error=f"{why}: {error}", tries=task.tries + 1, next_at=self._now() + wait)},
        )
        self.record("task.doubt", {"task": task.key, "why": why, "error": str(error), "again_in_seconds": wait})

    def _order(self, task: Task, attempt: Attempt) -> ExportOrder:
        return ExportOrder(
            request_id=attempt.request_id,
            description=attempt.description,
            prefix=attempt.prefix,
            window=task.plan.window,
            part_height=task.plan.part_height,
            part_width=task.plan.part_width,
            shard=SHARDS[min(task.rung, len(SHARDS) - 1)],
            bands=self.plan.pixels.bands,
        )

    def _now(self) -> float:
        return self.around.clock.now().timestamp()


def _known(task: Task) -> bool:
    """Tell whether the service's last word was that it knows the request id."""
    return task.error.startswith(ALREADY_STARTED)
