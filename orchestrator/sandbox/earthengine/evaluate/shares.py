"""How much of each pixel of one lattice the pixels of another cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.projection import Floats, Grid, Projection, reproject_points

Indexes = NDArray[np.int64]

_SNAP = 1e-6  # pixels; corners closer than this to a lattice line lie on it
_EDGES = 4  # pieces of a side of a wanted pixel, so that it may bend


@dataclass(frozen=True, slots=True)
class Covering:
    """
    The source pixels under wanted pixels: for each, a window of the same size.

    Attributes:
        top: First row of each wanted pixel's window, (height, width).
        left: First column, (height, width).
        rows: How many rows a window has.
        cols: How many columns.
        grid: The wanted pixels.
        source: The lattice of the source pixels.
        separable: Whether shares are products of a share of rows and one of columns.
    """

    top: Indexes
    left: Indexes
    rows: int
    cols: int
    grid: Grid
    source: Projection
    corners: tuple[Floats, Floats]
    separable: bool

    def window(self) -> Grid:
        """Give the window of the source lattice that holds all of them."""
        row, col = int(self.top.min()), int(self.left.min())
        height, width = int(self.top.max()) + self.rows - row, int(self.left.max()) + self.cols - col
        return Grid(self.source, row, col, height, width)

    def share(self, down: int, right: int) -> NDArray[np.float64]:
        """Give the fraction of each wanted pixel that the source pixel at an offset in its window covers."""
        row, col = self.top + down, self.left + right
        x, y = self.corners
        if self.separable:
            across = _overlap(x.min(axis=-1), x.max(axis=-1), col)
            return _overlap(y.min(axis=-1), y.max(axis=-1), row) * across
        wanted = shapely.polygons(np.stack([x, y], axis=-1))
        part = shapely.area(shapely.intersection(wanted, shapely.box(col, row, col + 1, row + 1)))
        return np.asarray(part / shapely.area(wanted))


def _overlap(start: Floats, end: Floats, pixel: Indexes) -> NDArray[np.float64]:
    return np.asarray(np.clip(np.minimum(end, pixel + 1) - np.maximum(start, pixel), 0, None) / (end - start))


def covering(grid: Grid, source: Projection) -> Covering:
    """
    Find the source pixels that wanted pixels overlap.

    Raises:
        EvaluationError: If a wanted pixel has no place on the source lattice.
    """
    x, y = _outlines(grid, source)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise EvaluationError("Image.reduceResolution: A pixel lies outside of the input's projection.")
    left, top = (np.floor(part.min(axis=-1) + _SNAP).astype(np.int64) for part in (x, y))
    right, bottom = (np.ceil(part.max(axis=-1) - _SNAP).astype(np.int64) for part in (x, y))
    rows, cols = int((bottom - top).max()), int((right - left).max())
    target = grid.projection
    separable = target.crs == source.crs and target.is_axis_aligned and source.is_axis_aligned
    return Covering(top, left, max(rows, 1), max(cols, 1), grid, source, (x, y), separable)


def _outlines(grid: Grid, source: Projection) -> tuple[Floats, Floats]:
    """Give the outline of each wanted pixel in source pixels, (height, width, corner)."""
    side = np.arange(_EDGES) / _EDGES
    zero, one = np.zeros(_EDGES), np.ones(_EDGES)
    right = np.concatenate([side, one, 1 - side, zero])
    down = np.concatenate([zero, side, one, 1 - side])
    rows = np.arange(grid.row, grid.row + grid.height)[:, None, None] + down
    cols = np.arange(grid.col, grid.col + grid.width)[None, :, None] + right
    every_col, every_row = np.broadcast_arrays(cols, rows)
    x, y = grid.projection.world(every_col, every_row)
    there = reproject_points(grid.crs, source.crs, x.ravel(), y.ravel())
    found = source.pixel(*there)
    return found[0].reshape(x.shape), found[1].reshape(x.shape)
