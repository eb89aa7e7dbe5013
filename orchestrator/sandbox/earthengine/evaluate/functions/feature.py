"""Features by their geometry: measures, relations, and features with another geometry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.sandbox.earthengine.evaluate import regular
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.registry import function, lookup
from orchestrator.sandbox.earthengine.evaluate.values import INDEX, Feature, geometry_of


def _shape(name: str, element: Any) -> Geometry:
    found = geometry_of(element)
    if found is None:
        raise not_imitated(f"{name}: a feature without a geometry")
    return found


def _measure(name: str) -> None:
    def measure(feature: Any, *options: Any) -> Any:
        return lookup(f"Geometry.{name}").call(_shape(f"Feature.{name}", feature), *options)

    function(f"Feature.{name}")(measure)


def _relation(name: str) -> None:
    def relate(left: Any, right: Any, *options: Any) -> Any:
        shapes = (_shape(f"Feature.{name}", element) for element in (left, right))
        return lookup(f"Geometry.{name}").call(*shapes, *options)

    function(f"Feature.{name}")(relate)


def _change(name: str) -> None:
    def change(feature: Any, *options: Any) -> Feature:
        shape = lookup(f"Geometry.{name}").call(_shape(f"Feature.{name}", feature), *options)
        return _with_geometry(f"Feature.{name}", feature, shape)

    function(f"Feature.{name}")(change)


def _combination(name: str) -> None:
    def combine(left: Any, right: Any, *options: Any) -> Feature:
        shapes = (_shape(f"Feature.{name}", element) for element in (left, right))
        return _with_geometry(f"Feature.{name}", left, lookup(f"Geometry.{name}").call(*shapes, *options))

    function(f"Feature.{name}")(combine)


def _with_geometry(name: str, element: Any, shape: Geometry | None) -> Feature:
    """Give a feature another geometry; its properties stay."""
    if not isinstance(element, Feature):
        raise not_imitated(f"{name}: an element that is no feature")
    return replace(element, geometry=shape)


for _name in ("area", "perimeter", "length"):
    _measure(_name)
for _name in ("intersects", "disjoint", "contains", "containedIn", "distance", "withinDistance"):
    _relation(_name)
for _name in ("closestPoint", "closestPoints"):
    _relation(_name)
for _name in ("bounds", "buffer", "centroid", "convexHull", "transform", "simplify", "dissolve", "cutLines"):
    _change(_name)
# The guide "Features": the result has the properties of the feature on which the method is called.
for _name in ("intersection", "difference", "union", "symmetricDifference"):
    _combination(_name)


@function("Feature.select")
def select(element: Any, selectors: list[Any], names: list[Any] | None, retain: bool) -> Feature:
    """Keep properties by their names, or by expressions that fit the whole of them; their geometry, if wanted."""
    if not isinstance(element, Feature):
        raise not_imitated("Feature.select: an element that is no feature")
    chosen = [name for selector in selectors for name in _selected(element, str(selector))]
    if len(set(chosen)) < len(chosen):
        raise not_imitated("Feature.select: properties that are selected twice")
    if names is not None and len(names) != len(chosen):
        raise EvaluationError(f"Feature.select: {len(chosen)} properties selected, but {len(names)} new names given.")
    renamed = dict(zip(chosen, chosen if names is None else map(str, names), strict=True))
    kept = {new: element.properties[old] for old, new in renamed.items()}
    if INDEX in element.properties:
        kept.setdefault(INDEX, element.properties[INDEX])
    return replace(element, geometry=element.geometry if retain else None, properties=kept)


def _selected(element: Feature, selector: str) -> list[str]:
    """Give the properties that a selector means, in alphabetical order where it is an expression."""
    if selector in element.properties:
        return [selector]
    pattern = regular.compiled("Feature.select", selector)
    found = sorted(name for name in element.properties if pattern.fullmatch(name) and name != INDEX)
    if not found:
        raise not_imitated(f"Feature.select: '{selector}', which fits no property")
    return found


@function("Feature.setGeometry")
def set_geometry(feature: Any, shape: Geometry | None) -> Feature:
    return _with_geometry("Feature.setGeometry", feature, shape)
