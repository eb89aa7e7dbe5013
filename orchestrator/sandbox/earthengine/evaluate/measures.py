"""Areas and lengths of geometries: on the ellipsoid, or in the plane of a projection."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84, Projection, reproject_shape

_GEOD = pyproj.Geod(ellps="WGS84")
_HALF = 180.0  # degrees
_PIECES = 256  # of the longest side: how finely an edge that is straight in a projection is drawn on the ellipsoid


def area(geometry: Geometry, projection: Projection | None) -> float:
    """Add up the areas of polygons, each for itself: square metres, or square units of a projection."""
    if projection is not None:
        return float(sum(part.area for part in polygons(_drawn(geometry, projection))))
    return sum(_surface(piece) for part in polygons(_on_earth(geometry)) for piece in _sectors(part))


def perimeter(geometry: Geometry, projection: Projection | None) -> float:
    """Add up the outlines of polygons; lines are none. Metres, or units of a projection."""
    if projection is not None:
        return float(sum(part.length for part in polygons(_drawn(geometry, projection))))
    return sum(_along(ring) for part in polygons(_on_earth(geometry)) for ring in _rings(part))


def length(geometry: Geometry, projection: Projection | None) -> float:
    """Add up the lengths of lines; the outline of a polygon is none. Metres, or units of a projection."""
    if projection is not None:
        return float(sum(part.length for part in lines(_drawn(geometry, projection))))
    return sum(_along(part) for part in lines(_on_earth(geometry)))


def _simple(shape: BaseGeometry) -> Iterator[BaseGeometry]:
    if hasattr(shape, "geoms"):
        for part in shape.geoms:
            yield from _simple(part)
    elif not shape.is_empty:
        yield shape


def polygons(shape: BaseGeometry) -> list[Any]:
    """Give the polygonal parts."""
    return [part for part in _simple(shape) if part.geom_type == "Polygon"]


def lines(shape: BaseGeometry) -> list[Any]:
    """Give the linear parts."""
    return [part for part in _simple(shape) if part.geom_type in {"LineString", "LinearRing"}]


def _given(geometry: Geometry) -> BaseGeometry:
    return geometry.shape if geometry.parts is None else geometry.parts


def _drawn(geometry: Geometry, projection: Projection) -> BaseGeometry:
    """Give the parts in the coordinates of a projection."""
    return Geometry(_given(geometry), geometry.projection).in_pixels(projection)


def _on_earth(geometry: Geometry) -> BaseGeometry:
    """Give the parts in longitude and latitude, with corners where an edge is no shortest way."""
    world = geometry.projection.shape_to_world(_given(geometry))
    if geometry.geodesic:
        return reproject_shape(world, geometry.projection.crs, WGS84)
    x0, y0, x1, y1 = world.bounds if not world.is_empty else (0.0, 0.0, 0.0, 0.0)
    longest = max(x1 - x0, y1 - y0) / _PIECES
    dense = shapely.segmentize(world, longest) if longest > 0 else world
    return reproject_shape(dense, geometry.projection.crs, WGS84)


def _sectors(polygon: Any) -> list[Any]:
    """Cut what goes round most of the Earth along meridians: a ring round all of it has no inside of its own."""
    west, _, east, _ = polygon.bounds
    if east - west <= _HALF:
        return [polygon]
    edges = np.linspace(west, east, 5)
    cuts = [shapely.box(left, -_HALF, right, _HALF) for left, right in itertools.pairwise(edges)]
    pieces = (shapely.segmentize(part, _HALF / _PIECES) for cut in cuts for part in polygons(polygon.intersection(cut)))
    return list(pieces)


def _rings(polygon: Any) -> list[Any]:
    return [polygon.exterior, *polygon.interiors]


def _surface(polygon: Any) -> float:
    shell, *holes = (abs(float(_GEOD.geometry_area_perimeter(shapely.Polygon(ring))[0])) for ring in _rings(polygon))
    return shell - sum(holes)


def _along(line: BaseGeometry) -> float:
    return float(_GEOD.geometry_length(line))
