"""What of a script's filters the catalogue can answer: places, times, and properties that tell a place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.images import scene_image
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Image, SceneQuery

_PLACES = ("WRS_PATH", "WRS_ROW", "MGRS_TILE")  # properties that tell where a scene lies


def queried(query: SceneQuery, properties: Any = None) -> Collection:
    """Make a collection of the scenes that a query finds."""

    def produce() -> Iterator[Image]:
        return (scene_image(scene) for scene in query.scenes())

    return Collection(produce, properties=properties, query=query)


def hinted(collection: Collection, condition: Any) -> Collection:
    """Let the catalogue know what a filter wants such a property to be; the filter itself still looks."""
    wanted = getattr(condition, "wanted", None)
    known = () if wanted is None else tuple((name, wanted(name)) for name in _PLACES if wanted(name) is not None)
    if not known:
        return collection
    if collection.query is not None:
        return queried(replace(collection.query, known=collection.query.known + known), collection.properties)
    if collection.made_from is None:
        return collection
    whole, made = collection.made_from
    return made(hinted(whole, condition))


def pushed_down(collection: Collection, condition: Any) -> Collection | None:
    """Let the catalogue answer what it can, places and times, if nothing but filters and `select` came before."""
    narrow = getattr(condition, "narrow", None)
    if narrow is None:
        return None
    if collection.query is not None:
        query = narrow(collection.query)
        return None if query is None else queried(query, collection.properties)
    if collection.made_from is None:
        return None
    whole, made = collection.made_from
    narrowed = pushed_down(whole, condition)
    return None if narrowed is None else made(narrowed)
