"""Chips on disk as `tiles download` leaves them, written with rasterio and pyarrow alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
import shapely

from orchestrator.tiling.file import Tiles, name_tiles, write_tiles

CRS, SIDE, SCALE = "EPSG:32632", 8, 10.0
IMAGES, LABELS = "s2", "cover-2020"
CLASSES = {"10": {"name": "Trees", "colour": "006400"}, "20": {"name": "Shrubs", "colour": "ffbb22"}}
IMAGE_ABOUT = {
    "version": 1,
    "sources": [{"asset": "COPERNICUS/S2_SR_HARMONIZED", "start": "2020-01-01", "end": "2021-01-01"}],
    "attribution": "Contains modified Copernicus Sentinel data 2020",
    "licence": "https://example.org/terms",
    "dates": ["2020-01-01", "2021-01-01"],
    "bands": ["B4", "B3", "B2"],
    "dtype": "uint16",
    "nodata": 0,
}
LABEL_ABOUT = {"version": 1, "attribution": "ESA WorldCover 2020", "licence": "CC-BY-4.0", "classes": CLASSES}
SPLITS = ["train"] * 6 + ["val"] * 3 + ["test"] * 3


@dataclass
class Place:
    """A file of tiles with chips beside it."""

    root: Path
    tiles: Tiles
    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    @property
    def identifiers(self):
        return list(self.tiles.frame["identifier"])


def make_tiles(folder, count=12, splits=SPLITS, **columns):
    corners = [(300_000 + 80 * (n % 4), 5_500_000 + 80 * (n // 4)) for n in range(count)]
    boxes = [shapely.box(x, y, x + SIDE * SCALE, y + SIDE * SCALE) for x, y in corners]
    frame = geopandas.GeoDataFrame(columns, geometry=boxes, crs=CRS)
    if splits is not None:
        frame["split"] = splits[:count]
    about = {"kind": "grid", "cover": "full", "size": 80, "crs": CRS}
    return write_tiles(name_tiles(frame, "lux", "aschips", about), folder)


def write_chip(path, pixels, transform, nodata=None, crs=CRS, names=()):
    """Write (band, row, col) and return the row of its manifest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = pixels.shape
    profile: dict[str, Any] = {"driver": "GTiff", "count": count, "height": height, "width": width, "crs": crs}
    with rasterio.open(path, "w", dtype=pixels.dtype, transform=transform, nodata=nodata, **profile) as target:
        target.write(pixels)
        if names:
            target.descriptions = names
    return {
        "identifier": path.stem,
        "state": "DONE",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "crs": crs,
        "transform": list(transform)[:6],
        "height": height,
        "width": width,
        "bands": count,
        "dtype": str(pixels.dtype),
        "nodata": nodata,
        "why": "",
    }


def write_manifest(folder, rows):
    keys = list(dict.fromkeys(key for row in rows for key in row))
    table = pa.table({key: [row.get(key) for row in rows] for key in keys})
    pq.write_table(table, folder / "chips.parquet")


def manifest(folder):
    return pq.read_table(folder / "chips.parquet").to_pylist()


def without(folder, identifier, state, why="the service said no"):
    """Make one chip of a dataset EMPTY or FAILED."""
    rows = manifest(folder)
    write_manifest(
        folder,
        [{"identifier": identifier, "state": state, "why": why} if r["identifier"] == identifier else r for r in rows],
    )
    (folder / f"{identifier}.tif").unlink()


def write_dataset(tiles, name, pixels_of, about, nodata=None):
    """Write a dataset; `pixels_of` returns (band, row, col) of the n-th tile. Returns the pixels by identifier."""
    folder, made, rows = tiles.folder / name, {}, []
    for number, (identifier, shape) in enumerate(zip(tiles.frame["identifier"], tiles.frame.geometry, strict=True)):
        pixels = pixels_of(number)
        west, _, _, north = shape.bounds
        transform = rasterio.Affine(SCALE, 0, west, 0, -SCALE, north)
        rows.append(write_chip(folder / f"{identifier}.tif", pixels, transform, nodata, names=about.get("bands", ())))
        made[identifier] = pixels
    write_manifest(folder, rows)
    (folder / "dataset.json").write_text(json.dumps(about))
    return made


def make_place(root, count=12, splits=SPLITS, dtype="uint16", **columns):
    """Return tiles with images in which one corner is nodata, and labels of classes 10 and 20, one corner without."""
    tiles = make_tiles(root / "work", count, splits, **columns)
    chance = np.random.default_rng(7)

    def image(_number):
        pixels = chance.integers(1, 10_000, (3, SIDE, SIDE)).astype(dtype)
        pixels[:, 0, 0] = 0
        return pixels

    def label(_number):
        pixels = chance.choice([10, 20], (1, SIDE, SIDE)).astype("uint8")
        pixels[0, -1, -1] = 0
        return pixels

    images = write_dataset(tiles, IMAGES, image, IMAGE_ABOUT, nodata=0)
    labels = write_dataset(tiles, LABELS, label, LABEL_ABOUT, nodata=0)
    return Place(root, tiles, images, labels)
