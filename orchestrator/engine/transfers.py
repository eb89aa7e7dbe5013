"""Downloads of one run, several at once, and the one thread that places finished parts into the output."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.engine.progress import Progress
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Part
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.ports import ObjectStore, Stop
from orchestrator.model.product import Sink
from orchestrator.model.states import PartState
from orchestrator.model.unit import Cell

_SLICE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Trouble:
    """A part that could not be brought or placed, and why."""

    part: Part
    error: Exception
    placing: bool


class StaleError(Exception):
    """A part was planned anew while it was on its way; what was brought is not wanted any more."""


@dataclass(frozen=True, slots=True)
class _Brought:
    """A verified part, a file or its bytes, on its way into the output; `done` when it is there, or will not be."""

    part: Part
    content: Path | bytes
    done: threading.Event


class _Either:
    """A stop that is set when either of two is: the process's, or the pool's own when it shuts."""

    def __init__(self, outer: Stop, inner: threading.Event) -> None:
        self._outer = outer
        self._inner = inner

    def is_set(self) -> bool:
        return self._outer.is_set() or self._inner.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        # In slices, so that both are heeded at once: a run that is cancelled must not wait for a download's patience.
        left = timeout
        while not self.is_set() and (left is None or left > 0):
            piece = _SLICE_SECONDS if left is None else min(left, _SLICE_SECONDS)
            self._outer.wait(piece)
            left = None if left is None else left - piece
        return self.is_set()


class Transfers:
    """
    A bounded pool of downloads that feeds one placing thread.

    Without a `folder` parts are held in memory until they are placed, at most one for each download.

    Faults never raise here: they are collected in `troubles`, for the run's own thread to decide. `wake` is called
    when there is one, and when nothing is left to do.
    """

    def __init__(
        self,
        run_id: str,
        *,
        store: Store,
        objects: ObjectStore,
        sink: Sink,
        folder: Path | None,
        downloads: int,
        stop: Stop,
        progress: Progress,
        wake: Callable[[], None],
        record: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self._run_id = run_id
        self._store = store
        self._objects = objects
        self._sink = sink
        self._folder = folder
        self._closing = threading.Event()
        self._stop = _Either(stop, self._closing)
        self._progress = progress
        self._wake = wake
        self._record = record
        self._placed = {cell.window for cell in sink.placed()}
        self._busy: set[Window] = set()
        self._waiting: queue.SimpleQueue[_Brought] = queue.SimpleQueue()
        self._open = 0  # pieces of work handed to the threads and not done
        self._counting = threading.Lock()
        self._troubles: queue.SimpleQueue[Trouble] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(downloads, thread_name_prefix="download")
        self._placer = ThreadPoolExecutor(1, thread_name_prefix="place")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._placer.shutdown(wait=True, cancel_futures=True)

    def offer(self, part: Part) -> None:
        """Take an EXPORTED, DOWNLOADING or VERIFIED part to its place, unless that is under way."""
        if part.window in self._busy:
            return
        self._busy.add(part.window)
        if part.window in self._placed:
            self._start(self._placer, self._settle_placed, part, placing=True)
        else:
            self._start(self._pool, self._bring, part, placing=False)

    def idle(self) -> bool:
        """Tell whether everything offered has been dealt with."""
        with self._counting:
            return self._open == 0

    def troubles(self) -> list[Trouble]:
        """Return what went wrong since the last call; the parts may be offered again."""
        found = []
        while not self._troubles.empty():
            trouble = self._troubles.get()
            self._busy.discard(trouble.part.window)
            found.append(trouble)
        return found

    def _path_of(self, window: Window, source: StoredObject, folder: Path) -> Path:
        """Return where a part lies on disk: a name of our own, never the object's, and another for another object."""
        digest = hashlib.sha256(f"{source.name}|{source.generation}".encode()).hexdigest()[:8]
        return folder / f"{window.row:07d}-{window.col:07d}-{window.height}x{window.width}-{digest}.tif"

    def _start(self, pool: Executor, work: Callable[[Part], None], part: Part, *, placing: bool) -> None:
        with self._counting:
            self._open += 1
        pool.submit(self._guard, work, part, placing)

    def _guard(self, work: Callable[[Part], None], part: Part, placing: bool) -> None:
        try:
            work(part)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001  the edge of a thread: the run's own thread decides
            self._trouble(part, error, placing=placing)
        self._close()

    def _trouble(self, part: Part, error: Exception, *, placing: bool) -> None:
        self._troubles.put(Trouble(part, error, placing))
        self._wake()

    def _close(self) -> None:
        with self._counting:
            self._open -= 1
            done = self._open == 0
        if done:
            self._wake()

    def _bring(self, part: Part) -> None:
        if self._stop.is_set() or part.source is None:
            return
        if self._folder is None:
            self._bring_bytes(part, part.source)
        else:
            self._bring_file(part, part.source, self._path_of(part.window, part.source, self._folder))

    def _bring_file(self, part: Part, source: StoredObject, path: Path) -> None:
        if part.state is not PartState.VERIFIED or not path.exists():
            self._begin(part)
            self._objects.fetch(source, path, self._progress.received, self._stop)
            self._end(part, source)
        self._hand_over(part, path)

    def _bring_bytes(self, part: Part, source: StoredObject) -> None:
        self._begin(part)
        content = self._objects.read(source, self._progress.received, self._stop)
        self._end(part, source)
        # Waited for, so that a slow disk holds the downloads back and not the memory up.
        self._hand_over(part, content).wait()

    def _begin(self, part: Part) -> None:
        if part.state is PartState.VERIFIED:  # its file or its bytes are gone
            self._move(part, PartState.EXPORTED)
        self._move(part, PartState.DOWNLOADING)
        crash.point("part.downloading")

    def _end(self, part: Part, source: StoredObject) -> None:
        crash.point("part.downloaded")
        self._move(part, PartState.VERIFIED)
        self._record("part.downloaded", {"object": source.name, "bytes": source.size})

    def _move(self, part: Part, state: PartState) -> None:
        """Move a part, if its object still is the one at hand."""
        try:
            self._store.parts.move(self._run_id, part.window, state, part.source)
        except IntegrityError as error:
            raise StaleError(str(error)) from error

    def _hand_over(self, part: Part, content: Path | bytes) -> threading.Event:
        brought = _Brought(part, content, threading.Event())
        with self._counting:
            self._open += 1
        self._waiting.put(brought)
        self._placer.submit(self._place_waiting)
        return brought.done

    def _place_waiting(self) -> None:
        """Place the parts that wait and those that come meanwhile, so that many share one sync of the disk."""
        under_way: dict[Window, _Brought] = {}
        while not self._waiting.empty():
            try:
                self._sink.place(self._taken(under_way), lambda cell: self._settle(under_way.pop(cell.window)))
            except Exception as error:  # noqa: BLE001  the edge of a thread: the run's own thread decides
                self._blame(under_way, error)

    def _taken(self, under_way: dict[Window, _Brought]) -> Iterator[tuple[Cell, Path | bytes]]:
        while not self._waiting.empty():
            brought = self._waiting.get()
            if self._stop.is_set():
                self._release(brought)
                continue
            crash.point("part.verified")
            under_way[brought.part.window] = brought
            yield Cell(brought.part.window), brought.content

    def _settle(self, brought: _Brought) -> None:
        crash.point("part.placed")
        try:
            self._move(brought.part, PartState.MERGED)
        except Exception as error:  # noqa: BLE001  the edge of a thread: the run's own thread decides
            self._trouble(brought.part, error, placing=True)
        self._release(brought)

    def _blame(self, under_way: dict[Window, _Brought], error: Exception) -> None:
        """The first part that was not placed is at fault; those behind it are placed without it."""
        suspects = list(under_way.values())
        under_way.clear()
        if not suspects and not self._waiting.empty():  # the output itself is at fault; no part was taken
            suspects = [self._waiting.get()]
        for brought in suspects[1:]:
            self._waiting.put(brought)
        for blamed in suspects[:1]:
            self._trouble(blamed.part, error, placing=True)
            self._release(blamed)

    def _release(self, brought: _Brought) -> None:
        brought.done.set()
        self._close()

    def _settle_placed(self, part: Part) -> None:
        """Catch up with a part that the journal of the output has, but the state has not."""
        for state in (PartState.DOWNLOADING, PartState.VERIFIED, PartState.MERGED):
            if part.state is not PartState.VERIFIED or state is PartState.MERGED:
                self._move(part, state)
