"""The bytes of an answer of pixels. Computed window by window, as exports are; masked pixels are zero."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from orchestrator.sandbox.behaviour import Behaviour
from orchestrator.sandbox.earthengine import raster
from orchestrator.sandbox.earthengine.exports import DEFAULT_SHARD_SIZE, FileWindow
from orchestrator.sandbox.earthengine.raster import Image

# By the first bytes of an answer, because those of a picture depend on its pixels.
_CONTENT_TYPES = {
    b"II*\x00": "image/tiff",
    b"II+\x00": "image/tiff",
    b"\x93NUM": "application/octet-stream",
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"PK\x03\x04": "application/zip",
}
# Smaller windows than an export's: several answers are computed at a time, and none takes long.
MAX_WINDOW_SIDE = 1024
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGBA = 6  # the PNG colour type


def encoded(image: Image, kind: str, behaviour: Behaviour, no_data_tag: float | None) -> bytes:
    """
    Evaluate all pixels of `image` and write them as `kind`.

    Args:
        image: What is evaluated; for a picture, bands of bytes.
        kind: `GEO_TIFF`, `NPY`, `PNG`, `JPEG`, or `AUTO_JPEG_PNG`, which is a PNG where any pixel is transparent.
        behaviour: How TIFFs are compressed, and what masked pixels are.
        no_data_tag: What a TIFF names as the value without data; the pixels do not change.
    """
    if kind == "GEO_TIFF":
        return _tiff(image, behaviour, no_data_tag)
    if kind == "NPY":
        return _npy(image, behaviour.pixels_fill)
    colours = _colours(image)
    opaque = bool(colours[..., 3].all())
    return _jpeg(colours, len(image.bands)) if kind == "JPEG" or (kind != "PNG" and opaque) else _png(colours)


def content_type(data: bytes) -> str:
    """Name the type of an answer."""
    return next(name for start, name in _CONTENT_TYPES.items() if data.startswith(start))


def _tiff(image: Image, behaviour: Behaviour, no_data_tag: float | None) -> bytes:
    """Bands in their order, as the one type that holds the values of all."""
    dtype = np.result_type(*(band.dtype for band in image.bands))
    options = raster.tiff_options(dtype, DEFAULT_SHARD_SIZE, behaviour)
    whole = FileWindow("", 0, 0, image.grid.height, image.grid.width)
    with MemoryFile() as memory:
        with memory.open(**raster.header(image, whole, dtype, raster.fitting(no_data_tag, dtype), options)) as target:
            raster.fill_in(target, image, whole, dtype.type(behaviour.pixels_fill), _windows(image), _nobody)
        return bytes(memory.getbuffer())


def _windows(image: Image) -> Iterator[tuple[int, int, int, int]]:
    grid = image.grid
    return raster.windows(grid.height, grid.width, len(image.bands), DEFAULT_SHARD_SIZE, MAX_WINDOW_SIDE)


def _nobody(pixels: int) -> None:
    """Nobody follows the progress of an answer."""


def _npy(image: Image, fill: float) -> bytes:
    """A structured array (height, width) with a field for each band, as `numpy.save` writes it."""
    fields = [(band.name, np.dtype(band.dtype).newbyteorder("<")) for band in image.bands]
    array = np.zeros((image.grid.height, image.grid.width), fields)
    windows = list(_windows(image))
    for (row, col, height, width), (values, valid) in zip(windows, image.stream(windows), strict=True):
        for at, (name, kind) in enumerate(fields):
            filled = values[at] if fill == 0 else np.where(valid[at], values[at], kind.type(fill))
            array[name][row : row + height, col : col + width] = filled
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _colours(image: Image) -> Any:
    """Red, green, blue and opacity, (height, width, 4): a pixel that is masked in any band is transparent."""
    height, width = image.grid.height, image.grid.width
    colours = np.zeros((height, width, 4), np.uint8)
    windows = list(_windows(image))
    for (row, col, rows, cols), (values, valid) in zip(windows, image.stream(windows), strict=True):
        part = colours[row : row + rows, col : col + cols]
        part[..., :3] = np.stack(values, axis=-1)  # a single band of grey is all three
        part[..., 3] = valid.all(axis=0) * np.uint8(255)
    return colours


def _png(colours: Any) -> bytes:
    """Form: PNG specification, W3C."""
    height, width, _ = colours.shape
    return _SIGNATURE + _chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, _RGBA, 0, 0, 0)) + _scanlines(colours)


def _jpeg(colours: Any, bands: int) -> bytes:
    """Without opacity, which JPEG does not have: what is masked is zero, as everywhere."""
    height, width, _ = colours.shape
    form = {"driver": "JPEG", "height": height, "width": width, "count": bands, "dtype": "uint8"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a picture has no place
        with MemoryFile(ext=".jpg") as memory:
            with memory.open(**form) as target:
                target.write(np.moveaxis(colours[..., :bands], -1, 0))
            memory.seek(0)
            return bytes(memory.read())


def _scanlines(colours: Any) -> bytes:
    """Compress rows of pixels, each behind the number of its filter: none."""
    height, width, _ = colours.shape
    rows = np.zeros((height, 1 + 4 * width), np.uint8)
    rows[:, 1:] = colours.reshape(height, -1)
    return _chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
