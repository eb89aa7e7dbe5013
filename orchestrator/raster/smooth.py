"""
Sentinel-2's bands of 20 and 60 m, smooth at 10 m.

Earth Engine repeats a pixel of 20 m as 2 × 2 pixels of 10 m. Here the raster of 20 m is recovered and interpolated
back. Which pixels belong to one cell follows from the transform, so that windows of one grid agree wherever they begin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import PlanError, UserError
from orchestrator.model.grid import Transform
from orchestrator.raster.arrays import Flags, Floats, Ints, holding

# Side of a pixel in metres, by band: "Sentinel-2 User Handbook", table 1.
TWENTY_METRES = frozenset({"B5", "B6", "B7", "B8A", "B11", "B12"})
SIXTY_METRES = frozenset({"B1", "B9", "B10"})

# Cells on each side of a point that its value depends on.
REACH = {"bicubic": 2, "bilinear": 1}
_MAX_PIXELS = 64  # along a cell; more is a transform in degrees or in other units


@dataclass(frozen=True, slots=True)
class Margin:
    """Pixels around a window: above, left, below, right."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0

    def __post_init__(self) -> None:
        if min(self.top, self.left, self.bottom, self.right) < 0:
            raise UserError(f"{self!r} is no margin; give pixels, 0 or more")


def cell_metres(band: str, *, sixty: bool = False) -> int:
    """
    Return the side of a band's pixels, where it is to be smoothed: 20, with `sixty` also 60; 0 for other bands.

    Names are Earth Engine's (`B5`) or ESA's (`B05`).
    """
    found = re.fullmatch(r"B0?(\d{1,2}A?)", band)
    name = f"B{found[1]}" if found else ""
    if name in TWENTY_METRES:
        return 20
    return 60 if sixty and name in SIXTY_METRES else 0


def margin(
    transform: Transform, height: int, width: int, bands: Sequence[str], *, sixty: bool = False, method: str = "bicubic"
) -> Margin:
    """
    Return how many pixels to fetch around a window, for it to come out as it would in a larger one.

    Args:
        transform: Of the window's upper left corner, affine order, in metres.
        height: Of the window, in pixels.
        width: Of the window, in pixels.
        bands: Names along the band axis.
        sixty: Whether the bands of 60 m are smoothed too.
        method: `bicubic` or `bilinear`.

    Raises:
        PlanError: The pixels do not fit into the bands' cells.
    """
    reach = _reach(method)
    sides = [Margin()]
    for metres in {cell_metres(band, sixty=sixty) for band in bands} - {0}:
        rows, cols = _axes(transform, height, width, metres)
        sides.append(
            Margin(*(int(edge) for pair in zip(rows.open(reach), cols.open(reach), strict=True) for edge in pair))
        )
    return Margin(*(max(getattr(one, side) for one in sides) for side in Margin.__slots__))


def smooth(
    pixels: NDArray[Any],
    transform: Transform,
    bands: Sequence[str],
    *,
    nodata: float | None = None,
    valid: Flags | None = None,
    margin: Margin = Margin(),
    method: str = "bicubic",
    sixty: bool = False,
) -> NDArray[Any]:
    """
    Return the pixels with the bands of 20 m interpolated; the other bands, and what is nodata, are as they were.

    Bicubic is Keys' convolution with a = -0.5 (IEEE Trans. ASSP 29, 1981, eq. 15). A cell's value is the mean of its
    valid pixels, and stands at the cell's centre. Cells without any take no part: the weights of the others are
    divided by their sum, and the value stays within the range of theirs. Beyond the array, cells are mirrored at its
    edge. Numbers are computed as float64; whole ones are rounded, half to even, and kept within their type. A valid
    pixel never becomes `nodata`: one that would keeps its number.

    Args:
        pixels: (band, row, col) or (time, band, row, col), whole numbers or floats; not changed.
        transform: Of the upper left corner of `pixels`, affine order, in metres.
        bands: Names along the band axis, in any order.
        nodata: Of pixels that hold no data; NaN and infinity never do.
        valid: Where pixels hold data, in the shape of `pixels`, or of all but the band axis with 1 in its place.
        margin: How many of the pixels are only there to be seen by others; the result is without them.
        method: `bicubic` or `bilinear`.
        sixty: Smooth the bands of 60 m too.

    Raises:
        PlanError: The pixels do not fit into the bands' cells, such as pixels in degrees.
        UserError: Something else than described was given.
    """
    _check(pixels, bands, margin)
    known = holding(pixels, nodata, valid) & np.isfinite(pixels)
    height, width = pixels.shape[-2:]
    inner = (slice(margin.top, height - margin.bottom), slice(margin.left, width - margin.right))
    out = pixels[(..., *inner)].copy()
    weights = {
        metres: _Weights.of(_axes(transform, height, width, metres), inner, method)
        for metres in {cell_metres(band, sixty=sixty) for band in bands} - {0}
    }
    for number, band in enumerate(bands):
        if metres := cell_metres(band, sixty=sixty):
            for before in np.ndindex(pixels.shape[:-3]):
                at = (*before, number)
                out[at] = _interpolated(pixels[at], known[at], weights[metres], inner, nodata)
    return out


