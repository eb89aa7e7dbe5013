"""Batch exports as one kind of a run's work: submit, poll, collect, download and place, until every part is placed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.core.files import make_folder
from orchestrator.engine.batch.budget import Budget
from orchestrator.engine.batch.collecting import Collecting
from orchestrator.engine.batch.exports import Exports
from orchestrator.engine.batch.feedback import Feedback
from orchestrator.engine.batch.handing import Handing
from orchestrator.engine.batch.ladder import Ladder
from orchestrator.engine.batch.polling import TO_POLL, Polling
from orchestrator.engine.batch.strips import StripOrders
from orchestrator.engine.batch.submission import Submitter
from orchestrator.engine.batch.transfers import ON_THE_WAY, Transfers
from orchestrator.engine.batch.troubles import Troubles
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.context import RunContext
from orchestrator.engine.placing import Placing
from orchestrator.engine.stores.work_records import Tally, Task
from orchestrator.model.states import PART_DONE, PartState, TaskState
from orchestrator.model.strip import OutputStrip
from orchestrator.model.unit import Cell

# The longest pause between two looks: what else may happen wakes us.
_PAUSE_SECONDS = 0.5
# A look at a large run takes this share of the time, at most.
_SHARE = 0.05
# ... and less where that makes a pause of no more than this: five runs that wait shall cost nearly nothing.
_QUIET_SECONDS, _QUIET_SHARE = 1.0, 0.003
# Each look that shows nothing new makes the next pause longer by so much: only who really waits looks seldom.
_QUIETER_SECONDS = 0.1


class BatchWork:
    """`Work`: one run's way from planned tasks to placed parts. Used by the run's own thread."""

    def __init__(
        self,
        context: RunContext,
        exports: Exports,
        placing: Placing,
        watch: OperationsWatch,
        folder: Path | None,
        strips: Sequence[OutputStrip] = (),
    ) -> None:
        """
        Join what there is to do; without a `folder` no part touches a disk on its way.

        With `strips` no part is brought here: they are units.
        """
        self._context = context
        self._placing = placing
        self._watch = watch
        self._folder = folder
        feedback = Feedback(context, exports)
        self._ladder = ladder = Ladder(context, exports)
        submitter = Submitter(context, exports, ladder)
        budget = Budget(context, exports)
        self._polling = Polling(context, watch, submitter, ladder, budget)
        self._collecting = Collecting(context, feedback)
        self._handing = Handing(context, exports, submitter, feedback, watch, budget)
        self._troubles = Troubles(context, self._collecting)
        self._transfers = Transfers(context, placing, folder)
        self._strips = StripOrders(context, strips, self._troubles) if strips else None
        self._to_offer = True  # whether any part may have come that the transfers do not know
        self._brought: list[Task] = []  # tasks whose parts they do not know
        self._fresh = True  # whether tasks or parts may be others than the strips know
        self._spent: float | None = None  # EECU-seconds, once a list of operations has told them
        self._took = 0.0  # seconds that the last look at tasks and parts took
        self._quiet = 0  # looks in a row that showed nothing new
        self._before: tuple[Sequence[Task], Mapping[PartState, Tally]] = (), {}  # what the last one showed
        self._revision = -1  # of the state, before it was looked at
        self._serial = -1  # of the list of operations that was acted on
        self._done = False  # what the last round told
        self._still = False  # whether the last round left nothing to do but what would be news
        self._lists = True  # whether a new list of operations may say anything new
        self._more = False  # whether more tasks could have been handed over in the last round

    def __enter__(self) -> Self:
        if self._folder is not None:
            make_folder(self._folder)
        self._bring_back()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._transfers.end()
        finally:
            self._handing.leave()

    def round(self) -> bool:
        """Do everything that can be done now; see `Work.round`."""
        began = self._context.process.clock.monotonic()
        troubles = self._transfers.troubles()
        if not troubles and self._stands_still():
            self._quiet += 1
            return self._done
        for trouble in troubles:
            self._to_offer = self._fresh = True
            self._troubles.face(trouble)
        tasks = self._ladder.cut_asked(self._looked())
        tally = self._context.store.parts.tally(self._context.run_id)
        self._took = self._context.process.clock.monotonic() - began
        self._quiet = self._quiet + 1 if (tasks, tally) == self._before else 0
        self._before = tasks, tally
        self._still = self._is_left_alone(tasks, tally)
        self._lists = any(task.state is not TaskState.SUCCEEDED for task in tasks)
        if tasks:
            self._context.check_prefix()
        self._more = self._handing.hand_over(tasks, tally)
        if self._strips is not None:
            self._strips.look(tasks, fresh=self._fresh)
            self._fresh = False
        elif not tally.keys().isdisjoint(ON_THE_WAY):
            self._offer()
        self._context.progress.count(tally, tasks, self._spent)
        self._done = tally.keys() <= PART_DONE and (self._strips is None or self._strips.done)
        return self._done

    def _stands_still(self) -> bool:
        """Tell whether nothing has changed since a round that left nothing to do: then a look costs one statement."""
        before, self._revision = self._revision, self._context.store.revision()
        return self._still and before == self._revision and self._watch.latest()[0] == self._serial

    def _is_left_alone(self, tasks: Sequence[Task], tally: Mapping[PartState, Tally]) -> bool:
        """Tell whether a run waits for its operations alone, and for no time, no room, no part."""
        waits = (TaskState.QUEUED, TaskState.RUNNING)
        return tally.keys().isdisjoint(ON_THE_WAY) and all(task.state in waits or task.is_settled for task in tasks)

    def pause_seconds(self) -> float:
        """Return after how long something may have changed by itself; what comes from threads wakes us."""
        if self._more:
            return 0.0
        usual = min(_PAUSE_SECONDS, self._watch.due_in()) if self._lists else _PAUSE_SECONDS
        quiet = min(_QUIET_SECONDS, self._quiet * _QUIETER_SECONDS, self._took / _QUIET_SHARE)
        return max(0.05, usual, self._took / _SHARE, quiet)

    def _looked(self) -> Sequence[Task]:
        """Look at operations and objects; return the tasks as they are then."""
        store, run_id = self._context.store, self._context.run_id
        tasks: Sequence[Task] = store.tasks.of(run_id)
        self._serial = self._watch.latest()[0]
        if any(task.state in TO_POLL for task in tasks) and self._polling.poll(tasks):
            self._context.progress.set(detail="")
            self._spent = store.usage.of([run_id]).get(run_id, 0.0)
            self._fresh = True
            tasks = store.tasks.of(run_id)
        if collected := self._collecting.collect(tasks):
            self._fresh = True
            self._brought += collected
            tasks = store.tasks.of(run_id)
        return tasks

    def _offer(self) -> None:
        """Offer the parts that may have come; all of them where it is not known of which tasks they are."""
        parts, run_id = self._context.store.parts, self._context.run_id
        if self._to_offer or self._transfers.idle():
            found = parts.of(run_id, ON_THE_WAY)
        else:
            found = [part for task in self._brought for part in parts.of(run_id, ON_THE_WAY, task.key)]
        self._to_offer, self._brought = False, []
        for part in found:
            if self._troubles.is_due(part):
                self._transfers.offer(part)

    def _bring_back(self) -> None:
        """Bring parts again that were placed in an unfinished output which is not there any more."""
        parts, run_id = self._context.store.parts, self._context.run_id
        merged = parts.windows(run_id, [PartState.MERGED])
        lacking = [window for window in merged if Cell(window) not in self._placing.placed]
        if lacking:
            parts.move_all(run_id, lacking, PartState.EXPORTED)
            self._context.record("output.parts_again", {"parts": len(lacking)})
