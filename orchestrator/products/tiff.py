"""The GeoTIFF that a route brings, as numbers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Grid
from orchestrator.raster.opening import opened_bytes


def read_tiff(content: bytes | Path, grid: Grid, bands: int, dtype: str) -> NDArray[Any]:
    """
    Return (band, row, col) of a file that is all of `grid`; its header is compared before a pixel is decoded.

    Raises:
        IntegrityError: It is no GeoTIFF, is not of this place, so many bands, or this number type.
    """
    body = content if isinstance(content, bytes) else content.read_bytes()
    try:
        with opened_bytes(body, "a piece") as raster:
            _check(raster, grid, (bands, grid.height, grid.width, dtype))
            values: NDArray[Any] = raster.read()
            return values
    except RasterioError as error:
        raise IntegrityError(f"a piece is no readable GeoTIFF: {error}") from error


def _check(raster: Any, grid: Grid, wanted: tuple[int, int, int, str]) -> None:
    found = (raster.count, raster.height, raster.width, ",".join(sorted(set(raster.dtypes))))
    if found != wanted:
        raise IntegrityError(f"a piece is {found} (bands, rows, columns, type), expected {wanted}")
    if not np.allclose(tuple(raster.transform)[:6], grid.transform, rtol=0, atol=1e-6 * grid.transform[0]):
        raise IntegrityError(f"a piece lies at {tuple(raster.transform)[:6]}, expected {grid.transform}")
    if raster.crs != _crs(grid.crs):
        raise IntegrityError(f"a piece is in {raster.crs}, expected {grid.crs}")


@lru_cache(maxsize=256)
def _crs(text: str) -> CRS:
    return CRS.from_user_input(text)
