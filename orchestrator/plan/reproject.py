"""Areas from one coordinate reference system to another, with edges that stay straight where they were drawn."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj import network
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import AreaError, PlanError

# Grids of datum shifts are never fetched: the same area must give the same pixels with and without a network.
network.set_network_enabled(active=False)  # type: ignore[attr-defined]  # its stub does not export it

LONLAT = "EPSG:4326"
# An edge of 1 km is bent by a map projection by at most about 1000² / (8 · 6,371,000) = 0.02 m.
MAX_EDGE_METRES = 1_000.0
METRES_PER_DEGREE = 111_320.0
# An area as large as a continent gets longer edges rather than more memory.
MAX_ADDED_VERTICES = 200_000


@lru_cache(maxsize=64)
def parse_crs(text: str) -> pyproj.CRS:
    """
    Return the CRS that `text` names (`EPSG:n`, another authority's code, WKT or PROJ string).

    Raises:
        PlanError: If PROJ does not know it, or it has no two map coordinates.
    """
    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError:
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise PlanError(f"CRS {shown!r} is not known; give a code like EPSG:32633 or WKT") from None
    if not (crs.is_projected or crs.is_geographic):
        raise PlanError(f"CRS {crs.name!r} is neither projected nor geographic; give one like EPSG:32633")
    return crs


def crs_name(crs: pyproj.CRS) -> str:
    """Return `EPSG:n` where the CRS surely has a code, otherwise its WKT on one line."""
    authority = crs.to_authority(min_confidence=100) or crs.to_authority(min_confidence=70)
    if authority and authority[0] in {"EPSG", "ESRI"}:
        return f"{authority[0]}:{authority[1]}"
    # GeoJSON's OGC:CRS84 is EPSG:4326 with the axes in the order that is used everywhere here.
    if authority == ("OGC", "CRS84"):
        return LONLAT
    return str(crs.to_wkt(pretty=False))


def transformer_between(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    """
    Return what turns coordinates of `source` into those of `target`, x or longitude first.

    Raises:
        AreaError: If PROJ knows no way, as with a CRS whose definition is damaged.
    """
    try:
        return pyproj.Transformer.from_crs(source, target, always_xy=True)
    except pyproj.exceptions.ProjError:
        raise AreaError(
            f"no transformation leads from {source.name!r} to {target.name!r}; state the area's true CRS (--area-crs)"
        ) from None


def units_per_metre(crs: pyproj.CRS) -> float:
    """Return how many units of the CRS make about one metre."""
    if crs.is_geographic:
        return 1 / METRES_PER_DEGREE
    factor = crs.axis_info[0].unit_conversion_factor
    return 1 / factor if factor else 1.0


def densify(geometry: BaseGeometry, crs: pyproj.CRS) -> BaseGeometry:
    """Return the same area with edges short enough that projecting their ends projects the edges."""
    shortest_allowed = geometry.length / MAX_ADDED_VERTICES
    return shapely.segmentize(geometry, max(MAX_EDGE_METRES * units_per_metre(crs), shortest_allowed))


def polygons_only(geometry: BaseGeometry) -> BaseGeometry:
    """Return the polygons of `geometry` as one valid Polygon or MultiPolygon; lines and points are dropped."""
    if geometry.geom_type in {"Polygon", "MultiPolygon"} and geometry.is_valid:
        return geometry
    mended = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    parts = shapely.get_parts(shapely.get_parts([mended]))
    return shapely.union_all(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])


def reproject(geometry: BaseGeometry, source: str, target: str) -> BaseGeometry:
    """
    Return `geometry` in `target`, valid, as Polygon or MultiPolygon; edges are densified first.

    The same CRS returns the geometry itself, unchanged.

    Raises:
        AreaError: If a point of the area cannot be expressed in `target`.
    """
    source_crs, target_crs = parse_crs(source), parse_crs(target)
    if source_crs.equals(target_crs, ignore_axis_order=True):
        return geometry
    transformer = transformer_between(source_crs, target_crs)
    projected = shapely.transform(
        densify(geometry, source_crs), lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
    )
    if not np.isfinite(shapely.get_coordinates(projected)).all():
        raise AreaError(
            f"the area cannot be drawn in {target_crs.name}: parts of it lie where that CRS is not defined; "
            "choose another --crs"
        )
    return polygons_only(projected)


def to_lonlat(geometry: BaseGeometry, crs: str) -> BaseGeometry:
    """
    Return `geometry` in degrees (longitude, latitude) in one piece, also where it crosses longitude 180.

    Longitudes are continuous: an area on both sides of the antimeridian gets values beyond ±180 instead of
    being torn to both ends of the map. The result is not simplified; polygons may touch along longitude 180.

    Raises:
        AreaError: If a point has no longitude and latitude.
    """
    source = parse_crs(crs)
    unwrap = not source.is_geographic
    if source.equals(parse_crs(LONLAT), ignore_axis_order=True):
        lonlat = geometry
    else:
        transformer = transformer_between(source, parse_crs(LONLAT))
        lonlat = shapely.transform(
            densify(geometry, source), lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
        )
    if not np.isfinite(shapely.get_coordinates(lonlat)).all():
        raise AreaError("the area has points that lie nowhere on Earth in its CRS; check the CRS (--area-crs)")
    polygons = [_unwrapped(polygon) if unwrap else polygon for polygon in shapely.get_parts(lonlat)]
    return shapely.MultiPolygon(_gathered(polygons))


def _unwrapped(polygon: BaseGeometry) -> BaseGeometry:
    """Return `polygon` with longitudes that never jump from +180 to -180 along a ring."""
    xy = shapely.get_coordinates(polygon)
    if float(np.ptp(xy[:, 0])) <= 180:
        return polygon
    rings = shapely.get_rings(polygon)
    turned = [_continuous(shapely.get_coordinates(ring), float(xy[0, 0])) for ring in rings]
    return shapely.Polygon(turned[0], turned[1:])


def _continuous(xy: NDArray[np.float64], near: float) -> NDArray[np.float64]:
    lon = np.unwrap(xy[:, 0], period=360)
    lon += 360 * round((near - lon[0]) / 360)
    return np.column_stack((lon, xy[:, 1]))


def _gathered(polygons: list[Any]) -> list[Any]:
    """Shift polygons by whole turns so that they lie together where the world map would tear them apart."""
    bounds = shapely.bounds(polygons)
    if bounds[:, 2].max() - bounds[:, 0].min() <= 180:
        return polygons
    # Turn everything left of the widest empty gap between polygons to the right: that is the tightest arrangement.
    order = np.argsort(bounds[:, 0])
    reach = np.maximum.accumulate(bounds[order, 2])
    gaps = bounds[order[1:], 0] - reach[:-1]
    wrap_gap = bounds[:, 0].min() + 360 - bounds[:, 2].max()
    if not len(gaps) or gaps.max() <= wrap_gap:
        return polygons
    west = set(order[: int(gaps.argmax()) + 1].tolist())
    return [shift_longitude(polygon, 360.0) if index in west else polygon for index, polygon in enumerate(polygons)]


def shift_longitude(geometry: BaseGeometry, degrees: float) -> BaseGeometry:
    """Return `geometry`, in degrees, moved east by `degrees`."""
    return shapely.transform(geometry, lambda xy: xy + np.array([degrees, 0.0]))


def longitude_span(geometry: BaseGeometry, crs: str) -> tuple[float, float]:
    """Return the westernmost and easternmost longitude of `to_lonlat(geometry, crs)`, in degrees."""
    west, _south, east, _north = to_lonlat(geometry, crs).bounds
    return float(west), float(east)


def crosses_antimeridian(west: float, east: float) -> bool:
    """Tell whether a continuous range of longitudes passes 180 degrees; touching it is not passing it."""
    return math.floor((east - 180 - 1e-9) / 360) > math.floor((west - 180 + 1e-9) / 360)
