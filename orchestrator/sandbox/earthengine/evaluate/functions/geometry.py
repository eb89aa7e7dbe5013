"""Geometries: making and measuring them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate import measures
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.measures import polygons
from orchestrator.sandbox.earthengine.evaluate.projection import (
    DEFAULT_PROJECTION,
    WGS84,
    Projection,
    reproject_points,
    reproject_shape,
)
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import ErrorMargin, Feature


def _made(shape: BaseGeometry, projection: Projection | None, geodesic: bool | None = None) -> Geometry:
    base = DEFAULT_PROJECTION if projection is None else projection
    assumed = base.crs == WGS84 if geodesic is None else geodesic
    return Geometry(shape, base, assumed)


def _ring(points: list[Any]) -> list[Any]:
    """Give a list of points, whether it came as points or as one flat list of numbers."""
    if points and isinstance(points[0], (int, float)):
        return [points[at : at + 2] for at in range(0, len(points), 2)]
    return points


def box(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """Make a rectangle whose ring begins at the lower left corner and runs to the right, as the service's do."""
    return shapely.Polygon([(west, south), (east, south), (east, north), (west, north)])


def _polygon(rings: list[Any], *, even_odd: bool) -> BaseGeometry:
    """
    Make a polygon of a shell and holes.

    Raises:
        EvaluationError: If a ring has fewer than three points; or if the inside is left of the edges, and that is
            the outside of the shell.
    """
    try:
        made = [shapely.Polygon(_ring(ring)) for ring in rings]
        shape = shapely.Polygon(_ring(rings[0]), [_ring(ring) for ring in rings[1:]])
    except (ValueError, IndexError, TypeError):
        raise EvaluationError("GeometryConstructors.Polygon: LinearRing requires at least 3 points.") from None
    if not even_odd:
        if not shape.exterior.is_ccw:
            raise not_imitated("GeometryConstructors.Polygon: a clockwise shell with evenOdd = false")
        if not shape.is_valid:
            raise not_imitated("GeometryConstructors.Polygon: edges that cross with evenOdd = false")
    return shape if shape.is_valid else _even_odd(made)


def _even_odd(rings: Sequence[BaseGeometry]) -> BaseGeometry:
    """Give what an odd number of edges encloses, whether rings cross themselves or each other."""
    inside: BaseGeometry = shapely.Polygon()
    for ring in rings:
        inside = shapely.symmetric_difference(inside, shapely.make_valid(ring))
    areas = polygons(inside)
    return areas[0] if len(areas) == 1 else shapely.MultiPolygon(areas)


@function("GeometryConstructors.Point")
def point(coordinates: list[Any], crs: Projection | None) -> Geometry:
    return _made(shapely.Point(coordinates), crs, None)


@function("GeometryConstructors.MultiPoint")
def multi_point(coordinates: list[Any], crs: Projection | None) -> Geometry:
    return _made(shapely.MultiPoint(_ring(coordinates)), crs)


@function("GeometryConstructors.LineString")
def line(coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: Any) -> Geometry:
    del margin
    return _made(shapely.LineString(_ring(coordinates)), crs, geodesic)


@function("GeometryConstructors.LinearRing")
def linear_ring(coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: Any) -> Geometry:
    """Make a line that is closed, whether or not the first point is repeated."""
    del margin
    return _made(shapely.LinearRing(_ring(coordinates)), crs, geodesic)


@function("GeometryConstructors.MultiLineString")
def multi_line(coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: Any) -> Geometry:
    """Make several lines; a single one may come as its points."""
    del margin
    first = coordinates[0] if coordinates else []
    single = isinstance(first, (int, float)) or (bool(first) and isinstance(first[0], (int, float)) and len(first) == 2)
    given = [coordinates] if single else coordinates
    return _made(shapely.MultiLineString([_ring(part) for part in given]), crs, geodesic)


@function("GeometryConstructors.Polygon")
def polygon(
    coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: Any, even_odd: bool
) -> Geometry:
    del margin
    return _made(_polygon(coordinates, even_odd=even_odd), crs, geodesic)


