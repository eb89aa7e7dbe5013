"""
How an area is cut into requests for pixels: few, none too big for the service, none where the area is not.

What is counted is what Earth Engine counts for the way the pixels come: bytes, with one of mask for each value, or
values. So a request that would be refused for its size is never planned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.core.errors import PlanError
from orchestrator.core.units import format_bytes
from orchestrator.model.direct import Counted, DirectLimits
from orchestrator.model.grid import BLOCK, Grid, Window
from orchestrator.model.spec import DTYPE_BYTES, PixelSpec
from orchestrator.plan.lattice import Lattice, Room, best_cut
from orchestrator.plan.split import PixelCounts
from orchestrator.plan.thin import Spans, cut_at_gaps, tight

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
    def room(self) -> Room:
        """The same in pixels."""
        return Room(self.most / self.per_pixel, self.max_side)

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
    if size.counted is Counted.VALUES:  # each costs, and no block of a table is taken over as it came
        cut = tuple(tight(spans, window)[0] for window in cut)
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
        found = best_cut(Lattice.of(spans, within, unit, tall=tall), size.room, size.worth)
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
