"""Where two geometries are compared: in a projection, or on the sphere, where edges are the shortest ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.edges import along_geodesics
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import (
    DEFAULT_PROJECTION,
    WGS84,
    Projection,
    reproject_shape,
)
from orchestrator.sandbox.earthengine.evaluate.values import ErrorMargin

_GEOD = pyproj.Geod(ellps="WGS84")
_ERROR_METRES = 1.0  # without a margin
_LEAST_METRES = 1e-3
_PIECES = 64  # of the longer side: how finely straight edges are drawn on the sphere
_HALF = 180.0  # degrees
_TOUCH = 1e-9  # degrees; nearer than this, a point lies on an edge
_SEARCH_METRES = 20_000.0  # how finely edges are searched for the nearest point


def tolerance(margin: ErrorMargin | None) -> float:
    """Give an error margin in metres; without one, a metre."""
    if margin is None or margin.unit != "meters" or not margin.value:
        return _ERROR_METRES
    return max(margin.value, _LEAST_METRES)


def drawn(name: str, geometry: Geometry, error_metres: float) -> BaseGeometry:
    """
    Give a shape in longitude and latitude whose straight edges are, to an error, those of the geometry.

    Raises:
        EvaluationError: If an edge goes over the antimeridian.
    """
    world = geometry.projection.shape_to_world(geometry.shape)
    if geometry.projection.crs != WGS84 and not world.is_empty:
        return reproject_shape(_fine(world), geometry.projection.crs, WGS84)
    if world.is_empty or not geometry.geodesic:
        return world
    if _leaps(world):
        raise not_imitated(f"{name}: a shortest edge over the antimeridian")
    bent: BaseGeometry = along_geodesics(world, error_metres)
    return bent


def _fine(shape: BaseGeometry) -> BaseGeometry:
    x0, y0, x1, y1 = shape.bounds if not shape.is_empty else (0.0, 0.0, 0.0, 0.0)
    longest = max(x1 - x0, y1 - y0) / _PIECES
    return shapely.segmentize(shape, longest) if longest > 0 else shape


def _leaps(shape: Any) -> bool:
    """Tell whether an edge goes over more than half the Earth in longitude; 360 degrees are a parallel round it."""
    if hasattr(shape, "geoms"):
        return any(_leaps(part) for part in shape.geoms)
    rings = [shape.exterior, *shape.interiors] if shape.geom_type == "Polygon" else [shape]
    steps = np.concatenate([np.abs(np.diff(shapely.get_coordinates(ring)[:, 0])) for ring in rings])
    return bool(((steps > _HALF) & (steps < 2 * _HALF)).any())


@dataclass(frozen=True, slots=True)
class Pair:
    """
    Two shapes in common coordinates.

    Attributes:
        left: The first.
        right: The second.
        projection: Of the coordinates.
        spherical: Whether nobody chose the projection, and edges are the shortest ways on the sphere.
        added: Corners that bent edges were given, to be left out again.
    """

    left: BaseGeometry
    right: BaseGeometry
    projection: Projection
    spherical: bool
    added: frozenset[tuple[float, float]] = frozenset()

    def made(self, shape: BaseGeometry) -> Geometry:
        """Make a geometry of a result in these coordinates."""
        kept = without(shape, self._superfluous(shape)) if self.added else shape
        return Geometry(kept, self.projection, self.spherical)

    def _superfluous(self, shape: BaseGeometry) -> frozenset[tuple[float, float]]:
        """Tell the added corners of a result; where the edges of both shapes cross, there is one of its own."""
        found = [tuple(point) for point in shapely.get_coordinates(shape).tolist() if tuple(point) in self.added]
        points = shapely.points(np.array(found).reshape(-1, 2))
        crossing = np.ones(len(found), np.bool_)
        for each in (self.left, self.right):
            crossing &= shapely.distance(points, each if each.geom_type.endswith("String") else each.boundary) < _TOUCH
        return frozenset(point for point, kept in zip(found, crossing.tolist(), strict=True) if not kept)


def paired(
    name: str, left: Geometry, right: Geometry, margin: ErrorMargin | None, projection: Projection | None
) -> Pair:
    """
    Bring two geometries together: into a projection, or else both to the sphere unless they share a plane.

    Raises:
        EvaluationError: If an edge goes over the antimeridian.
    """
    error = tolerance(margin)
    if projection is not None:
        shapes = [in_projection(name, each, projection, error) for each in (left, right)]
        return Pair(shapes[0], shapes[1], projection, spherical=False)
    if left.projection == right.projection and not left.geodesic and not right.geodesic:
        return Pair(left.shape, right.shape, left.projection, spherical=False)
    bent = [drawn(name, each, error) for each in (left, right)]
    before = {tuple(point) for each in (left, right) for point in shapely.get_coordinates(each.in_crs(WGS84)).tolist()}
    geodesic = [shape for shape, each in zip(bent, (left, right), strict=True) if each.geodesic]
    after = {tuple(point) for shape in geodesic for point in shapely.get_coordinates(shape).tolist()}
    return Pair(bent[0], bent[1], DEFAULT_PROJECTION, spherical=True, added=frozenset(after - before))


def alone(name: str, geometry: Geometry, margin: ErrorMargin | None, projection: Projection | None) -> Pair:
    """Bring a single geometry into a projection, or else to the sphere unless it is planar."""
    pair = paired(name, geometry, geometry, margin, projection)
    return Pair(pair.left, shapely.Point(), pair.projection, pair.spherical, pair.added)


def in_projection(name: str, geometry: Geometry, projection: Projection, error_metres: float) -> BaseGeometry:
    """Give a shape in the coordinates of a projection, with edges as the geometry's."""
    if geometry.projection == projection and not geometry.geodesic:
        return geometry.shape
    if geometry.projection.crs == projection.crs and not geometry.geodesic:
        return geometry.in_pixels(projection)
    degrees = drawn(name, geometry, error_metres)
    return projection.shape_to_pixels(reproject_shape(degrees, WGS84, projection.crs))


