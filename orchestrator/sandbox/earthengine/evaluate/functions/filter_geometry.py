"""Filters by where elements lie, by what type a property has, and those that always or never pass."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pyproj
import shapely

from orchestrator.sandbox.earthengine.evaluate import measures
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.filter import (
    Comparison,
    Not,
    Operand,
    intersects,
    operands,
    shape_of,
)
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Feature, Image, Predicate, geometry_of

_GEOD = pyproj.Geod(ellps="WGS84")
_EARTHS_DIFFER = 0.01  # lengths on the ellipsoid and on spheres of its radii differ by less
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
    return Not(intersects(left_field, right_value, right_field, left_value, margin))


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
        raise EvaluationError(f"{name}: The value is not a geometry: {value}.")
    return found


@function("Filter.withinDistance")
def within_distance(
    distance: float, left_field: Any, right_value: Any, right_field: Any, left_value: Any, margin: Any
) -> Comparison:
    """
    The geometries are not too far apart.

    Whether on a sphere or on the ellipsoid, pages contradict each other: where that decides, and as the measure of a
    join, the distance is refused.
    """
    del margin

    def near(left: Any, right: Any) -> bool:
        found = _distance(left, right)
        if abs(found - distance) <= _EARTHS_DIFFER * distance and found:
            raise not_imitated(f"Filter.withinDistance: a distance so near to {distance} m as {found} m")
        return found <= distance

    return Comparison(*operands(left_field, right_value, right_field, left_value), near)


def _distance(left: Any, right: Any) -> float:
    """Give metres on the ellipsoid: nothing between what intersects, the shortest way between points."""
    shapes = [_geometry("Filter.withinDistance", side).in_crs(WGS84) for side in (left, right)]
    if any(shape.is_empty for shape in shapes):
        raise not_imitated("Filter.withinDistance: an empty geometry")
    if shapes[0].intersects(shapes[1]):
        return 0.0
    if not all(shape.geom_type in {"Point", "MultiPoint"} for shape in shapes):
        raise not_imitated("Filter.withinDistance: the distance of anything but points")
    pairs = itertools.product(*(shapely.get_coordinates(shape) for shape in shapes))
    return min(float(_GEOD.inv(*start, *end)[2]) for start, end in pairs)


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
