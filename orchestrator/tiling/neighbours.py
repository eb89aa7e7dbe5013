"""Tiles that lie near each other and would carry what one split knows into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from orchestrator.plan.reproject import LONLAT, parse_crs, transformer_between
from orchestrator.raster.arrays import Floats
from orchestrator.tiling.degrees import Geometries
from orchestrator.tiling.plane import Plane, lay_out, plane_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

Codes = NDArray[np.int64]

NOWHERE = -1  # the code of a tile that is in no split
TOUCHING_METRES = 1e-3  # what is nearer touches: coordinates of GeoJSON may have been rounded to a hundredth of that
_NOISE_METRES = 1e-6  # a lattice in floating point keeps its distances to that
_AT_ONCE = 20_000  # tiles whose neighbours are held in memory


@dataclass(frozen=True, slots=True)
class PlacedTiles:
    """
    Tiles laid out in a plane of metres.

    Attributes:
        geometries: One a tile, in the plane.
        plane: Where they lie.
    """

    geometries: Geometries
    plane: Plane

    @property
    def middles(self) -> Floats:
        """The middle of each tile's envelope, metres, (tiles, [x, y])."""
        return np.asarray(shapely.bounds(self.geometries).reshape(-1, 2, 2).mean(axis=1), np.float64)


def lay(frame: GeoDataFrame) -> PlacedTiles:
    """Return the tiles of a table in the plane that suits them."""
    plane = plane_of(frame)
    return PlacedTiles(lay_out(frame.geometry.to_numpy(), frame.crs.to_wkt(), plane.crs), plane)


def cross_pairs(laid: PlacedTiles, codes: Codes, metres: float) -> NDArray[np.int64]:
    """
    Return the pairs of tiles of different splits that are nearer than so many metres, as (pairs, [first, second]).

    Args:
        laid: The tiles.
        codes: The split of each, `NOWHERE` for none.
        metres: Between the nearest points of their outlines; a micrometre is noise.
    """
    inside = np.flatnonzero(codes >= 0)
    tree = shapely.STRtree(laid.geometries[inside])
    reach = metres * (1.0 if laid.plane.is_true else laid.plane.stretch * 1.01)
    bounds = shapely.bounds(laid.geometries) + np.array([-reach, -reach, reach, reach])
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(inside), _AT_ONCE):
        some = inside[start : start + _AT_ONCE]
        first, second = tree.query(shapely.box(*bounds[some].T))
        pairs = np.column_stack((some[first], inside[second]))
        pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & (codes[pairs[:, 0]] != codes[pairs[:, 1]])]
        found.append(pairs[_distances(laid, pairs) < metres - min(_NOISE_METRES, metres / 2)])
    return np.concatenate(found)


def leave_gap(codes: Codes, pairs: NDArray[np.int64], splits: int, rank: NDArray[np.int64] | None = None) -> Codes:
    """
    Return the split of each tile with those given up that stand in a gap: no pair is left of which both have one.

    Of a pair the tile of the split with the higher rank is given up. None is given up in vain.

    Args:
        codes: The split of each tile.
        pairs: Tiles of different splits that are too near each other.
        splits: How many there are.
        rank: Of each split, the one with 0 keeps all its tiles; by default the smaller before the larger.
    """
    left = codes.copy()
    if rank is None:
        sizes = np.bincount(codes[codes >= 0], minlength=splits)
        rank = np.empty(splits, np.int64)
        rank[np.lexsort((-np.arange(splits), sizes))] = np.arange(splits)  # of equals the later is kept
    for code in np.argsort(rank)[1:]:
        for here, there in ((0, 1), (1, 0)):
            own, other = pairs[:, here], pairs[:, there]
            too_near = (codes[own] == code) & (left[other] >= 0) & (rank[codes[other]] < rank[code])
            left[own[too_near]] = NOWHERE
    return left


def _distances(laid: PlacedTiles, pairs: NDArray[np.int64]) -> Floats:
    """Return metres between tiles: in the plane where that is true, else between the points that are nearest there."""
    one, other = laid.geometries[pairs[:, 0]], laid.geometries[pairs[:, 1]]
    if laid.plane.is_true or not len(pairs):
        return np.asarray(shapely.distance(one, other), np.float64)
    ends = shapely.get_coordinates(shapely.shortest_line(one, other)).reshape(-1, 4)
    way = transformer_between(parse_crs(laid.plane.crs), parse_crs(LONLAT))
    (west, south), (east, north) = way.transform(*ends[:, :2].T), way.transform(*ends[:, 2:].T)
    metres = pyproj.Geod(ellps="WGS84").inv(west, south, east, north)[2]
    return np.where(shapely.intersects(one, other), 0.0, metres)
