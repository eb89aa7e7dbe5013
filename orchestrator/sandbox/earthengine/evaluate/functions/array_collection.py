"""Collections as images of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import array_shapes as shapes
from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.array_bands import array_band
from orchestrator.sandbox.earthengine.evaluate.arrays import Batch, shaped, storage
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.nodes import Node, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Image, ImageBand
from orchestrator.sandbox.scenes.catalogue import PixelType


class StackNode(Node):
    """
    The valid pixels of images as matrices, (image, band): valid everywhere, and without rows where no image is.

    An image is left out of a pixel where any of its bands is masked.
    """

    __slots__ = ("_dtype", "_images", "_width")

    def __init__(self, images: Sequence[Sequence[Node]], kind: PixelType) -> None:
        """Keep the bands of each image, as many of every one."""
        super().__init__([node for image in images for node in image], None)
        self._images = images
        self._width = len(images[0])
        self._dtype = storage(kind)

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        layers, seen = [], []
        for image in self._images:
            scope = pull.scope()
            tiles = [scope.read(node, grid) for node in image]
            valid = np.logical_and.reduce([_whole(tile) for tile in tiles])
            if valid.any():
                layers.append(np.stack([tile.values for tile in tiles], axis=-1))
                seen.append(valid)
        if not layers:
            return Tile(np.zeros((*grid.shape, 0, self._width), self._dtype))
        values, valid = np.stack(layers, axis=2), np.stack(seen, axis=2)  # (height, width, image, band), ... without
        if values.dtype.kind != "f" or self._dtype.kind == "f":
            values = values.astype(self._dtype, copy=False)
        return Tile(_without_gaps(values, valid))


def _whole(tile: Tile) -> Any:
    """Give the mask; whether a fraction of one counts as valid is not told."""
    if tile.weight is not None and ((tile.weight > 0) & (tile.weight < 1)).any():
        raise not_imitated("ImageCollection.toArray: fractional masks")
    return tile.mask() if tile.weight is None else tile.weight > 0


def _without_gaps(values: Any, valid: Any) -> Any:
    """Move the valid rows of each pixel's matrix to the front and drop the others."""
    count = valid.sum(axis=2)
    if count.min() == valid.shape[2]:
        return values
    order = np.argsort(~valid, axis=2, kind="stable")
    packed = np.take_along_axis(values, order[..., np.newaxis], axis=2)
    if count.min() == count.max():
        return packed[:, :, : count.min()]
    found = np.empty(count.shape, object)
    for place in np.ndindex(count.shape):
        found[place] = packed[place][: count[place]]
    return found


@function("ImageCollection.toArray")
def to_array(collection: Collection) -> Image:
    """Give one band `array`, whose matrices have a row per image and a column per band."""
    name = "ImageCollection.toArray"
    images = collection.elements()
    if not images or not images[0].bands:
        raise not_imitated(f"{name}: a collection without bands")
    if len({len(image.bands) for image in images}) > 1:
        raise not_imitated(f"{name}: images of different numbers of bands")
    if any(band.type.dimensions for image in images for band in image.bands):
        raise EvaluationError(f"{name}: Bands must have scalar values, not array values.")
    kind = pixel_types.union(band.type for image in images for band in image.bands)
    node = StackNode([[band.node for band in image.bands] for image in images], kind)
    return Image((ImageBand("array", node, shaped(kind, 2)),))


@function("ImageCollection.toArrayPerBand")
def to_array_per_band(collection: Collection, axis: int, drop_masked: bool) -> Image:
    """Concatenate the images band by band; masked where one of them is."""
    name = "ImageCollection.toArrayPerBand"
    if drop_masked:
        raise not_imitated(f"{name}: 'dropMasked'")
    images = collection.elements()
    if not images or not images[0].bands:
        raise not_imitated(f"{name}: a collection without bands")
    if any(image.names != images[0].names for image in images):
        raise not_imitated(f"{name}: images of different bands")
    return Image(
        tuple(_concatenated(name, [image.bands[at] for image in images], axis) for at in range(len(images[0].bands)))
    )


def _concatenated(name: str, bands: Sequence[ImageBand], axis: int) -> ImageBand:
    dimensions = {band.type.dimensions for band in bands}
    if len(dimensions) > 1 or not 0 <= axis <= min(dimensions):
        raise EvaluationError(
            f"{name}: Bands must have the same dimensions, at least {axis}, found {sorted(dimensions)}."
        )
    kind = shaped(pixel_types.union(band.type for band in bands), max(*dimensions, axis + 1))
    return array_band(bands[0].name, partial(_joined, name=name, axis=axis), kind, *bands)


def _joined(*batches: Batch, name: str, axis: int) -> Batch:
    return shapes.joined(name, batches, axis)
