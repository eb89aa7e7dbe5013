"""A piece of a cube, from the GeoTIFF that a route brings to numbers, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from orchestrator.model.grid import BLOCK, Grid
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.tiff import read_tiff


def read_piece(content: Path | bytes, grid: Grid, plan: CubePlan) -> NDArray[Any]:
    """
    Return (band, row, col) of a piece, which is all of `grid`.

    Raises:
        IntegrityError: It is not of this place, these bands or this number type.
    """
    return read_tiff(content, grid, len(plan.labels), plan.pixels.dtype)


def write_piece(values: NDArray[Any], grid: Grid, plan: CubePlan) -> bytes:
    """Return (band, row, col) as a GeoTIFF of `grid`."""
    return write_tiff(values, grid, plan.pixels.bands, plan.pixels.nodata)


def write_tiff(values: NDArray[Any], grid: Grid, bands: tuple[str, ...], nodata: float) -> bytes:
    """Return (band, row, col) as a GeoTIFF of `grid`, as the assembler takes it."""
    profile = {
        "driver": "GTiff",
        "count": len(bands),
        "height": grid.height,
        "width": grid.width,
        "dtype": values.dtype.name,
        "nodata": nodata,
        "crs": grid.crs,
        "transform": rasterio.Affine(*grid.transform),
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "interleave": "pixel",
        "compress": "deflate",
        "predictor": 3 if values.dtype.kind == "f" else 2,
    }
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.descriptions = bands
            target.write(values)
        return bytes(memory.getbuffer())
