"""
How an area is cut into requests for pixels: few, none too big for the service, none where the area is not.

What is counted is what Earth Engine counts for the way the pixels come: bytes, with one of mask for each value, or
values. So a request that would be refused for its size is never planned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import PlanError
from orchestrator.core.units import format_bytes
from orchestrator.model.direct import Counted, DirectLimits
from orchestrator.model.grid import BLOCK, Grid, Window
from orchestrator.model.spec import DTYPE_BYTES, PixelSpec
from orchestrator.plan.split import PixelCounts
from orchestrator.plan.thin import Spans, cut_at_gaps
from orchestrator.raster.arrays import Ints

# So much of a limit of bytes is used ...
MARGIN = 0.9
# ... where that costs no more than so many requests more than bytes / limit.
MOST_MORE = 1.15
# Seams inside a block of 256 pixels are computed twice there and encoded anew here: one request in twenty is less.
ALIGNED_WORTH = 0.05
# Multiples of the grid that seams lie on, along the cut and across: the finer are tried where the coarser cost more.
_UNITS = ((BLOCK, BLOCK), (32, BLOCK), (1, BLOCK), (32, 32), (1, 1))
# Windows with so many pixels for each of the area are worth a look at where it has gaps.
_THIN = 1.1
# Steps in which pieces are made equal: to 2 % of the limit.
_HALVINGS = 6
# Of an answer that is a table: a row with its coordinates, as text and as objects, and each value in it.
_ROW_BYTES, _VALUE_BYTES = 360, 40
# Cells of a table of what the area touches: 32 MiB.
_MOST_CELLS = 1 << 22


@dataclass(frozen=True, slots=True)
class RequestSize:
    """
    What one request may ask for.

    Attributes:
        per_pixel: Bytes or values of a pixel of all bands, as the service counts them.
        most: Of a request, counted so.
        max_side: Pixels of a side.
        counted: What is counted.
    """

    per_pixel: float
    most: int
    max_side: int
    counted: Counted = Counted.BYTES

    def __post_init__(self) -> None:
        if self.per_pixel > self.most or self.max_side < 1:
            raise PlanError(
                f"one pixel is {self.per_pixel:g} {self.counted} of a request, and a request has at most "
                f"{self.most} of at most {self.max_side} pixels a side; take fewer bands, or --route gcs"
            )

    @classmethod
    def of(cls, pixels: PixelSpec, limits: DirectLimits) -> RequestSize:
        """
        Return what one request for pixels may ask for.

        Raises:
            PlanError: The bands are more than one request takes, or one pixel of them all is.
        """
        bands = len(pixels.bands)
        if bands > limits.max_bands:
            raise PlanError(
                f"the image has {bands} bands and one request takes {limits.max_bands}; name fewer with --bands, or "
                "take --route gcs"
            )
        each = bands if limits.counted is Counted.VALUES else counted_bytes(pixels)
        return cls(each, limits.most, limits.max_side, limits.counted)

    def fits(self, window: Window) -> bool:
        """Tell whether the service takes a request for `window`."""
        return self.allows(window.height, window.width)

    def allows(self, height: int, width: int) -> bool:
        """Tell whether the service takes a request of `height` × `width` pixels."""
        return max(height, width) <= self.max_side and height * width * self.per_pixel <= self.most

    def pieces(self, height: int, width: int) -> int:
        """Return how many requests `height` × `width` pixels are at least."""
        by_count = math.ceil(height * width * self.per_pixel / self.most)
        return max(by_count, -(-max(height, width) // self.max_side))

    def count(self, window: Window) -> int:
        """Return what the service counts for `window`."""
        return int(window.pixels * self.per_pixel)

    def held_bytes(self, window: Window) -> int:
        """Return what the answer takes in memory, at the least."""
        if self.counted is Counted.BYTES:
            return self.count(window)
        return window.pixels * _ROW_BYTES + self.count(window) * _VALUE_BYTES

    def told(self, count: float) -> str:
        """Write a count with what it counts."""
        return format_bytes(int(count)) if self.counted is Counted.BYTES else f"{int(count):,} values"

    @property
    def margin(self) -> float:
        """What is left of the limit in case the service counts otherwise than is known; values are an exact number."""
        return MARGIN if self.counted is Counted.BYTES else 1.0

    @property
    def worth(self) -> float:
        """The share of requests that seams on blocks may cost: of tables none, which are encoded anew in any case."""
        return ALIGNED_WORTH if self.counted is Counted.BYTES else 0.0


def counted_bytes(pixels: PixelSpec) -> int:
    """Return the bytes of one pixel of all bands as Earth Engine counts them: each value, and a byte of mask for it."""
    return len(pixels.bands) * (DTYPE_BYTES[pixels.dtype] + 1)


def plan_requests(grid: Grid, spans: Spans, size: RequestSize, within: Window | None = None) -> tuple[Window, ...]:
    """
    Return disjoint windows that hold every pixel of the area, each within `size`, by row and column.

    The longer side is cut into nearly equal pieces, the other one too where the piece would be long and thin or too
    wide. Windows are as small as what the area touches in them. A rectangle needs at most 15 % more requests than
    its bytes over the limit; seams lie on multiples of 256 pixels where that costs no more than one request in
    twenty. An area much smaller than such windows is cut where it has gaps, if that takes fewer.

    Args:
        grid: What is cut.
        spans: The area's pixels on `grid`.
        size: What one request may ask for.
        within: The part of the grid that is cut, its corners on multiples of 256 or on the grid's edge; by default
            all of it.

    Raises:
        PlanError: No window of a pixel would fit.
    """
    cut = _on_lattices(grid, spans, size, within or grid.window)
    asked = sum(window.pixels for window in cut)
    if len(cut) < 2 or spans.pixels() * _THIN > asked:
        return cut
    most = math.ceil(len(cut) * (1 - ALIGNED_WORTH)) - 1
    return cut_at_gaps(spans, within or grid.window, size.pieces, most) or cut


def _on_lattices(grid: Grid, spans: PixelCounts, size: RequestSize, within: Window) -> tuple[Window, ...]:
    """Return the plan with its seams on a lattice, with a margin where that costs little."""
    full = _fewest(grid, spans, size, within)
    if full is None:
        raise PlanError(f"no request of {size.told(size.most)} holds a part of this grid; take fewer bands")
    least = _least(full, size)
    spared = int(size.most * size.margin)
    if spared == size.most or (len(full) <= 1 and all(window.pixels * size.per_pixel <= spared for window in full)):
        return full
    if spared >= size.per_pixel:
        roomy = _fewest(grid, spans, replace(size, most=spared), within, _UNITS[:1])
        if roomy is not None and len(roomy) <= max(len(full), int(least * MOST_MORE)):
            return roomy
    return full


def halved(window: Window) -> tuple[Window, ...]:
    """
    Cut a window that the service refused in two, across its longer side; a single pixel stays what it is.

    The seam lies on a multiple of 256 of the grid where there is one in the window.
    """
    if window.pixels == 1:
        return (window,)
    seams = _seams_near(window, max(window.height, window.width) // 2)
    return _cut_at(window, seams[0])


def cut_to_fit(window: Window, size: RequestSize) -> tuple[Window, ...]:
    """
    Cut a window that turned out to be too big until every piece is within `size`, into as few as its numbers allow.

    Seams lie across the longer side; on a multiple of 256 of the grid where that makes no more pieces.
    """
    if size.fits(window) or window.pixels == 1:
        return (window,)
    number = max(2, size.pieces(window.height, window.width))
    length = max(window.height, window.width)
    for seam in _seams_near(window, -(-length * (number // 2) // number)):
        two = _cut_at(window, seam)
        if sum(size.pieces(piece.height, piece.width) for piece in two) <= number:
            break
    return tuple(piece for part in two for piece in cut_to_fit(part, size))


def _seams_near(window: Window, wanted: int) -> list[int]:
    """Return where a window may be cut, in pixels along its longer side: the nearest blocks, then what is wanted."""
    tall = window.height >= window.width
    first, length = (window.row, window.height) if tall else (window.col, window.width)
    after = -(-(first + wanted) // BLOCK) * BLOCK - first
    before = (first + wanted) // BLOCK * BLOCK - first
    return [seam for seam in (after, before) if 0 < seam < length] + [wanted]


def _cut_at(window: Window, seam: int) -> tuple[Window, Window]:
    if window.height >= window.width:
        rest = Window(window.row + seam, window.col, window.height - seam, window.width)
        return replace(window, height=seam), rest
    return replace(window, width=seam), Window(window.row, window.col + seam, window.height, window.width - seam)


# ---------------------------------------------------------------------- inside


def _fewest(
    grid: Grid, spans: PixelCounts, size: RequestSize, within: Window, units: Sequence[tuple[int, int]] = _UNITS
) -> tuple[Window, ...] | None:
    """
    Return the plan of the coarsest lattice that no finer one beats by more than one request in twenty.

    None where no cell of any of them fits.
    """
    best: tuple[Window, ...] | None = None
    for along, across in units:
        tall = within.height >= within.width
        unit = (along, across) if tall else (across, along)
        cells = -(-grid.height // unit[0]) * -(-grid.width // unit[1])
        if cells > _MOST_CELLS and best is not None:
            continue
        found = _best_cut(_Lattice.of(spans, within, unit, tall=tall), size)
        if found is not None and (best is None or len(found) < len(best) * (1 - size.worth)):
            best = found
        if best is not None and len(best) <= _least(best, size) * (1 + ALIGNED_WORTH):
            break
    return best


def _least(cut: Sequence[Window], size: RequestSize) -> int:
    """Return how many requests the pixels of `cut` need at least, by their bytes and by the sides they reach over."""
    if not cut:
        return 0
    high = max(window.bottom for window in cut) - min(window.row for window in cut)
    wide = max(window.right for window in cut) - min(window.col for window in cut)
    by_bytes = -(-int(sum(window.pixels for window in cut) * size.per_pixel) // size.most)
    return max(by_bytes, -(-high // size.max_side), -(-wide // size.max_side))


@dataclass(frozen=True, slots=True)
class _Lattice:
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
    def of(cls, spans: PixelCounts, within: Window, unit: tuple[int, int], *, tall: bool) -> _Lattice:
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


def _best_cut(lattice: _Lattice, size: RequestSize) -> tuple[Window, ...] | None:
    """Return the cut of fewest windows over all numbers of bands across; of nearly as few, that with the squarest."""
    found: list[tuple[tuple[_Band, ...], BandPieces]] = []
    for number in _band_numbers(lattice, size):
        bands = tuple(_bands(lattice, number))
        pieces = [band.cut(size, size.most) for band in bands]
        if all(cut is not None for cut in pieces):
            found.append((bands, [cut for cut in pieces if cut is not None]))
    if not found:
        return None
    few = min(_count(cut) for _, cut in found) * (1 + size.worth)
    chosen, cut = min((one for one in found if _count(one[1]) <= few), key=lambda one: _seams(lattice, one[1]))
    evened = (band.evened(size, pieces) for band, pieces in zip(chosen, cut, strict=True))
    return tuple(sorted(lattice.window(piece) for pieces in evened for piece in pieces))


def _count(cut: BandPieces) -> int:
    return sum(map(len, cut))


def _seams(lattice: _Lattice, cut: BandPieces) -> int:
    windows = (lattice.window(piece) for pieces in cut for piece in pieces)
    return sum(window.height + window.width for window in windows)


def _band_numbers(lattice: _Lattice, size: RequestSize) -> range:
    """Return into how many bands the other axis may be cut: from the fewest that can fit to squares and a little on."""
    across = int(lattice.across[-1] - lattice.across[0])
    thinnest = int(np.diff(lattice.along).max())
    widest = min(size.max_side, max(1, int(size.most / size.per_pixel) // thinnest))
    cells = len(lattice.across) - 1
    # What the area does not touch need not fit, so that fewer bands may do than the whole width needs.
    first = min(cells, 1 if not lattice.touched.all() else -(-across // widest))
    square = math.ceil(math.sqrt(across * across * size.per_pixel / size.most))
    return range(first, min(cells, max(first, square) + 2) + 1)


def _bands(lattice: _Lattice, number: int) -> Iterator[_Band]:
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

    lattice: _Lattice
    at: Ints
    low: Ints
    high: Ints

    def cut(self, size: RequestSize, most: float) -> list[Piece] | None:
        """Go along and begin a new piece where the next cell does not fit; None where one alone does not."""
        pieces: list[Piece] = []
        first = 0
        while first < len(self.at):
            count, low, high = self._reach(first, size, most / size.per_pixel)
            if not count:
                return None
            pieces.append((int(self.at[first]), int(self.at[first + count - 1]) + 1, low, high))
            first += count
        return pieces

    def _reach(self, first: int, size: RequestSize, max_pixels: float) -> tuple[int, int, int]:
        """Return how many cells from `first` on fit into one piece, and what they reach over across."""
        along, across = self.lattice.along, self.lattice.across
        start = along[self.at[first]]
        # A piece only grows wider: what its first cell leaves room for is all that need be looked at.
        width = int(across[self.high[first]] - across[self.low[first]])
        furthest = start + min(size.max_side, int(max_pixels / width))
        end = int(np.searchsorted(along[self.at + 1], furthest, side="right"))
        if end <= first:
            return 0, 0, 0
        low = np.minimum.accumulate(self.low[first:end])
        high = np.maximum.accumulate(self.high[first:end])
        length, width_of = along[self.at[first:end] + 1] - start, across[high] - across[low]
        fits = (width_of <= size.max_side) & (length * width_of <= max_pixels)
        count = len(fits) if fits.all() else int(np.argmin(fits))  # sides only grow, so none fits behind the first
        return count, int(low[count - 1]), int(high[count - 1])

    def evened(self, size: RequestSize, cut: list[Piece]) -> list[Piece]:
        """Return as many pieces with the largest as small as it can be: nearly equal ones."""
        best, low, high = cut, 0.0, float(size.most)
        for _ in range(_HALVINGS if len(cut) > 1 else 0):
            middle = (low + high) / 2
            tried = self.cut(size, middle)
            if tried is not None and len(tried) <= len(cut):
                best, high = tried, middle
            else:
                low = middle
        return best
