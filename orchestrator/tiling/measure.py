"""How large tiles are on the ellipsoid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely

from orchestrator.plan.reproject import LONLAT, parse_crs, transformer_between, units_per_metre
from orchestrator.raster.arrays import Floats
from orchestrator.tiling.degrees import Geometries, move

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

WGS84 = pyproj.Geod(ellps="WGS84")
# A map's scale at the middle of a tile is its mean over the tile: up to here to better than 1 in 1,000,000, in UTM and
# in Mercator up to latitude 60.
MAX_PLAIN_METRES = 5_000.0
# Edges of larger ones are measured in pieces along which the map bends by less than a metre.
MAX_PIECE_METRES = 1_000.0


def square_kilometres(frame: GeoDataFrame) -> Floats:
    """Return the area of each tile on the ellipsoid, its edges straight in the CRS of the table: (tiles,), km²."""
    crs = parse_crs(frame.crs.to_wkt())
    geometries = np.asarray(frame.geometry.to_numpy(), dtype=object)
    bounds = shapely.bounds(geometries).reshape(-1, 4)
    unit = units_per_metre(crs)
    large = (bounds[:, 2:] - bounds[:, :2]).max(axis=1) > MAX_PLAIN_METRES * unit
    found = np.empty(len(geometries))
    plain = geometries[~large]
    if len(plain):
        middle = shapely.centroid(plain)
        x, y = shapely.get_x(middle), shapely.get_y(middle)
        found[~large] = shapely.area(plain) * (_per_degree(x, y) if crs.is_geographic else _per_unit(crs, x, y))
    found[large] = _one_by_one(shapely.segmentize(geometries[large], MAX_PIECE_METRES * unit), crs)
    return found / 1e6


def _per_unit(crs: pyproj.CRS, x: Floats, y: Floats) -> Floats:
    """Return square metres on the ground for one square unit of a map, at places of it."""
    lon, lat = transformer_between(crs, parse_crs(LONLAT)).transform(x, y)
    scale = np.asarray(pyproj.Proj(crs).get_factors(lon, lat).areal_scale, dtype=float)
    return 1 / (scale * units_per_metre(crs) ** 2)


def _per_degree(_lon: Floats, lat: Floats) -> Floats:
    """Return square metres for one square degree: the product of both radii of curvature, M·N·cos(lat)."""
    sine = np.sin(np.radians(lat))
    third = (1 - WGS84.es * sine**2) ** 2
    across: Floats = WGS84.a**2 * (1 - WGS84.es) / third * np.cos(np.radians(lat)) * np.radians(1) ** 2
    return across


def _one_by_one(geometries: Geometries, crs: pyproj.CRS) -> list[float]:
    lonlat = parse_crs(LONLAT)
    if not crs.equals(lonlat, ignore_axis_order=True):
        geometries = move(geometries, transformer_between(crs, lonlat))
    return [abs(WGS84.geometry_area_perimeter(each)[0]) for each in geometries]
