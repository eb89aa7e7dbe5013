"""Filters by where elements lie, by what type a property has, and those that always or never pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine.evaluate import measures
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated, shown
from orchestrator.sandbox.earthengine.evaluate.functions.filter import (
    Comparison,
    Operand,
    Unless,
    intersects,
    operands,
    shape_of,
)
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.registry import function, lookup
from orchestrator.sandbox.earthengine.evaluate.values import Feature, Image, Predicate, geometry_of

_TYPES = frozenset({"Point", "MultiPoint", "LineString", "LinearRing", "MultiLineString", "Polygon", "MultiPolygon"})


@dataclass(frozen=True, slots=True)
class Always:
    """Passes every element, or none."""

    answer: bool

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Look at nothing."""
        del left, right
        return self.answer


@function("Filter.always")
def always() -> Always:
    return Always(answer=True)


@function("Filter.never")
def never() -> Always:
    return Always(answer=False)


@dataclass(frozen=True, slots=True)
class Located:
    """The element has a geometry."""

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Look at the first element only."""
        del right
        return geometry_of(left) is not None


@function("Filter.hasGeometry")
def has_geometry() -> Located:
    return Located()


def _covers(left: Any, right: Any) -> bool:
    whole, part = shape_of(left), shape_of(right)
    return not part.is_empty and bool(whole.covers(part))


@function("Filter.contains")
def contains(
    left_field: str | None, right_value: Any, right_field: str | None, left_value: Any, margin: Any
) -> Comparison:
    """The left geometry contains the right one, which is not empty."""
    del margin
    return Comparison(*operands(left_field, right_value, right_field, left_value), _covers)


@function("Filter.isContained")
def is_contained(
    left_field: str | None, right_value: Any, right_field: str | None, left_value: Any, margin: Any
) -> Comparison:
    """The right geometry contains the left one, which is not empty."""
    del margin
    return Comparison(
        *operands(left_field, right_value, right_field, left_value), lambda left, right: _covers(right, left)
    )


@function("Filter.disjoint")
def disjoint(
    left_field: str | None, right_value: Any, right_field: str | None, left_value: Any, margin: Any
) -> Predicate:
    """Passes unless the geometries intersect."""
    return Unless("Filter.disjoint", intersects(left_field, right_value, right_field, left_value, margin))


@function("Filter.area")
def area(low: float, high: float, margin: Any, selector: str | None) -> Comparison:
    """The area in square metres lies in a range, both ends included."""
    del margin

    def inside(shape: Any, _: Any) -> bool:
        return low <= measures.area(_geometry("Filter.area", shape), None) <= high

    return Comparison(Operand(selector or ".geo", None), Operand(None, True), inside)


def _geometry(name: str, value: Any) -> Geometry:
    found = geometry_of(value) if isinstance(value, (Feature, Image)) else value
    if not isinstance(found, Geometry):
        raise EvaluationError(f"{name}: The value is not a geometry: {shown(value)}.")
    return found


@dataclass(frozen=True, slots=True)
class Near(Comparison):
    """The geometries are not too far apart; how far is the measure of a join."""

    def measure(self, left: Any, right: Any) -> float:
        """Give the distance in metres of two elements that the filter accepts."""
        return _distance(*self.operands(left, right))


@function("Filter.withinDistance")
def within_distance(
    distance: float, left_field: Any, right_value: Any, right_field: Any, left_value: Any, margin: Any
) -> Near:
    del margin
    sides = operands(left_field, right_value, right_field, left_value)
    return Near(*sides, lambda left, right: _distance(left, right) <= distance)


def _distance(left: Any, right: Any) -> float:
    """Give metres on the ellipsoid, as `Geometry.distance` does unless it is asked for the sphere."""
    shapes = (_geometry("Filter.withinDistance", side) for side in (left, right))
    found: float = lookup("Geometry.distance").call(*shapes, None, None, False)
    return found


@function("Filter.hasType")
def has_type(left_field: Any, right_value: Any, right_field: Any, left_value: Any) -> Comparison:
    return Comparison(*operands(left_field, right_value, right_field, left_value), _is_of_type)


def _is_of_type(value: Any, name: Any) -> bool:
    if name == "Number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "String":
        return isinstance(value, str)
    if name in _TYPES:
        return isinstance(value, Geometry) and value.geojson()["type"] == name
    raise not_imitated(f"Filter.hasType: the type '{name}'")
