"""Neighbourhoods as arrays."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import shaped, storage
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.kernels import Kernel
from orchestrator.sandbox.earthengine.evaluate.nodes import NeighbourhoodNode
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand
from orchestrator.sandbox.scenes.catalogue import PixelType


@function("Image.neighborhoodToArray")
def to_array(image: Image, kernel: Kernel, default: float) -> Image:
    """Give the pixels around each pixel as a matrix (y, x), with a default in place of masked ones."""
    name = "Image.neighborhoodToArray"
    if not kernel.is_box:
        raise not_imitated(f"{name}: a kernel that is neither a square nor a rectangle")
    if any(band.type.dimensions for band in image.bands):
        raise EvaluationError(f"{name}: Bands must have scalar values, not array values.")
    return image.with_bands(_around(band, kernel, default) for band in image.bands)


def _around(band: ImageBand, kernel: Kernel, default: float) -> ImageBand:
    gather = partial(_gathered, kernel=kernel, default=_held(default, band.type), kind=band.type)
    node = NeighbourhoodNode(gather, band.node, kernel.reach, band.node.support)
    return replace(band, node=node, type=shaped(band.type, 2))


def _held(value: float, kind: PixelType) -> float:
    """Bring the default into the range of the band: of an integer, without its fraction."""
    if kind.precision != "int":
        return value
    low, high = pixel_types.bounds(kind)
    return min(max(math.trunc(value), low), high)


def _gathered(tile: Tile, grid: Grid, *, kernel: Kernel, default: float, kind: PixelType) -> Tile:
    weights, reach = kernel.weights(grid), kernel.reach(grid)
    dtype = tile.values.dtype if tile.values.dtype.kind == "f" else storage(kind)
    seen = tile.mask() if tile.weight is None else tile.weight > 0
    filled = np.where(seen, tile.values, default).astype(dtype)
    windows = np.lib.stride_tricks.sliding_window_view(filled, weights.values.shape)
    top, left = reach - weights.row, reach - weights.col
    inner = slice(reach, reach + grid.height), slice(reach, reach + grid.width)
    valid = None if tile.valid is None else tile.valid[inner]
    weight = None if tile.weight is None else tile.weight[inner]
    return Tile(windows[top : top + grid.height, left : left + grid.width], valid, weight)
