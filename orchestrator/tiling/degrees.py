"""Tiles in degrees: each in one piece, for identifiers, or cut at longitude 180, as GeoJSON wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.plan.reproject import LONLAT, parse_crs, transformer_between, within_180

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

Geometries = NDArray[np.object_]
HALF_TURN, TURN = 180.0, 360.0


def in_degrees(frame: GeoDataFrame) -> Geometries:
    """
    Return the geometries of a table in degrees, an array of (tiles,).

    One across longitude 180 is in one piece: its eastern half has longitudes beyond 180, however it is stored.
    """
    geometries = np.asarray(frame.geometry.to_numpy(), dtype=object)
    crs = parse_crs(frame.crs.to_wkt())
    if not crs.equals(parse_crs(LONLAT), ignore_axis_order=True):
        forward = transformer_between(crs, parse_crs(LONLAT))
        geometries = move(geometries, forward)
    return _in_one_piece(geometries)


def move(geometries: Geometries, transformer: Any) -> Geometries:
    """Return geometries of which every vertex is moved by a transformer; edges stay straight between them."""
    xy = shapely.get_coordinates(geometries)
    moved = np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
    found: Geometries = shapely.set_coordinates(geometries.copy(), moved)
    return found


def _in_one_piece(geometries: Geometries) -> Geometries:
    bounds = shapely.bounds(geometries).reshape(-1, 4)
    across = np.flatnonzero(bounds[:, 2] - bounds[:, 0] > HALF_TURN)
    if not len(across):
        return geometries
    found = geometries.copy()
    for index in across:
        found[index] = _turned(found[index])
    return found


def _turned(geometry: Any) -> Any:
    """Return a geometry with the longitudes below zero turned once round the Earth; halves are joined."""
    turned = shapely.transform(
        geometry, lambda xy: np.column_stack((np.where(xy[:, 0] < 0, xy[:, 0] + TURN, xy[:, 0]), xy[:, 1]))
    )
    return shapely.union_all(shapely.get_parts([turned])) if geometry.geom_type == "MultiPolygon" else turned


def cut_at_180(lonlat: Geometries) -> Geometries:
    """Return geometries of `in_degrees` within ±180: one across 180 is cut there in two (RFC 7946, section 3.1.9)."""
    bounds = shapely.bounds(lonlat).reshape(-1, 4)
    beyond = np.flatnonzero((bounds[:, 2] > HALF_TURN) | (bounds[:, 0] < -HALF_TURN))
    if not len(beyond):
        return lonlat
    found = lonlat.copy()
    for index in beyond:
        found[index] = within_180(found[index])
    return found


# A millimetre: written as numbers and read again, or moved between CRS, a vertex stays nearer.
SAME_DEGREES = 1e-8


def same_shapes(some: Geometries, others: Geometries) -> bool:
    """Tell whether two tables have the same shapes in the same order; which vertex comes first does not count."""
    if len(some) != len(others):
        return False
    alike = shapely.equals_exact(shapely.normalize(some), shapely.normalize(others), SAME_DEGREES)
    unlike = np.flatnonzero(~alike)
    # Noise may turn the order in which a normal form tells parts and vertices: what differs is looked at as surfaces.
    apart = shapely.area(shapely.symmetric_difference(some[unlike], others[unlike]))
    return bool((apart <= SAME_DEGREES * shapely.length(some[unlike])).all())
