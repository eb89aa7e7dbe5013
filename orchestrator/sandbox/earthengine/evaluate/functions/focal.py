"""Focal filters: the least, greatest, mean, middle or most frequent value around each pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.functions.reducer import REDUCERS
from orchestrator.sandbox.earthengine.evaluate.kernels import Kernel, shaped
from orchestrator.sandbox.earthengine.evaluate.nodes import NeighbourhoodNode
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.support import Support
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image
from orchestrator.sandbox.scenes.catalogue import PixelType

Array = NDArray[Any]
Filter = Callable[..., Tile]
_MOST_ITERATIONS = 256  # each makes the window wider by the kernel


def around(
    image: Image, kernel: Kernel, iterations: int, filtered: Filter, kind: Callable[[PixelType], PixelType]
) -> Image:
    if not 1 <= iterations <= _MOST_ITERATIONS:
        raise EvaluationError(
            f"Focal filters take between 1 and {_MOST_ITERATIONS} iterations in this sandbox, found {iterations}."
        )
    bands = []
    for band in image.bands:
        node = band.node
        for _ in range(iterations):
            node = NeighbourhoodNode(
                partial(filtered, kernel=kernel), node, kernel.reach, _widened(node.support, kernel)
            )
        bands.append(replace(band, node=node, type=kind(band.type)))
    return image.with_bands(bands)


def _widened(support: Support | None, kernel: Kernel) -> Support | None:
    return None if support is None else support.widened(kernel.widest())


def _extreme(tile: Tile, grid: Grid, *, kernel: Kernel, operation: np.ufunc, greatest: bool) -> Tile:
    """Least or greatest valid value; valid where any pixel around is."""
    values = tile.values
    if tile.valid is not None:
        values = np.where(tile.valid, values, _neutral(values.dtype, greatest=greatest))
    found = _swept(values, kernel, grid, operation)
    return Tile(found, None if tile.valid is None else _swept(tile.valid, kernel, grid, np.logical_or))


def _neutral(dtype: np.dtype[Any], *, greatest: bool) -> Any:
    if dtype.kind == "f":
        return dtype.type(-np.inf if greatest else np.inf)
    limits = np.iinfo(dtype)
    return dtype.type(limits.min if greatest else limits.max)


def _swept(padded: Array, kernel: Kernel, grid: Grid, operation: np.ufunc) -> Array:
    """
    Combine the pixels of a kernel by an idempotent operation.

    The run of a row grows pixel by pixel and is used by every row of the kernel that is as wide: 4 r operations on
    whole arrays instead of pi r^2.
    """
    reach = kernel.reach(grid)
    spans = kernel.spans(grid)
    if spans is None:
        return _by_offsets(padded, kernel, grid, operation)
    height, width = padded.shape[0] - 2 * reach, padded.shape[1] - 2 * reach
    run = padded[:, reach : reach + width].copy()
    out: Array | None = None
    for half in range(reach + 1):
        if half:
            operation(run, padded[:, reach - half : reach - half + width], out=run)
            operation(run, padded[:, reach + half : reach + half + width], out=run)
        for row in (row for row, wide in spans if wide == half):
            part = run[reach + row : reach + row + height]
            out = part.copy() if out is None else operation(out, part, out=out)
    assert out is not None  # noqa: S101 - the centre belongs to every kernel
    return out


def _views(padded: Array, kernel: Kernel, grid: Grid) -> list[Array]:
    reach = kernel.reach(grid)
    height, width = padded.shape[0] - 2 * reach, padded.shape[1] - 2 * reach
    if not kernel.offsets(grid):
        raise EvaluationError("Kernel: All weights are zero.")
    return [
        padded[reach + row : reach + row + height, reach + col : reach + col + width]
        for row, col in kernel.offsets(grid)
    ]


def _by_offsets(padded: Array, kernel: Kernel, grid: Grid, operation: np.ufunc) -> Array:
    first, *others = _views(padded, kernel, grid)
    out = first.copy()
    for view in others:
        operation(out, view, out=out)
    return out


def _reduced(tile: Tile, grid: Grid, *, kernel: Kernel, reducer: Reducer) -> Tile:
    return reducer.reduce([[each] for each in _stack(tile, grid, kernel)], tile.values.dtype)[0]


def _median(tile: Tile, grid: Grid, *, kernel: Kernel) -> Tile:
    """Give the middle value; of whole numbers, the mean of two is rounded (release notes of Earth Engine)."""
    found = _reduced(tile, grid, kernel=kernel, reducer=REDUCERS["median"])
    if tile.values.dtype.kind == "f":
        return found
    return replace(found, values=np.floor(found.values + 0.5).astype(tile.values.dtype))


def _stack(tile: Tile, grid: Grid, kernel: Kernel) -> list[Tile]:
    views = _views(tile.values, kernel, grid)
    masks: list[Any] = [None] * len(views) if tile.valid is None else _views(tile.valid, kernel, grid)
    return [Tile(values, mask) for values, mask in zip(views, masks, strict=True)]


def _register(name: str, filtered: Filter, kind: Callable[[PixelType], PixelType], *aliases: str) -> None:
    def apply(image: Image, radius: float, shape: str, units: str, iterations: int, kernel: Kernel | None) -> Image:
        return around(image, kernel or shaped(shape, radius, units), iterations, filtered, kind)

    function(f"Image.{name}", *aliases)(apply)


def _same(kind: PixelType) -> PixelType:
    return kind


def _fraction(kind: PixelType) -> PixelType:
    return pixel_types.quotient(kind, kind)


_register("focalMax", partial(_extreme, operation=np.maximum, greatest=True), _same, "Image.focal_max")
_register("focalMin", partial(_extreme, operation=np.minimum, greatest=False), _same, "Image.focal_min")
_register("focalMean", partial(_reduced, reducer=REDUCERS["mean"]), _fraction, "Image.focal_mean")
_register("focalMedian", _median, _same, "Image.focal_median")
_register("focalMode", partial(_reduced, reducer=REDUCERS["mode"]), _same, "Image.focal_mode")
