"""What to do about a failed task: the answer to each class of failure, and what is remembered of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.errors import OrchestratorError, PermanentError
from orchestrator.engine.setting import Surroundings
from orchestrator.engine.stores.contract import Store, TaskChange
from orchestrator.engine.stores.records import Task
from orchestrator.engine.submission import SHARDS
from orchestrator.model.plan import TaskPlan
from orchestrator.model.ports import Operation
from orchestrator.model.states import Failure, TaskState

RUNG = "rung"
_PASSING = frozenset({Failure.TRANSIENT, Failure.THROTTLE})
_TOO_MUCH = frozenset({Failure.MEMORY, Failure.TIMEOUT, Failure.SIZE})


class HoldError(OrchestratorError):
    """Something outside must change first. `alone` tells whether that may happen without a person."""

    def __init__(self, reason: str, *, alone: bool) -> None:
        super().__init__(reason)
        self.alone = alone


@dataclass(frozen=True, slots=True)
class Ladder:
    """Answers failures of one run's tasks."""

    run_id: str
    subject: str
    store: Store
    around: Surroundings
    record: Callable[[str, Mapping[str, Any]], None]
    cut: Callable[[TaskPlan], tuple[TaskPlan, TaskPlan] | None]

    def answer(self, task: Task, operation: Operation) -> None:
        """
        Take the step that the failure of `operation` asks for; the task is FAILED or CANCELLED already.

        Raises:
            HoldError: Somebody cancelled the task.
            PermanentError: No step is left.
        """
        failure = operation.failure or Failure.PERMANENT
        facts = {"task": task.key, "attempt": task.attempt, "failure": failure, "error": operation.error}
        self.record("task.failed", facts)
        if failure is Failure.CANCELLED:
            raise HoldError(
                f"task {task.key} was cancelled in Earth Engine by somebody else ({operation.name}); "
                f"`orchestrator retry {self.run_id}` exports it again, `orchestrator cancel {self.run_id}` gives up",
                alone=False,
            )
        if failure in _PASSING and task.attempt < self.around.patience.max_attempts:
            wait = self.around.patience.cool_down_seconds * 2 ** (task.attempt - 1)
            self.store.reset_task(self.run_id, task.key, operation.error, self._now() + wait)
        elif failure in _TOO_MUCH and task.rung < self.around.patience.max_rung:
            self._climb(task, failure, operation.error)
        else:
            raise PermanentError(_no_step_left(task, failure, operation.error))

    def starting_rung(self) -> int:
        """Return the rung that worked before for this expression."""
        return int(self.store.lesson(self.subject, RUNG) or 0)

    def _climb(self, task: Task, failure: Failure, sentence: str) -> None:
        rung = task.rung + 1
        by_shard = failure is not Failure.SIZE and rung < len(SHARDS)
        if by_shard:
            self.store.change_tasks(self.run_id, {task.key: TaskChange(rung=rung)})
            self.store.reset_task(self.run_id, task.key, sentence, 0.0)
            self.record("task.rung", {"task": task.key, "rung": rung, "shard": SHARDS[rung]})
        else:
            self._split(task, rung, failure, sentence)
        self.store.learn(self.subject, RUNG, min(rung, len(SHARDS) - 1))

    def _split(self, task: Task, rung: int, failure: Failure, sentence: str) -> None:
        halves = self.cut(task.plan)
        if halves is None:
            raise PermanentError(_no_step_left(task, failure, sentence))
        self.store.split(self.run_id, task.key, [(f"{task.key}.{i}", half, rung) for i, half in enumerate(halves)])
        self.record("task.split", {"task": task.key, "into": [f"{task.key}.{i}" for i in (0, 1)]})

    def _now(self) -> float:
        return self.around.clock.now().timestamp()


def subject_of(image: str) -> str:
    """Return what lessons about an expression are filed under."""
    return hashlib.sha256(image.encode()).hexdigest()[:32]


def failed_state(operation: Operation) -> TaskState:
    return TaskState.CANCELLED if operation.state == "CANCELLED" else TaskState.FAILED


_ADVICE: Mapping[Failure, str] = {
    Failure.MEMORY: "even the smallest rectangle needs more memory than Earth Engine gives; simplify the recipe",
    Failure.TIMEOUT: "even the smallest rectangle takes too long; use fewer scenes or a shorter period",
    Failure.SIZE: "the rectangle cannot be cut further; use fewer bands",
    Failure.TRANSIENT: "it kept failing; `orchestrator retry` tries again later",
    Failure.THROTTLE: "the service stays busy; `orchestrator retry` tries again later",
    Failure.PERMANENT: "this will not pass by itself; mend the recipe or the permissions, then `orchestrator retry`",
}


def _no_step_left(task: Task, failure: Failure, sentence: str) -> str:
    return f"task {task.key} failed at attempt {task.attempt}: Earth Engine says: {sentence} ({_ADVICE[failure]})"
