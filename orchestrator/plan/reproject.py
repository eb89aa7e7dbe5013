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
# So close to longitude 180, in degrees, is on it: 0.1 mm.
ON_180 = 1e-9
# Across a cut the middle of an edge lies beside one of its ends, half the edge away from where it should be; bent by a
# projection it is moved by a small part of the edge.
TORN = 0.25
LONGEST = 64
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


def densify(geometry: Any, crs: pyproj.CRS) -> Any:
    """Return an area, or each of an array, with edges so short that projecting their ends projects the edges."""
    shortest_allowed = shapely.length(geometry) / MAX_ADDED_VERTICES
    return shapely.segmentize(geometry, np.maximum(MAX_EDGE_METRES * units_per_metre(crs), shortest_allowed))


def polygons_only(geometry: BaseGeometry) -> BaseGeometry:
    """Return the polygons of `geometry` as one valid Polygon or MultiPolygon; lines and points are dropped."""
    if geometry.geom_type in {"Polygon", "MultiPolygon"} and geometry.is_valid:
        return geometry
    mended = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    parts = shapely.get_parts([mended])
    while np.any(shapely.get_type_id(parts) > shapely.GeometryType.POLYGON):  # collections inside collections
        parts = shapely.get_parts(parts)
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
    dense = densify(geometry, source_crs)
    projected = shapely.transform(dense, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))
    if not np.isfinite(shapely.get_coordinates(projected)).all():
        raise AreaError(
            f"the area cannot be drawn in {target_crs.name}: parts of it lie where that CRS is not defined; "
            "choose another --crs"
        )
    if edges_jump(dense, projected, transformer):
        raise AreaError(
            f"the area cannot be drawn in {target_crs.name}: that CRS is cut within the area, which would become a "
            "strip round the Earth; choose another --crs"
        )
    if source_crs.is_geographic and _meets_itself(geometry):
        # The two sides of longitude 180 fall on one line, but for noise; on it they must be equal to vanish.
        places = round(6 - math.log10(units_per_metre(target_crs))) if target_crs.is_projected else 12
        projected = shapely.transform(projected, lambda xy: np.round(xy, places))
    return polygons_only(projected)


def _meets_itself(geometry: BaseGeometry) -> bool:
    """Tell whether an area in degrees reaches longitude 180 from both sides."""
    west, _south, east, _north = geometry.bounds
    return bool(east - west >= 360 - ON_180)


def edges_jump(before: BaseGeometry, after: BaseGeometry, transformer: pyproj.Transformer) -> bool:
    """
    Tell whether an edge of `before` jumps across a cut in `after`, which has the same vertices.

    Only the longest edges are looked at: whatever jumps is among them.
    """
    rings, source = shapely.get_rings(shapely.get_parts(after)), shapely.get_rings(shapely.get_parts(before))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    start = np.flatnonzero(ring[:-1] == ring[1:])
    length = np.hypot(*(xy[start + 1] - xy[start]).T)
    longest = start[np.argsort(length)[-LONGEST:]]
    given = shapely.get_coordinates(source)
    middle = (given[longest] + given[longest + 1]) / 2
    moved = np.column_stack(transformer.transform(middle[:, 0], middle[:, 1]))
    return bool(jumps(xy[longest], moved, xy[longest + 1]).any())


