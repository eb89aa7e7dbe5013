"""Statistics of the pixels in each feature of a collection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.region import pixels_of
from orchestrator.sandbox.earthengine.evaluate.pixels import working_projection
from orchestrator.sandbox.earthengine.evaluate.projection import Projection
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Image, geometry_of, with_properties


@function("Image.reduceRegions")
def reduce_regions(
    image: Image,
    collection: Collection,
    reducer: Reducer,
    scale: float | None,
    crs: Projection | None,
    transform: list[Any] | None,
    tile_scale: float,
    most: int | None,
) -> Collection:
    """
    Give the features, in their order, with what the reducer makes of their pixels.

    A reducer that has as many inputs as the image has bands names the properties; of each of several bands, a single
    output is named after the band, several after both.
    """
    del tile_scale
    name = "Image.reduceRegions"
    lattice = working_projection(name, image, crs, transform, scale)

    def produce() -> Iterator[Any]:
        for feature in collection.elements():
            place = geometry_of(feature)
            if place is None:
                raise not_imitated(f"{name}: a feature without a geometry")
            pixels = pixels_of(name, image, reducer, place, lattice, most)
            yield with_properties(feature, pixels.reduced(name, image, reducer, own_names=len(image.bands) == 1))

    return collection.derived(produce, "FeatureCollection")
