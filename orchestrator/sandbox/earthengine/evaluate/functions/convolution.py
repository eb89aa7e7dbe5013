"""What a kernel makes of an image: convolutions, zero crossings, entropies, neighbours as bands, distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.distance import distances
from orchestrator.sandbox.earthengine.evaluate.images import default_band
from orchestrator.sandbox.earthengine.evaluate.kernels import Kernel, expect_small
from orchestrator.sandbox.earthengine.evaluate.nodes import NeighbourhoodNode, Node
from orchestrator.sandbox.earthengine.evaluate.projection import Grid, parse_crs
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask, Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image
from orchestrator.sandbox.scenes.catalogue import PixelType

Array = NDArray[Any]
Measure = Callable[..., Tile]
_MOST_BANDS = 4096


def _around(source: Node, kernel: Kernel, measure: Measure, *, always: bool = False) -> Node:
    support = source.support.widened(kernel.widest()) if source.support else None
    return NeighbourhoodNode(partial(measure, kernel=kernel), source, kernel.reach, support, always=always)


def _each(image: Image, kernel: Kernel, measure: Measure, kind: Callable[[PixelType], PixelType]) -> Image:
    return image.with_bands(
        replace(band, node=_around(band.node, kernel, measure), type=kind(band.type)) for band in image.bands
    )


def _fraction(kind: PixelType) -> PixelType:
    return pixel_types.quotient(kind, kind)


def _core(padded: Array, reach: int) -> Array:
    return padded[reach : padded.shape[0] - reach, reach : padded.shape[1] - reach]


def complete(valid: Mask | None, kernel: Kernel, grid: Grid) -> Mask | None:
    """Tell which pixels have a valid pixel under every weight of the kernel."""
    if valid is None:
        return None
    reach = kernel.reach(grid)
    footprint = kernel.weights(grid).centred(reach) != 0
    whole = scipy.ndimage.binary_erosion(valid, footprint) if footprint.any() else np.ones_like(valid)
    return np.asarray(_core(whole, reach))


@function("Image.convolve")
def convolve(image: Image, kernel: Kernel) -> Image:
    """
    Add up the pixels under the kernel times its weights.

    The kernel lies on the pixels as it is written, its first row to the north (Safanelli et al. 2020, whose single
    weight at the upper left takes the neighbour there). Masked where a pixel under a weight is.
    """
    return _each(image, kernel, _convolved, _fraction)


def _convolved(tile: Tile, grid: Grid, *, kernel: Kernel) -> Tile:
    reach = kernel.reach(grid)
    values = tile.values.astype(np.float64)
    if tile.valid is not None:
        values = np.where(tile.valid, values, 0.0)
    found = scipy.ndimage.correlate(values, kernel.weights(grid).centred(reach), mode="constant")
    kind = np.float64 if tile.values.dtype == np.float64 else np.float32
    return Tile(_core(found, reach).astype(kind), complete(tile.valid, kernel, grid))


@function("Image.zeroCrossing")
def zero_crossing(image: Image) -> Image:
    """Mark pixels whose neighbour to the right, below, or below to the right has the opposite sign."""
    bands = []
    for band in image.bands:
        support = band.node.support.widened(1000.0) if band.node.support else None
        node = NeighbourhoodNode(_crossings, band.node, lambda _grid: 1, support)
        bands.append(replace(band, node=node, type=pixel_types.BOOLEAN))
    return image.with_bands(bands)


def _crossings(tile: Tile, grid: Grid) -> Tile:
    del grid
    sign = np.sign(tile.values.astype(np.float64))
    here = sign[1:-1, 1:-1]
    others = (sign[1:-1, 2:], sign[2:, 1:-1], sign[2:, 2:])
    crossing = np.logical_or.reduce([here * other < 0 for other in others])
    valid = tile.valid
    if valid is not None:
        valid = valid[1:-1, 1:-1] & valid[1:-1, 2:] & valid[2:, 1:-1] & valid[2:, 2:]
    return Tile(crossing.view(np.uint8), valid)


@function("Image.entropy")
def entropy(image: Image, kernel: Kernel) -> Image:
    """
    Measure -sum(p log2 p) of how often each value occurs under the kernel's weights that are not zero.

    Raises:
        EvaluationError: If a band holds fractions.
    """
    for band in image.bands:
        if band.type.precision != "int":
            raise EvaluationError(f"Image.entropy: Band '{band.name}' must be of an integer type.")
    return _each(image, kernel, _entropy, lambda _kind: pixel_types.DOUBLE)


def _entropy(tile: Tile, grid: Grid, *, kernel: Kernel) -> Tile:
    reach, offsets = kernel.reach(grid), kernel.offsets(grid)
    stack = np.stack([_shifted(tile.values, reach, row, col) for row, col in offsets])
    stack.sort(axis=0)
    total, run = np.zeros(grid.shape), np.ones(grid.shape)
    for at in range(1, len(stack) + 1):
        ends = np.ones(grid.shape, np.bool_) if at == len(stack) else stack[at] != stack[at - 1]
        share = run / len(stack)
        total -= np.where(ends, share * np.log2(share), 0.0)
        run = np.where(ends, 1.0, run + 1.0)
    return Tile(total, complete(tile.valid, kernel, grid))


def _shifted(padded: Array, reach: int, row: int, col: int) -> Array:
    height, width = padded.shape[0] - 2 * reach, padded.shape[1] - 2 * reach
    return padded[reach + row : reach + row + height, reach + col : reach + col + width]


@function("Image.neighborhoodToBands")
def neighborhood_to_bands(image: Image, kernel: Kernel) -> Image:
    """Give each pixel under a weight that is not zero as a band, `band_x_y` by its place from the kernel's centre."""
    if kernel.metres:
        raise not_imitated("Image.neighborhoodToBands with a kernel in metres")
    expect_small(kernel.pixels)
    offsets = kernel.make(1.0).offsets()
    if len(offsets) * len(image.bands) > _MOST_BANDS:
        raise EvaluationError(
            f"Image.neighborhoodToBands: {len(offsets) * len(image.bands)} bands are more than the {_MOST_BANDS} "
            "this sandbox makes."
        )
    bands = []
    for band in image.bands:
        support = band.node.support.widened(kernel.widest()) if band.node.support else None
        for row, col in offsets:
            reach = max(abs(row), abs(col))
            node = NeighbourhoodNode(
                partial(_neighbour, reach=reach, row=row, col=col), band.node, partial(_constant, reach), support
            )
            bands.append(default_band(f"{band.name}_{col}_{row}", node, band.type, band))
    return image.with_bands(bands)


