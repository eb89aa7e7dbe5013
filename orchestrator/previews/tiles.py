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
    image = rio_tiler("reader", "a tile of a map").part(
        dataset,
        address.bounds,
        height=side,
        width=side,
        dst_crs=WEB_MERCATOR,
        indexes=bands,
        resampling_method=RESAMPLING,
        reproject_method=RESAMPLING,
    )
    values: np.ma.MaskedArray[Any, Any] = image.array
    return values


def png(rgba: NDArray[np.uint8]) -> bytes:
    """Return (4, row, col) as a PNG."""
    import imagecodecs  # noqa: PLC0415  heavy

    return bytes(imagecodecs.png_encode(np.ascontiguousarray(rgba.transpose(1, 2, 0)), level=1))