@function("GeometryConstructors.MultiPolygon")
def multi_polygon(
    coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: Any, even_odd: bool
) -> Geometry:
    """Make several polygons; where they overlap, they are one for everything but measures."""
    del margin
    parts = [_polygon(rings, even_odd=even_odd) for rings in coordinates]
    whole = shapely.MultiPolygon([part for shape in parts for part in polygons(shape)])
    if whole.is_valid:
        return _made(whole, crs, geodesic)
    return replace(_made(shapely.union_all(parts), crs, geodesic), parts=whole)


@function("GeometryConstructors.Rectangle")
def rectangle(coordinates: list[Any], crs: Projection | None, geodesic: bool | None, even_odd: bool) -> Geometry:
    del even_odd
    flat = [float(value) for corner in _ring(coordinates) for value in corner]
    if len(flat) != 4:
        raise EvaluationError("GeometryConstructors.Rectangle: needs 4 numbers or 2 points.")
    (west, east), (south, north) = sorted(flat[::2]), sorted(flat[1::2])
    return _made(box(west, south, east, north), crs, geodesic)


@function("GeometryConstructors.BBox")
def bbox(west: float, south: float, east: float, north: float) -> Geometry:
    if east - west >= 360:
        west, east = -180.0, 180.0
    if east < west:
        raise not_imitated(f"GeometryConstructors.BBox: a box over the antimeridian, from {west} to {east},")
    return _made(box(west, max(south, -90.0), east, min(north, 90.0)), None, geodesic=False)


@function("ErrorMargin")
def error_margin(value: float | None, unit: str) -> ErrorMargin:
    if unit not in {"meters", "projected", "infinite"}:
        raise EvaluationError(f"ErrorMargin: Invalid unit: '{unit}'.")
    if value is None and unit != "infinite":
        raise EvaluationError("ErrorMargin: Parameter 'value' is required.")
    return ErrorMargin(None if unit == "infinite" else value, unit)


@function("Feature")
def feature(geometry: Any, metadata: dict[str, Any] | None, key: str | None) -> Feature:
    del key
    return Feature(geometry, dict(metadata or {}))


@function("Geometry.bounds")
def bounds(geometry: Geometry, margin: Any, projection: Projection | None) -> Geometry:
    """Give the bounding box in a projection, EPSG:4326 by default."""
    del margin
    _refuse_empty("Geometry.bounds", geometry)
    target = DEFAULT_PROJECTION if projection is None else projection
    return _made(box(*geometry.in_pixels(target).bounds), target, geodesic=False)


@function("Geometry.transform")
def transform(
    geometry: Geometry, projection: Projection, margin: ErrorMargin | None, geodesic: bool | None
) -> Geometry:
    """Carry a geometry to a projection; edges that bend are broken up only as far as the error allows."""
    bent = geometry.in_pixels(projection)
    plain = projection.shape_to_pixels(_corners_in(geometry, projection.crs))
    allowed = _in_pixels(margin, projection)
    straight = allowed > 0 and float(shapely.hausdorff_distance(bent, plain, densify=0.1)) <= allowed
    return _made(plain if straight else bent, projection, geodesic)


def _corners_in(geometry: Geometry, crs: str) -> BaseGeometry:
    """Give the shape with its corners alone carried to another CRS."""
    world = geometry.projection.shape_to_world(geometry.shape)
    return shapely.transform(
        world, lambda points: np.column_stack(reproject_points(geometry.projection.crs, crs, *points.T))
    )


def _in_pixels(margin: ErrorMargin | None, projection: Projection) -> float:
    """Give an error margin in units of a projection; 0 is exact, which is what no margin is taken for."""
    if margin is None:
        return 0.0
    if margin.unit == "infinite":
        return float("inf")
    value = margin.value or 0.0
    return value if margin.unit == "projected" else value / projection.nominal_scale()