def _constant(reach: int, grid: Grid) -> int:
    del grid
    return reach


def _neighbour(tile: Tile, grid: Grid, *, reach: int, row: int, col: int) -> Tile:
    del grid
    valid = None if tile.valid is None else _shifted(tile.valid, reach, row, col)
    return Tile(_shifted(tile.values, reach, row, col), valid)


@function("Image.distance")
def distance(image: Image, kernel: Kernel | None, skip_masked: bool) -> Image:
    """Give the distance to the nearest non-zero pixel in the kernel's units; masked beyond its radius."""
    if kernel is None or kernel.metric is None:
        raise not_imitated("Image.distance without a kernel of distances")

    def reach(grid: Grid) -> int:
        expect_small(kernel.radius(grid))
        return int(kernel.radius(grid) + 1e-9)

    bands = []
    for band in image.bands:
        support = band.node.support.widened(kernel.widest()) if band.node.support else None
        measure = partial(_distances, kernel=kernel, reach=reach, skip_masked=skip_masked)
        node = NeighbourhoodNode(measure, band.node, reach, support)
        bands.append(replace(band, node=node, type=pixel_types.FLOAT))
    return image.with_bands(bands)


def _distances(tile: Tile, grid: Grid, *, kernel: Kernel, reach: Callable[[Grid], int], skip_masked: bool) -> Tile:
    assert kernel.metric is not None  # noqa: S101 - established by the caller
    if kernel.metres and parse_crs(grid.crs).is_geographic:
        raise not_imitated("Image.distance in metres on a grid of degrees")
    around = reach(grid)
    filled = (tile.values != 0) & tile.mask()
    if not filled.any():
        return Tile(np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.bool_))
    found = _core(distances(~filled, kernel.metric), around)
    near = found <= kernel.radius(grid) + 1e-9
    if skip_masked and tile.valid is not None:
        near &= _core(tile.valid, around)
    size = grid.projection.nominal_scale() if kernel.metres else 1.0
    return Tile((found * size).astype(np.float32), near)
