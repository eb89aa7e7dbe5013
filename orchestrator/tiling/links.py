"""Which tile of another table each tile lies in: that with which it shares most of its area."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from orchestrator.raster.arrays import Floats
from orchestrator.tiling.degrees import Geometries, cut_at_180, in_degrees
from orchestrator.tiling.file import IDENTIFIER, PARQUET, Tiles, rewrite_tiles
from orchestrator.tiling.neighbours import Codes
from orchestrator.tiling.plane import lay_out, plane_of
from orchestrator.tiling.units import FOREIGN, NO_LINK

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

NOTHING = -1  # the place of what shares no area


def link_tiles(tiles: Tiles, others: Tiles, *, square_degrees: bool = False) -> Tiles:
    """
    Return tiles with the column foreignid_{name of the others}: the identifier of that which shares most area.

    Of equal ones it is the first. A tile that shares none has nothing there.

    Args:
        tiles: Whose file, if they are in one, is written again, whole or not at all.
        others: In any CRS.
        square_degrees: As geetiles 0.1.7: areas are square degrees, and a tile that shares none has -1.

    Raises:
        UserError: The tiles were changed since their file was named.
    """
    places = largest_shares(tiles.frame, others.frame, square_degrees=square_degrees)
    names = others.frame[IDENTIFIER].to_numpy(object)
    missing: object = (NO_LINK if tiles.path and tiles.path.suffix == PARQUET else -1) if square_degrees else None
    frame = tiles.frame.copy(deep=False)
    frame[f"{FOREIGN}{others.name.tiles}"] = pd.array(
        [missing if place == NOTHING else names[place] for place in places], dtype=object
    )
    return rewrite_tiles(tiles, frame, overwrite=True) if tiles.path else Tiles(frame, tiles.name, tiles.about)


def largest_shares(frame: GeoDataFrame, others: GeoDataFrame, *, square_degrees: bool = False) -> Codes:
    """
    Return for each tile the place of that of `others` which shares most of its area, `NOTHING` where none does.

    Areas are those of the plane that suits the tiles (see `plane`), or square degrees.
    """
    pairs, areas = shared_areas(frame, others, square_degrees=square_degrees)
    order = np.lexsort((pairs[:, 1], -areas, pairs[:, 0]))
    tiles, first = np.unique(pairs[order, 0], return_index=True)
    places = np.full(len(frame), NOTHING, np.int64)
    places[tiles] = pairs[order, 1][first]
    return places


def shared_areas(frame: GeoDataFrame, others: GeoDataFrame, *, square_degrees: bool = False) -> tuple[Codes, Floats]:
    """
    Return the pairs of tiles that share an area, as (pairs, [tile, other]), and how much, square metres or degrees.

    Pairs come in the order of the tiles, then of the others; what only touches is none, unless in square degrees, where
    geetiles 0.1.7 takes all that intersects.
    """
    if square_degrees:
        here, there = (cut_at_180(in_degrees(each)) for each in (frame, others))
    else:
        plane = plane_of(frame).crs
        here, there = (_laid(each.geometry.to_numpy(), each.crs.to_wkt(), plane) for each in (frame, others))
    # The tree is one of the tiles, which are many: what is asked of it, again and again, is prepared but once.
    tree = shapely.STRtree(here)
    second, first = tree.query(there, predicate="intersects")
    areas, part = shapely.area(here[first]), np.ones(len(first), bool)
    if not square_degrees:  # there the last digit of an intersection decides between equal ones
        holder, held = tree.query(there, predicate="covers")
        part = ~np.isin(first * len(there) + second, held * len(there) + holder)
    areas[part] = shapely.area(shapely.intersection(here[first[part]], there[second[part]]))
    order = np.lexsort((second, first))
    pairs, areas = np.column_stack((first[order], second[order])).astype(np.int64), areas[order]
    kept = areas >= 0 if square_degrees else areas > 0
    return pairs[kept], areas[kept]


def _laid(geometries: Geometries, crs: str, plane: str) -> Geometries:
    """Return geometries in a plane, valid."""
    laid = lay_out(geometries, crs, plane).copy()
    invalid = ~shapely.is_valid(laid)
    laid[invalid] = shapely.make_valid(laid[invalid])
    return laid
