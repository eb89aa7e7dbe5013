"""Geometries: making and measuring them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import (
    DEFAULT_PROJECTION,
    WGS84,
    Projection,
    parse_crs,
    reproject_shape,
)
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Feature

_GEOD = pyproj.Geod(ellps="WGS84")


def _made(shape: BaseGeometry, projection: Projection | None, geodesic: bool | None = None) -> Geometry:
    base = DEFAULT_PROJECTION if projection is None else projection
    assumed = base.crs == WGS84 if geodesic is None else geodesic
    return Geometry(shape, base, assumed)


def _ring(points: list[Any]) -> list[Any]:
    """Give a list of points, whether it came as points or as one flat list of numbers."""
    if points and isinstance(points[0], (int, float)):
        return [points[at : at + 2] for at in range(0, len(points), 2)]
    return points


def _polygon(rings: list[Any]) -> BaseGeometry:
    try:
        shape = shapely.Polygon(_ring(rings[0]), [_ring(ring) for ring in rings[1:]])
    except (ValueError, IndexError, TypeError):
        raise EvaluationError("GeometryConstructors.Polygon: LinearRing requires at least 3 points.") from None
    return shape if shape.is_valid else shapely.make_valid(shape)


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


@function("GeometryConstructors.Polygon")
def polygon(
    coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: Any, even_odd: bool
) -> Geometry:
    del margin, even_odd
    return _made(_polygon(coordinates), crs, geodesic)


@function("GeometryConstructors.MultiPolygon")
def multi_polygon(
    coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: Any, even_odd: bool
) -> Geometry:
    del margin, even_odd
    return _made(shapely.union_all([_polygon(rings) for rings in coordinates]), crs, geodesic)


@function("GeometryConstructors.Rectangle")
def rectangle(coordinates: list[Any], crs: Projection | None, geodesic: bool | None, even_odd: bool) -> Geometry:
    del even_odd
    flat = [float(value) for corner in _ring(coordinates) for value in corner]
    if len(flat) != 4:
        raise EvaluationError("GeometryConstructors.Rectangle: needs 4 numbers or 2 points.")
    return _made(shapely.box(flat[0], flat[1], flat[2], flat[3]), crs, geodesic)


@function("GeometryConstructors.BBox")
def bbox(west: float, south: float, east: float, north: float) -> Geometry:
    return _made(shapely.box(west, south, east, north), None, geodesic=False)


@function("ErrorMargin")
def error_margin(value: float | None, unit: str) -> Any:
    return {"type": "ErrorMargin", "value": value, "unit": unit}


@function("Feature")
def feature(geometry: Any, metadata: dict[str, Any] | None, key: str | None) -> Feature:
    del key
    return Feature(geometry, dict(metadata or {}))


@function("Geometry.bounds")
def bounds(geometry: Geometry, margin: Any, projection: Projection | None) -> Geometry:
    del margin
    target = geometry.projection if projection is None else projection
    return _made(shapely.box(*geometry.in_pixels(target).bounds), target, geodesic=False)


@function("Geometry.transform")
def transform(geometry: Geometry, projection: Projection, margin: Any, geodesic: bool | None) -> Geometry:
    del margin
    return _made(geometry.in_pixels(projection), projection, geodesic)


@function("Geometry.buffer")
def buffer(geometry: Geometry, distance: float, margin: Any, projection: Projection | None) -> Geometry:
    """Buffer by metres; of longitude and latitude, in an equidistant projection around the centre."""
    del margin
    base = geometry.projection if projection is None else projection
    shape = geometry.in_crs(base.crs)
    if not parse_crs(base.crs).is_geographic:
        return _made(base.shape_to_pixels(shape.buffer(distance)), base, geodesic=False)
    centre = shape.centroid
    local = f"+proj=aeqd +lat_0={centre.y} +lon_0={centre.x} +datum=WGS84 +units=m"
    wide = reproject_shape(shape, base.crs, local).buffer(distance)
    return _made(base.shape_to_pixels(reproject_shape(wide, local, base.crs)), base)


@function("Geometry.area")
def area(geometry: Geometry, margin: Any, projection: Projection | None) -> float:
    """Square metres on the ellipsoid, or square units of a projection that is asked for."""
    del margin
    if projection is not None:
        return float(geometry.in_pixels(projection).area)
    return abs(float(_GEOD.geometry_area_perimeter(geometry.in_crs(WGS84))[0]))


@function("Geometry.coordinates")
def coordinates(geometry: Geometry) -> list[Any]:
    found: list[Any] = geometry.geojson().get("coordinates", [])
    return found


@function("Geometry.type")
def kind(geometry: Geometry) -> str:
    return str(geometry.shape.geom_type)


@function("Geometry.centroid")
def centroid(geometry: Geometry, margin: Any, projection: Projection | None) -> Geometry:
    del margin
    target = geometry.projection if projection is None else projection
    return _made(geometry.in_pixels(target).centroid, target)


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


@function("Geometry.perimeter", "Geometry.length")
def perimeter(geometry: Geometry, margin: Any, projection: Projection | None) -> float:
    """Metres on the ellipsoid, or units of a projection that is asked for."""
    del margin
    if projection is not None:
        return float(geometry.in_pixels(projection).length)
    return float(_GEOD.geometry_length(geometry.in_crs(WGS84)))


@function("Geometry.projection")
def projection_of(geometry: Geometry) -> Projection:
    return geometry.projection
