"""Features by their geometry: measures, relations, and features with another geometry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import DEFAULT_PROJECTION, Projection
from orchestrator.sandbox.earthengine.evaluate.registry import function, lookup
from orchestrator.sandbox.earthengine.evaluate.values import Feature, geometry_of


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


@function("Feature.setGeometry")
def set_geometry(feature: Any, shape: Geometry | None) -> Feature:
    return _with_geometry("Feature.setGeometry", feature, shape)


@function("ProjectionTransform")
def projection_transform(feature: Any, projection: Projection | None, *options: Any) -> Feature:
    """Carry a feature to a projection, EPSG:4326 by default, as `Feature.transform` does."""
    target = DEFAULT_PROJECTION if projection is None else projection
    shape = lookup("Geometry.transform").call(_shape("ProjectionTransform", feature), target, *options)
    return _with_geometry("ProjectionTransform", feature, shape)