def _check(pixels: NDArray[Any], bands: Sequence[str], margin: Margin) -> None:
    if pixels.ndim not in {3, 4} or pixels.shape[-3] != len(bands):
        raise UserError(
            f"pixels of shape {pixels.shape} and {len(bands)} bands; give (band, row, col) or (time, band, row, col)"
        )
    if pixels.dtype.kind not in "uif":
        raise UserError(f"pixels of type {pixels.dtype} are not smoothed; give whole numbers or floats")
    height, width = pixels.shape[-2:]
    if margin.top + margin.bottom >= height or margin.left + margin.right >= width:
        raise UserError(f"{margin!r} leaves nothing of {height} × {width} pixels")


@dataclass(frozen=True, slots=True)
class _Axis:
    """
    Rows or columns as pixels of cells.

    Attributes:
        cells: For each pixel the cell it lies in, counted from the first.
        places: For each pixel the place of its centre in its cell, from -0.5 to 0.5.
        side: Pixels of a whole cell.
        lacking: Pixels that the first and the last cell lack.
    """

    cells: Ints
    places: Floats
    side: int
    lacking: tuple[int, int]

    @classmethod
    def of(cls, origin: float, pixel: float, count: int, metres: int) -> _Axis:
        side = round(metres / pixel)
        if not 1 <= side <= _MAX_PIXELS or abs(side * pixel - metres) > 1e-6 * metres:
            raise PlanError(
                f"pixels of {pixel:g} do not fit into cells of {metres} m; give a grid in metres whose pixels divide "
                "them, such as 10 m"
            )
        # The remainder of a division is exact, so that a column has the same place in each window.
        centres = origin + (np.arange(count) + 0.5) * pixel
        within = np.mod(centres, metres)
        cells = np.rint((centres - within) / metres).astype(np.int64)
        first, last = (int(round(within[edge] / pixel, 6)) for edge in (0, -1))
        return cls(cells - cells[0], np.round(within, 6) / metres - 0.5, side, (first, side - 1 - last))

    def open(self, reach: int) -> tuple[int, int]:
        """Return how many pixels are wanted before the first and after the last, for cells to be whole."""
        if self.side == 1:
            return 0, 0
        # A pixel behind the centre of its cell looks one cell less far back, and one before it less far on.
        before, after = reach - int(self.places[0] > 0), reach - int(self.places[-1] < 0)
        return self.lacking[0] + before * self.side, self.lacking[1] + after * self.side

    def taps(self, inner: slice, method: str) -> tuple[Ints, Floats]:
        """Return for each pixel of `inner` its cell and the cells around it, (tap, pixel), and their weights."""
        reach = _reach(method)
        places = self.places[inner]
        distance = np.arange(-reach, reach + 1)
        weights = _KERNELS[method](np.abs(distance[:, None] - places))
        return self.cells[inner] + reach + distance[:, None], weights


def _axes(transform: Transform, height: int, width: int, metres: int) -> tuple[_Axis, _Axis]:
    a, b, c, d, e, f = transform
    if b or d or a <= 0 or e >= 0:
        raise PlanError(f"the transform {transform} is not north-up; only north-up grids are smoothed")
    # Down is the direction of rows; the edges of cells are multiples of their side either way.
    return _Axis.of(-f, -e, height, metres), _Axis.of(c, a, width, metres)


@dataclass(frozen=True, slots=True)
class _Weights:
    """What the pixels inside the margin take of which cells, by axis: (tap, pixel); the middle tap is their own."""

    axes: tuple[_Axis, _Axis]
    rows: tuple[Ints, Floats]
    cols: tuple[Ints, Floats]
    reach: int

    @classmethod
    def of(cls, axes: tuple[_Axis, _Axis], inner: tuple[slice, slice], method: str) -> _Weights:
        return cls(axes, axes[0].taps(inner[0], method), axes[1].taps(inner[1], method), _reach(method))


