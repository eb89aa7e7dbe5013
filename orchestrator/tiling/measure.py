"""How large tiles are on the ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass
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
# in Mercator up to latitude 60. Over a rectangle the mean at four places is, up to the second (Gauss, two by two).
MAX_PLAIN_METRES = 5_000.0
MAX_RECTANGLE_METRES = 300_000.0
_GAUSS = 0.5 / 3**0.5  # of a side, from the middle
# Edges of larger ones are measured in pieces along which the map bends by less than a metre.
MAX_PIECE_METRES = 1_000.0
STEP_METRES = 1.0


def square_kilometres(frame: GeoDataFrame) -> Floats:
    """Return the area of each tile on the ellipsoid, its edges straight in the CRS of the table: (tiles,), km²."""
    crs = parse_crs(frame.crs.to_wkt())
    geometries = np.asarray(frame.geometry.to_numpy(), dtype=object)
    planar, bounds = shapely.area(geometries), shapely.bounds(geometries).reshape(-1, 4)
    sides, unit = bounds[:, 2:] - bounds[:, :2], units_per_metre(crs)
    longest = sides.max(axis=1, initial=0) / unit
    small = longest <= MAX_PLAIN_METRES
    rectangle = ~small & (longest <= MAX_RECTANGLE_METRES) & (planar >= (1 - 1e-12) * sides.prod(axis=1))
    found = np.empty(len(geometries))
    middle = shapely.get_coordinates(shapely.centroid(geometries[small]))
    found[small] = planar[small] * _scale_at(crs, middle)
    middle = (bounds[rectangle, :2] + bounds[rectangle, 2:]) / 2
    places = [middle + sides[rectangle] * (_GAUSS * x, _GAUSS * y) for x in (-1, 1) for y in (-1, 1)]
    found[rectangle] = planar[rectangle] * np.mean([_scale_at(crs, place) for place in places], axis=0)
    rest = ~small & ~rectangle
    found[rest] = _one_by_one(shapely.segmentize(geometries[rest], MAX_PIECE_METRES * unit), crs)
    return found / 1e6


def _scale_at(crs: pyproj.CRS, xy: Floats) -> Floats:
    return map_scale(crs, xy[:, 0], xy[:, 1]).area


@dataclass(frozen=True, slots=True)
class MapScale:
    """
    What a map's units are on the ground, at places of it: arrays of (places,).

    Attributes:
        x, y: Metres for a unit along either axis.
        area: Square metres for a square unit.
    """

    x: Floats
    y: Floats
    area: Floats


def map_scale(crs: pyproj.CRS, x: Floats, y: Floats) -> MapScale:
    """Return how long and how large units of a CRS are on the ellipsoid (WGS 84), by differences over a metre."""
    if crs.is_geographic:
        across, along = _metres_per_degree(y)
        return MapScale(across, along, across * along)
    backward = transformer_between(crs, parse_crs(LONLAT))
    step = STEP_METRES * units_per_metre(crs)
    lon, lat = backward.transform(x, y)
    across, along = _metres_per_degree(lat)
    east, north = [], []
    for dx, dy in ((step, 0.0), (0.0, step)):
        lon2, lat2 = backward.transform(x + dx, y + dy)
        east.append(((lon2 - lon + 180) % 360 - 180) * across / step)
        north.append((lat2 - lat) * along / step)
    area = np.abs(east[0] * north[1] - east[1] * north[0])
    return MapScale(np.hypot(east[0], north[0]), np.hypot(east[1], north[1]), area)


def _metres_per_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Return the length of a degree of longitude and of latitude: the radii of curvature N·cos(lat) and M."""
    root = np.sqrt(1 - WGS84.es * np.sin(np.radians(lat)) ** 2)
    across = WGS84.a / root * np.cos(np.radians(lat))
    along = WGS84.a * (1 - WGS84.es) / root**3
    return np.radians(across), np.radians(along)


def _one_by_one(geometries: Geometries, crs: pyproj.CRS) -> list[float]:
    lonlat = parse_crs(LONLAT)
    if not crs.equals(lonlat, ignore_axis_order=True):
        geometries = move(geometries, transformer_between(crs, lonlat))
    return [abs(WGS84.geometry_area_perimeter(each)[0]) for each in geometries]
