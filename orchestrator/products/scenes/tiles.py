"""Where an MGRS tile of Sentinel-2 lies, and how much of it a footprint covers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Sentinel-2's tiles are squares of 109,800 m that begin at the north-west corner of a square of 100 km of the MGRS,
# on multiples of the coarsest pixel, 60 m (Sentinel-2 Products Specification Document, "Tiling").
SIDE, SQUARE, COARSEST = 109_800, 100_000, 60
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")  # of zones 1, 2, 3, then again
_ROWS = "ABCDEFGHJKLMNPQRSTUV"  # from the equator on; of zones with an even number they begin with F
_BANDS = "CDEFGHJKLMNPQRSTUVWX"  # of 8 degrees, from 80 degrees south on
_CYCLE = len(_ROWS) * SQUARE
_FALSE_NORTHING = 10_000_000


@dataclass(frozen=True, slots=True)
class TileSquare:
    """
    A tile's square.

    Attributes:
        crs: Of its UTM zone, "EPSG:32633".
        left: Metres east of the zone's origin.
        top: Metres north of it.
    """

    crs: str
    left: float
    top: float

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, metres."""
        return self.left, self.top - SIDE, self.left + SIDE, self.top


@lru_cache(maxsize=256)
def tile_square(tile: str) -> TileSquare:
    """Return where a tile lies; `tile` is of the form "33UWQ"."""
    zone, band, column, row = int(tile[:-3]), tile[-3], tile[-2], tile[-1]
    north = band >= "N"
    crs = f"EPSG:{32600 + zone if north else 32700 + zone}"
    east = (_COLUMNS[(zone - 1) % 3].index(column) + 1) * SQUARE
    nth = (_ROWS.index(row) - (0 if zone % 2 else 5)) % len(_ROWS)
    least = _northing(zone, crs, -80.0 + 8 * _BANDS.index(band))
    # The first square of that letter that ends north of where the band begins, which may cut through squares.
    turns = math.ceil((least - (nth + 1) * SQUARE) / _CYCLE)
    top = nth * SQUARE + turns * _CYCLE + SQUARE
    equator = 0 if north else _FALSE_NORTHING  # multiples count from it
    return TileSquare(crs, east // COARSEST * COARSEST, -((equator - top) // COARSEST) * COARSEST + equator)


def _northing(zone: int, crs: str, latitude: float) -> float:
    """Return the northing of a parallel at the zone's central meridian, where it is least in the north."""
    from pyproj import Transformer  # noqa: PLC0415  heavy

    to_metres = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    _, northing = to_metres.transform(-183 + 6 * zone, latitude)
    return float(northing)


def coverage(footprint: Mapping[str, Any], tile: str) -> float:
    """
    Return the share of a tile's area that a footprint covers, 0 to 1.

    Only the corners of the footprint are projected: a tile that is wholly seen has its own four corners for a
    footprint, and their sides are straight in its zone.
    """
    import numpy as np  # noqa: PLC0415  heavy
    import shapely  # noqa: PLC0415
    from pyproj import Transformer  # noqa: PLC0415
    from shapely.geometry import shape  # noqa: PLC0415

    square = tile_square(tile)
    to_metres = Transformer.from_crs("EPSG:4326", square.crs, always_xy=True)
    degrees = shape(dict(footprint))
    corners = shapely.get_coordinates(degrees)
    flat = shapely.set_coordinates(degrees, np.column_stack(to_metres.transform(corners[:, 0], corners[:, 1])))
    met = shapely.make_valid(flat).intersection(shapely.box(*square.bounds))
    return round(min(1.0, float(met.area) / SIDE**2), 6)
