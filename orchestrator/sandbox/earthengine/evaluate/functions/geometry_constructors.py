"""Geometries made of coordinates, of points, and of other geometries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.extent import bounded
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry, box, made
from orchestrator.sandbox.earthengine.evaluate.measures import polygons
from orchestrator.sandbox.earthengine.evaluate.projection import DEFAULT_PROJECTION, Projection
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import ErrorMargin, Feature

_PLANE = 2  # coordinates of a point
_INFINITE_METRES = 2.0e7  # from here on an error margin is infinite, as its page says
_EARTH = box(-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Coordinates as numbers, and the projection and edges of the geometries that were among them."""

    numbers: Any
    projection: Projection | None
    geodesic: bool | None

    def made(self, shape: BaseGeometry, crs: Projection | None, geodesic: bool | None = None) -> Geometry:
        base = crs if crs is not None else self.projection
        assumed = geodesic if geodesic is not None else (self.geodesic if crs is None else None)
        return made(shape, base, assumed)


def _read(name: str, coordinates: Any, crs: Projection | None, geodesic: bool | None = None) -> _Inputs:
    """
    Replace points, lines and polygons among coordinates by theirs.

    Raises:
        EvaluationError: If geometries differ in projection or edges, or would have to be changed to what is asked for.
    """
    found: list[Geometry] = []
    numbers = _numbers(name, bounded(coordinates), found)
    if not found:
        return _Inputs(numbers, None, None)
    projections = {each.projection for each in found}
    kinds = {each.geodesic for each in found if each.shape.geom_type != "Point"} or {found[0].geodesic}
    if len(projections) > 1 or len(kinds) > 1:
        raise not_imitated(f"{name}: inputs of several projections or kinds of edges")
    inputs = _Inputs(numbers, projections.pop(), kinds.pop())
    if crs is not None and crs != inputs.projection:
        raise not_imitated(f"{name}: inputs that have another projection than the result")
    if geodesic is not None and geodesic != inputs.geodesic and any(e.shape.geom_type != "Point" for e in found):
        raise not_imitated(f"{name}: inputs that have other edges than the result")
    return inputs


