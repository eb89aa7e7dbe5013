"""Images out of collections: reductions and mosaics; and images reduced over their bands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.composite import (
    Bands,
    JointReduction,
    Mosaic,
    QualityMosaic,
    Reduction,
    band_kinds,
    grouped_band,
    nodes_by_name,
)
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.functions.nearby import Nearby, is_only_near
from orchestrator.sandbox.earthengine.evaluate.functions.reducer import REDUCERS
from orchestrator.sandbox.earthengine.evaluate.images import default_band
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, PointwiseNode
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.untold import told
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Image


def reduced(collection: Collection, reducer: Reducer, *, suffixed: bool) -> Image:
    """
    Reduce each band over the images, or all bands together if the reducer has several inputs.

    An empty collection gives an image without bands, as the service does.
    """
    images = _known(collection)
    if reducer.inputs > 1:
        return _together(collection, images, reducer) if images else Image(())
    kinds = band_kinds(images)
    group, nodes = _grouped(collection, images, lambda some: Reduction(some, reducer, kinds))
    bands = []
    for name, kind in kinds.items():
        for at, (output, result) in enumerate(zip(reducer.outputs, reducer.kinds(kind, len(images)), strict=True)):
            label = f"{name}_{output}" if suffixed else name
            bands.append(grouped_band(label, group, (name, at), nodes, result))
    return Image(tuple(bands))


def _known(collection: Collection) -> list[Image]:
    """Give the images that tell the bands: all of them, or the first where they are too many to look at."""
    return collection.head(1) if is_only_near(collection) else collection.elements()


def _grouped(
    collection: Collection, images: Sequence[Image], composite: Callable[[Sequence[Bands]], Group]
) -> tuple[Group, Sequence[Bands]]:
    """Make a composite of the images of a collection; return it and the bands of each image that are known now."""
    if is_only_near(collection):
        return Nearby(collection, lambda near: composite(nodes_by_name(near))), ()
    nodes = nodes_by_name(images)
    return composite(nodes), nodes


def _together(collection: Collection, images: list[Image], reducer: Reducer) -> Image:
    """Reduce the bands of each image, in order, as one record; outputs keep their own names."""
    names = images[0].names
    if len(names) != reducer.inputs or any(image.names != names for image in images):
        raise EvaluationError(
            f"ImageCollection.reduce: The reducer has {reducer.inputs} inputs, but the images have {len(names)} bands."
        )
    kinds = band_kinds(images)
    group, nodes = _grouped(collection, images, lambda some: JointReduction(some, names, reducer))
    results = reducer.kinds(pixel_types.union(kinds.values()), len(images))
    bands = []
    for at, (output, kind) in enumerate(zip(reducer.outputs, results, strict=True)):
        made = grouped_band(output, group, (names[0], at), nodes, kind, *names[1:])
        bands.append(made)
    return Image(tuple(bands))


def _register(name: str, reducer: Reducer) -> None:
    function(f"reduce.{name}")(lambda collection: reduced(collection, reducer, suffixed=False))


for _name in ("median", "mean", "sum", "count", "min", "max", "mode", "product"):
    _register(_name, REDUCERS[_name])
_register("and", REDUCERS["allNonZero"])
_register("or", REDUCERS["anyNonZero"])


@function("ImageCollection.reduce")
def reduce_collection(collection: Collection, reducer: Reducer, parallel: float) -> Image:
    del parallel
    return reduced(collection, reducer, suffixed=True)


@function("ImageCollection.mosaic")
def mosaic(collection: Collection) -> Image:
    images = _known(collection)
    kinds = band_kinds(images)
    group, nodes = _grouped(collection, images, lambda some: Mosaic(some, kinds))
    return Image(tuple(grouped_band(name, group, (name, 0), nodes, kind) for name, kind in kinds.items()))


@function("ImageCollection.qualityMosaic")
def quality_mosaic(collection: Collection, quality: str) -> Image:
    images = _known(collection)
    for image in images:
        if image.band(quality) is None:
            raise EvaluationError(f"ImageCollection.qualityMosaic: Band '{quality}' not found in {image.names}.")
    kinds = band_kinds(images)
    group, nodes = _grouped(collection, images, lambda some: QualityMosaic(some, kinds, quality))
    return Image(tuple(grouped_band(name, group, (name, 0), nodes, kind, quality) for name, kind in kinds.items()))


@function("ImageCollection.toBands")
def to_bands(collection: Collection) -> Image:
    bands = [
        band.renamed(f"{image.properties.get('system:index', at)}_{band.name}")
        for at, image in enumerate(collection.elements())
        for band in image.bands
    ]
    return Image(tuple(bands))


@function("Image.reduce")
def reduce_bands(image: Image, reducer: Reducer) -> Image:
    """Reduce over the bands of one image; the results are named after the reducer's outputs."""
    if not image.bands:
        raise EvaluationError("Image.reduce: The image has no bands.")
    if reducer.inputs != 1:
        raise EvaluationError(f"Image.reduce: The reducer must have one input, found {reducer.inputs}.")
    kind = pixel_types.union(band.type for band in image.bands)
    nodes = [band.node for band in image.bands]
    supports = [node.support for node in nodes]
    support = supports[0] if len(set(map(id, supports))) == 1 else None
    results = reducer.kinds(kind, len(nodes))
    bands = []
    for at, (name, result) in enumerate(zip(reducer.outputs, results, strict=True)):
        reduce = partial(_output, at=at, reducer=reducer, dtype=pixel_types.dtype_of(kind))
        node = PointwiseNode(reduce, nodes, support, fractions=True)
        bands.append(default_band(name, node, result, image.bands[0]))
    return image.with_bands(bands)


def _output(*tiles: Tile, at: int, reducer: Reducer, dtype: np.dtype[Any]) -> Tile:
    widest = np.result_type(dtype, *(tile.values.dtype for tile in tiles))
    found: Tile = told(reducer.reduce([[tile] for tile in tiles], widest)[at])
    return found
