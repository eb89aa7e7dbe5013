"""Collections: loading, filtering, mapping, listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import shapely

from orchestrator.sandbox.earthengine.evaluate.absent import absent
from orchestrator.sandbox.earthengine.evaluate.coercion import type_name
from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.collection_filter import filtered, image_of, queried, read_by
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.images import masked_node
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import (
    INDEX,
    MAX_ELEMENTS,
    Algorithm,
    Collection,
    Date,
    Feature,
    Image,
    ImageBand,
    Predicate,
    SceneQuery,
    geometry_of,
    indexed,
    property_of,
    with_properties,
)
from orchestrator.sandbox.scenes.catalogue import Catalogue


@function("ImageCollection.load", catalogue=True)
def load(catalogue: Catalogue, collection: str, version: int | None) -> Collection:
    del version
    known = catalogue.collections()
    if collection not in known:
        raise absent(catalogue, "ImageCollection.load", "ImageCollection", collection)
    return queried(SceneQuery(catalogue, collection), known[collection])


@function("Collection")
def from_features(features: list[Any]) -> Collection:
    for feature in features:
        if not isinstance(feature, (Feature, Image, Geometry, Collection)):
            raise EvaluationError(
                "Collection, argument 'features': Invalid type.\n"
                f"Expected type: List<Element>.\nActual type: List<{type_name(feature)}>."
            )
    made = [Feature(item) if isinstance(item, Geometry) else item for item in features]
    return Collection(lambda: indexed(made), kind="FeatureCollection")


@function("ImageCollection.fromImages")
def from_images(images: list[Any]) -> Collection:
    for image in images:
        if not isinstance(image, Image):
            raise EvaluationError(
                "ImageCollection.fromImages, argument 'images': Invalid type.\n"
                f"Expected type: List<Image<unknown bands>>.\nActual type: List<{type_name(image)}>."
            )
    return Collection(lambda: indexed(images))


@function("Collection.map")
def mapped(collection: Collection, algorithm: Algorithm, drop_nulls: bool) -> Collection:
    def produce() -> Iterator[Any]:
        for element in collection.stream():
            result = _kept_index(algorithm(element), element)
            if result is None and drop_nulls:
                continue
            if not isinstance(result, (Image, Feature, Collection)):
                found = "null" if result is None else type_name(result)
                raise EvaluationError(
                    f"Collection.map: A mapped algorithm must return a Feature or Image, found: {found}."
                )
            yield result

    def push(condition: Predicate) -> Collection | None:
        read = read_by(condition)
        if read is None or algorithm.keeps is None or not all(map(algorithm.keeps, read)):
            return None
        return mapped(filtered(collection, condition), algorithm, drop_nulls)

    return collection.derived(produce, _kind_like(collection), push)


def _kind_like(source: Collection) -> Callable[[Collection], str]:
    """Tell the kind by the elements: only a list of images is a collection of images. An empty one is as before."""

    def kind(collection: Collection) -> str:
        elements = collection.elements()
        if not elements:
            return source.kind
        images = all(isinstance(element, Image) for element in elements)
        return "ImageCollection" if images else "FeatureCollection"

    return kind


def _kept_index(result: Any, element: Any) -> Any:
    """Mapped results keep the index of what they were made from, unless they have one."""
    index = element.properties.get(INDEX)
    if isinstance(result, Geometry):
        result = Feature(result)
    if isinstance(result, (Image, Feature, Collection)) and index is not None and INDEX not in result.properties:
        return with_properties(result, {INDEX: index})
    return result


@function("Collection.iterate")
def iterate(collection: Collection, algorithm: Algorithm, first: Any) -> Any:
    state = first
    for element in collection.elements():
        state = algorithm(element, state)
    return state


@function("Collection.first")
def first(collection: Collection) -> Any:
    # One element is enough; a collection without end has a first one all the same.
    return next(iter(collection.head(1)), None)


@function("Collection.size")
def size(collection: Collection) -> int:
    return len(collection.elements()) if collection.query is None else collection.query.count()


@function("Collection.toList")
def to_list(collection: Collection, count: int, offset: int) -> list[Any]:
    """List elements; that none are asked for is an error, in the sentence that users published."""
    if count < 1:
        raise EvaluationError(f"Collection.toList: The value of 'count' must be positive. Got: {count}.")
    if offset < 0:
        raise EvaluationError(f"Collection.toList: The offset must not be negative, found {offset}.")
    return _first(collection, offset + count)[offset:]


def _first(collection: Collection, count: int) -> list[Any]:
    """Give the first elements; more than the service accumulates are refused, fewer are looked for and no more."""
    return collection.head(count) if count <= MAX_ELEMENTS else collection.elements()[:count]


@function("Collection.limit")
def limit(collection: Collection, count: int | None, key: str | None, ascending: bool) -> Collection:
    if count is not None and count < 0:
        raise EvaluationError(f"Collection.limit: The limit must not be negative, found {count}.")

    def produce() -> list[Any]:
        if key is not None:
            return sorted_by(collection.elements(), key, ascending=ascending)[:count]
        return collection.elements() if count is None else _first(collection, count)

    def push(condition: Predicate) -> Collection | None:
        # An order alone: what passes is sorted as it would be among the others.
        told = count is None and read_by(condition) is not None
        return limit(filtered(collection, condition), None, key, ascending) if told else None

    return collection.derived(produce, push=push)


def sorted_by(elements: list[Any], key: str, *, ascending: bool = True) -> list[Any]:
    """Sort by a property of numbers, dates or texts; where elements without it stand is not documented."""
    values = [property_of(element, key) for element in elements]
    keys = [value.ms if isinstance(value, Date) else value for value in values]
    if not all(isinstance(item, (int, float)) for item in keys) and not all(isinstance(item, str) for item in keys):
        raise not_imitated(f"An order of elements by '{key}', which some lack or which is of several kinds,")
    order = sorted(range(len(keys)), key=lambda at: keys[at], reverse=not ascending)
    return [elements[at] for at in order]


@function("Collection.merge", "ImageCollection.merge")
def merge(left: Collection, right: Collection) -> Collection:
    """Put two collections one after the other; ids get the number of their collection in front."""

    def produce() -> Iterator[Any]:
        for number, part in ((1, left), (2, right)):
            yield from (_prefixed(element, str(number)) for element in part.elements())

    def push(condition: Predicate) -> Collection | None:
        read = read_by(condition)
        if read is None or INDEX in read:
            return None
        return merge(filtered(left, condition), filtered(right, condition))

    return left.derived(produce, _kind_like(left), push)


def _prefixed(element: Any, prefix: Any) -> Any:
    index = element.properties.get(INDEX)
    return element if index is None or prefix is None else with_properties(element, {INDEX: f"{prefix}_{index}"})


@function("Collection.distinct")
def distinct(collection: Collection, properties: Any) -> Collection:
    names = properties if isinstance(properties, list) else [properties]

    def produce() -> Iterator[Any]:
        seen: set[str] = set()
        for element in collection.elements():
            key = repr([_serialized(element, name) for name in names])
            if key not in seen:
                seen.add(key)
                yield element

    return collection.derived(produce)


def _serialized(element: Any, name: str) -> Any:
    value = geometry_of(element) if name == ".geo" else property_of(element, name)
    return encoded(value)


@function("Collection.flatten")
def flatten(collection: Collection) -> Collection:
    """Put the elements of collections into one; an inner id gets the outer one in front."""

    def produce() -> Iterator[Any]:
        for inner in collection.elements():
            outer = inner.properties.get(INDEX) if isinstance(inner, Collection) else None
            yield from (_prefixed(element, outer) for element in _elements_of(inner))

    return collection.derived(produce, _kind_like(collection))


def _elements_of(inner: Any) -> list[Any]:
    return inner.elements() if isinstance(inner, Collection) else [inner]


@function("Collection.geometry")
def geometry(collection: Collection, margin: Any) -> Geometry:
    del margin
    elements = [element for inner in collection.elements() for element in _elements_of(inner)]
    found = [geometry_of(element) for element in elements]
    known = [item for item in found if item is not None]
    projections = {item.projection for item in known}
    geodesic = bool(known) and all(item.geodesic for item in known)
    if len(projections) == 1:
        return Geometry(shapely.union_all([item.shape for item in known]), projections.pop(), geodesic)
    return Geometry(shapely.union_all([item.in_crs(WGS84) for item in known]), geodesic=geodesic)


@function("Image.linkCollection")
def link_collection(image: Image, collection: Collection, bands: Any, properties: Any, match: str) -> Image:
    """
    Add bands and properties of the image of a collection that has the same value of a property.

    What the image already has is replaced. Where no image matches, bands are masked and properties null.
    """
    names, linked = [[] if wanted is None else _listed(wanted) for wanted in (bands, properties)]
    key = image.properties.get(match)
    partner = None if key is None else _partner(collection, match, key)
    found = {name: _linked_band(name, partner, collection) for name in names}
    kept = [found.pop(band.name, band) for band in image.bands]
    metadata = {name: None if partner is None else partner.properties.get(name) for name in linked}
    return replace(image.with_bands([*kept, *found.values()]), properties={**image.properties, **metadata})


def _linked_band(name: str, partner: Image | None, collection: Collection) -> ImageBand:
    like = next(iter(collection.head(1)), None) if partner is None else partner
    band = None if like is None else like.band(name)
    if like is None:
        raise not_imitated(f"Image.linkCollection: the type of the band '{name}' of an empty collection")
    if band is None:
        raise EvaluationError(f"Image.linkCollection: Band '{name}' not found in {like.names}.")
    return band if partner is not None else replace(band, node=masked_node(band.type), shape=None)


def _partner(collection: Collection, match: str, key: Any) -> Any:
    query = collection.query
    if query is not None and match == INDEX:
        return image_of(query, str(key), "Image.linkCollection")
    return next((item for item in collection.elements() if item.properties.get(match) == key), None)


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
