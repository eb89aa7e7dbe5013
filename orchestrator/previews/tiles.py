"""
Tiles of a map, 256 × 256 pixels of Web Mercator, out of rasters of any CRS.

A tile shows the nearest pixel, so that no value is made up; zoomed out, that of an overview that the file holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.previews.rio import rio_tiler

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

SIDE = 256  # pixels of a tile
MOST_ZOOM = 24  # 0.6 cm a pixel at the equator
RESAMPLING = "nearest"
# Half of the Earth's circumference on WGS 84's larger axis, metres: the square of Web Mercator, EPSG:3857.
HALF = math.pi * 6378137.0
WEB_MERCATOR = "EPSG:3857"


@dataclass(frozen=True, slots=True)
class TileAddress:
    """A tile: zoom, column from the west, row from the north."""

    z: int
    x: int
    y: int

    def __post_init__(self) -> None:
        if not 0 <= self.z <= MOST_ZOOM:
            raise UserError(f"zoom {self.z} is none; 0 to {MOST_ZOOM} are")
        most = (1 << self.z) - 1
        if not (0 <= self.x <= most and 0 <= self.y <= most):
            raise UserError(f"tile {self.x}, {self.y} of zoom {self.z} is none; both are 0 to {most}")

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in metres of EPSG:3857."""
        side = 2 * HALF / (1 << self.z)
        left, top = self.x * side - HALF, HALF - self.y * side
        return left, top - side, left + side, top


def read_tile(
    dataset: DatasetReader, address: TileAddress, bands: tuple[int, ...], side: int = SIDE
) -> np.ma.MaskedArray[Any, Any]:
    """
    Return (band, row, col) of a tile, masked where there is no data.

    Args:
        dataset: Open.
        address: Which tile.
        bands: Numbers from 1.
        side: Pixels of the tile.

    Raises:
        RasterioIOError: The file cannot be read.
    """
    rows, cols = _reached(dataset, address, side)
    height, width = rows.stop - rows.start, cols.stop - cols.start
    shape, dtype = (len(bands), side, side), np.result_type(*(dataset.dtypes[band - 1] for band in bands))
    tile: np.ma.MaskedArray[Any, Any] = np.ma.MaskedArray(np.zeros(shape, dtype), mask=np.ones(shape, bool))
    if height <= 0 or width <= 0:
        return tile
    left, _, _, top = address.bounds
    size = 2 * HALF / (1 << address.z) / side
    image = rio_tiler("reader", "a tile of a map").part(
        dataset,
        (left + cols.start * size, top - rows.stop * size, left + cols.stop * size, top - rows.start * size),
        height=height,
        width=width,
        dst_crs=WEB_MERCATOR,
        indexes=bands,
        resampling_method=RESAMPLING,
        reproject_method=RESAMPLING,
    )
    tile[:, rows, cols] = image.array
    return tile


def _reached(dataset: DatasetReader, address: TileAddress, side: int) -> tuple[slice, slice]:
    """
    Return the rows and columns of a tile that a raster may reach.

    What is asked for is computed at the raster's own resolution: of a whole tile of the world, that would take minutes.
    """
    from rasterio.errors import RasterioError  # noqa: PLC0415  heavy
    from rasterio.warp import transform_bounds  # noqa: PLC0415

    left, _, _, top = address.bounds
    size = 2 * HALF / (1 << address.z) / side
    try:
        west, south, east, north = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    except RasterioError:
        return slice(0, side), slice(0, side)
    rows = _between((top - _northing(north)) / size, (top - _northing(south)) / size, side)
    if not west < east:  # over longitude 180
        return rows, slice(0, side)
    return rows, _between((HALF * west / 180 - left) / size, (HALF * east / 180 - left) / size, side)


def _between(first: float, last: float, side: int) -> slice:
    """Return the pixels from `first` to `last`; some more on each side: an edge between projected points may bulge."""
    if not (math.isfinite(first) and math.isfinite(last)):
        return slice(0, side)
    more = 1 + 0.05 * (last - first)
    return slice(min(side, max(0, math.floor(first - more))), min(side, max(0, math.ceil(last + more))))


def _northing(latitude: float) -> float:
    """Return y of EPSG:3857, metres; the square's edge for what lies beyond it. EPSG guidance note 7-2, method 1024."""
    y = HALF / math.pi * math.asinh(math.tan(math.radians(min(89.9, max(-89.9, latitude)))))
    return min(HALF, max(-HALF, y))


def png(rgba: NDArray[np.uint8]) -> bytes:
    """Return (4, row, col) as a PNG."""
    import imagecodecs  # noqa: PLC0415  heavy

    return bytes(imagecodecs.png_encode(np.ascontiguousarray(rgba.transpose(1, 2, 0)), level=1))
