"""Rasters of known pixels, and runs that published them; tiles as an independent computation sees them."""

from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from pyproj import Transformer
from rasterio.transform import Affine

from orchestrator.engine.stores.records import Admission
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.result import Result, ResultFile
from orchestrator.model.states import RunState

UTM = "EPSG:32632"
GRID = Affine(20, 0, 500000, 0, -20, 5500000)


def write_raster(path, values, *, crs=UTM, transform=GRID, nodata=None, names=(), mask=None, overviews=(), **more):
    """Write (band, row, col) as a GeoTIFF."""
    bands, height, width = values.shape
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": values.dtype}
    tiled = {"tiled": True, "blockxsize": 64, "blockysize": 64}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"),
        rasterio.open(path, "w", **profile, crs=crs, transform=transform, nodata=nodata, **tiled, **more) as file,
    ):
        file.write(values)
        for number, name in enumerate(names, 1):
            file.set_band_description(number, name)
        if mask is not None:
            file.write_mask(mask)
        if overviews:
            file.build_overviews(list(overviews), rasterio.enums.Resampling.nearest)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def publish(
    records, files, *, product="mosaic", name="east", facts="{}", result_facts=None, digest="", area="east.gpkg"
):
    """Store a run that is done; `files` are pairs of a role and a path, the one that makes the result last."""
    job = Job(name, "/results", AreaSource(area), "2024-05-01", "2024-06-01", service="sandbox", product=product)
    run = records.store.runs.admit(
        Admission(name, "", job.fingerprints(), job.to_json(), base_name=name, product=product), again=True
    )
    listed = tuple(
        ResultFile(
            path, path.stat().st_size if path.is_file() else 0, digest or (sha256(path) if path.is_file() else ""), role
        )
        for role, path in files
    )
    records.store.runs.save_plan(run.id, "{}", "image", facts, [])
    records.store.runs.save_result(run.id, Result(listed, result_facts or {}).to_json())
    for state in (RunState.EXPORTING, RunState.ASSEMBLING, RunState.PUBLISHED):
        records.store.runs.set_state(run.id, state)
    return records.store.runs.set_state(run.id, RunState.CLEANED)


def pixels_of(png: bytes):
    """Return a PNG as (row, col, 4), decoded by Pillow."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def centres(z, x, y, side=256):
    """Return longitude and latitude of the middle of each pixel of a tile, by the formula of Web Mercator tiles."""
    at = (np.arange(side) + 0.5) / side
    longitude = (x + at) / 2**z * 360 - 180
    latitude = np.degrees(np.arctan(np.sinh(math.pi * (1 - 2 * (y + at) / 2**z))))
    return np.meshgrid(longitude, latitude)


def tile_over(longitude, latitude, z):
    """Return column and row of the tile that holds a place."""
    n = 2**z
    radians = math.radians(latitude)
    return int((longitude + 180) / 360 * n), int((1 - math.asinh(math.tan(radians)) / math.pi) / 2 * n)


def nearest(values, z, x, y, *, crs=UTM, transform=GRID):
    """Return (band, row, col) of a tile by projecting the middle of every pixel, and where the raster has pixels."""
    longitude, latitude = centres(z, x, y)
    easting, northing = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)
    col, row = ~transform @ (easting, northing)
    rows, cols = np.floor(row).astype(int), np.floor(col).astype(int)
    inside = (rows >= 0) & (rows < values.shape[1]) & (cols >= 0) & (cols < values.shape[2])
    read = values[:, np.clip(rows, 0, values.shape[1] - 1), np.clip(cols, 0, values.shape[2] - 1)]
    return read, inside
