"""Bilinear and bicubic interpolation of a band between the pixels of its own lattice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.nodes import Node, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid, Projection
from orchestrator.sandbox.earthengine.evaluate.resampling import locate
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, empty

Floats = NDArray[np.floating[Any]]


class InterpolatedNode(Node):
    """A band whose pixels are blended where they are asked on another lattice than its own."""

    __slots__ = ("lattice", "mode")

    def __init__(self, source: Node, lattice: Projection, mode: str) -> None:
        """Keep the band's own lattice and the mode, `bilinear` or `bicubic`."""
        wide = 4 * lattice.nominal_scale()
        super().__init__((source,), source.support.widened(wide) if source.support else None)
        self.lattice = lattice
        self.mode = mode

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        source = self._level(grid.projection)
        if (native := grid.on(source)) is not None:
            return pull.read(self.inputs[0], native)
        places = locate(grid, source)
        rows, cols = places.rows - 0.5, places.cols - 0.5
        if places.separable:
            rows, cols = np.broadcast_arrays(rows[:, None], cols[None, :])
        if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
            return empty(grid.shape, np.dtype(np.float32))
        return self._blend(pull, source, rows, cols)

    def _level(self, wanted: Projection) -> Projection:
        """Like a nearest read, start from the pyramid level that is not coarser than what is asked."""
        ratio = wanted.nominal_scale() / self.lattice.nominal_scale()
        level = max(0, int(np.floor(np.log2(max(ratio, 1e-9)) + 1e-6)))
        return self.lattice.coarsened(2**level)

    def _blend(self, pull: Pull, source: Projection, rows: Floats, cols: Floats) -> Tile:
        around = 1 if self.mode == "bilinear" else 2
        row0, col0 = np.floor(rows).astype(np.int64), np.floor(cols).astype(np.int64)
        top, left = int(row0.min()) - around + 1, int(col0.min()) - around + 1
        height, width = int(row0.max()) + around + 1 - top, int(col0.max()) + around + 1 - left
        tile = pull.read(self.inputs[0], Grid(source, top, left, height, width))
        mask = tile.mask()
        row_weights = _weights(rows - row0, self.mode)
        col_weights = _weights(cols - col0, self.mode)
        total, weight = np.zeros(rows.shape), np.zeros(rows.shape)
        for dr, row_weight in enumerate(row_weights):
            for dc, col_weight in enumerate(col_weights):
                at = (row0 - top - around + 1 + dr, col0 - left - around + 1 + dc)
                share = row_weight * col_weight * mask[at]
                total += share * np.where(mask[at], tile.values[at], 0)
                weight += share
        nearest = mask[np.floor(rows + 0.5).astype(np.int64) - top, np.floor(cols + 0.5).astype(np.int64) - left]
        valid = nearest & (weight > 1e-6)
        values = np.divide(total, weight, out=np.zeros_like(total), where=valid)
        return Tile(values.astype(_fraction_type(tile.values.dtype)), valid)


def _fraction_type(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    return np.float64 if dtype == np.float64 else np.float32


def _weights(part: Floats, mode: str) -> list[Floats]:
    """Weights of the pixels from left to right; for bicubic, Keys' kernel with a = -0.5."""
    if mode == "bilinear":
        return [1 - part, part]
    distances = (part + 1, part, 1 - part, 2 - part)
    return [_keys(distance) for distance in distances]


def _keys(distance: Floats) -> Floats:
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance <= 1, near, far)