def jumps(start: NDArray[np.float64], middle: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which edges jump, from their ends and middles as (edge, [x, y]); what is not finite does not."""
    with np.errstate(invalid="ignore"):
        length = np.hypot(*(end - start).T)
        away = np.hypot(*(middle - (start + end) / 2).T)
        return np.asarray((away > TORN * length) & (length > 0) & np.isfinite(length) & np.isfinite(away))


def to_lonlat(geometry: BaseGeometry, crs: str) -> BaseGeometry:
    """
    Return `geometry` in degrees (longitude, latitude) in one piece, also where it crosses longitude 180.

    Longitudes are continuous: an area on both sides of the antimeridian gets values beyond ±180 instead of
    being torn to both ends of the map. An area round a pole spans 360 degrees and reaches to the pole. The result
    is not simplified; polygons may touch along longitude 180.

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
    west, _south, east, _north = lonlat.bounds
    if east - west > 180:
        return _centred(_together(lonlat, unwrap=unwrap))
    return _centred(shapely.MultiPolygon([lonlat]) if isinstance(lonlat, shapely.Polygon) else lonlat)


def _together(lonlat: BaseGeometry, *, unwrap: bool) -> BaseGeometry:
    """Return what a map of the world tears apart in one piece."""
    polygons = shapely.get_parts(lonlat)
    if unwrap:
        polygons = shapely.get_parts([unwrapped(polygon) for polygon in polygons])
    return shapely.MultiPolygon(list(_gathered(polygons)))


def unwrapped(polygon: BaseGeometry) -> BaseGeometry:
    """
    Return `polygon`, in degrees, with longitudes that never jump from +180 to -180 along a ring.

    One round a pole reaches from -180 to 180 and to the pole.
    """
    xy = shapely.get_coordinates(polygon)
    if float(np.ptp(xy[:, 0])) <= 180:
        return polygon
    rings = [_continuous(shapely.get_coordinates(ring), float(xy[0, 0])) for ring in shapely.get_rings(polygon)]
    if not any(_goes_round(ring) for ring in rings):
        return shapely.Polygon(rings[0], rings[1:])
    north = bool(xy[:, 1].mean() > 0)
    outer, *holes = (_cap(ring, north=north) for ring in rings)
    shape = outer.difference(shapely.union_all(holes)) if holes else outer
    return polygons_only(shape)


def _continuous(xy: NDArray[np.float64], near: float) -> NDArray[np.float64]:
    lon = np.unwrap(xy[:, 0], period=360)
    lon += 360 * round((near - lon[0]) / 360)
    return np.column_stack((lon, xy[:, 1]))


def _goes_round(ring: NDArray[np.float64]) -> bool:
    return bool(abs(ring[-1, 0] - ring[0, 0]) > 180)


def _cap(ring: NDArray[np.float64], *, north: bool) -> BaseGeometry:
    """Return what a ring encloses; one that goes round the Earth encloses a pole."""
    if not _goes_round(ring):
        return polygons_only(shapely.Polygon(ring))
    pole = 90.0 if north else -90.0
    cap = polygons_only(shapely.Polygon([*ring, (ring[-1, 0], pole), (ring[0, 0], pole)]))
    return within_180(cap)


def _gathered(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
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
    west = order[: int(gaps.argmax()) + 1]
    turned = polygons.copy()
    turned[west] = shift_longitude(polygons[west], 360.0)
    return turned


def _centred(geometry: BaseGeometry) -> BaseGeometry:
    """Return `geometry` moved by whole turns until its middle lies within -180 and 180."""
    west, _south, east, _north = geometry.bounds
    turns = math.ceil(((west + east) / 2 - 180) / 360)
    return shift_longitude(geometry, -360.0 * turns) if turns else geometry


def shift_longitude(geometry: Any, degrees: float) -> Any:
    """Return a geometry in degrees, or an array of them, moved east by `degrees`."""
    return shapely.transform(geometry, lambda xy: xy + np.array([degrees, 0.0]))


def within_180(geometry: BaseGeometry) -> BaseGeometry:
    """
    Return `geometry`, in degrees, with longitudes from -180 to 180: what lies beyond is cut off and turned back.

    Longitudes may lie from -540 to 540. What is within already is returned as it is.
    """
    west, _south, east, _north = geometry.bounds
    if west >= -180 and east <= 180:
        return geometry
    if west >= -180 - ON_180 and east <= 180 + ON_180:
        return shapely.transform(geometry, lambda xy: np.column_stack((xy[:, 0].clip(-180, 180), xy[:, 1])))
    pieces = []
    for turn in (-360.0, 0.0, 360.0):
        piece = geometry.intersection(shapely.box(-180 + turn, -90, 180 + turn, 90))
        if piece.area and piece.bounds[2] - piece.bounds[0] > ON_180:
            pieces.append(shift_longitude(piece, -turn))
    return polygons_only(shapely.union_all(pieces))


def longitude_span(geometry: BaseGeometry, crs: str) -> tuple[float, float]:
    """Return the westernmost and easternmost longitude of `to_lonlat(geometry, crs)`, in degrees."""
    west, _south, east, _north = to_lonlat(geometry, crs).bounds
    return float(west), float(east)


def crosses_antimeridian(west: float, east: float) -> bool:
    """Tell whether a continuous range of longitudes passes 180 degrees; touching it is not passing it."""
    return math.floor((east - 180 - 1e-9) / 360) > math.floor((west - 180 + 1e-9) / 360)
