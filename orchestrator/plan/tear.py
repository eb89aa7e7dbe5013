"""Where a map is cut: whether an area stays in one piece when it is drawn in a CRS."""

from __future__ import annotations

import numpy as np
import pyproj
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.plan.reproject import LONLAT, jumps, parse_crs, transformer_between
from orchestrator.raster.arrays import Floats

# Steps of a line across the area, in degrees; and how far from its ends the line stops: an area may touch a cut.
STEP = 0.25
INWARD = 1e-6


def cut_longitude(lonlat: BaseGeometry, target: str) -> float | None:
    """
    Return the longitude at which `target` cuts an area in two, or None if it stays in one piece.

    Args:
        lonlat: The area in degrees, longitudes continuous (`to_lonlat`).
        target: A projected CRS.
    """
    west, south, east, north = lonlat.bounds
    transformer = transformer_between(parse_crs(LONLAT), parse_crs(target))
    lon = np.linspace(west + INWARD, east - INWARD, max(int((east - west) / STEP), 1) + 2)
    for lat in (south + (north - south) * share for share in (0.5, 0.25, 0.75)):
        torn = _torn(transformer, lon[:-1], lon[1:], lat)
        if len(torn):
            at = _narrowed(transformer, float(lon[torn[0]]), float(lon[torn[0] + 1]), lat)
            return 180 - (180 - at) % 360
    return None


def _torn(transformer: pyproj.Transformer, west: Floats, east: Floats, lat: float) -> NDArray[np.intp]:
    """Return which of the edges from `west` to `east` along a parallel jump."""
    ends = [_points(transformer, lon, lat) for lon in (west, (west + east) / 2, east)]
    return np.flatnonzero(jumps(*ends))


def _points(transformer: pyproj.Transformer, lon: Floats, lat: float) -> Floats:
    return np.column_stack(transformer.transform(lon, np.full(len(lon), lat)))


def _narrowed(transformer: pyproj.Transformer, west: float, east: float, lat: float) -> float:
    for _ in range(40):
        middle = (west + east) / 2
        if len(_torn(transformer, np.array([west]), np.array([middle]), lat)):
            east = middle
        else:
            west = middle
    return round((west + east) / 2, 4)


def is_polar(target: str, *, north: bool) -> bool:
    """Tell whether a CRS shows a pole as one point and the parallels as circles round it."""
    crs = parse_crs(target)
    if not crs.is_projected:
        return False
    sign = 1.0 if north else -1.0
    lon, lat = np.append(np.arange(-180.0, 180.0, 30.0), 0.0), np.append(np.full(12, sign * 60), sign * 90)
    transformer = transformer_between(parse_crs(LONLAT), crs)
    xy = np.column_stack(transformer.transform(lon, lat))
    if not np.isfinite(xy).all():
        return False
    # 3,300 km on the globe; the far pole of a polar projection lies beyond all bounds.
    radius = np.hypot(*(xy[:-1] - xy[-1]).T) * crs.axis_info[0].unit_conversion_factor
    return bool(np.ptp(radius) < 0.01 * radius.max() and radius.max() < 1e7)
