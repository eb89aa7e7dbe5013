"""One band of a file: its grid, and windows of what Earth Engine would have there."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
import rasterio.windows
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from orchestrator.sandbox.scenes.pyramid import Pixels
from orchestrator.sandbox.scenes.stac import PLAIN, ScenesError, Stored
from orchestrator.sandbox.scenes.store import Store

# Rasters up to this size are decoded whole: a JPEG 2000 file gives up a small window hardly faster.
_WHOLE_BYTES = 32 * 2**20
_CHUNK = 1024  # of larger ones; the tiles of Sentinel-2's files
_COUNTS = 10_000  # for a reflectance of 1
_MOST = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class Decoded:
    """A chunk of a file as it lies there."""

    values: NDArray[np.generic]

    @property
    def nbytes(self) -> int:
        return self.values.nbytes


class Raster:
    """
    A band of a file: its grid, and windows decoded through a shared cache.

    GDAL's datasets are not safe to share between threads, so each decode opens the file anew, one at a time.

    Attributes:
        dtype: Of what is served.
    """

    def __init__(self, path: Path, cache: Store[Decoded], stored: Stored = PLAIN) -> None:
        self.path = path
        self.stored = stored
        self._cache = cache
        self._lock = threading.Lock()
        try:
            with rasterio.open(path) as source:
                epsg = source.crs.to_epsg() if source.crs else None
                self.shape: tuple[int, int] = (source.height, source.width)
                self.transform = source.transform
                self.nodata: float | None = source.nodata
                count, self._dtype = source.count, np.dtype(source.dtypes[0])
        except RasterioError as error:
            raise ScenesError(f"{path} cannot be read as a raster: {error}") from error
        if epsg is None:
            raise ScenesError(f"{path} has no coordinate system with an EPSG code (is its .aux.xml missing?)")
        if max(stored.index, stored.valid) > count:
            raise ScenesError(f"{path} has {count} bands, fewer than what lies beside it says")
        self.crs = f"EPSG:{epsg}"
        self.dtype = np.dtype(np.uint16) if stored.is_reflectance else self._dtype

    def read(self, row: int, col: int, height: int, width: int, empty: float | None) -> Pixels:
        """
        Values and validity of a window inside the raster.

        Invalid is what the file declares as no data, and `empty` where it is a number.
        """
        values = self._read(self.stored.index, row, col, height, width)
        if self.stored.is_reflectance:
            return _counted(values, self._read(self.stored.valid, row, col, height, width))
        valid = np.ones(values.shape, np.bool_) if empty is None else values != empty
        if self.nodata not in (None, empty):
            valid &= values != self.nodata
        if self.stored.shift:
            # What was stored lower than its shift is darker than nothing; 16 bits without sign hold no less than 0.
            values = np.clip(values.astype(np.int32) + self.stored.shift, 0, _MOST).astype(values.dtype)
        return values, valid

    def has_data(self, height: int, width: int) -> NDArray[np.bool_]:
        """Tell where the whole raster has data, on so many cells, nearest neighbour."""
        try:
            with self._lock, rasterio.open(self.path) as source:
                found = source.read(self.stored.valid or self.stored.index, out_shape=(height, width)) != 0
                return np.asarray(found)
        except RasterioError as error:
            raise ScenesError(f"{self.path} cannot be decoded: {error}") from error

    def _read(self, index: int, row: int, col: int, height: int, width: int) -> NDArray[np.generic]:
        """Values of a window, as the file has them."""
        side = self._chunk_side()
        out = np.empty((height, width), self._dtype)
        for top in range(row // side * side, row + height, side):
            for left in range(col // side * side, col + width, side):
                make = partial(self._decode, index, top, left, side)
                block = self._cache.get((self.path, index, top, left), make).values
                r0, r1 = max(row, top), min(row + height, top + side)
                c0, c1 = max(col, left), min(col + width, left + side)
                out[r0 - row : r1 - row, c0 - col : c1 - col] = block[r0 - top : r1 - top, c0 - left : c1 - left]
        return out

    def _chunk_side(self) -> int:
        whole = self.shape[0] * self.shape[1] * self._dtype.itemsize <= _WHOLE_BYTES
        return max(self.shape) if whole else _CHUNK

    def _decode(self, index: int, top: int, left: int, side: int) -> Decoded:
        height, width = min(side, self.shape[0] - top), min(side, self.shape[1] - left)
        window = rasterio.windows.Window(left, top, width, height)
        try:
            with self._lock, rasterio.open(self.path) as source:
                return Decoded(source.read(index, window=window))
        except RasterioError as error:
            raise ScenesError(f"{self.path} cannot be decoded: {error}") from error


def _counted(reflectance: NDArray[np.generic], valid: NDArray[np.generic]) -> Pixels:
    """Reflectance as Earth Engine keeps it: whole numbers of 16 bits without sign, 10,000 for 1."""
    is_valid = np.asarray((valid != 0) & np.isfinite(reflectance))
    counts = np.rint(np.where(is_valid, reflectance, 0).astype(np.float64) * _COUNTS)
    return np.clip(counts, 0, _MOST).astype(np.uint16), is_valid
