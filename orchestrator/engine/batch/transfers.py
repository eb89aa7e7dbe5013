"""Downloads of one run, several at once, which hand finished parts over to be placed."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core import crash, log
from orchestrator.core.errors import FencedError, IntegrityError, Stopped
from orchestrator.engine.batch.moves import PartMoves
from orchestrator.engine.context import RunContext
from orchestrator.engine.placing import EitherStop, Placing
from orchestrator.engine.stores.work_records import Part, PartMove
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.states import PartState
from orchestrator.model.unit import Cell

# A part whose object is known and that has no place yet.
ON_THE_WAY = frozenset({PartState.EXPORTED, PartState.DOWNLOADING, PartState.VERIFIED})


def cell_of(part: Part) -> Cell:
    """Return the address of a part's pixels."""
    return Cell(part.window)


@dataclass(frozen=True, slots=True)
class FailedPart:
    """A part that could not be brought or placed, and why."""

    part: Part
    error: Exception
    placing: bool


class StaleError(Exception):
    """A part was planned anew while it was on its way; what was brought is not wanted any more."""


class Transfers:
    """
    A bounded pool of downloads that feeds the placing.

    Without a `folder` parts are held in memory until they are placed, at most one for each download.

    Faults never raise here: they are collected in `troubles`, for the run's own thread to decide. The run is woken
    when there is one, and when nothing is left to do.
    """

    def __init__(self, context: RunContext, placing: Placing, folder: Path | None) -> None:
        self._context = context
        self._objects = context.clients.route.objects
        self._placing = placing
        self._folder = folder
        self._closing = threading.Event()
        self._stop = EitherStop(context.process.stop, self._closing)
        self._busy: set[Window] = set()
        self._open = 0  # pieces of work handed to the threads and not done
        self._counting = threading.Lock()
        self._troubles: queue.SimpleQueue[FailedPart] = queue.SimpleQueue()
        self._pool = context.process.pool(context.process.downloads, "download")
        self._moves = PartMoves(context, self._is_enough)

    def end(self) -> None:
        """End the downloads; what came of a part stays for the next start."""
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._moves.end()

    def offer(self, part: Part) -> None:
        """Take an EXPORTED, DOWNLOADING or VERIFIED part to its place, unless that is under way."""
        if part.window in self._busy:
            return
        self._busy.add(part.window)
        placed = cell_of(part) in self._placing.placed
        self._begun()
        self._pool.submit(log.carried(self._guard), self._settle_placed if placed else self._bring, part, placed)

    def idle(self) -> bool:
        """Tell whether everything offered has been dealt with."""
        with self._counting:
            return self._open == 0

    def troubles(self) -> list[FailedPart]:
        """Return what went wrong since the last call; the parts may be offered again."""
        found = []
        while not self._troubles.empty():
            trouble = self._troubles.get()
            self._busy.discard(trouble.part.window)
            found.append(trouble)
        return found

    def _guard(self, work: Callable[[Part], None], part: Part, placing: bool) -> None:
        try:
            work(part)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001  the edge of a thread: the run's own thread decides
            self._trouble(part, error, placing=placing)
        self._ended()

    def _trouble(self, part: Part, error: Exception, *, placing: bool) -> None:
        self._troubles.put(FailedPart(part, error, placing))
        self._context.wake.set()

    def _begun(self) -> None:
        with self._counting:
            self._open += 1

    def _is_enough(self, waited: int) -> bool:
        """Tell whether nothing would come to those that are waited for: nothing else is open, or can be."""
        return waited >= min(self._context.process.downloads, self._open)

    def _ended(self) -> None:
        with self._counting:
            self._open -= 1
            done = self._open == 0
        if done:
            self._context.wake.set()

    # -------------------------------------------------------------- one part

    def _bring(self, part: Part) -> None:
        if self._stop.is_set() or part.source is None:
            return
        if self._folder is None:
            self._bring_bytes(part, part.source)
        else:
            self._bring_file(part, part.source, _path_of(part.window, part.source, self._folder))

    def _bring_file(self, part: Part, source: StoredObject, path: Path) -> None:
        if part.state is PartState.VERIFIED and path.exists():
            # It may have lain there for long: what a disk has altered since comes anew.
            self._objects.fetch(source, path, self._context.progress.received, self._stop)
            self._hand_over(part, path)
            return
        with self._turn():
            self._begin(part, source)
            self._objects.fetch(source, path, self._context.progress.received, self._stop)
        self._end(part, source, lambda: self._hand_over(part, path))

    def _bring_bytes(self, part: Part, source: StoredObject) -> None:
        with self._turn():
            self._begin(part, source)
            content = self._objects.read(source, self._context.progress.received, self._stop)
        handed_over: list[threading.Event] = []
        # Waited for, so that a slow disk holds the downloads back and not the memory up.
        self._end(part, source, lambda: handed_over.append(self._hand_over(part, content))).wait()
        for placed in handed_over:
            placed.wait()

    def _turn(self) -> AbstractContextManager[None]:
        """Hold one of the places that downloads have, over all runs of all processes."""
        places = self._context.process.transfers
        return places.hold(self._stop) if places is not None else nullcontext()

    def _begin(self, part: Part, source: StoredObject) -> None:
        since = part.state
        if since is PartState.VERIFIED:  # its file or its bytes are gone
            since = PartState.EXPORTED
            self._move(part, since)
        self._moves.tell(PartMove(part.window, source, since, PartState.DOWNLOADING))
        crash.point("part.downloading")

    def _end(self, part: Part, source: StoredObject, then: Callable[[], object]) -> threading.Event:
        """Write down that a part is there, and go on with `then`, unless the part is another by now."""
        crash.point("part.downloaded")
        event = ("part.downloaded", {"object": source.name, "bytes": source.size})
        move = PartMove(part.window, source, PartState.DOWNLOADING, PartState.VERIFIED, event)
        return self._tell(part, move, then, placing=False)

    def _tell(
        self, part: Part, move: PartMove, then: Callable[[], object] = lambda: None, *, placing: bool
    ) -> threading.Event:
        """Have a move committed, and return what is set once `then` was done, or the trouble is told."""
        done = threading.Event()

        def settled(error: Exception | None) -> None:
            try:
                _refuse(error)
                then()
            except Exception as trouble:  # noqa: BLE001  the edge of a thread: the run's own thread decides
                self._trouble(part, trouble, placing=placing)
            self._ended()
            done.set()

        self._begun()
        self._moves.tell(move, settled)
        return done

    def _hand_over(self, part: Part, content: Path | bytes) -> threading.Event:
        def durable() -> None:
            crash.point("part.placed")
            if part.source is not None:
                move = PartMove(part.window, part.source, PartState.VERIFIED, PartState.MERGED)
                self._tell(part, move, placing=True)
            self._ended()

        def trouble(error: Exception) -> None:
            self._trouble(part, error, placing=True)
            self._ended()

        crash.point("part.verified")
        self._begun()
        return self._placing.hand_over(cell_of(part), content, durable, trouble)

    def _settle_placed(self, part: Part) -> None:
        """Catch up with a part that the journal of the output has, but the state has not."""
        if part.source is not None:
            self._tell(part, PartMove(part.window, part.source, part.state, PartState.MERGED), placing=True)

    def _move(self, part: Part, state: PartState) -> None:
        """Move a part, if its object still is the one at hand."""
        try:
            self._context.store.parts.move(self._context.run_id, part.window, state, part.source)
        except IntegrityError as error:
            raise StaleError(str(error)) from error


def _refuse(error: Exception | None) -> None:
    """Raise what stands against a move; `StaleError` where it is that the part is another by now."""
    if isinstance(error, IntegrityError) and not isinstance(error, FencedError):
        raise StaleError(str(error)) from error
    if error is not None:
        raise error


def _path_of(window: Window, source: StoredObject, folder: Path) -> Path:
    """Return where a part lies on disk: a name of our own, never the object's, and another for another object."""
    digest = hashlib.sha256(f"{source.name}|{source.generation}".encode()).hexdigest()[:8]
    return folder / f"{window.row:07d}-{window.col:07d}-{window.height}x{window.width}-{digest}.tif"
