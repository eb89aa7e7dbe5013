"""Pixels without an export: one cell, one request, one piece in the output."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from orchestrator.core.errors import PermanentError, UnansweredError
from orchestrator.core.files import write_whole
from orchestrator.model.direct import DirectRoute, PixelRequest
from orchestrator.model.grid import Window
from orchestrator.model.ports import Diagnosis, RefusedError
from orchestrator.model.product import StepContext
from orchestrator.model.states import Failure
from orchestrator.model.unit import Again, Cell, Done, Outcome, Split, Unit, UnitPlan
from orchestrator.plan.requests import RequestSize, cut_to_fit, halved

KIND = "pixels"
# A window of so few pixels that needs too much memory or time still is not one that a smaller one helps.
_SMALLEST_PIXELS = 64 * 64
_TOO_MUCH = frozenset({Failure.SIZE, Failure.MEMORY, Failure.TIMEOUT})
# Repeated once as it is; what comes again counts as the class behind it.
_ONCE_MORE = {Failure.OUT_OF_MEMORY: Failure.MEMORY, Failure.UNKNOWN: Failure.PERMANENT}
_LESSON = "request_size.json"
# One sentence makes of its window so many pieces at the most, and all others no smaller than this share of what is
# documented: less is a slip, or somebody in between, until it is said again.
_MOST_PIECES = 16
_LEAST_SHARE = 0.01
# A request this much smaller than the documented limit is not refused for its size by the service that documents it.
_IMPLAUSIBLY_SMALL = 1 << 16


def units_of(cells: Iterable[Cell], size: RequestSize) -> tuple[UnitPlan, ...]:
    """Return a unit for each cell; its key sorts it by moment, row and column."""
    return tuple(UnitPlan(KIND, _key(c), c, spec={"bytes": size.held_bytes(c.window)}) for c in cells)


def _key(cell: Cell) -> str:
    window = cell.window
    # The first moment has no number of its own: keys of what has but one are those of earlier versions.
    moment = f"t{cell.time:06d}-" if cell.time else ""
    group = f"-g{cell.group}" if cell.group else ""
    return f"{moment}{window.row:07d}-{window.col:07d}-{window.height}x{window.width}{group}"


def _as_it_came(_cell: Cell, content: bytes) -> bytes:
    return content


def _with_room(size: RequestSize, pixels: float) -> RequestSize:
    """Return `size` with at most so many pixels in a request, and at least one."""
    most = int(max(1.0, pixels) * size.per_pixel)
    return replace(size, most=max(math.ceil(size.per_pixel), min(size.most, most)))


class Fetch:
    """
    The step of the kind `pixels`; see `model.product.Step`.

    What a refusal says about sizes holds for the rest of the run: it is kept in the run's folder, so that a process
    that goes on does not ask for what it could know to be too big.
    """

    def __init__(
        self,
        route: DirectRoute,
        size: RequestSize,
        request_for: Callable[[Cell], PixelRequest],
        made: Callable[[Cell, bytes], bytes] = _as_it_came,
    ) -> None:
        """
        Take a way to ask.

        Args:
            route: Brings the pixels.
            size: What one request may ask for.
            request_for: Returns what is asked for a cell; its window may be a little larger than the cell's.
            made: Makes the piece that is placed of the file that came.
        """
        self._route, self._size, self._request_for, self._made = route, size, request_for, made
        room = self._size.most / self._size.per_pixel
        self._smallest, self._least_room = max(1, int(room / _IMPLAUSIBLY_SMALL)), room * _LEAST_SHARE
        self._doubted: set[int] = set()  # limits that were said once, too small to be believed
        self._read = False
        self._lock = threading.Lock()

    def __call__(self, context: StepContext, unit: Unit) -> Outcome:
        if unit.plan.cell is None:
            raise PermanentError(f"unit {unit.key} names no pixels")
        if context.is_placed(unit.plan.cell):  # before a crash, which came before this was written down
            return Done(unit.result)
        cell, size = unit.plan.cell, self._known_size(context.folder)
        if not size.fits(cell.window):
            return self._split(cell, cut_to_fit(cell.window, size), "more than one request takes", Failure.SIZE)
        try:
            piece = self._route.fetch(self._request_for(cell), context.stop)
        except RefusedError as error:
            return self._refused(error, context.folder, unit)
        except UnansweredError as error:
            if cell.window.pixels <= _SMALLEST_PIXELS:
                raise
            return self._split(cell, halved(cell.window), str(error), Failure.TIMEOUT)
        context.received(piece.reply_bytes)
        origin = {
            "route": self._route.name,
            "request_sha256": piece.request_sha256,
            "reply_sha256": piece.reply_sha256,
            "bytes": piece.reply_bytes,
            "at": piece.at,
        }
        context.note(origin)
        context.place(cell, self._made(cell, piece.content))
        return Done(origin)

    def _refused(self, error: RefusedError, folder: Path, unit: Unit) -> Outcome:
        """Cut this window only, where less at once helps; say no where it does not."""
        assert unit.plan.cell is not None  # noqa: S101  the caller has looked
        cell, window, told = unit.plan.cell, unit.plan.cell.window, error.diagnosis
        if told.failure in _ONCE_MORE and unit.failure is not told.failure:
            return Again(str(error), told.failure, told.wait_seconds)
        failure = _ONCE_MORE.get(told.failure, told.failure)
        least = self._smallest if failure is Failure.SIZE else _SMALLEST_PIXELS
        if failure not in _TOO_MUCH or window.pixels <= least:
            raise error
        size = self._learn(window, told, folder) if failure is Failure.SIZE else self._size
        pieces = cut_to_fit(window, size)
        return self._split(cell, pieces if len(pieces) > 1 else halved(window), str(error), failure)

    def _split(self, cell: Cell, windows: Iterable[Window], why: str, failure: Failure) -> Split:
        return Split(units_of((replace(cell, window=window) for window in windows), self._size), why, failure)

    def _learn(self, window: Window, told: Diagnosis, folder: Path) -> RequestSize:
        """
        Return what the service counts for a pixel, and how much it allows, where its sentence says both.

        It holds from then on, but for what is too small to be believed: that holds for this window alone until it is
        said again.
        """
        if told.sizes is None:
            return self._size
        found, allowed = told.sizes
        with self._lock:
            known = self._size
            room = allowed / max(known.per_pixel, found / window.pixels)
            here = _with_room(known, max(room, window.pixels / _MOST_PIECES))
            if room < max(self._least_room, window.pixels / _MOST_PIECES) and allowed not in self._doubted:
                self._doubted.add(allowed)
                return here
            self._size = _with_room(known, max(room, self._least_room))
            lesson = {"bytes_per_pixel": known.per_pixel, "max_bytes": self._size.most}
            write_whole(folder / _LESSON, json.dumps(lesson).encode())
            return here

    def _known_size(self, folder: Path) -> RequestSize:
        with self._lock:
            if not self._read:
                self._read = True
                with suppress(OSError, ValueError, KeyError, TypeError):
                    known = json.loads((folder / _LESSON).read_bytes())
                    weight, most = float(known["bytes_per_pixel"]), int(known["max_bytes"])
                    self._size = replace(self._size, per_pixel=weight, most=most)
            return self._size
