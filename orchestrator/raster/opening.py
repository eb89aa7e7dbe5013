"""
Rasters of somebody else, opened as what they are said to be: by one driver, alone, and never larger than is expected.

GDAL takes what it is given apart: a virtual dataset that is called `x.tif` names any file or address as its content,
a path may be a network, and what lies beside a file (masks, overviews, world files) changes what it says. Here a path
is a regular file, its driver is named, and nothing else is opened on its behalf.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.io import DatasetReader, MemoryFile

TIFF, JP2 = "GTiff", "JP2OpenJPEG"
_JP2_BEGINNINGS = (bytes.fromhex("0000000c6a502020"), bytes.fromhex("ff4fff51"))  # ISO/IEC 15444-1, I.5.1 and A.2
# Settings of GDAL. No file has the extension `{none}`, so that every address is refused before it is looked up.
OFFLINE = {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}", "GDAL_HTTP_MAX_RETRY": "0", "PROJ_NETWORK": "OFF"}
ALONE = OFFLINE | {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO"}
# Of one block, decoded: GDAL holds a block whole. Earth Engine's have 256 × 256 pixels, a strip of 30,000 × 512 float64
# in one band takes 123 MB.
MOST_BLOCK_BYTES = 256 << 20
# GDAL's JPEG 2000 may decode an image whole, whatever its blocks; the largest band of Sentinel-2 has 10,980² = 1.2e8.
MOST_JP2_PIXELS = 1 << 28


class UnfitRasterError(RasterioIOError):  # type: ignore[misc]  # rasterio is untyped
    """A raster that is not opened: no regular file, or larger than it may be."""


def alone(**more: Any) -> rasterio.Env:
    """Return settings of GDAL under which a file is opened without what lies beside it, and without a network."""
    return rasterio.Env(**ALONE, **more)


def with_sidecars() -> rasterio.Env:
    """Return settings for rasters that a user named: a CRS or a mask may stand beside them, and no network is used."""
    return rasterio.Env(**OFFLINE)


@contextmanager
def opened(path: Path, *, most_bytes: int | None = None) -> Iterator[DatasetReader]:
    """
    Open a GeoTIFF alone for as long as the context lasts, GDAL's settings with it.

    Raises:
        RasterioIOError: As `open_raster`.
    """
    with alone(), open_raster(path, most_bytes=most_bytes) as dataset:
        yield dataset


def open_raster(path: Path, *, jp2: bool = False, most_bytes: int | None = None) -> DatasetReader:
    """
    Open a GeoTIFF; `alone` or `with_sidecars` must be in force, and stay so while it is read.

    Args:
        path: A regular file; links to one are followed.
        jp2: It may be JPEG 2000 as well.
        most_bytes: How much all of its pixels may take, decoded; no limit by default.

    Raises:
        RasterioIOError: It is no regular file, of another kind, or would take too much memory.
    """
    if not path.is_file():
        raise UnfitRasterError(f"{path} is no regular file" if path.exists() else f"{path}: no such file")
    driver = JP2 if jp2 and _begins_as_jp2(path) else TIFF
    # Absolute, so that no name begins with a prefix that GDAL knows (`GTIFF_DIR:`).
    return _checked(rasterio.open(path.absolute(), driver=driver), path.name, most_bytes)


def _begins_as_jp2(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8).startswith(_JP2_BEGINNINGS)


@contextmanager
def opened_bytes(content: bytes | bytearray, name: str, *, most_bytes: int | None = None) -> Iterator[DatasetReader]:
    """
    Open a GeoTIFF that is in memory, called `name` in errors.

    Raises:
        RasterioIOError: It is none, or would take too much memory.
    """
    with alone(), MemoryFile(bytes(content)) as memory:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # where it lies is compared
            dataset = _checked(rasterio.open(memory.name, driver=TIFF), name, most_bytes)
        with dataset:
            yield dataset


def _checked(dataset: DatasetReader, name: str, most_bytes: int | None) -> DatasetReader:
    try:
        check_header(dataset, name, most_bytes)
    except UnfitRasterError:
        dataset.close()
        raise
    return dataset


def check_header(dataset: DatasetReader, name: str, most_bytes: int | None = None) -> None:
    """
    Make sure that the blocks of an open raster, and its pixels together, fit into memory; none is read.

    Raises:
        RasterioIOError: They do not.
    """
    sizes = [np.dtype(_number(kind)).itemsize for kind in dataset.dtypes]
    at_once = sum(sizes) if dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "PIXEL" else max(sizes)
    height, width = max(dataset.block_shapes, key=prod)
    if height * width * at_once > MOST_BLOCK_BYTES:
        raise UnfitRasterError(
            f"{name} has blocks of {height} × {width} pixels, {height * width * at_once:,} bytes each; "
            f"at most {MOST_BLOCK_BYTES:,} are read at once: write it anew in blocks (gdal_translate -co TILED=YES)"
        )
    pixels = dataset.height * dataset.width
    if dataset.driver == JP2 and pixels > MOST_JP2_PIXELS:
        raise UnfitRasterError(f"{name} has {pixels:,} pixels; at most {MOST_JP2_PIXELS:,} are read of such a file")
    if most_bytes is not None and pixels * sum(sizes) > most_bytes:
        raise UnfitRasterError(
            f"{name} says {dataset.count} × {dataset.height} × {dataset.width} (band, row, col), "
            f"{pixels * sum(sizes):,} bytes of pixels; expected at most {most_bytes:,}"
        )


def _number(kind: str) -> str:
    """Return numpy's name of a number type of rasterio's; complex integers are held as complex numbers."""
    return "complex64" if kind.startswith("complex_int") else kind
