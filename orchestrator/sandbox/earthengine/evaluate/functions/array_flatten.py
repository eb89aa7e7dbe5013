"""Arrays as bands of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.array_bands import expect_arrays, in_pieces, over_pixels
from orchestrator.sandbox.earthengine.evaluate.arrays import Batch, shaped
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, shown
from orchestrator.sandbox.earthengine.evaluate.images import default_band
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, GroupedNode, Node, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image


class Flattening(Group):
    """The elements of arrays of one shape as bands of numbers."""

    def __init__(self, source: Node, lengths: tuple[int, ...]) -> None:
        """Keep the band of arrays and the lengths they must have."""
        self._source = source
        self._lengths = lengths

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[int]) -> dict[int, Tile]:
        """Compute the wanted elements, counted in row order."""
        tile = in_pieces(self._flat, pull, grid)
        if tile.values.ndim == 2:  # nowhere valid
            return dict.fromkeys(wanted, tile)
        return {at: Tile(tile.values[..., at], tile.valid, tile.weight) for at in wanted}

    def _flat(self, pull: Pull, grid: Grid) -> Tile:
        return over_pixels(self._elements, [pull.read(self._source, grid)])

    def _elements(self, batch: Batch) -> Batch:
        if batch.shape[1:] != self._lengths:
            raise EvaluationError(
                f"Image.arrayFlatten: The labels are for arrays of {list(self._lengths)}, "
                f"found one of {list(batch.shape[1:])}."
            )
        return batch.reshape(len(batch), -1)


@function("Image.arrayFlatten")
def flatten(image: Image, labels: list[Any], separator: str) -> Image:
    """Give a band for each element of equally long arrays."""
    name = "Image.arrayFlatten"
    if len(image.bands) != 1:
        raise EvaluationError(f"{name}: The image must have one band, found {len(image.bands)}.")
    if not all(isinstance(axis, list) and all(isinstance(label, str) for label in axis) for axis in labels):
        raise EvaluationError(f"{name}: The labels must be a list of texts for each axis, found: {shown(labels)}.")
    expect_arrays(name, image.bands, len(labels))
    (band,) = image.bands
    group = Flattening(band.node, tuple(len(axis) for axis in labels))
    names = [separator.join(map(str, parts)) for parts in itertools.product(*labels)]
    if len(set(names)) != len(names):
        raise EvaluationError(f"{name}: The labels give two bands the same name.")
    kind = shaped(band.type, 0)
    return image.with_bands(
        default_band(label, GroupedNode(group, at, (band.node,), band.node.support), kind, band)
        for at, label in enumerate(names)
    )