def without(shape: BaseGeometry, added: frozenset[tuple[float, float]]) -> BaseGeometry:
    """Leave corners out of lines and rings, as long as enough are left."""
    thin: BaseGeometry = _each_line(shape, lambda line: _thinned(line, added))
    return thin


def _thinned(line: Any, added: frozenset[tuple[float, float]]) -> Any:
    points = shapely.get_coordinates(line).tolist()
    ends = {0, len(points) - 1}
    kept = [point for at, point in enumerate(points) if at in ends or tuple(point) not in added]
    least = 4 if line.is_ring else 2
    return kept if len(kept) >= least else points


def _each_line(shape: Any, change: Callable[[Any], Any]) -> Any:
    if shape.is_empty or shape.geom_type in {"Point", "MultiPoint"}:
        return shape
    if shape.geom_type == "Polygon":
        shell, *holes = (change(ring) for ring in (shape.exterior, *shape.interiors))
        return shapely.Polygon(shell, holes)
    if hasattr(shape, "geoms"):
        return type(shape)([_each_line(part, change) for part in shape.geoms])
    return type(shape)(change(shape))


def nearest(pair: Pair) -> tuple[Any, Any] | None:
    """
    Find the points (x, y) of two shapes that are nearest to each other; None if one is empty.

    On the sphere, the nearest corners of finely drawn edges are found first; around them the Earth is flat.
    """
    if pair.left.is_empty or pair.right.is_empty:
        return None
    if not pair.spherical:
        return _ends(pair.left, pair.right)
    if pair.left.intersects(pair.right):
        return _ends(pair.left, pair.right)
    from scipy.spatial import cKDTree  # noqa: PLC0415 - only where distances on the sphere are asked for

    left, right = (_searchable(shape) for shape in (pair.left, pair.right))
    points = [shapely.get_coordinates(shape) for shape in (left, right)]
    _, match = cKDTree(_vectors(points[1])).query(_vectors(points[0]))
    chords = np.linalg.norm(_vectors(points[0]) - _vectors(points[1])[match], axis=1)
    lon, lat = points[0][int(np.argmin(chords))]
    local = f"+proj=aeqd +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m"
    near = _ends(*(_carried(shape, WGS84, local) for shape in (left, right)))
    back = pyproj.Transformer.from_crs(local, WGS84, always_xy=True)
    return back.transform(*near[0]), back.transform(*near[1])


def _ends(left: BaseGeometry, right: BaseGeometry) -> tuple[Any, Any]:
    start, end = shapely.get_coordinates(shapely.shortest_line(left, right)).tolist()
    return tuple(start), tuple(end)


def _searchable(shape: BaseGeometry) -> BaseGeometry:
    return shapely.segmentize(shape, _SEARCH_METRES / 111_320.0)


def _carried(shape: BaseGeometry, source: str, target: str) -> Any:
    change = pyproj.Transformer.from_crs(source, target, always_xy=True)
    return shapely.transform(shape, lambda points: np.column_stack(change.transform(points[:, 0], points[:, 1])))


def _vectors(degrees: Any) -> Any:
    lon, lat = np.radians(degrees).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def distance(pair: Pair) -> float | None:
    """Give the distance: metres on the ellipsoid, or units of the projection; None if a shape is empty."""
    found = nearest(pair)
    if found is None:
        return None
    (x0, y0), (x1, y1) = found
    if pair.spherical:
        return float(_GEOD.inv(x0, y0, x1, y1)[2])
    return float(np.hypot(x1 - x0, y1 - y0))
