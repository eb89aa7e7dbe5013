"""A piece of a cube, from the GeoTIFF that a route brings to numbers, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Window
from orchestrator.products.cube.document import CubePlan


def read_piece(content: Path | bytes, window: Window, plan: CubePlan) -> NDArray[Any]:
    """
    Return (band, row, col) of a piece.

    Raises:
        IntegrityError: It is not of this window, these bands or this number type.
    """
    with (
        rasterio.Env(GDAL_PAM_ENABLED="NO"),
        MemoryFile(_bytes(content)) as memory,
        memory.open(driver="GTiff") as raster,
    ):
        found = (raster.count, raster.height, raster.width, raster.dtypes[0])
        wanted = (len(plan.labels), window.height, window.width, plan.pixels.dtype)
        if found != wanted:
            raise IntegrityError(f"the piece at {window} is {found}, expected {wanted}")
        if not np.allclose(tuple(raster.transform)[:6], plan.grid.window_transform(window), rtol=0, atol=1e-6):
            raise IntegrityError(f"the piece at {window} lies elsewhere: {tuple(raster.transform)[:6]}")
        values: NDArray[Any] = raster.read()
        return values


def _bytes(content: Path | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()
