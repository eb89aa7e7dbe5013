"""Writes the files of an image export: window by window, never a whole file in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window

from orchestrator.sandbox.behaviour import Behaviour
from orchestrator.sandbox.earthengine.evaluate.projection import standard_crs
from orchestrator.sandbox.earthengine.exports import FileWindow, ImageExport

# Evaluated at a time: about this many band-pixels, so that a window of 4 bands is 1024 pixels square.
WINDOW_BAND_PIXELS = 1 << 22
MAX_WINDOW_SIDE = 2048
TYPE_NAMES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}


class Band(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> Any: ...


class Grid(Protocol):
    """A CRS (`EPSG:n`), an affine transform (six numbers in the order of `affine.Affine`), (height, width)."""

    @property
    def crs(self) -> str: ...
    @property
    def transform(self) -> Sequence[float]: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...


class Image(Protocol):
    """An evaluated expression: bands on a grid, read by window."""

    @property
    def bands(self) -> Sequence[Band]: ...
    @property
    def grid(self) -> Grid: ...
    @property
    def seconds_elsewhere(self) -> float:
        """Processor seconds spent on it in other threads and processes."""

    def stream(
        self, windows: Iterable[tuple[int, int, int, int]]
    ) -> Iterator[tuple[Sequence[NDArray[Any]], NDArray[np.bool_]]]:
        """
        Compute windows (row, col, height, width), in their order.

        Yields:
            One (height, width) array per band, and validity as (band, height, width).
        """


class ExportError(Exception):
    """The task fails with this sentence."""


def common_type(image: Image) -> np.dtype[Any]:
    """
    Find the one type of all bands.

    Raises:
        ExportError: If there is no band, or they differ.
    """
    if not image.bands:
        raise ExportError("Exported images must have at least one band.")
    names: list[np.dtype[Any]] = [np.dtype(band.dtype) for band in image.bands]
    other = next((each for each in names if each != names[0]), None)
    if other is not None:
        found = f"{_type_name(names[0])} and {_type_name(other)}"
        raise ExportError(f"Exported bands must have compatible data types; found inconsistent types: {found}.")
    return names[0]


def _type_name(dtype: np.dtype[Any]) -> str:
    return TYPE_NAMES.get(dtype.name, dtype.name)


def fill_value(dtype: np.dtype[Any], no_data: float | None, behaviour: Behaviour) -> float:
    """
    Choose the value of masked pixels: the export's `noData`, else 0, or the behaviour's for floats.

    Raises:
        ExportError: If `no_data` does not fit the type.
    """
    if no_data is None:
        return behaviour.float_fill if dtype.kind == "f" else behaviour.integer_fill
    if dtype.kind in "iu" and fitting(no_data, dtype) is None:
        raise ExportError(f"The noData value {no_data} is not in the range of the band type {_type_name(dtype)}.")
    return no_data


def fitting(tag: float | None, dtype: np.dtype[Any]) -> float | None:
    """Give a tag of the value without data, or None where the type does not hold it."""
    if tag is None or dtype.kind == "f":
        return tag
    limits = np.iinfo(dtype)
    return tag if math.isfinite(tag) and tag == int(tag) and limits.min <= tag <= limits.max else None


def tiff_options(dtype: np.dtype[Any], shard_size: int, behaviour: Behaviour) -> dict[str, Any]:
    """Choose GDAL's creation options; TIFF blocks need sides that are multiples of 16."""
    block = shard_size if shard_size % 16 == 0 else 256
    predictor = 3 if dtype.kind == "f" and behaviour.predictor == 2 else behaviour.predictor
    options = {"compress": behaviour.compression, "blockxsize": block, "blockysize": block}
    options |= {"interleave": behaviour.interleave}
    return options if behaviour.compression == "none" else {**options, "predictor": predictor}


