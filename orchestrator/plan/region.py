"""The coarse region Earth Engine is told about: a small polygon in degrees that contains the area."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.plan.reproject import to_lonlat, within_180

# More pieces, or vertices, than these are first replaced by the cells of a raster that they touch: buffers and unions
# of thousands of islands take minutes.
MAX_PIECES = 64
MAX_VERTICES = 20_000
CELLS = 96
# The edges of what spans more than half the world: one of more than 180 degrees could be taken the short way round.
QUARTER = 90.0


def ee_region(geometry: BaseGeometry, crs: str, *, max_vertices: int = 200) -> dict[str, Any]:
    """
    Return a small GeoJSON geometry in EPSG:4326 (longitude, latitude) that contains the area.

    It only selects scenes; the exact cut is local. The outline is widened and then simplified by less than the
    widening, coarser until it has `max_vertices` vertices at most; the bounding box is the last resort. An area
    across longitude 180 becomes pieces on both sides of it. Edges are straight in degrees, and the member
    `geodesic` says so to Earth Engine, which would bend them towards the pole otherwise.
    """
    lonlat = to_lonlat(geometry, crs)
    simple = within_180(_simplified_outward(_coarse(lonlat), max_vertices))
    west, _south, east, _north = lonlat.bounds
    if east - west > 180:
        simple = shapely.segmentize(simple, QUARTER)
    return {**shapely.geometry.mapping(simple), "geodesic": False}


def _coarse(area: BaseGeometry) -> BaseGeometry:
    """Return `area`, or cells that contain it where it has very many pieces or vertices."""
    parts = shapely.get_parts(area)
    if len(parts) <= MAX_PIECES and shapely.get_num_coordinates(area) <= MAX_VERTICES:
        return area
    west, south, east, north = area.bounds
    side = max(east - west, north - south) / CELLS
    cols, rows = np.meshgrid(np.arange(int((east - west) / side) + 1), np.arange(int((north - south) / side) + 1))
    left, bottom = west + side * cols.ravel(), south + side * rows.ravel()
    # A little wider, so that no point of the area lies between two cells by rounding.
    slack = side * 1e-6
    cells = shapely.box(left - slack, bottom - slack, left + side + slack, bottom + side + slack)
    # The parts are asked about the cells, not the other way round: GEOS then prepares each outline once.
    _part, touched = shapely.STRtree(cells).query(parts, predicate="intersects")
    return shapely.union_all(cells[np.unique(touched)])


def _simplified_outward(area: BaseGeometry, max_vertices: int) -> BaseGeometry:
    west, south, east, north = area.bounds
    size = max(east - west, north - south)
    # Buffers of outlines with millions of vertices are slow; thinning first is paid back by a wider buffer.
    for fraction in (0.005, 0.01, 0.02, 0.05, 0.1):
        margin = max(size * fraction, 1e-4)
        thinned = area.simplify(margin / 4, preserve_topology=True)
        if thinned.is_empty or not thinned.is_valid:
            thinned = polygons_hull(area)
        outline = thinned.buffer(margin, quad_segs=2, join_style="mitre", mitre_limit=2)
        candidate = _without_holes(outline).simplify(margin / 4)
        if shapely.get_num_coordinates(candidate) <= max_vertices - 4 and candidate.contains(area):
            return _clipped_to_world(candidate)
    return _clipped_to_world(shapely.box(west, south, east, north))


def polygons_hull(area: BaseGeometry) -> BaseGeometry:
    """Return the convex hulls of the polygons of `area`, dissolved."""
    return shapely.union_all(shapely.convex_hull(shapely.get_parts(area)))


def _without_holes(geometry: BaseGeometry) -> BaseGeometry:
    return shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(geometry)])


def _clipped_to_world(geometry: BaseGeometry) -> BaseGeometry:
    """Return `geometry` between the poles, and no more than once round the Earth."""
    west, _south, east, _north = geometry.bounds
    if east - west >= 360:
        west, east = -180.0, 180.0
    return geometry.intersection(shapely.box(west, -90, east, 90))
