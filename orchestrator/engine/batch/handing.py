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
from orchestrator.engine.limits import WORDS, Usage, no_place, taken_by_others
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.limit_records import Shortage
from orchestrator.engine.stores.work_records import Tally, Task
from orchestrator.engine.work import HoldError
from orchestrator.model.states import TASK_LIVE, PartState, TaskState

# Tasks handed over before operations and objects are looked at again.
_AT_ONCE = 20
# Where there was no room, and nothing was heard since, it is asked for again after so long.
_LOOK_SECONDS = 2.0
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
        self._short = ((0, 0, 0.0), 0.0)  # what was so when there was no room, and until when that need not be asked
        self._bytes_per_pixel = exports.bytes_per_pixel
        self._budget = budget
        self._refused = ""

    def hand_over(self, tasks: Sequence[Task], tally: Mapping[PartState, Tally]) -> bool:
        """
        Hand over what there is room for; tell whether more could be handed over now.

        Raises:
            HoldError: The budget allows no other task, and none of the run's is under way.
        """
        self._budget.renew(tasks)
        ripe = self._ripe(tasks)
        under_way = self._under_way(tasks, tally)
        # Not before it is known what others have in the queue.
        seen = (self._watch.latest()[0], len(ripe), under_way)
        if self._stands_still(seen):
            return False
        if not ripe or seen[0] == 0 or self._put_off(ripe):
            self._limits.report(self._context.run_id, Usage(len(ripe), under_way))
            return False
        current = {task.key: task for task in tasks}
        for number, task in enumerate(ripe[:_AT_ONCE]):
            self._context.obey()
            if refusal := self._budget.refuses(task, list(current.values())):
                self._stand_still(refusal, list(current.values()), tally)
                return False
            usage = Usage(len(ripe) - number, under_way)
            # Looked at before it is asked for: whoever waits writes nothing.
            short = self._limits.shortage(self._context.run_id, usage, self._bytes_of(task))
            attempt = short or self._submitter.intend(task, self._limits.within(usage, self._bytes_of(task)))
            if isinstance(attempt, Shortage):
                self._tell(attempt)
                self._short = (seen, self._context.process.clock.monotonic() + _LOOK_SECONDS)
                return False
            under_way += self._bytes_of(task)
            current[task.key] = replace(task, state=TaskState.SUBMITTING, eecu_seconds=0.0)
            self._submitter.post(task, attempt)
            self._watch.hasten()
        left = max(0, len(ripe) - _AT_ONCE)
        self._limits.report(self._context.run_id, Usage(left, under_way))
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

    def _stands_still(self, seen: tuple[int, int, float]) -> bool:
        """Tell whether there was no room a moment ago, and nothing is new since: waiting shall cost nearly nothing."""
        before, until = self._short
        return seen == before and self._context.process.clock.monotonic() < until

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

    def _tell(self, short: Shortage) -> None:
        """Say so where a run stands still since there is no room: of places, theirs who have them may go on."""
        live, most = self._context.store.tasks.live(), self._limits.most_tasks()
        if short is Shortage.TASKS and (others := taken_by_others(live, self._context.run_id, most)):
            self._context.progress.set(detail=no_place(others, most))
        elif short in WORDS and not live.get(self._context.run_id):
            self._context.progress.set(detail=WORDS[short])

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
