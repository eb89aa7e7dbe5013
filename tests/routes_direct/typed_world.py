"""One stored image with a band of every number type, holes and true zeros in it, as a sandbox takes it."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import rasterio
import shapely

from orchestrator.model.grid import Grid
from orchestrator.sandbox.scenes.catalogue import Band, Catalogue, PixelType

CRS = "EPSG:32633"
TRANSFORM = (10.0, 0.0, 500000.0, 0.0, -10.0, 5200000.0)
SIDE = 1200
ASSET = "TEST/TYPES/one"
GRID = Grid(CRS, TRANSFORM, SIDE, SIDE)
RANGES = {
    "uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767),
    "uint32": (0, 2**32 - 1), "int32": (-(2**31), 2**31 - 1), "float32": None, "float64": None,
}  # fmt: skip
EE_NAMES = {"float32": "float", "float64": "double"}
STOP = threading.Event()


def true_values(dtype):
    """Values of the whole type, a zero now and then, and which of them are there: a hole at the top left."""
    rows, cols = np.mgrid[0:SIDE, 0:SIDE]
    values = (rows * 40503 + cols * 30011) % 65521
    values[(rows + cols) % 7 == 0] = 0
    array = (values / 3 if dtype.startswith("float") else values).astype(dtype)
    return array, ~((rows < 300) & (cols < 300))


class _Scene:
    asset_id = ASSET
    properties: Mapping[str, Any] = {"system:index": "one", "system:time_start": 1_700_000_000_000}
    footprint = shapely.box(14.9, 46.8, 15.3, 47.1)

    def __init__(self) -> None:
        self.bands = tuple(
            Band(name, PixelType(*(("int", *bounds) if bounds else (EE_NAMES[name],))), CRS, TRANSFORM, SIDE, SIDE)
            for name, bounds in RANGES.items()
        )

    def read(self, band, level, row, col, height, width):
        values, valid = true_values(band)
        rows, cols = (np.arange(start, start + count) * 2**level for start, count in ((row, height), (col, width)))
        inside = np.ix_(rows.clip(0, SIDE - 1), cols.clip(0, SIDE - 1))
        there = ((rows >= 0) & (rows < SIDE))[:, None] & ((cols >= 0) & (cols < SIDE))
        return values[inside], valid[inside] & there


class TypedCatalogue(Catalogue):
    def collections(self):
        return {"TEST/TYPES": {"title": "types"}}

    def scenes(self, collection, region, start_ms, end_ms):  # noqa: ARG002  the port's signature
        return iter([_Scene()] if collection == "TEST/TYPES" else [])

    def scene(self, asset_id):
        return _Scene() if asset_id == ASSET else None


def opened(piece):
    with rasterio.open(io.BytesIO(piece.content)) as file:
        return file.read(), file.profile


def expected(dtype, window, nodata):
    values, valid = true_values(dtype)
    here = np.s_[window.row : window.bottom, window.col : window.right]
    return np.where(valid[here], values[here], np.array(nodata, dtype))
