"""From the array that Earth Engine answers to the GeoTIFF that an output takes: checked, by blocks, in memory."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import rasterio
from numpy.lib import format as npy
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.windows import Window as RasterWindow

from orchestrator.core.errors import IntegrityError, TransientError, WayError
from orchestrator.core.log import one_line
from orchestrator.model.direct import PixelRequest
from orchestrator.model.grid import BLOCK
from orchestrator.model.spec import PixelSpec

MAGIC = b"\x93NUMPY"
# Names and types of 1,024 bands.
_HEADER_BYTES = 1 << 18
# Columns written at once: a multiple of the block; what is in hand stays small, whatever the shape of the window.
_COLUMNS = 16 * BLOCK
_GDAL_CACHE_BYTES = 16 << 20
_HORIZONTAL, _FLOATING = 2, 3  # TIFF's numbers of predictors


def read_array(body: bytes, request: PixelRequest, bands: tuple[str, ...]) -> NDArray[np.void]:
    """
    Return a reply as a structured array of (height, width), a field for each band, over the bytes of `body` itself.

    Raises:
        TransientError: It is no array at all: a page of somebody in between.
        WayError: It is cut short, its header is damaged, or its values are big-endian, which Earth Engine never sends.
        IntegrityError: Its shape, bands or number types are not what was asked for.
    """
    if not body.startswith(MAGIC):
        raise TransientError(f"an answer to a request for pixels that is no array: {one_line(str(body[:80]), 120)}")
    shape, fortran, dtype, offset = _header(body)
    window = request.window
    if shape != (window.height, window.width):
        raise IntegrityError(f"asked for {window.height} × {window.width} pixels, Earth Engine sent {shape}")
    _check_fields(dtype, request.pixels, bands)
    wanted = offset + dtype.itemsize * window.pixels
    if len(body) != wanted:
        raise WayError(f"the array at {window} has {len(body)} bytes, expected {wanted}")
    array: NDArray[np.void] = np.frombuffer(body, dtype, window.pixels, offset)
    return array.reshape(shape, order="F" if fortran else "C")


def _header(body: bytes) -> tuple[tuple[int, ...], bool, np.dtype[np.void], int]:
    """Return shape, order, type and where the values begin."""
    head = io.BytesIO(body[:_HEADER_BYTES])
    try:
        version = npy.read_magic(head)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(head, max_header_size=_HEADER_BYTES)
    except Exception as error:  # noqa: BLE001  numpy parses it as Python: tokens, syntax, recursion fail with their own
        raise WayError(f"the header of an array cannot be read: {one_line(str(error), 120)}") from None
    if dtype.hasobject:
        raise IntegrityError(f"the array holds objects ({dtype}), which nobody asked for")
    return shape, fortran, dtype, head.tell()


def _check_fields(dtype: np.dtype[np.void], pixels: PixelSpec, bands: tuple[str, ...]) -> None:
    found: Mapping[str, tuple[Any, ...]] = dtype.fields or {}
    if set(found) != set(bands):
        names = ", ".join(found) or "no names"
        raise IntegrityError(f"asked for bands {', '.join(bands)}, Earth Engine sent {names}")
    wanted = np.dtype(pixels.dtype)
    for band in bands:
        kind = found[band][0]
        if kind.newbyteorder("=") == wanted and kind.str[0] == ">":  # one damaged bit, and each value is another
            raise WayError(f"band {band} came as {kind.str}, expected {wanted.newbyteorder('<').str}: big-endian")
        if kind.newbyteorder("=") != wanted:
            raise IntegrityError(f"band {band} came as {kind}, expected {wanted}; cast it in the recipe")


def make_tiff(array: NDArray[np.void], request: PixelRequest, bands: tuple[str, ...]) -> bytes:
    """Return a GeoTIFF of the window: blocks of 256, deflate with a predictor, bands by name in the planned order."""
    window, pixels = request.window, request.pixels
    profile = {
        "driver": "GTiff",
        "height": window.height,
        "width": window.width,
        "count": len(bands),
        "dtype": pixels.dtype,
        "nodata": pixels.nodata,
        "crs": request.grid.crs,
        "transform": rasterio.Affine(*request.grid.window_transform(window)),
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "interleave": "pixel",
        "compress": "deflate",
        "predictor": _FLOATING if pixels.dtype.startswith("float") else _HORIZONTAL,
    }
    with rasterio.Env(GDAL_CACHEMAX=_GDAL_CACHE_BYTES, GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.descriptions = pixels.bands
            for row in range(0, window.height, BLOCK):
                for col in range(0, window.width, _COLUMNS):
                    block = array[row : row + BLOCK, col : col + _COLUMNS]
                    values = np.stack([block[band] for band in bands])
                    target.write(
                        values.astype(pixels.dtype, copy=False), window=RasterWindow(col, row, *block.shape[::-1])
                    )
        return bytes(memory.getbuffer())
