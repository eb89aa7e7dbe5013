"""Tiles with chips beside them, written with rasterio alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
import shapely
from affine import Affine

from orchestrator.tiling.file import name_tiles, write_tiles

CRS = "EPSG:32632"
LEFT, TOP = 300_000.0, 5_500_000.0


def tiles_in(folder, *, rows=2, cols=3, size=100.0, crs=CRS, columns=None, suffix=".parquet", name="somewhere"):
    """Write rows × cols square tiles from a corner on, row by row from the top left."""
    boxes = [
        shapely.box(LEFT + size * c, TOP - size * (r + 1), LEFT + size * (c + 1), TOP - size * r)
        for r in range(rows)
        for c in range(cols)
    ]
    frame = gpd.GeoDataFrame(columns or {}, geometry=boxes, crs=crs)
    return write_tiles(name_tiles(frame, name, "aschips", {"kind": "grid"}), folder, suffix)


def write_chip(path, pixels, *, left, top, scale=10.0, crs=CRS, nodata=0, names=None):
    """Write an array of (band, row, col) with its upper left corner at a place."""
    count, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": pixels.dtype}
    transform = Affine(scale, 0, left, 0, -scale, top)
    with rasterio.open(path, "w", crs=crs, transform=transform, nodata=nodata, compress="deflate", **profile) as file:
        file.write(pixels)
        file.descriptions = names or tuple(f"B{number}" for number in range(1, count + 1))


def row_of(path: Path, identifier: str, state="DONE", why=""):
    """Return what a list says of a chip that is there."""
    with rasterio.open(path) as file:
        return {
            "identifier": identifier, "state": state, "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "crs": f"EPSG:{file.crs.to_epsg()}",
            "transform": [float(n) for n in tuple(file.transform)[:6]], "height": file.height, "width": file.width,
            "bands": list(file.descriptions), "dtype": file.dtypes[0],
            "nodata": None if file.nodata is None else float(file.nodata), "valid": [1.0] * file.count, "why": why,
        }  # fmt: skip


def chips_of(tiles, dataset="s2", *, bands=2, scale=10.0, seed=1, about=None, nodata=0, listed=True):
    """Bring chips of random pixels for square tiles, with the list of them; return their arrays by identifier."""
    folder = tiles.folder / dataset
    folder.mkdir(parents=True)
    random, made, rows = np.random.default_rng(seed), {}, []
    for identifier, shape in zip(tiles.frame["identifier"], tiles.frame.geometry, strict=True):
        left, bottom, right, top = shape.bounds
        side = round((right - left) / scale), round((top - bottom) / scale)
        made[identifier] = random.integers(1, 200, (bands, side[1], side[0]), dtype=np.uint8)
        path = folder / f"{identifier}.tif"
        write_chip(path, made[identifier], left=left, top=top, scale=scale, nodata=nodata, crs=tiles.frame.crs.to_wkt())
        rows.append(row_of(path, identifier))
    if listed:  # not where a test puts other files in their places, as other programs may
        write_list(folder, rows)
    (folder / "dataset.json").write_text(json.dumps({"dataset": dataset, **(about or {})}))
    return made


def write_list(folder, rows):
    pq.write_table(pa.Table.from_pylist(rows), folder / "chips.parquet")


def rows_in(folder):
    return {row["identifier"]: row for row in pq.read_table(folder / "chips.parquet").to_pylist()}
