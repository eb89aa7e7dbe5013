"""Hands tasks over: as many as the project has room for, and no more at once than lets other things be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.engine.batch.budget import Budget, Refusal, pilots_first
from orchestrator.engine.batch.exports import Exports
from orchestrator.engine.batch.feedback import Feedback
from orchestrator.engine.batch.submission import Submitter
from orchestrator.engine.batch.transfers import ON_THE_WAY
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.context import RunContext
from orchestrator.engine.limits import Usage, no_place
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import Tally, Task
from orchestrator.engine.work import HoldError
from orchestrator.model.states import TASK_LIVE, PartState, TaskState

# Tasks handed over before operations and objects are looked at again.
_AT_ONCE = 20
# A pause that is longer is written down, so that whoever asks why a run stands still is told.
_LONG_PAUSE_SECONDS = 60.0
_DONE = TaskState.SUCCEEDED


class Handing:
    """Hands over the planned tasks of one run."""

    def __init__(
        self,
        context: RunContext,
        exports: Exports,
        submitter: Submitter,
        feedback: Feedback,
        watch: OperationsWatch,
        budget: Budget,
    ) -> None:
        self._context = context
        self._submitter = submitter
        self._feedback = feedback
        self._watch = watch
        self._limits = context.process.limits
        self._bytes_per_pixel = exports.bytes_per_pixel
        self._budget = budget
        self._refused = ""

    def hand_over(self, tasks: Sequence[Task], tally: Mapping[PartState, Tally]) -> bool:
        """
        Hand over what there is room for; tell whether more could be handed over now.

        Raises:
            HoldError: The budget allows no other task, and none of the run's is under way.
        """
        run_id = self._context.run_id
        self._budget.renew(tasks)
        ripe = self._ripe(tasks)
        if ripe and self._put_off(ripe):
            return False
        under_way = self._under_way(tasks, tally)
        current = {task.key: task for task in tasks}
        for task in ripe[:_AT_ONCE]:
            self._context.obey()
            if refusal := self._budget.refuses(task, list(current.values())):
                self._stand_still(refusal, list(current.values()), tally)
                return False
            with self._limits.turn():
                self._limits.report(run_id, Usage(len(ripe), under_way))
                if self._limits.room(run_id) <= 0 or not self._limits.fits(self._bytes_of(task)):
                    self._tell_who_has_the_room()
                    return False
                attempt = self._submitter.intend(task)
                under_way += self._bytes_of(task)
                current[task.key] = replace(task, state=TaskState.SUBMITTING, eecu_seconds=0.0)
            self._submitter.post(task, attempt)
            self._watch.hasten()
        left = max(0, len(ripe) - _AT_ONCE)
        self._limits.report(run_id, Usage(left, under_way))
        return left > 0

    def _stand_still(self, refusal: Refusal, tasks: Sequence[Task], tally: Mapping[PartState, Tally]) -> None:
        """
        Let what is under way come to its end, and say once why nothing is added to it.

        Raises:
            HoldError: Nothing is under way.
        """
        self._context.progress.set(detail=refusal.short)
        coming = [task for task in tasks if task.state in TASK_LIVE or (task.state is _DONE and not task.collected)]
        if not coming and not tally.keys() & frozenset(ON_THE_WAY):
            raise HoldError(refusal.sentence, alone=refusal.until > 0, until=refusal.until)
        if not refusal.shortly and not self._refused:
            self._refused = refusal.sentence
            self._context.record("budget.reached", {"reason": refusal.sentence, "tasks_under_way": len(coming)})

    def leave(self) -> None:
        """Take nothing of the project's room any more."""
        self._limits.leave(self._context.run_id)

    def _put_off(self, ripe: Sequence[Task]) -> bool:
        """Let tasks wait in the state for the end of a long pause, with what the service said; tell whether they do."""
        seconds, why = self._limits.paused()
        if seconds <= _LONG_PAUSE_SECONDS:
            return False
        change = TaskChange(error=why, next_at=self._context.now() + seconds)
        self._context.store.tasks.change(self._context.run_id, {task.key: change for task in ripe})
        self._context.record("tasks.paused", {"tasks": len(ripe), "seconds": round(seconds, 3), "error": why})
        return True

    def _tell_who_has_the_room(self) -> None:
        """Say so where a run stands still since others have every place: theirs may wait for somebody to go on."""
        if others := self._limits.taken_by_others(self._context.run_id):
            self._context.progress.set(detail=no_place(others, self._limits.live_tasks))

    def _ripe(self, tasks: Sequence[Task]) -> list[Task]:
        planned = [task for task in self._feedback.ready(tasks) if task.state is TaskState.PLANNED]
        due = [task for task in planned if self._context.waits.due(f"task {task.key}", task.next_at)]
        return pilots_first(due, tasks)

    def _under_way(self, tasks: Sequence[Task], tally: Mapping[PartState, Tally]) -> float:
        """Return the bytes that lie in the bucket, or may come to lie there."""
        undelivered = sum(tally[state].bytes for state in ON_THE_WAY if state in tally)
        return undelivered + sum(self._bytes_of(task) for task in tasks if task.state in TASK_LIVE)

    def _bytes_of(self, task: Task) -> float:
        return task.plan.window.pixels * self._bytes_per_pixel
