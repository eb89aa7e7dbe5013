"""
Where a metre is a metre: the plane in which tiles are measured, compared and kept apart.

It is the CRS of the tiles where that counts in metres and is true to a thousandth of a length; otherwise their UTM
zone, where that is; otherwise Lambert's azimuthal equal-area projection about their middle, in which areas are true,
and lengths are not: distances are then those of the ellipsoid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely

from orchestrator.plan.lattices import utm_zones
from orchestrator.plan.reproject import MAX_EDGE_METRES, parse_crs, transformer_between, units_per_metre
from orchestrator.raster.arrays import Floats
from orchestrator.tiling.degrees import Geometries, in_degrees

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

TRUE = 1e-3  # of a length; UTM has 4e-4 at its middle meridian and 1e-3 at the edge of a zone at the equator
_LOOKED_AT = 10_000  # corners at which the scale of a projection is looked at


@dataclass(frozen=True, slots=True)
class Plane:
    """
    A plane CRS in metres.

    Attributes:
        crs: As PROJ reads it.
        stretch: The greatest length in it of a metre on the ellipsoid, where the tiles are.
        is_true: Whether no length in it is off by more than a thousandth.
    """

    crs: str
    stretch: float
    is_true: bool


def plane_of(frame: GeoDataFrame) -> Plane:
    """Return the plane in which tiles, polygons in any CRS, are measured."""
    lonlat = shapely.get_coordinates(in_degrees(frame))
    lonlat = lonlat[:: len(lonlat) // _LOOKED_AT + 1]
    middle = middle_of(lonlat)
    own = [frame.crs.to_wkt()] if _counts_metres(frame.crs) else []
    for crs in (*own, utm_zones(middle[None])[0]):
        least, most = _scales(crs, lonlat)
        if least >= 1 - TRUE and most <= 1 + TRUE:
            return Plane(crs, most, is_true=True)
    lon, lat = middle
    lambert = f"+proj=laea +lon_0={lon:.6f} +lat_0={lat:.6f} +datum=WGS84 +units=m"
    return Plane(lambert, _scales(lambert, lonlat)[1], is_true=False)


def middle_of(lonlat: Floats) -> Floats:
    """Return the longitude and latitude about which points (n, [lon, lat]) lie, also across 180 degrees."""
    lon, lat = np.radians(lonlat).T
    x, y, z = (np.cos(lat) * np.cos(lon)).mean(), (np.cos(lat) * np.sin(lon)).mean(), np.sin(lat).mean()
    return np.degrees([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])


def lay_out(geometries: Geometries, crs: str, plane: str) -> Geometries:
    """Return geometries of one CRS in another; edges longer than a kilometre get points, so that they stay straight."""
    source, target = parse_crs(crs), parse_crs(plane)
    if source.equals(target, ignore_axis_order=True):
        return geometries
    way = transformer_between(source, target)
    dense = shapely.segmentize(geometries, MAX_EDGE_METRES * units_per_metre(source))
    moved: Geometries = shapely.transform(dense, lambda xy: np.column_stack(way.transform(xy[:, 0], xy[:, 1])))
    return moved


def _counts_metres(crs: pyproj.CRS) -> bool:
    return bool(crs.is_projected and all(axis.unit_conversion_factor == 1 for axis in crs.axis_info[:2]))


def _scales(crs: str, lonlat: Floats) -> tuple[float, float]:
    """Return the least and the greatest length in a CRS of a metre on the ellipsoid, over points (n, [lon, lat])."""
    factors = pyproj.Proj(parse_crs(crs)).get_factors(lonlat[:, 0], lonlat[:, 1])
    return float(np.min(factors.tissot_semiminor)), float(np.max(factors.tissot_semimajor))
