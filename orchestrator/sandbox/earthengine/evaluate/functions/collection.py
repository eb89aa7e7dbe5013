"""Collections: loading, filtering, mapping, listing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import shapely

from orchestrator.sandbox.earthengine.evaluate.coercion import type_name
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.images import scene_image
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import (
    Algorithm,
    Collection,
    Feature,
    Image,
    SceneQuery,
    geometry_of,
    with_properties,
)
from orchestrator.sandbox.scenes.catalogue import Catalogue
from orchestrator.sandbox.scenes.stac import ScenesError


def queried(query: SceneQuery, properties: Any = None) -> Collection:
    """Make a collection of the scenes that a query finds."""

    def produce() -> Iterator[Image]:
        return (scene_image(scene) for scene in query.scenes())

    return Collection(produce, properties=properties, query=query)


@function("ImageCollection.load", catalogue=True)
def load(catalogue: Catalogue, collection: str, version: int | None) -> Collection:
    del version
    known = catalogue.collections()
    if collection not in known:
        raise EvaluationError(
            f"ImageCollection.load: ImageCollection asset '{collection}' not found "
            "(does not exist or caller does not have access)."
        )
    return queried(SceneQuery(catalogue, collection), known[collection])


@function("Collection")
def from_features(features: list[Any]) -> Collection:
    return Collection(lambda: features, kind="FeatureCollection")


@function("ImageCollection.fromImages")
def from_images(images: list[Any]) -> Collection:
    for image in images:
        if not isinstance(image, Image):
            raise EvaluationError(
                "ImageCollection.fromImages, argument 'images': Invalid type.\n"
                f"Expected type: List<Image<unknown bands>>.\nActual type: List<{type_name(image)}>."
            )
    return Collection(lambda: images)


@function("Collection.filter")
def filtered(collection: Collection, condition: Any) -> Collection:
    narrowed = _pushed_down(collection, condition)
    if narrowed is not None:
        return narrowed

    def produce() -> Iterable[Any]:
        return [element for element in collection.elements() if condition.accepts(element)]

    return collection.derived(produce)


def _pushed_down(collection: Collection, condition: Any) -> Collection | None:
    """Let the catalogue answer what it can: places and times, as long as nothing else came before."""
    narrow = getattr(condition, "narrow", None)
    if collection.query is None or narrow is None:
        return None
    query = narrow(collection.query)
    return None if query is None else queried(query, collection.properties)


@function("Collection.map")
def mapped(collection: Collection, algorithm: Algorithm, drop_nulls: bool) -> Collection:
    def produce() -> Iterator[Any]:
        for element in collection.elements():
            result = _kept_properties(algorithm(element), element)
            if result is None and not drop_nulls:
                raise EvaluationError("Collection.map: A mapped algorithm must return a Feature or Image, found: null.")
            if result is not None:
                yield result

    return collection.derived(produce)


def _kept_properties(result: Any, element: Any) -> Any:
    """Mapped results keep the index of what they were made from, unless they have one."""
    index = element.properties.get("system:index")
    if isinstance(result, Geometry):
        result = Feature(result)
    if isinstance(result, (Image, Feature)) and index is not None and "system:index" not in result.properties:
        return with_properties(result, {"system:index": index})
    return result


@function("Collection.iterate")
def iterate(collection: Collection, algorithm: Algorithm, first: Any) -> Any:
    state = first
    for element in collection.elements():
        state = algorithm(element, state)
    return state


@function("Collection.first")
def first(collection: Collection) -> Any:
    if collection.query is not None:
        # One scene is enough; a collection without end has a first one all the same.
        scene = next(collection.query.scenes(), None)
        return None if scene is None else scene_image(scene)
    elements = collection.elements()
    return elements[0] if elements else None


@function("Collection.size")
def size(collection: Collection) -> int:
    return len(collection.elements())


@function("Collection.toList")
def to_list(collection: Collection, count: int, offset: int) -> list[Any]:
    return collection.elements()[int(offset) : int(offset) + count]


@function("Collection.limit")
def limit(collection: Collection, count: int | None, key: str | None, ascending: bool) -> Collection:
    def produce() -> list[Any]:
        elements = collection.elements()
        if key is not None:
            elements = sorted_by(elements, key, ascending=ascending)
        return elements[:count]

    return collection.derived(produce)


def sorted_by(elements: list[Any], key: str, *, ascending: bool = True) -> list[Any]:
    """Sort by a property; elements without it come last."""
    have = [element for element in elements if element.properties.get(key) is not None]
    lack = [element for element in elements if element.properties.get(key) is None]
    ordered = sorted(have, key=lambda element: element.properties[key], reverse=not ascending)
    return [*ordered, *lack]


@function("Collection.merge", "ImageCollection.merge")
def merge(left: Collection, right: Collection) -> Collection:
    return left.derived(lambda: [*left.elements(), *right.elements()])


@function("Collection.distinct")
def distinct(collection: Collection, properties: list[str]) -> Collection:
    def produce() -> Iterator[Any]:
        seen: set[str] = set()
        for element in collection.elements():
            key = repr([element.properties.get(name) for name in properties])
            if key not in seen:
                seen.add(key)
                yield element

    return collection.derived(produce)


@function("Collection.flatten")
def flatten(collection: Collection) -> Collection:
    def produce() -> Iterator[Any]:
        for inner in collection.elements():
            yield from _elements_of(inner)

    return collection.derived(produce)


def _elements_of(inner: Any) -> list[Any]:
    if isinstance(inner, Collection):
        return inner.elements()
    if isinstance(inner, list):
        return [element for item in inner for element in _elements_of(item)]
    return [inner]


@function("Collection.geometry")
def geometry(collection: Collection, margin: Any) -> Geometry:
    del margin
    elements = [element for inner in collection.elements() for element in _elements_of(inner)]
    found = [geometry_of(element) for element in elements]
    known = [item for item in found if item is not None]
    projections = {item.projection for item in known}
    if len(projections) == 1:
        return Geometry(shapely.union_all([item.shape for item in known]), projections.pop())
    return Geometry(shapely.union_all([item.in_crs(WGS84) for item in known]))


@function("AggregateFeatureCollection.array")
def values_of(collection: Collection, name: str) -> list[Any]:
    found = [element.properties.get(name) for element in collection.elements()]
    return [value for value in found if value is not None]


@function("AggregateFeatureCollection.min")
def smallest(collection: Collection, name: str) -> Any:
    return min(values_of(collection, name), default=None)


@function("AggregateFeatureCollection.max")
def largest(collection: Collection, name: str) -> Any:
    return max(values_of(collection, name), default=None)


@function("AggregateFeatureCollection.sum")
def total(collection: Collection, name: str) -> Any:
    return sum(values_of(collection, name))


@function("AggregateFeatureCollection.mean")
def mean(collection: Collection, name: str) -> Any:
    found = values_of(collection, name)
    return sum(found) / len(found) if found else None


@function("AggregateFeatureCollection.count")
def count(collection: Collection, name: str) -> int:
    return len(values_of(collection, name))


@function("AggregateFeatureCollection.histogram")
def histogram(collection: Collection, name: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values_of(collection, name):
        counts[str(value)] = counts.get(str(value), 0) + 1
    return dict(sorted(counts.items()))


@function("Image.linkCollection")
def link_collection(image: Image, collection: Collection, bands: Any, properties: Any, match: str) -> Image:
    """Add the bands of the image of a collection that has the same value of a property."""
    key = image.properties.get(match)
    partner = _partner(collection, match, key)
    if bands is None and properties is None:
        return image
    if partner is None:
        raise EvaluationError(f"Image.linkCollection: No image with {match} = '{key}' in the collection.")
    names = [] if bands is None else _listed(bands)
    linked = [band for name in names if (band := partner.band(name)) is not None]
    if len(linked) != len(names):
        raise EvaluationError(f"Image.linkCollection: Bands {names} not found in {partner.names}.")
    kept = {name: partner.properties.get(name) for name in ([] if properties is None else _listed(properties))}
    return replace(image.with_bands([*image.bands, *linked]), properties={**image.properties, **kept})


def _partner(collection: Collection, match: str, key: Any) -> Any:
    query = collection.query
    if query is not None and match == "system:index":
        try:
            scene = query.catalogue.scene(f"{query.collection}/{key}")
        except ScenesError as error:  # a scene of the user's own whose files are gone
            raise EvaluationError(f"Image.linkCollection: {error}") from None
        return None if scene is None else scene_image(scene)
    return next((item for item in collection.elements() if item.properties.get(match) == key), None)


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
