"""The one thread that puts a run's pieces into its sink, whatever work they come from."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.core import log
from orchestrator.core.errors import Stopped
from orchestrator.model.ports import Stop
from orchestrator.model.product import Sink
from orchestrator.model.unit import Cell

_SLICE_SECONDS = 0.5


class EitherStop:
    """A stop that is set when either of two is: the process's, or an own one."""

    def __init__(self, outer: Stop, inner: threading.Event) -> None:
        self._outer = outer
        self._inner = inner

    def is_set(self) -> bool:
        return self._outer.is_set() or self._inner.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        # In slices, so that both are heeded at once: a run that is cancelled must not wait for a download's backoff.
        left = timeout
        while not self.is_set() and (left is None or left > 0):
            piece = _SLICE_SECONDS if left is None else min(left, _SLICE_SECONDS)
            self._outer.wait(piece)
            left = None if left is None else left - piece
        return self.is_set()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A verified piece, a file or its bytes, on its way; `done` when it is there, or will not be."""

    cell: Cell
    content: Path | bytes
    on_durable: Callable[[], None]
    on_trouble: Callable[[Exception], None]
    done: threading.Event


class Placing:
    """
    Puts pieces into a sink, in one thread of its own. Its block is open while that lives.

    Attributes:
        placed: The cells that the sink had when it was opened, from before a crash.
    """

    def __init__(
        self, sink: Sink, stop: Stop, executor: Executor | None = None, check: Callable[[], None] = lambda: None
    ) -> None:
        """
        Begin; with an `executor` it is done there, and never by two of its threads at once.

        `check` raises where the sink is another process's by now.
        """
        self._sink = sink
        self._closing = threading.Event()
        self._stop = EitherStop(stop, self._closing)
        self._waiting: queue.SimpleQueue[_Piece] = queue.SimpleQueue()
        self._check = check
        self._thread = executor or ThreadPoolExecutor(1, thread_name_prefix="place")
        self.placed = sink.placed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def hand_over(
        self,
        cell: Cell,
        content: Path | bytes,
        on_durable: Callable[[], None],
        on_trouble: Callable[[Exception], None],
    ) -> threading.Event:
        """
        Take a verified piece; return what is set when it is placed, or will not be.

        One of the two is called before that, in the placing thread: `on_durable` when the piece is durable in the
        sink, `on_trouble` with what went wrong, also with what `on_durable` raises. Neither when a stop is set.
        """
        piece = _Piece(cell, content, on_durable, on_trouble, threading.Event())
        self._waiting.put(piece)
        self._thread.submit(log.carried(self._place_waiting))
        return piece.done

    def place(self, cell: Cell, content: Path | bytes) -> None:
        """
        Put a piece into the sink; on return it is durable there.

        Raises:
            IntegrityError: The piece is not what was planned for its cell, or another error of the sink.
            Stopped: A stop was set meanwhile.
        """
        durable: list[Cell] = []
        troubles: list[Exception] = []
        self.hand_over(cell, content, lambda: durable.append(cell), troubles.append).wait()
        if troubles:
            raise troubles[0]
        if not durable:
            raise Stopped("stopped before the piece was placed; the same command continues this run")

    def _place_waiting(self) -> None:
        """Place the pieces that wait and those that come meanwhile, so that many share one sync of the disk."""
        under_way: dict[Cell, _Piece] = {}
        while not self._waiting.empty():
            try:
                self._sink.place(self._taken(under_way), lambda cell: _settle(under_way.pop(cell)))
            except Exception as error:  # noqa: BLE001  the edge of a thread: whoever handed over decides
                self._blame(under_way, error)

    def _taken(self, under_way: dict[Cell, _Piece]) -> Iterator[tuple[Cell, Path | bytes]]:
        while not self._waiting.empty():
            piece = self._waiting.get()
            if self._stop.is_set():
                piece.done.set()
                continue
            under_way[piece.cell] = piece
            self._check()
            yield piece.cell, piece.content

    def _blame(self, under_way: dict[Cell, _Piece], error: Exception) -> None:
        """The first piece that was not placed is at fault; those behind it are placed without it."""
        suspects = list(under_way.values())
        under_way.clear()
        if not suspects and not self._waiting.empty():  # the sink itself is at fault; no piece was taken
            suspects = [self._waiting.get()]
        for piece in suspects[1:]:
            self._waiting.put(piece)
        for blamed in suspects[:1]:
            blamed.on_trouble(error)
            blamed.done.set()


def _settle(piece: _Piece) -> None:
    try:
        piece.on_durable()
    except Exception as error:  # noqa: BLE001  the edge of a thread: whoever handed over decides
        piece.on_trouble(error)
    piece.done.set()
