"""
Writes image files: strips of pixels into a plain raster beside them, which is then encoded without loss.

The encoder only copies whole rasters (GDAL, JP2OpenJPEG); through a file, memory stays bounded whatever the size.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window

from orchestrator.sandbox.safe.product import Grid

CACHE_MEGABYTES = 64  # of GDAL, for the rows under one row of tiles
# Tiles of real files, by pixel size.
_TILE = {10: 1024, 20: 640, 60: 192}


class Writer:
    """Takes the strips of one image; `close` encodes it."""

    def __init__(self, path: Path, grid: Grid, dtype: str, channels: int) -> None:
        self._path, self._grid = path, grid
        self._plain = path.with_name(path.name + ".tif")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._raster = rasterio.open(self._plain, "w", **_profile(grid, dtype, channels))

    def write(self, row: int, values: NDArray[np.generic]) -> None:
        """Write a strip (plane, row, col) from `row` on."""
        _, height, width = values.shape
        self._raster.write(values, window=Window(0, row, width, height))

    def close(self) -> None:
        """Encode what was written, and leave nothing else."""
        self._raster.close()
        tile = str(_TILE[self._grid.metres])
        options = {"QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": tile, "BLOCKYSIZE": tile}
        rasterio.shutil.copy(self._plain, self._path, driver="JP2OpenJPEG", **options)
        self._plain.unlink()


def environment() -> rasterio.Env:
    """What the encoder is to run in."""
    return rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=CACHE_MEGABYTES, GDAL_PAM_ENABLED="NO")


def _profile(grid: Grid, dtype: str, channels: int) -> Mapping[str, Any]:
    return {
        "driver": "GTiff",
        "height": grid.height,
        "width": grid.width,
        "count": channels,
        "dtype": dtype,
        "crs": f"EPSG:{grid.epsg}",
        "transform": Affine(*grid.transform),
        "photometric": "RGB" if channels == 3 else "MINISBLACK",
    }
