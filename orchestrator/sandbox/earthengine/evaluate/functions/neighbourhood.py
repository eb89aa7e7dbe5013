"""Reductions of the pixels around each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import common_support
from orchestrator.sandbox.earthengine.evaluate.kernels import Kernel
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, GroupedNode, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer, any_valid, weighed_kinds
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, Weights, both, uniform
from orchestrator.sandbox.earthengine.evaluate.untold import told
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand

_WEIGHTS = frozenset({"mask", "kernel", "min"})
_FLOAT32 = np.dtype(np.float32)


class Neighbourhood(Group):
    """Bands reduced together over the pixels around each pixel."""

    def __init__(
        self, bands: Sequence[ImageBand], reducer: Reducer, kernel: Kernel, weight: str, *, skip: bool
    ) -> None:
        """
        Keep what is reduced.

        Args:
            bands: The reducer's inputs, in order.
            reducer: How.
            kernel: Which pixels lie around a pixel.
            weight: What weighs them, `mask`, `kernel` or `min`.
            skip: Whether a pixel that is masked itself stays so.
        """
        self._bands = bands
        self._reducer = reducer
        self._kernel = kernel
        self._weight = weight
        self._skip = skip

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[int]) -> dict[int, Tile]:
        """Reduce; outputs are numbered."""
        reach = self._kernel.reach(grid)
        tiles = [pull.read(band.node, grid.padded(reach)) for band in self._bands]
        records = self._records(tiles, grid, reach)
        dtype = np.result_type(*(tile.values.dtype for tile in tiles))
        found = self._reducer.reduce(records, dtype)
        valid = None
        if self._skip:
            for tile in tiles:
                seen = tile.seen()
                valid = both(valid, None if seen is None else _part(seen, grid, reach, 0, 0))
        any_seen = any_valid([_seen(record) for record in records])
        answers = {}
        for at in wanted:
            tile = told(found[at])
            answers[at] = Tile(tile.values, both(both(tile.valid, any_seen), valid))
        return answers

    def _records(self, tiles: Sequence[Tile], grid: Grid, reach: int) -> list[list[Tile]]:
        weights = self._kernel.weights(grid)
        matrix = weights.centred(reach)
        heeds = any(self._reducer.weighted)
        # Where all weights are one, or nobody heeds them, masks are enough.
        plain = not heeds or (self._weight == "kernel" and set(matrix[matrix != 0].tolist()) == {1.0})
        if heeds and not plain and (matrix < 0).any():
            raise not_imitated("Image.reduceNeighborhood: a kernel of negative weights")
        records = []
        for row, col in weights.offsets():
            share = None if plain else float(matrix[reach + row, reach + col])
            records.append([self._neighbour(tile, grid, reach, (row, col), share) for tile in tiles])
        return records

    def _neighbour(self, tile: Tile, grid: Grid, reach: int, offset: tuple[int, int], share: float | None) -> Tile:
        """Give the tile of the pixels that lie at an offset from those of the window, with their weights."""
        values = _part(tile.values, grid, reach, *offset)
        seen = tile.seen()
        valid = None if seen is None else _part(seen, grid, reach, *offset)
        if share is None:
            return Tile(values, valid)
        kernel: Weights = uniform(np.float32(share), grid.shape, _FLOAT32)
        mask = np.asarray(_part(tile.weights(), grid, reach, *offset), np.float32)
        if self._weight == "kernel":
            return Tile(values, valid, kernel if valid is None else np.where(valid, kernel, np.float32(0)))
        return Tile(values, valid, mask if self._weight == "mask" else np.minimum(mask, kernel))


def _part(whole: Any, grid: Grid, reach: int, row: int, col: int) -> Any:
    return whole[reach + row : reach + row + grid.height, reach + col : reach + col + grid.width]


def _seen(record: Sequence[Tile]) -> Tile:
    valid = None
    for tile in record:
        valid = both(valid, tile.seen())
    return Tile(record[0].values, valid)


@function("Image.reduceNeighborhood")
def reduce_neighborhood(
    image: Image, reducer: Reducer, kernel: Kernel, weight: str, skip_masked: bool, optimization: str | None
) -> Image:
    """Reduce each band around each pixel, or all bands together; outputs of each band are named after both."""
    name = "Image.reduceNeighborhood"
    if weight not in _WEIGHTS:
        raise EvaluationError(f"{name}: inputWeight must be 'mask', 'kernel' or 'min', found '{weight}'.")
    if optimization not in {None, "boxcar", "window"}:
        raise EvaluationError(f"{name}: optimization must be 'boxcar' or 'window', found '{optimization}'.")
    if reducer.inputs > 1 and reducer.inputs != len(image.bands):
        raise EvaluationError(
            f"{name}: The reducer has {reducer.inputs} inputs, but the image has {len(image.bands)} bands."
        )
    together = [image.bands] if reducer.inputs > 1 else [(band,) for band in image.bands]
    bands: list[ImageBand] = []
    for group in together:
        prefix = "" if reducer.inputs > 1 else f"{group[0].name}_"
        bands += _reduced(
            group, prefix, reducer, Neighbourhood(group, reducer, kernel, weight, skip=skip_masked), kernel
        )
    return image.with_bands(bands)


def _reduced(
    bands: Sequence[ImageBand], prefix: str, reducer: Reducer, group: Neighbourhood, kernel: Kernel
) -> list[ImageBand]:
    kind = pixel_types.union(band.type for band in bands)
    nodes = [band.node for band in bands]
    support = common_support(*nodes)
    wide = None if support is None else support.widened(kernel.widest())
    found = []
    for at, (output, result) in enumerate(zip(reducer.outputs, weighed_kinds(reducer, kind, 1 << 15), strict=True)):
        found.append(replace(bands[0], name=prefix + output, node=GroupedNode(group, at, nodes, wide), type=result))
    return found
