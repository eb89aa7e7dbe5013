"""
Sentinel-2's tiles: 109.8 km squares named after the 100 km squares of the Military Grid Reference System.

A tile begins at the north west corner of its 100 km square, moved out to a multiple of 60 m from the equator
and the zone's false origin, so that the grids of 10, 20 and 60 m all start there; neighbours overlap by about
9.8 km (Sentinel-2 Products Specification Document, tiling grid).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from pyproj import Transformer
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.ground import central_meridian, lonlat

TILE_METRES = 109_800
EQUATOR_SOUTH = 10_000_000  # northing of the equator in southern zones
_SQUARE_METRES = 100_000
_BANDS = "CDEFGHJKLMNPQRSTUVWX"  # 8° of latitude each from 80° S; X reaches 84° N
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_NAME = re.compile(r"(\d\d)([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])")
_WHOLE_EARTH = box(-180, -90, 180, 90)
# Zones of southern Norway and Svalbard that are wider or narrower than 6° (west, east), by (zone, band).
_ODD_ZONES = {
    (31, "V"): (0, 3),
    (32, "V"): (3, 12),
    (31, "X"): (0, 9),
    (33, "X"): (9, 21),
    (35, "X"): (21, 33),
    (37, "X"): (33, 42),
}
_NO_ZONES = {(32, "X"), (34, "X"), (36, "X")}


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """
    One tile.

    Attributes:
        name: `33TWM`: zone, latitude band, column, row.
        epsg: UTM zone, 326zz north and 327zz south.
        west: Easting of its west edge in metres.
        north: Northing of its north edge in metres.
    """

    name: str
    epsg: int
    west: int
    north: int

    @property
    def outline(self) -> Polygon:
        """Its border in degrees; longitudes may run beyond ±180."""
        return _outline(self.epsg, self.west, self.north)


def touching(region: BaseGeometry) -> Iterator[Tile]:
    """Yield the tiles that touch `region` (EPSG:4326), each once, in order of zone, north to south, west to east."""
    if region.is_empty:
        return
    parts = [(part, part.bounds) for part in (region, translate(region, 360.0), translate(region, -360.0))]
    for zone in range(1, 61):
        west, east = zone * 6 - 188.0, zone * 6 - 172.0
        strip = box(west, -80.0, east, 84.0)
        near = [part for part, bounds in parts if bounds[2] >= west and bounds[0] <= east]
        pieces = [piece for part in near if not (piece := shapely.intersection(part, strip)).is_empty]
        # A region on both sides of the antimeridian reaches a zone there from both, and a tile is one all the same.
        if pieces:
            yield from _touching_in_zone(zone, pieces[0] if len(pieces) == 1 else shapely.union_all(pieces))


def find(name: str) -> Tile | None:
    """Find a tile by its name, None when there is none of that name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    zone, band = int(match[1]), match[2]
    if not 1 <= zone <= 60:
        return None
    south = -80 + 8 * _BANDS.index(band)
    for tile in _touching_in_zone(zone, box(zone * 6 - 188.0, south - 1, zone * 6 - 172.0, south + 13)):
        if tile.name == name:
            return tile
    return None


def on_earth(geometry: BaseGeometry) -> BaseGeometry:
    """Bring longitudes beyond ±180 back, as a multipolygon on both sides of the antimeridian."""
    west, _, east, _ = geometry.bounds
    if west >= -180.0 and east <= 180.0:
        return geometry
    pieces = [shapely.intersection(translate(geometry, turn), _WHOLE_EARTH) for turn in (-360.0, 0.0, 360.0)]
    polygons = [piece for piece in pieces if isinstance(piece, Polygon) and not piece.is_empty]
    return MultiPolygon(polygons)


def _touching_in_zone(zone: int, wanted: BaseGeometry) -> Iterator[Tile]:
    for hemisphere, half in ((326, box(-400, 0, 400, 84)), (327, box(-400, -80, 400, 0))):
        piece = shapely.intersection(wanted, half)
        if piece.is_empty:
            continue
        shapely.prepare(piece)
        for tile in _candidates(hemisphere * 100 + zone, piece.bounds):
            if shapely.intersects(piece, tile.outline):
                yield tile


def _candidates(epsg: int, bounds: tuple[float, float, float, float]) -> Iterator[Tile]:
    """Tiles of a zone that may touch bounds in degrees."""
    west, south, east, north = bounds
    left, bottom, right, top = _from_lonlat(epsg).transform_bounds(west, south, east, north, densify_pts=21)
    beyond = TILE_METRES - _SQUARE_METRES  # what a tile has south and east of its square
    north_row = math.floor((top + beyond) / _SQUARE_METRES)
    south_row = math.floor((bottom - 60) / _SQUARE_METRES)
    first = max(1, math.floor((left - TILE_METRES) / _SQUARE_METRES))
    last = min(8, math.floor((right + 60) / _SQUARE_METRES))
    for row in range(north_row, south_row - 1, -1):
        for col in range(first, last + 1):
            tile = _tile(epsg, col, row)
            if tile is not None:
                yield tile


@lru_cache(maxsize=256)
def _from_lonlat(epsg: int) -> Transformer:
    return Transformer.from_crs(4326, epsg, always_xy=True)


@lru_cache(maxsize=65536)
def _tile(epsg: int, col: int, row: int) -> Tile | None:
    """The tile of a 100 km square, None if the square lies outside its zone or half of the Earth."""
    zone = epsg % 100
    square = _ring(epsg, col * _SQUARE_METRES, (row + 1) * _SQUARE_METRES, _SQUARE_METRES)
    band = _band(float(square.centroid.y))
    strip = _strip(zone, band)
    half = row >= 0 if epsg < 32700 else row < 100
    if strip is None or not half or not shapely.intersects(square, strip):
        return None
    shift = 5 if zone % 2 == 0 else 0
    name = f"{zone:02d}{band}{_COLUMNS[(zone - 1) % 3][col - 1]}{_ROWS[(row + shift) % 20]}"
    west = col * _SQUARE_METRES // 60 * 60
    equator = EQUATOR_SOUTH if epsg >= 32700 else 0
    north = equator - (equator - (row + 1) * _SQUARE_METRES) // 60 * 60
    return Tile(name, epsg, west, north)


def _band(latitude: float) -> str:
    return _BANDS[min(max(int((latitude + 80.0) // 8.0), 0), len(_BANDS) - 1)]


def _strip(zone: int, band: str) -> Polygon | None:
    """Longitudes that belong to a zone in a band, None where the zone does not exist."""
    if (zone, band) in _NO_ZONES:
        return None
    west, east = _ODD_ZONES.get((zone, band), (zone * 6 - 186, zone * 6 - 180))
    return box(west, -80, east, 84)


@lru_cache(maxsize=16384)
def _outline(epsg: int, west: int, north: int) -> Polygon:
    return _ring(epsg, west, north, TILE_METRES)


def _ring(epsg: int, west: int, north: int, side: int) -> Polygon:
    """A square of a zone as a polygon in degrees with nine points to a side, straight to about 3 m."""
    steps = np.linspace(0.0, side, 9)[:-1]
    still = np.zeros(8)
    east = np.concatenate([steps, still + side, side - steps, still])
    south = np.concatenate([still, steps, still + side, side - steps])
    lon, lat = lonlat(epsg, west + east, north - south)
    # Far from its meridian the projection still folds nothing that a tile can reach.
    meridian = central_meridian(epsg)
    return Polygon(np.column_stack([np.clip(lon, meridian - 90, meridian + 90), lat]))
