"""Which windows of a mosaic an audit looks at: spread over the pieces that it was made from, of every way they came."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from orchestrator.model.grid import Grid, Window
from orchestrator.raster.spans import SpanTable

# Of a window, in pixels. It divides no 256: windows lie across the seams of blocks and pieces too.
SIDE = 200

Lot = tuple[int, int]  # row and column of a window that could be drawn, in steps of its side


@dataclass(frozen=True, slots=True)
class Origin:
    """
    A piece that a mosaic was made from.

    Attributes:
        window: Its pixels.
        way: How they came, in a word.
    """

    window: Window
    way: str


@dataclass(frozen=True, slots=True)
class Sample:
    """
    The windows of an audit.

    Attributes:
        windows: By row and column; no two share a pixel, and each holds some of the area.
        whole: Whether they hold every pixel of the area.
        pieces: How many pieces they touch, by way.
    """

    windows: tuple[Window, ...]
    whole: bool
    pieces: Mapping[str, int]


def side_of(most_pixels: float) -> int:
    """Return the side of a window, such that no request holds more than so many pixels."""
    return max(1, min(SIDE, int(most_pixels**0.5)))


def draw_windows(
    grid: Grid, spans: SpanTable, pieces: Sequence[Origin], count: int, seed: int, side: int = SIDE
) -> Sample:
    """
    Draw windows of at most `side` × `side` pixels at random.

    Every pixel of the area lies in exactly one window that could be drawn. One is drawn in a piece of each way, then in
    another of each, until every piece has one; then again. Where `count` is enough for the whole area, that is it.

    Args:
        grid: Of the mosaic.
        spans: The area on it.
        pieces: What it was made from; together they hold the area.
        count: How many windows at most.
        seed: The same one draws the same windows.
        side: Of a window.
    """
    held = spans.counts(side, side) > 0
    if int(held.sum()) <= count:
        chosen = [(int(row), int(col)) for row, col in np.argwhere(held)]
    else:
        chosen = _Drawing(grid, spans, side, held.copy(), random.Random(seed)).cells(pieces, count)  # noqa: S311
    windows = tuple(sorted(_window(grid, cell, side) for cell in chosen))
    return Sample(windows, len(chosen) == int(held.sum()), _touched(pieces, windows))


def _window(grid: Grid, cell: Lot, side: int) -> Window:
    row, col = cell[0] * side, cell[1] * side
    return Window(row, col, min(side, grid.height - row), min(side, grid.width - col))


def _touched(pieces: Sequence[Origin], windows: Sequence[Window]) -> dict[str, int]:
    """Count the pieces that share a pixel with a window, by way."""
    edges = np.array([(p.window.row, p.window.col, p.window.bottom, p.window.right) for p in pieces], np.int64)
    row, col, bottom, right = edges.reshape(-1, 4).T
    hit = np.zeros(len(pieces), bool)
    for one in windows:
        hit |= (row < one.bottom) & (one.row < bottom) & (col < one.right) & (one.col < right)
    ways = [piece.way for piece, touched in zip(pieces, hit, strict=True) if touched]
    return {way: ways.count(way) for way in sorted(set(ways))}


@dataclass(slots=True)
class _Drawing:
    """Draws cells of `side` × `side` pixels; `free` are those that hold some of the area and are not drawn yet."""

    grid: Grid
    spans: SpanTable
    side: int
    free: NDArray[np.bool_]
    chance: random.Random

    def cells(self, pieces: Sequence[Origin], count: int) -> list[Lot]:
        left, chosen = deque(self._in_turn(pieces)), list[Lot]()
        while left and len(chosen) < count:
            piece = left.popleft()
            if (cell := self._cell_in(piece.window)) is not None:
                chosen.append(cell)
                left.append(piece)
        return chosen

    def _in_turn(self, pieces: Sequence[Origin]) -> list[Origin]:
        """Return the pieces at random, one of each way before the second of any."""
        ways: dict[str, list[Origin]] = {}
        for piece in pieces:
            ways.setdefault(piece.way, []).append(piece)
        for way in sorted(ways):
            self.chance.shuffle(ways[way])
        return [piece for rank in zip_longest(*(ways[way] for way in sorted(ways))) for piece in rank if piece]

    def _cell_in(self, window: Window) -> Lot | None:
        """Draw a free cell with some of the area in `window`; None where there is none."""
        rows = slice(window.row // self.side, -(-window.bottom // self.side))
        cols = slice(window.col // self.side, -(-window.right // self.side))
        there = [(int(r) + rows.start, int(c) + cols.start) for r, c in np.argwhere(self.free[rows, cols])]
        self.chance.shuffle(there)
        for cell in there:
            shared = _window(self.grid, cell, self.side).intersection(window)
            if shared is not None and self.spans.mask(shared).any():
                self.free[cell] = False
                return cell
        return None
