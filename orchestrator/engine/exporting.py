"""The EXPORTING state: submit, poll, collect, download and place, until every part has its place."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.core.errors import GenerationError, IntegrityError, NotFoundError, Stopped, WayError
from orchestrator.core.files import make_folder
from orchestrator.engine.collecting import Collecting
from orchestrator.engine.context import RunContext
from orchestrator.engine.feedback import Feedback
from orchestrator.engine.ladder import HoldError, Ladder
from orchestrator.engine.limits import Usage
from orchestrator.engine.polling import TO_POLL, Polling
from orchestrator.engine.progress import Progress
from orchestrator.engine.publication import not_placed
from orchestrator.engine.stores.records import Part, Tally, Task
from orchestrator.engine.submission import Submitter
from orchestrator.engine.transfers import StaleError, Transfers, Trouble
from orchestrator.engine.watch import OperationsWatch
from orchestrator.model.grid import Window
from orchestrator.model.ports import Mosaic
from orchestrator.model.states import PART_DONE, TASK_LIVE, PartState, TaskState

_ON_THE_WAY = frozenset({PartState.EXPORTED, PartState.DOWNLOADING, PartState.VERIFIED})
# The longest pause between two looks: what else may happen wakes us.
_PAUSE_SECONDS = 0.5
# A look at a large run takes this share of the time, at most.
_SHARE = 0.05
# Tasks handed over before operations and objects are looked at again.
_HANDED_AT_ONCE = 20
# Bytes of one part arrived wrong so often, each time by a new connection: the way there is waited for.
_WRONG_BYTES = 3


class CancelledByUserError(Stopped):
    """The run's own user asked for its end."""