@function("Geometry.buffer")
def buffer(geometry: Geometry, distance: float, margin: ErrorMargin | None, projection: Projection | None) -> Geometry:
    """
    Buffer by metres on the Earth, or by units of a projection.

    Circles differ from true ones by the error margin at most, a hundredth of the distance by default.
    """
    corners = _quarter(distance, margin)
    if projection is not None:
        return _made(geometry.in_pixels(projection).buffer(distance, corners), projection, geodesic=False)
    shape = geometry.in_crs(WGS84)
    if shape.is_empty:
        return geometry
    centre = shape.centroid
    local = f"+proj=aeqd +lat_0={centre.y} +lon_0={centre.x} +datum=WGS84 +units=m"
    wide = reproject_shape(
        reproject_shape(shape, WGS84, local).buffer(distance, corners), local, geometry.projection.crs
    )
    return _made(geometry.projection.shape_to_pixels(wide), geometry.projection)


def _quarter(distance: float, margin: ErrorMargin | None) -> int:
    """Give how many corners a quarter of a circle needs: an edge strays from it by its sagitta."""
    allowed = 0.01 if margin is None or not margin.value or not distance else margin.value / abs(distance)
    step = math.acos(1 - min(allowed, 0.2))  # half the angle of an edge
    return min(max(math.ceil(math.pi / 4 / step), 16), 512)


@function("Geometry.area")
def area(geometry: Geometry, margin: Any, projection: Projection | None) -> float:
    del margin
    return measures.area(geometry, projection)


@function("Geometry.perimeter")
def perimeter(geometry: Geometry, margin: Any, projection: Projection | None) -> float:
    del margin
    return measures.perimeter(geometry, projection)


@function("Geometry.length")
def length(geometry: Geometry, margin: Any, projection: Projection | None) -> float:
    del margin
    return measures.length(geometry, projection)


@function("Geometry.coordinates")
def coordinates(geometry: Geometry) -> list[Any]:
    found: list[Any] = geometry.geojson().get("coordinates", [])
    return found


@function("Geometry.type")
def kind(geometry: Geometry) -> str:
    return str((geometry.shape if geometry.parts is None else geometry.parts).geom_type)


@function("Geometry.centroid")
def centroid(geometry: Geometry, margin: Any, projection: Projection | None) -> Geometry:
    del margin
    _refuse_empty("Geometry.centroid", geometry)
    target = DEFAULT_PROJECTION if projection is None else projection
    return _made(geometry.in_pixels(target).centroid, target)


def _refuse_empty(name: str, geometry: Geometry) -> None:
    if geometry.shape.is_empty:
        raise not_imitated(f"{name}: an empty geometry")


def _frame(left: Geometry, projection: Projection | None) -> Projection:
    return left.projection if projection is None else projection


def _relation(name: str, test: Callable[[BaseGeometry, BaseGeometry], Any]) -> None:
    def relate(left: Geometry, right: Geometry, margin: Any, projection: Projection | None) -> bool:
        del margin
        frame = _frame(left, projection)
        return bool(test(left.in_pixels(frame), right.in_pixels(frame)))

    function(f"Geometry.{name}")(relate)


def _combination(name: str, combine: Callable[[BaseGeometry, BaseGeometry], BaseGeometry]) -> None:
    def join(left: Geometry, right: Geometry, margin: Any, projection: Projection | None) -> Geometry:
        del margin
        frame = _frame(left, projection)
        return _made(combine(left.in_pixels(frame), right.in_pixels(frame)), frame)

    function(f"Geometry.{name}")(join)


_relation("intersects", shapely.intersects)
_relation("disjoint", shapely.disjoint)
_relation("contains", shapely.covers)
_relation("containedIn", shapely.covered_by)
_combination("intersection", shapely.intersection)
_combination("union", shapely.union)
_combination("difference", shapely.difference)
_combination("symmetricDifference", shapely.symmetric_difference)


@function("Geometry.convexHull")
def convex_hull(geometry: Geometry, margin: Any, projection: Projection | None) -> Geometry:
    del margin
    frame = _frame(geometry, projection)
    return _made(geometry.in_pixels(frame).convex_hull, frame)


@function("Geometry.projection")
def projection_of(geometry: Geometry) -> Projection:
    return geometry.projection
