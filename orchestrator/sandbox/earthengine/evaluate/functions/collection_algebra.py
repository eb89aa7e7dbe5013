"""Collections made of others: remapped, united, combined, given random numbers; and tables of agreement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import arrays
from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.equality import Members
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.collection import geometry
from orchestrator.sandbox.earthengine.evaluate.functions.confusion_matrix import ConfusionMatrix, confusion_matrix
from orchestrator.sandbox.earthengine.evaluate.functions.dictionary import selected
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.registry import function, lookup
from orchestrator.sandbox.earthengine.evaluate.values import INDEX, Collection, Feature, Image, with_properties


@function("Collection.remap")
def remap(collection: Collection, old: list[Any], new: list[Any], name: str) -> Collection:
    """Replace values of a property; an element whose value is not listed is dropped."""
    if len(old) != len(new):
        raise EvaluationError("Collection.remap: 'lookupIn' and 'lookupOut' must have the same length.")

    def produce() -> Iterator[Any]:
        members = Members(old)
        for element in collection.elements():
            at = members.find(element.properties.get(name))
            if at >= 0:
                yield with_properties(element, {name: new[at]})

    return collection.derived(produce)


@function("Collection.bounds")
def bounds(collection: Collection, margin: Any, projection: Any) -> Geometry:
    """Give the box around the geometries."""
    found: Geometry = lookup("Geometry.bounds").call(geometry(collection, margin), margin, projection)
    return found


@function("Collection.union")
def union(collection: Collection, margin: Any) -> Collection:
    """Give one feature, `union_result`, of all geometries."""
    return Collection(
        lambda: [Feature(geometry(collection, margin), {INDEX: "union_result"})], kind="FeatureCollection"
    )


@function("Collection.randomColumn")
def random_column(collection: Collection, name: str, seed: int, distribution: str, keys: list[str]) -> Collection:
    """
    Add numbers that the seed and the keys of an element determine.

    Their distribution is the reference's: uniform in [0, 1), or normal with mean 0 and deviation 1. The numbers
    themselves are ours: how the service draws them is not documented.
    """
    if distribution not in {"uniform", "normal"}:
        raise EvaluationError(f"Collection.randomColumn: Unknown distribution: '{distribution}'.")

    def produce() -> Iterator[Any]:
        for element in collection.elements():
            values = [encoded(element.properties.get(key)) for key in keys]
            if None in values:
                raise not_imitated(f"Collection.randomColumn: an element without one of {keys}")
            yield with_properties(element, {name: _drawn(repr([seed, *values]), distribution)})

    return collection.derived(produce)


def _drawn(key: str, distribution: str) -> float:
    from scipy.special import ndtri  # noqa: PLC0415 - a heavy import that few expressions need

    bits = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) >> 11
    uniform = bits / 2**53
    return uniform if distribution == "uniform" else float(ndtri(uniform + 2**-54))


@function("Collection.errorMatrix")
def error_matrix(collection: Collection, actual: str, predicted: str, order: list[int] | None) -> ConfusionMatrix:
    """Count elements by class: rows are actual, columns predicted; of classes that are not in `order`, none."""
    pairs = [tuple(element.properties.get(key) for key in (actual, predicted)) for element in collection.elements()]
    for pair in pairs:
        if not all(isinstance(item, (int, float)) and item == int(item) and item >= 0 for item in pair):
            raise not_imitated(f"Collection.errorMatrix: the classes {pair}")
    if order is None and not pairs:
        raise not_imitated("Collection.errorMatrix: an empty collection")
    labels = list(range(1 + int(max(map(max, pairs))))) if order is None else order
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for there, found in pairs:
        if there in labels and found in labels:
            counts[labels.index(there), labels.index(found)] += 1
    return confusion_matrix(arrays.made(counts.tolist()), labels)


@function("ImageCollection.combine")
def combine(primary: Collection, secondary: Collection, overwrite: bool) -> Collection:
    """Add to each image the bands of the one of the same id; an image without one is dropped."""

    def produce() -> Iterator[Image]:
        others = {image.properties.get(INDEX): image for image in secondary.elements()}
        for image in primary.elements():
            other = others.get(image.properties.get(INDEX))
            if other is None:
                continue
            shared = set(image.names) & set(other.names)
            if shared and not overwrite:
                raise not_imitated(f"ImageCollection.combine: the new name of the band '{min(shared)}'")
            added = {band.name: band for band in other.bands}
            kept = [added.pop(band.name, band) for band in image.bands]
            yield image.with_bands([*kept, *added.values()])

    return primary.derived(produce)


@function("ImageCollection.cast")
def cast(collection: Collection, kinds: dict[str, Any], order: list[str]) -> Collection:
    """Cast the bands of each image, all of which are named; one that an image lacks is added, masked."""
    if sorted(order) != sorted(kinds):
        raise EvaluationError(f"ImageCollection.cast: bandOrder {order} must match the bands {sorted(kinds)}.")

    def produce() -> Iterator[Image]:
        for image in collection.elements():
            unnamed = set(image.names) - set(kinds)
            if unnamed:
                raise EvaluationError(f"ImageCollection.cast: bandTypes must include the band '{min(unnamed)}'.")
            yield lookup("Image.cast").call(image, kinds, order)

    return collection.derived(produce)


@function("Feature.select")
def select(element: Any, selectors: list[str], names: list[str] | None, retain_geometry: bool) -> Any:
    """
    Keep properties, under new names if there are any.

    Raises:
        EvaluationError: If the names are not as many; or if a selector names no property, or two name the same one,
            of which no source tells what becomes.
    """
    if not isinstance(element, Feature):
        raise not_imitated("Feature.select: an element that is no feature")
    own = {key: value for key, value in element.properties.items() if key != INDEX}
    each = [selected("Feature.select", own, [selector], ignore_missing=True) for selector in selectors]
    chosen = [name for names_found in each for name in names_found]
    if not all(each) or len(set(chosen)) < len(chosen):
        raise not_imitated(f"Feature.select: selectors {selectors} that fit no property, or one twice")
    if names is not None and len(names) != len(chosen):
        raise EvaluationError(f"Feature.select: {len(names)} names were given for {len(chosen)} properties.")
    kept = {name: own[key] for key, name in zip(chosen, names or chosen, strict=True)}
    if INDEX in element.properties:
        kept[INDEX] = element.properties[INDEX]
    return replace(element, geometry=element.geometry if retain_geometry else None, properties=kept)


@function("FeatureCollection.makeArray")
def make_array(collection: Collection, names: list[str], name: str) -> Collection:
    """Add an array of properties that are numbers; a feature where one is missing, or none, is dropped."""

    def produce() -> Iterator[Any]:
        for element in collection.elements():
            values = [element.properties.get(key) for key in names]
            if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
                yield with_properties(element, {name: arrays.made(values)})

    return collection.derived(produce)
