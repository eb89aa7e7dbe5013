"""A chip as a GeoTIFF, of the pixels that a route brought."""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from orchestrator.model.grid import BLOCK, Grid
from orchestrator.model.spec import PixelSpec
from orchestrator.products.terms import Tags
from orchestrator.raster.spans import SpanTable


def write_chip(values: NDArray[Any], grid: Grid, pixels: PixelSpec, tags: Tags) -> bytes:
    """Return (band, row, col) as a GeoTIFF of `grid`: the same bytes for the same pixels."""
    large = max(grid.height, grid.width) > 2 * BLOCK
    profile = {
        "driver": "GTiff",
        "count": len(pixels.bands),
        "height": grid.height,
        "width": grid.width,
        "dtype": pixels.dtype,
        "nodata": pixels.nodata,
        "crs": grid.crs,
        "transform": rasterio.Affine(*grid.transform),
        "interleave": "pixel",
        "compress": "deflate",
        "predictor": 3 if pixels.dtype.startswith("float") else 2,
        "tiled": large,
        **({"blockxsize": BLOCK, "blockysize": BLOCK} if large else {}),
    }
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.descriptions = pixels.bands
            target.update_tags(**dict(tags))
            if pixels.scale != 1 or pixels.offset:
                target.scales = [pixels.scale] * len(pixels.bands)
                target.offsets = [pixels.offset] * len(pixels.bands)
            target.write(values)
        return bytes(memory.getbuffer())


def masked(values: NDArray[Any], nodata: float) -> NDArray[np.bool_]:
    """Return where (band, row, col) holds no data."""
    found: NDArray[np.bool_] = np.isnan(values) if np.isnan(nodata) else values == nodata
    return found


def outside(shape: str, grid: Grid) -> NDArray[np.bool_]:
    """Return (row, col), True where the centre of a pixel lies outside a shape, WKB in hexadecimal."""
    table = SpanTable.from_geometry(shapely.from_wkb(bytes.fromhex(shape)), grid)
    return ~table.mask(grid.window)
