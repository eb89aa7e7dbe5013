"""
Which source pixel stands under the centre of each wanted pixel.

Everything is computed from absolute pixel numbers of the wanted lattice, never from the window, so that a pixel has
one value whatever window it is asked in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.projection import Floats, Grid, Projection, reproject_points
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, assembled, empty, picked

Indexes = NDArray[np.int64]

_TIE = 1e-6  # pixels; a centre on a boundary belongs to the pixel right and below, in spite of rounding
_EARTH_RADIUS = 6.4e6
_MESH_ERROR = 0.005  # pixels; how far an interpolated transform may be off
_MAX_MESH = 32
_MAX_SOURCE_PIXELS = 1 << 22  # at once
_HOPELESS_PIXELS = 1 << 31  # for one window


@dataclass(frozen=True, slots=True)
class Places:
    """
    Fractional source coordinates of wanted pixel centres.

    `separable`: rows is (height,) and cols is (width,). Otherwise both are (height, width).
    """

    rows: Floats
    cols: Floats
    separable: bool


def locate(grid: Grid, source: Projection) -> Places:
    """Find the source (row, col), as fractions, of the centre of each pixel of `grid`."""
    rows = np.arange(grid.row, grid.row + grid.height) + 0.5
    cols = np.arange(grid.col, grid.col + grid.width) + 0.5
    target = grid.projection
    if target.crs == source.crs and target.is_axis_aligned and source.is_axis_aligned:
        x, y = target.world(cols, np.zeros(1)), target.world(np.zeros(1), rows)
        found_cols, _ = source.pixel(x[0], np.full(1, source.transform[5]))
        _, found_rows = source.pixel(np.full(1, source.transform[2]), y[1])
        return Places(found_rows, found_cols, separable=True)
    step = _mesh_step(target, source)
    if step < 4:
        return Places(*_exact(target, source, rows[:, None], cols[None, :]), separable=False)
    return Places(*_interpolated(grid, source, step), separable=False)


def _exact(target: Projection, source: Projection, rows: Floats, cols: Floats) -> tuple[Floats, Floats]:
    every_col, every_row = (part.astype(np.float64) for part in np.broadcast_arrays(cols, rows))
    x, y = target.world(every_col, every_row)
    found_cols, found_rows = source.pixel(*reproject_points(target.crs, source.crs, x, y))
    return found_rows, found_cols


def _mesh_step(target: Projection, source: Projection) -> int:
    """Largest power of two of pixels over which a transform bends less than the allowed error."""
    scale = target.nominal_scale()
    ratio = max(1.0, scale / source.nominal_scale())
    longest = np.sqrt(_MESH_ERROR * 8 * _EARTH_RADIUS / (scale * ratio))
    return int(2 ** np.floor(np.log2(max(1.0, min(longest, _MAX_MESH)))))


def _interpolated(grid: Grid, source: Projection, step: int) -> tuple[Floats, Floats]:
    first_row, first_col = grid.row // step, grid.col // step
    knot_rows = np.arange(first_row, (grid.row + grid.height) // step + 2, dtype=np.float64) * step
    knot_cols = np.arange(first_col, (grid.col + grid.width) // step + 2, dtype=np.float64) * step
    knots = _exact(grid.projection, source, knot_rows[:, None], knot_cols[None, :])
    row_cell, row_part = _cells(grid.row, grid.height, step)
    col_cell, col_part = _cells(grid.col, grid.width, step)
    found = []
    for knot in knots:
        # Rows first, then columns: two narrow passes instead of four wide ones.
        low, high = knot[row_cell - first_row], knot[row_cell - first_row + 1]
        strips = low + (high - low) * row_part[:, None]
        left, right = strips[:, col_cell - first_col], strips[:, col_cell - first_col + 1]
        found.append(left + (right - left) * col_part[None, :])
    return found[0], found[1]


def _cells(start: int, count: int, step: int) -> tuple[Indexes, Floats]:
    numbers = np.arange(start, start + count)
    cells = numbers // step
    return cells, (numbers - cells * step + 0.5) / step


def gather(grid: Grid, source: Projection, read: Callable[[Grid], Tile]) -> Tile:
    """
    Fill `grid` by nearest neighbour from another lattice.

    Args:
        grid: The wanted window.
        source: The lattice `read` answers on.
        read: Gives a tile for a window of the source lattice.

    A source window too large for memory is taken in pieces.

    Raises:
        EvaluationError: If the window needs so many source pixels that it would never be done.
    """
    places = locate(grid, source)
    finite = bool(np.isfinite(places.rows).all() and np.isfinite(places.cols).all())
    rows, cols, seen = _indexes(places, finite=finite)
    if seen is not None and not seen.any():
        return empty(grid.shape, np.dtype(np.float32))
    row0, row1 = int(rows.min()), int(rows.max()) + 1
    col0, col1 = int(cols.min()), int(cols.max()) + 1
    if (row1 - row0) * (col1 - col0) > _HOPELESS_PIXELS:
        raise EvaluationError(f"Reprojection output too large ({col1 - col0}x{row1 - row0} pixels).")
    if (row1 - row0) * (col1 - col0) > _MAX_SOURCE_PIXELS and grid.height * grid.width > 1:
        return assembled(grid, [(half, gather(half, source, read)) for half in grid.halves()])
    tile = read(Grid(source, row0, col0, row1 - row0, col1 - col0))
    return picked(tile, rows - row0, cols - col0, separable=places.separable, seen=seen)


def _indexes(places: Places, *, finite: bool) -> tuple[Indexes, Indexes, NDArray[np.bool_] | None]:
    if finite:
        rows, cols = (np.floor(part + _TIE).astype(np.int64) for part in (places.rows, places.cols))
        return rows, cols, None
    seen = np.isfinite(places.rows) & np.isfinite(places.cols)
    if not seen.any():
        return np.zeros(1, np.int64), np.zeros(1, np.int64), seen
    anchor_row, anchor_col = places.rows[seen][0], places.cols[seen][0]
    rows = np.floor(np.where(seen, places.rows, anchor_row) + _TIE).astype(np.int64)
    cols = np.floor(np.where(seen, places.cols, anchor_col) + _TIE).astype(np.int64)
    return rows, cols, seen