def _interpolated(
    pixels: NDArray[Any], known: Flags, how: _Weights, inner: tuple[slice, slice], nodata: float | None
) -> NDArray[Any]:
    before, there = pixels[inner], known[inner]
    cells, filled = _recovered(pixels, known, how.axes)
    values, full = np.pad(cells, how.reach, mode="symmetric"), np.pad(filled, how.reach, mode="symmetric")
    found = _along(_along(values.T, *how.cols).T, *how.rows)
    if not full.all():
        rows, cols = np.nonzero(_touching(_touching(~full.T, *how.cols).T, *how.rows) & there)
        found[rows, cols] = _renormalised(values, full, how, rows, cols)
    typed = _as_type(found, before.dtype)
    return np.where(there & (typed != nodata if nodata is not None else True), typed, before)


def _along(values: Floats, cells: Ints, weights: Floats) -> Floats:
    """Return the sums of what each pixel takes of the cells along the first axis."""
    middle = len(cells) // 2
    own = values[cells[middle]]
    found: Floats = own.copy()
    for tap, cell in enumerate(cells):
        if tap != middle:
            # As differences to the pixel's own cell: what is constant stays exactly as it is.
            found += weights[tap, :, None] * (values[cell] - own)
    return found


def _touching(marked: Flags, cells: Ints, weights: Floats) -> Flags:
    """Return which pixels take anything of a marked cell along the first axis."""
    takes = [marked[cell] & (weight != 0)[:, None] for cell, weight in zip(cells, weights, strict=True)]
    touching: Flags = np.logical_or.reduce(takes)
    return touching


def _renormalised(values: Floats, full: Flags, how: _Weights, rows: Ints, cols: Ints) -> Floats:
    """Return the values of a list of pixels from those cells around each that hold data, and within their range."""
    own = values[how.rows[0][how.reach][rows], how.cols[0][how.reach][cols]]
    change, total = np.zeros(len(own)), np.zeros(len(own))
    low, high = own.copy(), own.copy()
    for row, by_row in zip(*how.rows, strict=True):
        for col, by_col in zip(*how.cols, strict=True):
            at = row[rows], col[cols]
            weight = by_row[rows] * by_col[cols] * full[at]
            change += weight * (values[at] - own)
            total += weight
            np.minimum(low, values[at], out=low, where=weight != 0)
            np.maximum(high, values[at], out=high, where=weight != 0)
    found: Floats = np.clip(own + change / total, low, high)
    return found


def _recovered(pixels: NDArray[Any], known: Flags, axes: tuple[_Axis, _Axis]) -> tuple[Floats, Flags]:
    """Return the mean of the valid pixels of each cell, 0 where there is none, and where there are any."""
    side, whole = axes[0].side, tuple(axis.lacking for axis in axes)
    known = np.pad(known, whole)
    values = np.where(known, np.pad(pixels, whole), 0).astype(np.float64)
    parts = [(slice(row, None, side), slice(col, None, side)) for row in range(side) for col in range(side)]
    highest = np.full(known[parts[0]].shape, -np.inf)
    for part in parts:
        np.maximum(highest, values[part], out=highest, where=known[part])
    full = np.isfinite(highest)
    highest[~full] = 0.0
    # As differences to one of them: the mean of equal numbers is exactly that number.
    below, count = np.zeros(full.shape), np.zeros(full.shape, np.int64)
    for part in parts:
        np.add(below, values[part] - highest, out=below, where=known[part])
        count += known[part]
    return highest + below / np.maximum(count, 1), full


def _as_type(values: Floats, dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    rounded = np.rint(values)
    # The highest number of 64 bits is no float64; whatever reaches it is set to it.
    found = np.where(rounded >= float(limits.max), 0, np.maximum(rounded, float(limits.min))).astype(dtype)
    return np.where(rounded >= float(limits.max), limits.max, found).astype(dtype)


def _reach(method: str) -> int:
    if method not in REACH:
        raise UserError(f"the method {method!r} is not known; it is one of {', '.join(REACH)}")
    return REACH[method]


def _keys(distance: Floats) -> Floats:
    near = (1.5 * distance - 2.5) * distance**2 + 1.0
    far = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def _triangle(distance: Floats) -> Floats:
    return np.maximum(0.0, 1.0 - distance)


_KERNELS = {"bicubic": _keys, "bilinear": _triangle}
