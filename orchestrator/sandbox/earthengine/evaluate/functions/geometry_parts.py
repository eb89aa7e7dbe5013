"""Geometries made simpler, cut, dissolved, or laid out in cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate import sphere
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry, box
from orchestrator.sandbox.earthengine.evaluate.measures import lines
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84, Projection
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import INDEX, Collection, ErrorMargin, Feature

_GEOD = pyproj.Geod(ellps="WGS84")
_HEMISPHERE = 80.0  # degrees around the middle in which the gnomonic projection is trusted
MAX_CELLS = 100_000


@function("Geometry.geometries")
def geometries(geometry: Geometry) -> list[Geometry]:
    """Give the parts; a single geometry is its only one."""
    whole = geometry.shape if geometry.parts is None else geometry.parts
    if not hasattr(whole, "geoms"):
        return [geometry]
    return [Geometry(part, geometry.projection, geometry.geodesic) for part in whole.geoms]


@function("Geometry.dissolve")
def dissolve(geometry: Geometry, margin: ErrorMargin | None, projection: Projection | None) -> Geometry:
    """Unite the parts; a single geometry stays what it is."""
    if not hasattr(geometry.shape, "geoms") and geometry.parts is None:
        return geometry
    pair = sphere.alone("Geometry.dissolve", geometry, margin, projection)
    return pair.made(shapely.union_all(list(getattr(pair.left, "geoms", [pair.left]))))


@function("Geometry.convexHull")
def convex_hull(geometry: Geometry, margin: ErrorMargin | None, projection: Projection | None) -> Geometry:
    """Give the hull in a projection, or on the sphere, where shortest ways are straight in a gnomonic projection."""
    if projection is not None or not geometry.geodesic:
        pair = sphere.alone("Geometry.convexHull", geometry, margin, projection)
        return pair.made(pair.left.convex_hull)
    shape = geometry.in_crs(WGS84)
    if shape.is_empty:
        return geometry
    west, south, east, north = shape.bounds
    if max(east - west, north - south) > _HEMISPHERE:
        raise not_imitated("Geometry.convexHull: a geometry over much of the Earth")
    flat = f"+proj=gnom +lat_0={(south + north) / 2} +lon_0={(west + east) / 2} +R=6378137"
    hull = _through(shapely.MultiPoint(shapely.get_coordinates(shape)), flat, lambda drawn: drawn.convex_hull)
    return Geometry(hull, geodesic=True)


def _through(shape: BaseGeometry, flat: str, change: Callable[[BaseGeometry], BaseGeometry]) -> BaseGeometry:
    """Change a shape in another CRS; the corners that are left are the given ones, to the last digit."""
    there = pyproj.Transformer.from_crs("+proj=longlat +R=6378137" if "+R=" in flat else WGS84, flat, always_xy=True)
    drawn = shapely.transform(shape, lambda points: np.column_stack(there.transform(points[:, 0], points[:, 1])))
    back = dict(
        zip(map(tuple, shapely.get_coordinates(drawn).tolist()), shapely.get_coordinates(shape).tolist(), strict=True)
    )
    return shapely.transform(change(drawn), lambda points: np.array([back[tuple(point)] for point in points.tolist()]))


@function("Geometry.simplify")
def simplify(geometry: Geometry, margin: ErrorMargin, projection: Projection | None) -> Geometry:
    """Leave corners out; what is left differs by the margin at most (Douglas and Peucker)."""
    if margin.unit == "infinite" or margin.value is None:
        raise not_imitated("Geometry.simplify: an infinite error margin")
    allowed, name = margin.value, "Geometry.simplify"
    if margin.unit == "projected":
        frame = geometry.projection if projection is None else projection
        plain = sphere.in_projection(name, geometry, frame, 1.0) if frame != geometry.projection else geometry.shape
        geodesic = geometry.geodesic and frame == geometry.projection
        return Geometry(shapely.simplify(plain, allowed), frame, geodesic)
    shape = geometry.in_crs(WGS84)
    if shape.is_empty:
        return geometry
    middle = shape.centroid
    local = f"+proj=aeqd +lat_0={middle.y} +lon_0={middle.x} +datum=WGS84 +units=m"
    if geometry.projection.crs != WGS84:
        raise not_imitated(f"{name}: metres of a geometry that is not in EPSG:4326")
    slim = _through(shape, local, lambda drawn: shapely.simplify(drawn, allowed))
    found = Geometry(slim, geodesic=geometry.geodesic)
    if projection is None or projection == geometry.projection:
        return found
    return Geometry(sphere.in_projection(name, found, projection, allowed), projection)


@function("Geometry.cutLines")
def cut_lines(
    geometry: Geometry, distances: list[Any], margin: ErrorMargin | None, projection: Projection | None
) -> Geometry:
    """Cut each line at distances from its beginning, in metres or units of a projection; what is no line is dropped."""
    cuts = sorted(_distance(each) for each in distances)
    if cuts and cuts[0] < 0:
        raise EvaluationError(f"Geometry.cutLines: Distances must not be negative, found {cuts[0]}.")
    pair = sphere.alone("Geometry.cutLines", geometry, margin, projection)
    metres = projection is None
    shape = pair.left if pair.spherical or not metres else sphere.drawn("Geometry.cutLines", geometry, 1.0)
    pieces = [piece for line in lines(shape) for piece in _pieces(shapely.get_coordinates(line), cuts, metres=metres)]
    found = shapely.MultiLineString(pieces)
    if metres and not pair.spherical:
        return Geometry(found)
    return pair.made(found)


def _distance(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise EvaluationError(f"Geometry.cutLines: Distances must be finite numbers, found '{str(value)[:40]}'.")
    return float(value)


def _pieces(points: Any, cuts: list[float], *, metres: bool) -> Iterator[Any]:
    start, end = points[:-1], points[1:]
    if metres:
        steps = np.asarray(_GEOD.inv(start[:, 0], start[:, 1], end[:, 0], end[:, 1])[2])
    else:
        steps = np.hypot(*(end - start).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    marks = np.array([0.0, *(cut for cut in cuts if 0 < cut < along[-1]), float(along[-1])])
    ends = _at(points, along, marks, metres=metres)
    first, last = np.searchsorted(along, marks[:-1], side="right"), np.searchsorted(along, marks[1:], side="left")
    for at, (begin, stop) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        yield np.concatenate([ends[at : at + 1], points[begin:stop], ends[at + 1 : at + 2]])


def _at(points: Any, along: Any, distances: Any, *, metres: bool) -> Any:
    """Give the points (n, 2) at distances (n) along corners whose own distances are `along`."""
    after = np.clip(np.searchsorted(along, distances, side="left"), 1, len(points) - 1)
    before, rest = points[after - 1], distances - along[after - 1]
    if metres:
        azimuths = _GEOD.inv(before[:, 0], before[:, 1], points[after, 0], points[after, 1])[0]
        between = np.column_stack(_GEOD.fwd(before[:, 0], before[:, 1], azimuths, rest)[:2])
    else:
        steps = (along[after] - along[after - 1])[:, None]
        between = before + (points[after] - before) * np.divide(rest[:, None], steps, where=steps > 0, out=0 * steps)
    corner = np.where((rest == 0)[:, None], before, points[after])
    return np.where(((rest == 0) | (along[after] == distances))[:, None], corner, between)


@function("Geometry.coveringGrid")
def covering_grid(geometry: Geometry, projection: Projection, scale: float | None) -> Collection:
    """Give the cells of a lattice that a geometry lies in, named by column and row."""
    if scale is not None and scale <= 0:
        raise EvaluationError(f"Geometry.coveringGrid: The scale must be positive, found {scale}.")
    lattice = projection if scale is None else projection.at_scale(scale)
    shape = sphere.in_projection("Geometry.coveringGrid", geometry, lattice, 1.0)
    return Collection(lambda: _cells(shape, lattice), kind="FeatureCollection")


def _cells(shape: BaseGeometry, lattice: Projection) -> Iterator[Feature]:
    if shape.is_empty:
        return
    x0, y0, x1, y1 = shape.bounds
    cols, rows = np.arange(math.floor(x0), math.ceil(x1)), np.arange(math.floor(y0), math.ceil(y1))
    if len(cols) * len(rows) > MAX_CELLS:
        raise not_imitated(f"Geometry.coveringGrid: more than {MAX_CELLS} cells")
    shapely.prepare(shape)
    base = Projection(lattice.crs)
    for row in rows.tolist():
        for col in cols.tolist():
            cell = box(col, row, col + 1, row + 1)
            if not shape.intersects(cell):
                continue
            if shape.touches(cell):
                raise not_imitated("Geometry.coveringGrid: a geometry that only touches a cell")
            world = Geometry(lattice.shape_to_world(cell), base)
            yield Feature(world, {INDEX: f"{col},{row}"})