def windows(
    height: int, width: int, bands: int, block: int, max_side: int = MAX_WINDOW_SIDE
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (row, col, height, width) that cover a file in whole blocks, small enough for memory."""
    side = min(max_side, math.isqrt(WINDOW_BAND_PIXELS // bands))
    step = max(block, side // block * block)
    for row in range(0, height, step):
        for col in range(0, width, step):
            yield row, col, min(step, height - row), min(step, width - col)


def write(
    image: Image,
    file: FileWindow,
    export: ImageExport,
    behaviour: Behaviour,
    scratch: Path,
    note: Callable[[int], None],
) -> bool:
    """
    Write the pixels of `file` to `scratch`.

    `note` is called with the number of pixels after each window; what it raises ends the writing. Peak memory is a
    window of all bands and GDAL's block cache.

    Returns:
        Whether any pixel of any band is unmasked.
    """
    dtype = common_type(image)
    plain = scratch.with_suffix(".plain.tif") if export.cloud_optimized else scratch
    options = tiff_options(dtype, export.shard_size, behaviour)
    fill = fill_value(dtype, export.no_data, behaviour)
    tag = fitting(behaviour.export_no_data, dtype) if export.no_data is None else export.no_data
    with rasterio.open(plain, "w", **header(image, file, dtype, tag, options)) as target:
        parts = windows(file.height, file.width, len(image.bands), options["blockxsize"])
        anything = fill_in(target, image, file, dtype.type(fill), parts, note)
    if export.cloud_optimized:
        _optimize(plain, scratch, options)
    return anything


def header(
    image: Image, file: FileWindow, dtype: np.dtype[Any], no_data: float | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Tell rasterio what kind of GeoTIFF holds the pixels of `file`, all bands as `dtype`."""
    return {
        "driver": "GTiff",
        "height": file.height,
        "width": file.width,
        "count": len(image.bands),
        "dtype": dtype.name,
        "crs": standard_crs(image.grid.crs),
        "transform": _transform(image.grid, file),
        "nodata": no_data,
        "tiled": True,
        "bigtiff": "IF_SAFER",
        **options,
    }


def fill_in(
    target: Any,
    image: Image,
    file: FileWindow,
    fill: np.generic,
    parts: Iterable[tuple[int, int, int, int]],
    note: Callable[[int], None],
) -> bool:
    """
    Write names and pixels of the bands, `fill` where they are masked; return whether any pixel is not.

    Args:
        target: An open raster.
        image: What is evaluated.
        file: Which pixels of the image the raster holds.
        fill: The value of masked pixels, in the raster's type.
        parts: The windows of the raster, as `windows` yields them.
        note: Is told the number of pixels after each of them.
    """
    anything, dtype = False, fill.dtype
    for number, band in enumerate(image.bands, start=1):
        target.set_band_description(number, band.name)
    wanted = list(parts)
    pixels = image.stream((file.row + row, file.col + col, height, width) for row, col, height, width in wanted)
    for (row, col, height, width), (values, valid) in zip(wanted, pixels, strict=True):
        filled = np.stack([np.where(valid[i], v, fill) for i, v in enumerate(values)])
        target.write(filled.astype(dtype, copy=False), window=Window(col, row, width, height))
        anything = anything or bool(valid.any())
        note(height * width)
    return anything


def _transform(grid: Grid, file: FileWindow) -> Affine:
    """Move the grid's origin to the file's first pixel."""
    a, b, c, d, e, f = grid.transform[:6]
    return Affine(a, b, c + a * file.col + b * file.row, d, e, f + d * file.col + e * file.row)


def _optimize(plain: Path, scratch: Path, options: dict[str, Any]) -> None:
    """Rewrite as a Cloud Optimized GeoTIFF with overviews (every second pixel, repeatedly)."""
    cog = {k: v for k, v in options.items() if k not in ("blockxsize", "blockysize", "predictor")}
    if options.get("predictor", 1) != 1:
        cog["predictor"] = "YES"
    rasterio.shutil.copy(
        plain,
        scratch,
        driver="COG",
        blocksize=options["blockxsize"],
        resampling="nearest",
        overview_resampling="nearest",
        bigtiff="IF_SAFER",
        **cog,
    )
    plain.unlink()