def _numbers(name: str, value: Any, found: list[Geometry]) -> Any:
    if isinstance(value, Geometry):
        found.append(value)
        return value.geojson()["coordinates"]
    if isinstance(value, Feature) and value.geometry is not None:
        return _numbers(name, value.geometry, found)
    if isinstance(value, (list, tuple)):
        return [_numbers(name, each, found) for each in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise EvaluationError(f"{name}: Coordinates must be finite numbers, found '{str(encoded(value))[:40]}'.")
    return value


@contextmanager
def _shaped(name: str) -> Iterator[None]:
    """
    Tell coordinates of which no such geometry can be made.

    Raises:
        EvaluationError: In place of the errors of the library.
    """
    try:
        yield
    except (ValueError, TypeError, IndexError, shapely.errors.ShapelyError) as error:
        why = str(error).splitlines()[0] if str(error) else "none"
        raise EvaluationError(f"{name}: Invalid coordinates: {why}") from None


def _ring(points: Any) -> list[Any]:
    """Give a list of points, whether it came as points or as one flat list of numbers."""
    if points and isinstance(points[0], (int, float)):
        return [points[at : at + 2] for at in range(0, len(points), 2)]
    return list(points)


def _depth(value: Any) -> int:
    return 1 + (_depth(value[0]) if value else 0) if isinstance(value, list) else 0


def _nested(coordinates: Any, depth: int) -> Any:
    """Wrap what is given for a single part: flat numbers, or points, as the list of parts that is asked for."""
    nested = _ring(coordinates)
    while _depth(nested) < depth:
        nested = [nested]
    return nested


def _polygon(rings: list[Any]) -> tuple[Any, list[Any]]:
    """
    Make a polygon of a shell and holes, and one of each ring.

    Raises:
        EvaluationError: If a ring has fewer than three points.
    """
    try:
        rings_alone = [shapely.Polygon(_ring(ring)) for ring in rings]
        return shapely.Polygon(_ring(rings[0]), [_ring(ring) for ring in rings[1:]]), rings_alone
    except (ValueError, IndexError, TypeError):
        raise EvaluationError("GeometryConstructors.Polygon: LinearRing requires at least 3 points.") from None


def _inside(rings: list[Any], *, even_odd: bool) -> tuple[BaseGeometry, str | None]:
    """
    Give what rings enclose, and why its coordinates cannot be shown, if so.

    Raises:
        EvaluationError: If edges cross, and the inside is left of them.
    """
    shape, alone = _polygon(rings)
    if even_odd:
        return shape if shape.is_valid else _odd(alone), None
    if not shape.is_valid:
        raise not_imitated("GeometryConstructors.Polygon: edges that cross with evenOdd = false")
    if shape.exterior.is_ccw:
        return shape, None
    # Walking clockwise, the left of the shell is the rest of the Earth; of its holes nothing is told.
    if len(rings) > 1:
        raise not_imitated("GeometryConstructors.Polygon: holes in a clockwise shell with evenOdd = false")
    return shapely.difference(_EARTH, shape), "a clockwise shell with evenOdd = false"


def _odd(rings: Sequence[BaseGeometry]) -> BaseGeometry:
    """Give what an odd number of edges encloses, whether rings cross themselves or each other."""
    inside: BaseGeometry = shapely.Polygon()
    for ring in rings:
        inside = shapely.symmetric_difference(inside, shapely.make_valid(ring))
    areas = polygons(inside)
    return areas[0] if len(areas) == 1 else shapely.MultiPolygon(areas)


@function("GeometryConstructors.Point")
@_shaped("GeometryConstructors.Point")
def point(coordinates: Any, crs: Projection | None) -> Geometry:
    given = _read("GeometryConstructors.Point", coordinates, crs)
    return given.made(shapely.Point(given.numbers), crs)


@function("GeometryConstructors.MultiPoint")
@_shaped("GeometryConstructors.MultiPoint")
def multi_point(coordinates: list[Any], crs: Projection | None) -> Geometry:
    given = _read("GeometryConstructors.MultiPoint", coordinates, crs)
    return given.made(shapely.MultiPoint(_ring(given.numbers)), crs)


@function("GeometryConstructors.LineString")
@_shaped("GeometryConstructors.LineString")
def line(coordinates: Any, crs: Projection | None, geodesic: bool | None, margin: Any) -> Geometry:
    del margin
    given = _read("GeometryConstructors.LineString", coordinates, crs, geodesic)
    return given.made(shapely.LineString(_ring(given.numbers)), crs, geodesic)


@function("GeometryConstructors.LinearRing")
@_shaped("GeometryConstructors.LinearRing")
def linear_ring(coordinates: Any, crs: Projection | None, geodesic: bool | None, margin: Any) -> Geometry:
    """Make a line that is closed, whether or not the first point is repeated."""
    del margin
    given = _read("GeometryConstructors.LinearRing", coordinates, crs, geodesic)
    return given.made(shapely.LinearRing(_ring(given.numbers)), crs, geodesic)


@function("GeometryConstructors.MultiLineString")
@_shaped("GeometryConstructors.MultiLineString")
def multi_line(coordinates: Any, crs: Projection | None, geodesic: bool | None, margin: Any) -> Geometry:
    """Make several lines; a single one may come as its points."""
    del margin
    given = _read("GeometryConstructors.MultiLineString", coordinates, crs, geodesic)
    parts = _nested(given.numbers, 3)
    return given.made(shapely.MultiLineString([_ring(part) for part in parts if part]), crs, geodesic)


@function("GeometryConstructors.Polygon")
@_shaped("GeometryConstructors.Polygon")
def polygon(coordinates: Any, crs: Projection | None, geodesic: bool | None, margin: Any, even_odd: bool) -> Geometry:
    """Make a polygon of a shell and holes; a shell alone may come as its points."""
    del margin
    given = _read("GeometryConstructors.Polygon", coordinates, crs, geodesic)
    shape, hidden = _inside(_rings(given.numbers), even_odd=even_odd)
    return replace(given.made(shape, crs, geodesic), hidden=hidden)


def _rings(numbers: Any) -> list[Any]:
    """Tell rings from the points of a single one; rings may be flat lists of numbers."""
    first = numbers[0] if numbers else []
    single = isinstance(first, (int, float)) or (isinstance(first, list) and len(first) == 2 and _depth(first) == 1)
    return [_ring(numbers)] if single else [_ring(ring) for ring in numbers]


@function("GeometryConstructors.MultiPolygon")
@_shaped("GeometryConstructors.MultiPolygon")
def multi_polygon(
    coordinates: Any, crs: Projection | None, geodesic: bool | None, margin: Any, even_odd: bool
) -> Geometry:
    """Make several polygons; where they overlap, they are one for everything but measures."""
    del margin
    given = _read("GeometryConstructors.MultiPolygon", coordinates, crs, geodesic)
    found = [_inside(rings, even_odd=even_odd) for rings in _nested(given.numbers, 4)]
    hidden = next((why for _, why in found if why), None)
    whole = shapely.MultiPolygon([part for shape, _ in found for part in polygons(shape)])
    if whole.is_valid:
        return replace(given.made(whole, crs, geodesic), hidden=hidden)
    union = shapely.union_all([shape for shape, _ in found])
    return replace(given.made(union, crs, geodesic), parts=whole, hidden=hidden)


@function("GeometryConstructors.MultiGeometry")
def multi_geometry(geometries: list[Any], crs: Projection | None, geodesic: bool | None, margin: Any) -> Geometry:
    """Make a collection of geometries of one projection and one kind of edges."""
    del margin
    name = "GeometryConstructors.MultiGeometry"
    places = [each.geometry if isinstance(each, Feature) else each for each in geometries]
    parts = [each for each in places if isinstance(each, Geometry)]
    if len(parts) < len(places):
        raise EvaluationError(f"{name}, argument 'geometries': Expected type: List<Geometry>.")
    if any(each.hidden or each.parts is not None for each in parts):
        raise not_imitated(f"{name}: parts that overlap, or whose inside is left of their edges")
    given = _read_parts(name, parts, crs, geodesic)
    return given.made(shapely.GeometryCollection([each.shape for each in parts]), crs, geodesic)


def _read_parts(name: str, parts: list[Geometry], crs: Projection | None, geodesic: bool | None) -> _Inputs:
    lists = [[each] for each in parts if each.shape.geom_type != "GeometryCollection"]
    if len(lists) < len(parts):
        raise not_imitated(f"{name}: a collection in a collection")
    return _read(name, lists, crs, geodesic)


@function("GeometryConstructors.Rectangle")
@_shaped("GeometryConstructors.Rectangle")
def rectangle(coordinates: Any, crs: Projection | None, geodesic: bool | None, even_odd: bool) -> Geometry:
    del even_odd
    given = _read("GeometryConstructors.Rectangle", coordinates, crs, geodesic)
    flat = [float(value) for corner in _ring(given.numbers) for value in corner]
    if len(flat) != 4:
        raise EvaluationError("GeometryConstructors.Rectangle: needs 4 numbers or 2 points.")
    (west, east), (south, north) = sorted(flat[::2]), sorted(flat[1::2])
    return given.made(box(west, south, east, north), crs, geodesic)


@function("GeometryConstructors.BBox")
def bbox(west: float, south: float, east: float, north: float) -> Geometry:
    """Make a box of longitudes on the circle of the Earth; one over the antimeridian has two halves."""
    south, north = max(south, -90.0), min(north, 90.0)
    if east - west >= 360:
        return made(box(-180.0, south, 180.0, north), None, geodesic=False)
    width = (east - west) % 360
    if not -180 <= west <= 180:
        west = (west + 180) % 360 - 180
    east = west + width
    if east <= 180:
        return made(box(west, south, east, north), None, geodesic=False)
    halves = shapely.union_all([box(west, south, 180.0, north), box(-180.0, south, east - 360, north)])
    return Geometry(halves, DEFAULT_PROJECTION, geodesic=False, hidden="a box over the antimeridian")


@function("ErrorMargin")
def error_margin(value: float | None, unit: str) -> ErrorMargin:
    """Make a margin; the sign does not matter, and more than half way round the Earth is infinite."""
    if value is not None and math.isnan(value):
        raise EvaluationError("ErrorMargin: The value must be a number, found NaN.")
    if unit not in {"meters", "projected", "infinite"}:
        raise EvaluationError(f"ErrorMargin: Invalid unit: '{unit}'.")
    if value is None and unit != "infinite":
        raise EvaluationError("ErrorMargin: Parameter 'value' is required.")
    if unit == "infinite" or (unit == "meters" and value is not None and abs(value) >= _INFINITE_METRES):
        return ErrorMargin(None, "infinite")
    return ErrorMargin(None if value is None else abs(value), unit)


@function("Feature")
def feature(geometry: Any, metadata: dict[str, Any] | None, key: str | None) -> Feature:
    del key
    return Feature(geometry, dict(metadata or {}))
