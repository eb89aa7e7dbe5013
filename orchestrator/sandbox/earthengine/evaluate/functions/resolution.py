"""Pixels made of all the finer pixels that they cover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import common_support
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, GroupedNode, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import DEFAULT_PROJECTION, Grid, Projection
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer, weighed_kinds
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.shares import Covering, covering
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, assembled, empty
from orchestrator.sandbox.earthengine.evaluate.untold import told
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand

_SLIVER = 1e-9  # of a pixel: rounding, not a share
_REACH = 5_000.0  # metres: half of a pixel that is large enough for anything
_STACK_VALUES = 1 << 22  # pixels combined at once


class Combination(Group):
    """Bands whose pixels are combined into those of the asked grid, weighed by mask and covered share."""

    def __init__(self, bands: Sequence[ImageBand], reducer: Reducer, most: int, *, best_effort: bool) -> None:
        """Keep the reducer's inputs in order, how they are reduced, and how many pixels may be combined into one."""
        self._bands = bands
        self._reducer = reducer
        self._most = most
        self._best_effort = best_effort

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[int]) -> dict[int, Tile]:
        """Reduce; outputs are numbered."""
        lattice = self._lattice(grid.projection)
        found = covering(grid, lattice)
        if found.rows * found.cols * grid.height * grid.width > _STACK_VALUES and grid.height * grid.width > 1:
            halves = grid.halves()
            parts = [self.compute_all(pull.scope(), half, wanted) for half in halves]
            return {at: assembled(grid, list(zip(halves, (part[at] for part in parts), strict=True))) for at in wanted}
        window = found.window()
        tiles = [pull.read(band.node, window) for band in self._bands]
        dtype = np.result_type(*(tile.values.dtype for tile in tiles))
        records = _records(found, window, tiles)
        results = self._reducer.reduce(records, dtype)
        answers = {}
        for at in wanted:
            tile = told(results[at])
            answers[at] = Tile(tile.values, tile.valid)
        return answers

    def _lattice(self, asked: Projection) -> Projection:
        """
        Choose the input's own lattice, or with best effort a coarser one.

        Raises:
            EvaluationError: If too many pixels would be combined.
        """
        own = self._bands[0].projection
        ratio = (asked.nominal_scale() / own.nominal_scale()) ** 2
        # A breath of tolerance, because 80 m on a globe may be a little more than eight times ten.
        if ratio <= self._most * 1.01:
            return own
        if not self._best_effort:
            raise EvaluationError(
                "Image.reduceResolution: Too many input pixels per output pixel. "
                f"Found {math.ceil(ratio)}, but maxPixels allows only {self._most}."
            )
        return own.coarsened(2 ** math.ceil(math.log2(ratio / self._most) / 2 - 1e-9))


def _records(found: Covering, window: Grid, tiles: Sequence[Tile]) -> list[list[Tile]]:
    """Give a record for each place in the windows under the wanted pixels."""
    records = []
    for down in range(found.rows):
        for right in range(found.cols):
            share = found.share(down, right)
            if not (share > _SLIVER).any():
                continue
            # A window at the edge may be smaller than the widest one: what it lacks has no share.
            rows = np.minimum(found.top + down - window.row, window.height - 1)
            cols = np.minimum(found.left + right - window.col, window.width - 1)
            records.append([_taken(tile, rows, cols, np.where(share > _SLIVER, share, 0)) for tile in tiles])
    return records or [[empty(found.grid.shape, tile.values.dtype) for tile in tiles]]


def _taken(tile: Tile, rows: Any, cols: Any, share: Any) -> Tile:
    weight = (np.asarray(tile.weights()[rows, cols], np.float64) * share).astype(np.float32)
    return Tile(tile.values[rows, cols], weight > 0, weight)


@function("Image.reduceResolution")
def reduce_resolution(image: Image, reducer: Reducer, best_effort: bool, most: int) -> Image:
    """
    Combine the pixels of an image wherever it is asked in another projection.

    Outputs are named after the bands, after both if there are several, and by themselves if all bands are inputs.
    """
    name = "Image.reduceResolution"
    if reducer.inputs > 1 and reducer.inputs != len(image.bands):
        raise EvaluationError(
            f"{name}: The reducer has {reducer.inputs} inputs, but the image has {len(image.bands)} bands."
        )
    if len({band.projection for band in image.bands}) > 1 and reducer.inputs > 1:
        raise not_imitated(f"{name}: several inputs of different projections")
    if any(band.projection == DEFAULT_PROJECTION for band in image.bands):
        raise not_imitated(f"{name}: an image without a projection of its own, such as a composite,")
    if most < 1:
        raise EvaluationError(f"{name}: maxPixels must be positive, found {most}.")
    groups = [image.bands] if reducer.inputs > 1 else [(band,) for band in image.bands]
    bands: list[ImageBand] = []
    for inputs in groups:
        group = Combination(inputs, reducer, most, best_effort=best_effort)
        kind = pixel_types.union(band.type for band in inputs)
        nodes = [band.node for band in inputs]
        support = common_support(*nodes)
        wide = None if support is None else support.widened(_REACH)
        for at, (output, result) in enumerate(zip(reducer.outputs, weighed_kinds(reducer, kind, most), strict=True)):
            label = _label(inputs[0].name, output, reducer)
            bands.append(replace(inputs[0], name=label, node=GroupedNode(group, at, nodes, wide), type=result))
    return image.with_bands(bands)


def _label(band: str, output: str, reducer: Reducer) -> str:
    if reducer.inputs > 1:
        return output
    return band if len(reducer.outputs) == 1 else f"{band}_{output}"
