"""Requests for thin areas: rectangles around what lies there, cut first where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from orchestrator.model.grid import Window
from orchestrator.raster.arrays import Ints

# A gap is worth a seam of its own where leaving it out spares this share of a rectangle's pixels.
_WORTH = 0.05


class Spans(Protocol):
    """The pixels of an area, as runs of each row; see `raster.spans.SpanTable`."""

    @property
    def first(self) -> Ints: ...
    @property
    def start(self) -> Ints: ...
    @property
    def stop(self) -> Ints: ...
    def pixels(self) -> int: ...
    def counts(self, tile_height: int, tile_width: int) -> Ints: ...


def cut_at_gaps(
    spans: Spans, within: Window, pieces: Callable[[int, int], int], most: int
) -> tuple[Window, ...] | None:
    """
    Return disjoint windows that hold every pixel of the area, each as small as what lies in it.

    Args:
        spans: The area's pixels.
        within: The part of the grid that is cut.
        pieces: Into how many requests a rectangle of (height, width) has to be cut at least; 1 where it fits.
        most: None is returned where more windows would be needed.
    """
    found: list[Window] = []
    waiting = [within]
    while waiting:
        window, rows, cols = tight(spans, waiting.pop())
        if not rows.size:
            continue
        number = pieces(window.height, window.width)
        if number <= 1:
            found.append(window)
        else:
            waiting += _in_two(window, rows, cols, number)
        if len(found) + len(waiting) > most:
            return None
    return tuple(sorted(found))


def tight(spans: Spans, window: Window) -> tuple[Window, Ints, Ints]:
    """Return the smallest window around the area's pixels in one, and its rows and columns that hold any."""
    low, high = int(spans.first[window.row]), int(spans.first[window.bottom])
    row = np.repeat(np.arange(window.height), np.diff(spans.first[window.row : window.bottom + 1]))
    start = spans.start[low:high].clip(window.col, window.right) - window.col
    stop = spans.stop[low:high].clip(window.col, window.right) - window.col
    near = stop > start
    rows: Ints = np.unique(row[near])
    if not rows.size:
        return window, rows, rows
    steps = np.bincount(start[near], minlength=window.width + 1) - np.bincount(stop[near], minlength=window.width + 1)
    cols: Ints = np.flatnonzero(np.cumsum(steps)[:-1])
    top, left = int(rows[0]), int(cols[0])
    tight = Window(window.row + top, window.col + left, int(rows[-1]) - top + 1, int(cols[-1]) - left + 1)
    return tight, rows - top, cols - left


def _in_two(window: Window, rows: Ints, cols: Ints, number: int) -> tuple[Window, Window]:
    """Cut in the widest gap where that is worth it, otherwise the longer side, so that whole requests come out."""
    row, high = _widest(rows)
    col, wide = _widest(cols)
    spared_rows, spared_cols = high * window.width, wide * window.height
    if max(spared_rows, spared_cols) >= _WORTH * window.pixels:
        return _cut_rows(window, row) if spared_rows >= spared_cols else _cut_cols(window, col)
    tall = window.height >= window.width
    length = window.height if tall else window.width
    seam = min(length - 1, max(1, -(-length * (number // 2) // number)))
    return _cut_rows(window, seam) if tall else _cut_cols(window, seam)


def _widest(places: Ints) -> tuple[int, int]:
    """Return where the widest gap between sorted places begins, and how wide it is."""
    if places.size < 2:
        return 0, 0
    gaps = np.diff(places) - 1
    at = int(np.argmax(gaps))
    return int(places[at]) + 1, int(gaps[at])


def _cut_rows(window: Window, at: int) -> tuple[Window, Window]:
    rest = Window(window.row + at, window.col, window.height - at, window.width)
    return Window(window.row, window.col, at, window.width), rest


def _cut_cols(window: Window, at: int) -> tuple[Window, Window]:
    rest = Window(window.row, window.col + at, window.height, window.width - at)
    return Window(window.row, window.col, window.height, at), rest
