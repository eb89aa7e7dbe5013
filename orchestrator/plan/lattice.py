"""What an area touches as cells of a lattice, and the cut of these cells into the fewest rectangles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from orchestrator.model.grid import Window
from orchestrator.plan.split import PixelCounts
from orchestrator.raster.arrays import Ints

# Steps in which pieces are made equal: to 2 % of the limit.
_HALVINGS = 6


@dataclass(frozen=True, slots=True)
class Room:
    """
    What one rectangle may hold.

    Attributes:
        max_pixels: In all; need not be whole.
        max_side: Of a side.
    """

    max_pixels: float
    max_side: int


@dataclass(frozen=True, slots=True)
class Lattice:
    """
    What the area touches, as cells: axis 0 is the one that is cut, axis 1 the other.

    Attributes:
        touched: Which cells hold a pixel of the area.
        along: Pixel where each cell begins along axis 0, and where the last ends.
        across: The same along axis 1.
        tall: Whether axis 0 are the rows of the grid.
    """

    touched: NDArray[np.bool_]
    along: Ints
    across: Ints
    tall: bool

    @classmethod
    def of(cls, spans: PixelCounts, within: Window, unit: tuple[int, int], *, tall: bool) -> Lattice:
        rows = slice(within.row // unit[0], -(-within.bottom // unit[0]))
        cols = slice(within.col // unit[1], -(-within.right // unit[1]))
        touched = np.asarray(spans.counts(*unit))[rows, cols] > 0
        row_edges = _edges(rows, unit[0], within.row, within.bottom)
        col_edges = _edges(cols, unit[1], within.col, within.right)
        return cls(touched, row_edges, col_edges, tall) if tall else cls(touched.T, col_edges, row_edges, tall)

    def window(self, piece: Piece) -> Window:
        """Return the cells of a piece as pixels of the grid."""
        first, last, low, high = piece
        start, length = int(self.along[first]), int(self.along[last] - self.along[first])
        side, width = int(self.across[low]), int(self.across[high] - self.across[low])
        return Window(start, side, length, width) if self.tall else Window(side, start, width, length)


def _edges(cells: slice, unit: int, first: int, end: int) -> Ints:
    edges: Ints = np.arange(cells.start, cells.stop + 1, dtype=np.int64) * unit
    return edges.clip(first, end)


Piece = tuple[int, int, int, int]  # cells [first, last) along and [low, high) across
BandPieces = list[list[Piece]]  # of each band


def best_cut(lattice: Lattice, room: Room, worth: float) -> tuple[Window, ...] | None:
    """
    Return the cut of fewest windows over all numbers of bands across; None where a cell does not fit.

    Of those that have no more than a share of `worth` more, it is the cut with the squarest.
    """
    found: list[tuple[tuple[_Band, ...], BandPieces]] = []
    for number in _band_numbers(lattice, room):
        bands = tuple(_bands(lattice, number))
        pieces = [band.cut(room) for band in bands]
        if all(cut is not None for cut in pieces):
            found.append((bands, [cut for cut in pieces if cut is not None]))
    if not found:
        return None
    few = min(_count(cut) for _, cut in found) * (1 + worth)
    chosen, cut = min((one for one in found if _count(one[1]) <= few), key=lambda one: _seams(lattice, one[1]))
    evened = (band.evened(room, pieces) for band, pieces in zip(chosen, cut, strict=True))
    return tuple(sorted(lattice.window(piece) for pieces in evened for piece in pieces))


def _count(cut: BandPieces) -> int:
    return sum(map(len, cut))


def _seams(lattice: Lattice, cut: BandPieces) -> int:
    windows = (lattice.window(piece) for pieces in cut for piece in pieces)
    return sum(window.height + window.width for window in windows)


def _band_numbers(lattice: Lattice, room: Room) -> range:
    """Return into how many bands the other axis may be cut: from the fewest that can fit to squares and a little on."""
    across = int(lattice.across[-1] - lattice.across[0])
    thinnest = int(np.diff(lattice.along).max())
    widest = min(room.max_side, max(1, int(room.max_pixels) // thinnest))
    cells = len(lattice.across) - 1
    # What the area does not touch need not fit, so that fewer bands may do than the whole width needs.
    first = min(cells, 1 if not lattice.touched.all() else -(-across // widest))
    square = math.ceil(math.sqrt(across * across / room.max_pixels))
    return range(first, min(cells, max(first, square) + 2) + 1)


def _bands(lattice: Lattice, number: int) -> Iterator[_Band]:
    """Yield nearly equal bands of the other axis, those that hold something of the area."""
    cells = len(lattice.across) - 1
    edges = [round(cells * index / number) for index in range(number + 1)]
    for low, high in pairwise(edges):
        touched = lattice.touched[:, low:high]
        at = np.flatnonzero(touched.any(axis=1))
        if len(at):
            first = touched[at].argmax(axis=1) + low
            last = high - touched[at, ::-1].argmax(axis=1)
            yield _Band(lattice, at, first, last)


@dataclass(frozen=True, slots=True)
class _Band:
    """
    A band of a lattice.

    Attributes:
        lattice: It is a band of.
        at: The cells along it that the area touches.
        low: For each of them, the first touched cell across.
        high: And the first behind the last.
    """

    lattice: Lattice
    at: Ints
    low: Ints
    high: Ints

    def cut(self, room: Room) -> list[Piece] | None:
        """Go along and begin a new piece where the next cell does not fit; None where one alone does not."""
        pieces: list[Piece] = []
        first = 0
        while first < len(self.at):
            count, low, high = self._reach(first, room)
            if not count:
                return None
            pieces.append((int(self.at[first]), int(self.at[first + count - 1]) + 1, low, high))
            first += count
        return pieces

    def _reach(self, first: int, room: Room) -> tuple[int, int, int]:
        """Return how many cells from `first` on fit into one piece, and what they reach over across."""
        along, across = self.lattice.along, self.lattice.across
        start = along[self.at[first]]
        # A piece only grows wider: what its first cell leaves room for is all that need be looked at.
        width = int(across[self.high[first]] - across[self.low[first]])
        furthest = start + min(room.max_side, int(room.max_pixels / width))
        end = int(np.searchsorted(along[self.at + 1], furthest, side="right"))
        if end <= first:
            return 0, 0, 0
        low = np.minimum.accumulate(self.low[first:end])
        high = np.maximum.accumulate(self.high[first:end])
        length, width_of = along[self.at[first:end] + 1] - start, across[high] - across[low]
        fits = (width_of <= room.max_side) & (length * width_of <= room.max_pixels)
        count = len(fits) if fits.all() else int(np.argmin(fits))  # sides only grow, so none fits behind the first
        return count, int(low[count - 1]), int(high[count - 1])

    def evened(self, room: Room, cut: list[Piece]) -> list[Piece]:
        """Return as many pieces with the largest as small as it can be: nearly equal ones."""
        best, low, high = cut, 0.0, room.max_pixels
        for _ in range(_HALVINGS if len(cut) > 1 else 0):
            middle = (low + high) / 2
            tried = self.cut(Room(middle, room.max_side))
            if tried is not None and len(tried) <= len(cut):
                best, high = tried, middle
            else:
                low = middle
        return best
