"""Tables of tiles for tests of splits, and distances measured without the product."""

from __future__ import annotations

import geopandas
import numpy as np
import pandas as pd
import pyproj
import shapely

from orchestrator.tiling.file import name_tiles, write_tiles

UTM = 32632
ORIGIN = (280_000, 5_480_000)


def lattice(columns=12, rows=10, side=1000.0, crs=UTM, origin=ORIGIN):
    """Squares side by side, column by column from the south-west."""
    col, row = np.mgrid[0:columns, 0:rows].reshape(2, -1)
    west, south = origin[0] + col * side, origin[1] + row * side
    return geopandas.GeoDataFrame(geometry=shapely.box(west, south, west + side, south + side), crs=crs)


def tiles_of(frame, folder=None, suffix=".parquet", tiles="aschips"):
    """A table of tiles, in a file where a folder is given."""
    named = name_tiles(frame, "lux", tiles, {"kind": "test"})
    return write_tiles(named, folder, suffix) if folder else named


def with_columns(tiles, folder, suffix=".parquet", **columns):
    """The same tiles in a file, with columns more."""
    frame = tiles.frame.assign(**columns)
    return write_tiles(type(tiles)(frame, tiles.name, tiles.about), folder, suffix)


def counts(values):
    """How many tiles each split has, those without one apart."""
    names, numbers = np.unique([value for value in values if not pd.isna(value)], return_counts=True)
    return dict(zip(names.tolist(), numbers.tolist(), strict=True))


def metres_between(one, other):
    """Ellipsoidal metres between two polygons in degrees: the least of all pairs of points along their outlines."""
    if shapely.intersects(one, other):
        return 0.0
    ends = [shapely.get_coordinates(shapely.segmentize(each.exterior, 0.05)) for each in (one, other)]
    first, second = ends[0].repeat(len(ends[1]), axis=0), np.tile(ends[1], (len(ends[0]), 1))
    return float(pyproj.Geod(ellps="WGS84").inv(*first.T, *second.T)[2].min())
