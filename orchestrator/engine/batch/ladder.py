"""What to do about a failed task: the answer to each class of failure, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.core.clock import quota_returns
from orchestrator.core.errors import PermanentError
from orchestrator.engine.batch.cutting import AskedCuts
from orchestrator.engine.batch.exports import Exports
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import Store, TaskChange
from orchestrator.engine.stores.work_records import Task
from orchestrator.engine.work import HoldError
from orchestrator.model.batch import Operation, OperationState
from orchestrator.model.expression import subject_of
from orchestrator.model.plan import TaskPlan
from orchestrator.model.ports import Diagnosis
from orchestrator.model.states import Failure, PartState, TaskState

RUNG = "rung"
_PASSING = frozenset({Failure.TRANSIENT, Failure.THROTTLE})
_TOO_MUCH = frozenset({Failure.MEMORY, Failure.TIMEOUT, Failure.SIZE})
# Repeated once as it is; what comes again counts as the class behind it.
_ONCE_MORE = {Failure.OUT_OF_MEMORY: Failure.MEMORY, Failure.UNKNOWN: Failure.PERMANENT}
# Longest wait between two attempts of one task.
_LONGEST_COOL_DOWN = 3600.0


class Ladder:
    """
    Answers failures of one run's tasks: waits, tries again, asks for less at once, cuts.

    The route tells in how many steps the same rectangle can be asked for with less at once; each is a rung.
    """

    def __init__(self, context: RunContext, exports: Exports) -> None:
        self._context = context
        self._run_id = context.run_id
        self._store = context.store
        self._rungs = context.clients.route.rungs
        self._subject = exports.subject
        self._exports = exports
        self._cut = exports.cut
        self._asked = AskedCuts(context.store, context.run_id)

    def answer(self, task: Task, operation: Operation) -> None:
        """
        Take the step that the failure of `operation` asks for; the task is FAILED or CANCELLED already.

        Raises:
            HoldError: Somebody cancelled the task, or a quota must return first.
            PermanentError: No step is left.
        """
        told = operation.diagnosis or Diagnosis(operation.failure or Failure.PERMANENT)
        failure = told.failure
        facts = {"task": task.key, "attempt": task.attempt, "failure": failure, "error": operation.error}
        self._context.record("task.failed", facts)
        if failure is Failure.CANCELLED:
            raise self._cancelled_elsewhere(task, operation)
        if failure is Failure.QUOTA:
            raise self._quota(task, operation.error, told)
        if failure in _ONCE_MORE and task.failure is not failure:
            self._again(task, failure, operation.error, told.wait_seconds or self._context.backoff.cool_down_seconds)
            return
        step = _ONCE_MORE.get(failure, failure)
        if step in _PASSING and task.counted < self._context.backoff.max_attempts:
            wait = self._context.backoff.cool_down_seconds * 2 ** (max(1, task.counted) - 1)
            self._again(task, step, operation.error, max(told.wait_seconds, min(wait, _LONGEST_COOL_DOWN)))
        elif step is Failure.THROTTLE:
            raise self._throttled(task, operation.error)
        elif step in _TOO_MUCH and self._may_climb(task, told):
            self._climb(task, step, operation.error, told)
        else:
            self._end(task, step, operation.error, told)

    def cut_asked(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """Cut in two what a person asked for and is not with the service; return the tasks as they are then."""
        asked = self._asked.new(tasks)
        for task in asked:
            if halves := self._cut(task.plan):
                self._halve(task, halves, task.rung, task.failure)
            else:
                self._context.record("task.uncut", {"task": task.key, "reason": "it is one part, which is not cut"})
        return self._store.tasks.of(self._run_id) if asked else tasks

    def _end(self, task: Task, failure: Failure, sentence: str, told: Diagnosis) -> None:
        """
        Let a rectangle come another way, where there is one and what failed is the export and not the recipe.

        Raises:
            PermanentError: There is none.
        """
        units = self._exports.instead(task.plan.window) if failure in _TOO_MUCH | _PASSING else ()
        states = self._store.parts.tally_of(self._run_id, task.key)
        if not units or any(state is not PartState.WAITING for state in states):
            raise PermanentError(_no_step_left(task, failure, sentence, told))
        # In this order: a crash in between leaves a failed task, which is answered so once more.
        self._store.units.add(self._run_id, units)
        self._store.tasks.split(self._run_id, task.key, (), failure)
        facts = {"task": task.key, "failure": failure, "error": sentence, "requests": len(units)}
        self._context.record("task.direct", facts)

    def _cancelled_elsewhere(self, task: Task, operation: Operation) -> HoldError:
        return HoldError(
            f"task {task.key} was cancelled in Earth Engine by somebody else ({operation.name}); "
            f"`orchestrator retry {self._run_id}` exports it again, `orchestrator cancel {self._run_id}` gives up",
            alone=False,
        )

    def _quota(self, task: Task, sentence: str, told: Diagnosis) -> HoldError:
        """Leave the task to be handed over again when the quota has returned."""
        again = quota_returns(self._context.process.clock.now()).timestamp()
        self._store.tasks.reset(self._run_id, task.key, TaskChange(error=sentence, failure=Failure.QUOTA))
        return HoldError(f"Earth Engine says: {sentence} ({told.advice})", alone=True, until=again)

    def _throttled(self, task: Task, sentence: str) -> HoldError:
        """A service that stays busy is waited for, however long: nothing is wrong with the task."""
        change = TaskChange(error=sentence, failure=Failure.THROTTLE, forgiven=task.attempt)
        self._store.tasks.reset(self._run_id, task.key, change)
        return HoldError(
            f"Earth Engine stays busy: {sentence}", alone=True, until=self._context.now() + _LONGEST_COOL_DOWN
        )

    def _again(self, task: Task, failure: Failure, sentence: str, wait: float) -> None:
        change = TaskChange(error=sentence, failure=failure, next_at=self._context.now() + wait)
        self._store.tasks.reset(self._run_id, task.key, change)

    def _may_climb(self, task: Task, told: Diagnosis) -> bool:
        """Tell whether a smaller piece may help: there is one, and the sentence has not come again after the last."""
        came_again = (
            told.steps is not None and told.failure is not Failure.OUT_OF_MEMORY and task.failure is told.failure
        )
        return task.rung < self._context.backoff.max_rung and not came_again

    def _climb(self, task: Task, failure: Failure, sentence: str, told: Diagnosis) -> None:
        rung = task.rung + 1
        if failure is not Failure.SIZE and rung < len(self._rungs):
            # At once: a crash between the rung and the reset would climb a second one for the same failure.
            self._store.tasks.reset(self._run_id, task.key, TaskChange(error=sentence, failure=failure, rung=rung))
            self._context.record("task.rung", {"task": task.key, "rung": rung, **self._rungs[rung]})
        else:
            self._split(task, rung, failure, sentence, told)
        self._store.lessons.learn(self._subject, RUNG, min(rung, len(self._rungs) - 1))

    def _split(self, task: Task, rung: int, failure: Failure, sentence: str, told: Diagnosis) -> None:
        halves = self._cut(task.plan)
        if halves is None:
            self._end(task, failure, sentence, told)
            return
        self._halve(task, halves, rung, failure)

    def _halve(self, task: Task, halves: tuple[TaskPlan, TaskPlan], rung: int, failure: Failure | None) -> None:
        children = [(f"{task.key}.{i}", half, rung) for i, half in enumerate(halves)]
        self._store.tasks.split(self._run_id, task.key, children, failure)
        self._context.record("task.split", {"task": task.key, "into": [key for key, _half, _rung in children]})


def starting_rung(store: Store, image: str) -> int:
    """Return the rung that worked before for an expression."""
    return int(store.lessons.get(subject_of(image), RUNG) or 0)


def failed_state(operation: Operation) -> TaskState:
    return TaskState.CANCELLED if operation.state is OperationState.CANCELLED else TaskState.FAILED


_ADVICE: Mapping[Failure, str] = {
    Failure.MEMORY: "even the smallest rectangle needs more memory than Earth Engine gives; simplify the recipe",
    Failure.TIMEOUT: "even the smallest rectangle takes too long; use fewer scenes or a shorter period",
    Failure.SIZE: "the rectangle cannot be cut further; use fewer bands",
    Failure.TRANSIENT: "it kept failing; `orchestrator retry` tries again later",
    Failure.PERMANENT: "this will not pass by itself; mend the recipe or the permissions, then `orchestrator retry`",
}


def _no_step_left(task: Task, failure: Failure, sentence: str, told: Diagnosis) -> str:
    advice = told.advice or _ADVICE.get(failure, _ADVICE[Failure.PERMANENT])
    return f"task {task.key} failed at attempt {task.attempt}: Earth Engine says: {sentence} ({advice})"