class Exporting:
    """One run's way from planned tasks to placed parts. Used by one thread; see `Transfers` for the others."""

    def __init__(
        self,
        context: RunContext,
        image: str,
        *,
        watch: OperationsWatch,
        ladder: Ladder,
        feedback: Feedback,
        progress: Progress,
    ) -> None:
        self._context = context
        self._run_id = context.run_id
        self._store = context.store
        self._watch = watch
        self._feedback = feedback
        self._progress = progress
        self._limits = context.process.limits
        self._submitter = Submitter(context, image, ladder, self._limits)
        self._polling = Polling(context, watch, self._submitter, ladder)
        self._collecting = Collecting(context, feedback)
        self._wake = threading.Event()
        self._to_offer = True  # whether parts may have come that the transfers do not know
        self._wrong: Counter[Window] = Counter()
        self._again_at: dict[Window, float] = {}  # when such a part is brought again, seconds since 1970
        self._took = 0.0  # seconds that the last look at tasks and parts took
        self._handing = False  # whether more tasks could have been handed over in the last round
        plan = context.plan
        self._bytes_per_pixel = plan.bucket_bytes / max(1, sum(t.window.pixels for t in plan.tasks))

    def work(self, mosaic: Mosaic, folder: Path | None) -> None:
        """
        Go on until every part is placed; without a `folder` no part touches a disk on its way.

        Raises:
            HoldError, PermanentError, IntegrityError, SpaceError, TransientError: The run cannot go on now.
            Stopped: The process or the run was asked to stop.
        """
        try:
            with self.transfers(mosaic, folder) as transfers:
                while not self.round(transfers):
                    self._wake.wait(self._pause())
                    self._wake.clear()
        finally:
            self._limits.leave(self._run_id)

    def _bring_back(self, mosaic: Mosaic) -> None:
        """Bring parts again that were placed in an unfinished output which is not there any more."""
        lacking = not_placed(mosaic, self._store.parts.of(self._run_id, [PartState.MERGED]))
        if lacking:
            self._store.parts.move_all(self._run_id, [part.window for part in lacking], PartState.EXPORTED)
            self._context.record("output.parts_again", {"parts": len(lacking)})

    def transfers(self, mosaic: Mosaic, folder: Path | None) -> Transfers:
        """Return what brings and places this run's parts; leaving its block ends it."""
        self._bring_back(mosaic)
        if folder is not None:
            make_folder(folder)
        return Transfers(
            self._run_id,
            store=self._store,
            objects=self._context.clients.route.objects,
            mosaic=mosaic,
            folder=folder,
            downloads=self._context.process.downloads,
            stop=self._context.process.stop,
            progress=self._progress,
            wake=self._wake.set,
            record=self._context.record,
        )

    def round(self, transfers: Transfers) -> bool:
        """Do everything that can be done now, without waiting; tell whether nothing is left to do. Errors as `work`."""
        began = self._context.process.clock.monotonic()
        self._obey()
        for trouble in transfers.troubles():
            self._face(trouble)
        tasks: Sequence[Task] = self._store.tasks.of(self._run_id)
        if any(task.state in TO_POLL for task in tasks) and self._polling.poll(tasks):
            self._progress.set(detail="")
            tasks = self._store.tasks.of(self._run_id)
            self._to_offer = True
        if self._collecting.collect(tasks):
            self._to_offer = True
            tasks = self._store.tasks.of(self._run_id)
        tally = self._store.parts.tally(self._run_id)
        looked = self._context.process.clock.monotonic() - began
        self._handing = self._submit(tasks, tally)
        if self._to_offer or transfers.idle():
            self._to_offer = False
            for part in self._store.parts.of(self._run_id, _ON_THE_WAY):
                if self._context.waits.due(f"part {part.window}", self._again_at.get(part.window, 0.0)):
                    transfers.offer(part)
        self._show(tally, tasks)
        self._took = looked
        return tally.keys() <= PART_DONE

    def _obey(self) -> None:
        if self._context.process.stop.is_set():
            raise Stopped("stopped; the same command continues this run")
        if self._store.runs.requested(self._run_id) == "cancel":
            raise CancelledByUserError("cancelled by request")

    # ------------------------------------------------------------- submission

    def _submit(self, tasks: Sequence[Task], tally: Mapping[PartState, Tally]) -> bool:
        """
        Hand over what there is room for in the project, and no more at once than lets other things be looked at.

        Tell whether more could be handed over now.
        """
        live = [task for task in tasks if task.state in TASK_LIVE]
        undelivered = sum(tally[state].bytes for state in _ON_THE_WAY if state in tally)
        under_way = sum(map(self._bytes_of, live)) + undelivered
        waiting = [t for t in self._feedback.ready(tasks) if t.state is TaskState.PLANNED]
        ripe = [t for t in waiting if self._context.waits.due(f"task {t.key}", t.next_at)]
        for task in ripe[:_HANDED_AT_ONCE]:
            self._obey()
            with self._limits.turn():
                self._limits.report(self._run_id, Usage(len(ripe), under_way))
                if self._limits.room(self._run_id) <= 0 or not self._limits.fits(self._bytes_of(task)):
                    return False
                attempt = self._submitter.intend(task)
                under_way += self._bytes_of(task)
            self._submitter.post(task, attempt)
            self._watch.hasten()
        left = max(0, len(ripe) - _HANDED_AT_ONCE)
        self._limits.report(self._run_id, Usage(left, under_way))
        return left > 0

    def _bytes_of(self, task: Task) -> float:
        return task.plan.window.pixels * self._bytes_per_pixel

    # --------------------------------------------------------------- troubles

    def _face(self, trouble: Trouble) -> None:
        part, error = trouble.part, trouble.error
        self._to_offer = True
        if isinstance(error, StaleError) or not self._current(part):
            return
        facts = {"row": part.window.row, "col": part.window.col, "error": str(error)}
        self._context.record("part.trouble", facts)
        task = next(task for task in self._store.tasks.of(self._run_id) if task.key == part.task)
        if trouble.placing and (not isinstance(error, IntegrityError) or task.counted > 1):
            raise error  # the output is at fault, or what Earth Engine writes is another thing than was planned
        if isinstance(error, WayError):
            self._suspect_the_way(part, error)
            return
        if not isinstance(error, (GenerationError, NotFoundError, IntegrityError)):
            raise error
        # The object is gone, was replaced, is damaged by its own checksum, or is whole and no part: only a new export
        # helps. Where one is under way already, it brings this part too.
        if task.state is TaskState.SUCCEEDED and task.collected:
            self._collecting.again(task, f"an object cannot be used: {error}")
        self._lose(part)

    def _suspect_the_way(self, part: Part, error: Exception) -> None:
        """Bring a part whose bytes arrived wrong once more, later; what keeps arriving wrong holds the run."""
        self._wrong[part.window] += 1
        self._store.parts.move(self._run_id, part.window, PartState.EXPORTED)
        self._again_at[part.window] = self._context.now() + self._context.backoff.collect_seconds
        if self._wrong[part.window] >= _WRONG_BYTES:
            raise HoldError(f"{error}; the object itself is sound, so nothing is exported again", alone=True)

    def _current(self, part: Part) -> bool:
        """Tell whether a part is still the one that was offered: the same window with the same object, on its way."""
        now = {p.window: p for p in self._store.parts.of(self._run_id, _ON_THE_WAY)}.get(part.window)
        return now is not None and now.source == part.source

    def _lose(self, part: Part) -> None:
        """Let a part wait for the next export, unless it does already; one on disk stands until it proves useless."""
        if self._current(part):
            self._store.parts.lose(self._run_id, part.window)

    # ------------------------------------------------------------------ pause

    def _pause(self) -> float:
        """Seconds until something may have changed by itself; a wake-up ends the pause at once."""
        if self._handing:
            return 0.0
        usual = min(_PAUSE_SECONDS, self._watch.due_in() or _PAUSE_SECONDS)
        return max(0.05, usual, self._took / _SHARE)

    def _show(self, tally: Mapping[PartState, Tally], tasks: Sequence[Task]) -> None:
        self._progress.count(tally, tasks)
