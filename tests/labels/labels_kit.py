"""Small files of tiles, chips and rasters."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio.transform import Affine

from orchestrator.tiling.file import name_tiles, write_tiles

UTM = "EPSG:32632"
EAST, NORTH = 300_000, 5_500_000  # the north-west corner of what is made here


def made_tiles(folder: Path, shapes, *, crs=UTM, suffix=".parquet", area="lux", tiles="aschips"):
    """A file of tiles."""
    return write_tiles(name_tiles(geopandas.GeoDataFrame(geometry=list(shapes), crs=crs), area, tiles), folder, suffix)


def row_of_squares(number: int, size: float = 100.0):
    """Squares side by side from (EAST, NORTH), each below the line."""
    return [shapely.box(EAST + n * size, NORTH - size, EAST + (n + 1) * size, NORTH) for n in range(number)]


def write_raster(path: Path, pixels, *, crs=UTM, transform=None, nodata=None, **more):
    """A raster of (row, col) or (band, row, col); by default of 10 m from (EAST, NORTH)."""
    pixels = pixels if pixels.ndim == 3 else pixels[None]
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2]}
    profile |= {"dtype": pixels.dtype, "crs": crs, "transform": transform or Affine(10, 0, EAST, 0, -10, NORTH)}
    with rasterio.open(path, "w", **profile, nodata=nodata, **more) as file:
        file.write(pixels)
    return path


def write_chips(tiles, dataset: str, chips, *, states=None, about=None, nodata=None):
    """A folder of chips as a download leaves it: one of 10 m on each tile, with manifest and remarks."""
    folder = tiles.folder / dataset
    rows = []
    for identifier, shape, pixels, state in zip(
        tiles.frame["identifier"], tiles.frame.geometry, chips, states or ["DONE"] * len(chips), strict=True
    ):
        if state == "DONE":
            left, _bottom, _right, top = shape.bounds
            write_raster(
                folder / f"{identifier}.tif",
                pixels,
                crs=tiles.frame.crs.to_string(),
                transform=Affine(10, 0, left, 0, -10, top),
                nodata=nodata,
            )
        rows.append({"identifier": identifier, "state": state, "file": f"{identifier}.tif", "why": f"it is {state}"})
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(folder / "chips.parquet")
    (folder / "dataset.json").write_text(json.dumps(about or {"version": 1, "name": dataset}))
    return folder


def expected_shares(values):
    """Class shares of an array, by numpy alone."""
    found, numbers = np.unique(values, return_counts=True)
    return {str(v): n / numbers.sum() for v, n in zip(found, numbers, strict=True)}
