"""
Filters of collections, as early as they can be: in the catalogue, before scenes are enumerated.

Elements are those of filtering last. Only what would become of elements that do not pass is never found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.functions.filter import (
    Comparison,
    Equality,
    Every,
    Not,
    Present,
    Some,
    Unless,
)
from orchestrator.sandbox.earthengine.evaluate.functions.filter_geometry import Always, Located
from orchestrator.sandbox.earthengine.evaluate.functions.filter_text import expressed
from orchestrator.sandbox.earthengine.evaluate.images import scene_image
from orchestrator.sandbox.earthengine.evaluate.keeping import PLACE
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import ID, INDEX, Collection, Image, Predicate, SceneQuery
from orchestrator.sandbox.scenes.stac import ScenesError


def queried(query: SceneQuery, properties: Any = None) -> Collection:
    """Make a collection of the scenes that a query finds; the catalogue answers filters by place and time."""
    properties = {ID: query.collection, **(properties or {})}

    def produce() -> Iterator[Image]:
        return (scene_image(scene) for scene in query.scenes())

    def push(condition: Predicate) -> Collection | None:
        narrow = getattr(condition, "narrow", None)
        narrowed = None if narrow is None else narrow(query)
        if narrowed is not None:
            return queried(narrowed, properties)
        place = _place_of(condition, query)
        return None if place is None else filtered(queried(replace(query, likely=place), properties), condition)

    return Collection(produce, properties=properties, query=query, push=push)


def _place_of(condition: Predicate, query: SceneQuery) -> BaseGeometry | None:
    """Give where scenes with a value of a property lie, if the catalogue knows and that is news."""
    find = getattr(query.catalogue, "place_of", None)
    if find is None or query.region is not None or not isinstance(condition, Equality):
        return None
    name, value = condition.left.field, condition.right.value
    found: BaseGeometry | None = find(query.collection, name, value) if value is not None and name else None
    if found is None or query.likely is None:
        return found
    both = query.likely.intersection(found)
    return None if both.equals(query.likely) else both


@function("Collection.filter")
def filtered(collection: Collection, condition: Any) -> Collection:
    """Keep the elements that pass; all parts of a condition go as early as each of them can."""
    if isinstance(condition, str):
        return filtered(collection, expressed(condition))
    if isinstance(condition, Every):
        for part in condition.inner:
            collection = filtered(collection, part)
        return collection
    pushed = collection.pushed(condition)
    if pushed is not None:
        return pushed

    def produce() -> Iterable[Any]:
        looked_up = _by_index(collection, condition)
        elements = collection.stream() if looked_up is None else looked_up
        return (element for element in elements if condition.accepts(element))

    def push(later: Predicate) -> Collection | None:
        found = collection.pushed(later)
        return None if found is None else filtered(found, condition)

    return collection.derived(produce, push=push)


def _by_index(collection: Collection, condition: Any) -> list[Image] | None:
    """Ask the catalogue for the one image of an index, however long the collection is; None if no other way."""
    index = condition.wanted(INDEX) if isinstance(condition, Equality) else None
    if collection.query is None or not isinstance(index, str):
        return None
    found = image_of(collection.query, index, "Collection.filter")
    return [] if found is None else [found]


def image_of(query: SceneQuery, index: str, name: str) -> Image | None:
    """
    Give the image of an index, if it is one of those that a query finds.

    Raises:
        EvaluationError: If its files are gone, in the name of the function that looks for it.
    """
    try:
        scene = query.catalogue.scene(f"{query.collection}/{index}")
    except ScenesError as error:  # a scene of the user's own whose files are gone
        raise EvaluationError(f"{name}: {error}") from None
    return None if scene is None or not query.covers(scene) else scene_image(scene)


def read_by(condition: Any) -> frozenset[str] | None:
    """Name the properties that a filter looks at, `.geo` for the place; None is unknown."""
    if isinstance(condition, Comparison):
        fields = {condition.left.field, condition.right.field} - {None}
        return frozenset(PLACE if field == ".all" else str(field) for field in fields)
    if isinstance(condition, Every | Some):
        parts = [read_by(part) for part in condition.inner]
        known = [part for part in parts if part is not None]
        return frozenset().union(*known) if len(known) == len(parts) else None
    if isinstance(condition, Not | Unless):
        return read_by(condition.inner)
    if isinstance(condition, Present):
        return frozenset(condition.names)
    if isinstance(condition, Located):
        return frozenset({PLACE})
    return frozenset() if isinstance(condition, Always) else None
