"""
Windows of images computed by processes beside the sandbox, as soon as there is so much to compute that it pays.

Threads do not help: an operation on a strip takes microseconds, and waiting for the interpreter's lock as long again.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import Evaluator, RequestedGrid, RequestedImage
from orchestrator.sandbox.earthengine.evaluate.evaluator import Window
from orchestrator.sandbox.errands import Computed, Wanted, receive, send
from orchestrator.sandbox.scenes.catalogue import Catalogue

# Processor seconds in the sandbox's own process after which workers are started: starting one takes a second, and it
# makes grounds and skies of its own.
PATIENCE_SECONDS = 4.0
PIECE_SIDE = 1024  # pixels, asked for at a time: smaller ones would have every worker invent the same ground
END_SECONDS = 5.0
MOST = 8  # processes, each of some 300 MiB


class Workers:
    """
    Processes that compute windows, one at a time each.

    None is there until the sandbox has computed for `PATIENCE_SECONDS`; one that dies is done without.
    """

    def __init__(self, command: Sequence[str], count: int, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """
        Keep how to start them.

        Args:
            command: Starts one; it must make the same images of the same expressions.
            count: How many.
            patience_seconds: Of computing, before they are started.
        """
        self._command = list(command)
        self.count = min(count, MOST)
        self._left = patience_seconds
        self._idle: list[subprocess.Popen[bytes]] = []
        self._all: list[subprocess.Popen[bytes]] = []
        self._changed = threading.Condition()
        self._started = self._closed = False
        self._here = threading.Lock()  # two at a time would take twice the memory and hardly less time
        self.errands = ThreadPoolExecutor(self.count, thread_name_prefix="window")

    def read(self, image: RequestedImage, wanted: Wanted) -> Computed:
        """Compute a window in a worker, or here while there is none."""
        worker = self._take()
        if worker is not None:
            found = self._ask(worker, wanted)
            if found is not None and found.pixels is not None:
                return found
        with self._here:
            began = time.thread_time()
            pixels = image.read(*wanted.window)
            seconds = time.thread_time() - began
        self._spend(seconds)
        return Computed(pixels, seconds)

    def close(self) -> None:
        """End all workers."""
        with self._changed:
            self._closed = True
            workers = list(self._all)
            self._changed.notify_all()
        self.errands.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            _end(worker)

    def _take(self) -> subprocess.Popen[bytes] | None:
        """Wait for an idle worker; null while there are none at all."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle or not self._all or self._closed)
            return self._idle.pop() if self._idle and not self._closed else None

    def _ask(self, worker: subprocess.Popen[bytes], wanted: Wanted) -> Computed | None:
        """Let a worker compute; null if it has died over it."""
        found: Computed | None = None
        try:
            if worker.stdin and worker.stdout:
                send(worker.stdin, wanted)
                found = receive(worker.stdout)
        except (OSError, EOFError, ValueError):  # it is gone, or its pipes were closed at the end of the sandbox
            pass
        finally:
            with self._changed:
                if found is None:
                    self._all.remove(worker)
                else:
                    self._idle.append(worker)
                self._changed.notify_all()
        if found is None:
            _end(worker)
        return found

    def _spend(self, seconds: float) -> None:
        with self._changed:
            self._left -= seconds
            if self._left > 0 or self._started or self._closed:
                return
            self._started = True
        for _ in range(self.count):
            threading.Thread(target=self._start, name="worker", daemon=True).start()

    def _start(self) -> None:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        worker = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, env=environment)  # noqa: S603  our own
        try:
            if worker.stdout:
                receive(worker.stdout)
        except EOFError:  # it did not come up; the sandbox computes on its own
            _end(worker)
            return
        with self._changed:
            if not self._closed:
                self._all.append(worker)
                self._idle.append(worker)
                self._changed.notify_all()
                return
        _end(worker)


def _end(worker: subprocess.Popen[bytes]) -> None:
    """Close its input, which ends it whatever it does; somebody may still wait for its answer, and gets an end."""
    with suppress(OSError, ValueError):
        if worker.stdin:
            worker.stdin.close()
    try:
        worker.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
    if worker.stdout:
        worker.stdout.close()


_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class _Order:
    number: int
    expression: Mapping[str, Any]
    grid: RequestedGrid | None


class SharedImage(RequestedImage):
    """An image whose windows workers compute."""

    def __init__(self, image: RequestedImage, order: _Order, workers: Workers) -> None:
        """Keep the image, and what makes the same one elsewhere."""
        self._image = image
        self._order = order
        self._workers = workers
        self.bands = image.bands
        self.grid = image.grid
        self.properties = image.properties
        self.seconds_elsewhere = 0.0

    def read(self, row: int, col: int, height: int, width: int) -> Any:
        """Compute a window of the grid; see `RequestedImage.read`."""
        (pixels,) = self.stream([(row, col, height, width)])
        return pixels

    def stream(self, windows: Iterable[Window]) -> Iterator[Any]:
        """Compute windows in their order, cut into pieces, as many pieces at a time as there are workers."""
        every = [(window, list(_pieces(window))) for window in windows]
        found = self._pieces_of([piece for _, pieces in every for piece in pieces])
        for window, pieces in every:
            yield _joined(window, [(piece, next(found)) for piece in pieces])

    def _pieces_of(self, pieces: list[Window]) -> Iterator[Any]:
        ahead: deque[Future[Computed]] = deque()
        try:
            for piece in pieces:
                ahead.append(self._workers.errands.submit(self._compute, piece))
                if len(ahead) > self._workers.count:
                    yield self._took(ahead.popleft().result())
            while ahead:
                yield self._took(ahead.popleft().result())
        finally:
            for each in ahead:
                each.cancel()

    def _compute(self, window: Window) -> Computed:
        order = self._order
        return self._workers.read(self._image, Wanted(order.number, order.expression, order.grid, window))

    def _took(self, found: Computed) -> Any:
        self.seconds_elsewhere += found.seconds
        return found.pixels


def _pieces(window: Window) -> Iterator[Window]:
    """Cut a window into blocks of at most `PIECE_SIDE` × `PIECE_SIDE` pixels."""
    row, col, height, width = window
    for top in range(0, height, PIECE_SIDE):
        for left in range(0, width, PIECE_SIDE):
            yield row + top, col + left, min(PIECE_SIDE, height - top), min(PIECE_SIDE, width - left)


def _joined(window: Window, found: list[tuple[Window, Any]]) -> Any:
    """Put pieces together as `RequestedImage.read` gives a window."""
    if len(found) == 1:
        return found[0][1]
    row, col, height, width = window
    bands = [np.empty((height, width), values.dtype) for values in found[0][1][0]]
    valid = np.empty((len(bands), height, width), np.bool_)
    for (top, left, rows, cols), (values, mask) in found:
        place = slice(top - row, top - row + rows), slice(left - col, left - col + cols)
        for band, part in zip(bands, values, strict=True):
            band[place] = part
        valid[:, place[0], place[1]] = mask
    return bands, valid


class SharedEvaluator(Evaluator):
    """Evaluates expressions here, and has the pixels of their images computed by workers."""

    def __init__(self, catalogue: Catalogue, workers: Workers) -> None:
        """Take the source of scenes, and workers that have the same one."""
        super().__init__(catalogue)
        self._workers = workers

    def image(self, expression: Mapping[str, Any], *, grid: RequestedGrid | None = None) -> RequestedImage:
        image = super().image(expression, grid=grid)
        return SharedImage(image, _Order(next(_numbers), dict(expression), grid), self._workers)
