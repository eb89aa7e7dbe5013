"""The GeoTIFF that a route brings, as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Grid


def read_tiff(content: bytes | Path, grid: Grid, bands: int, dtype: str) -> NDArray[Any]:
    """
    Return (band, row, col) of a file that is all of `grid`.

    Raises:
        IntegrityError: It is not of this place, so many bands, or this number type.
    """
    body = content if isinstance(content, bytes) else content.read_bytes()
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile(body) as memory, memory.open(driver="GTiff") as raster:
        found = (raster.count, raster.height, raster.width, raster.dtypes[0])
        wanted = (bands, grid.height, grid.width, dtype)
        if found != wanted:
            raise IntegrityError(f"a piece is {found} (bands, rows, columns, type), expected {wanted}")
        if not np.allclose(tuple(raster.transform)[:6], grid.transform, rtol=0, atol=1e-6 * grid.transform[0]):
            raise IntegrityError(f"a piece lies at {tuple(raster.transform)[:6]}, expected {grid.transform}")
        values: NDArray[Any] = raster.read()
        return values
