"""A raster to be looked at, whatever holds it: a GeoTIFF, or one date of a cube."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from rasterio.warp import transform_bounds

from orchestrator.previews.numbers import BandSummary, Pixel, band_numbers, crs_name, names_of, read_pixel
from orchestrator.previews.source import PublishedRaster, reading
from orchestrator.previews.tiles import TileAddress, read_tile

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What a raster is.

    Attributes:
        bands: Names, in order.
        crs: EPSG:n, or WKT.
        height: Rows.
        width: Columns.
        bounds: West, south, east, north in degrees; the east is above 180 where it lies across longitude 180.
        dtype: Number type of the first band.
        nodata: What says that there is no data; None where a mask does, or nothing.
        overviews: By how much the overviews are smaller; empty where there are none.
        scale: What a stored number is multiplied with to be the physical one.
        offset: What is then added.
    """

    bands: tuple[str, ...]
    crs: str
    height: int
    width: int
    bounds: tuple[float, float, float, float]
    dtype: str
    nodata: float | None
    overviews: tuple[int, ...] = ()
    scale: float = 1.0
    offset: float = 0.0


class RasterPreview(Protocol):
    """What can be looked at of one raster."""

    def facts(self) -> Facts:
        """Return what it is."""
        ...

    def tile(self, address: TileAddress, bands: tuple[int, ...]) -> np.ma.MaskedArray[Any, Any]:
        """Return (band, row, col) of a tile of a map."""
        ...

    def numbers(self) -> tuple[BandSummary, ...]:
        """Return the numbers of each band."""
        ...

    def pixel(self, longitude: float, latitude: float) -> Pixel:
        """Return the pixel that holds a place."""
        ...


@dataclass(frozen=True, slots=True)
class RasterView:
    """A GeoTIFF that is open."""

    dataset: DatasetReader

    def facts(self) -> Facts:
        """Return what it is."""
        d = self.dataset
        bounds = degrees_of(d.crs.to_wkt(), d.bounds)
        crs, overviews = crs_name(d.crs), tuple(d.overviews(1))
        scale, offset = d.scales[0], d.offsets[0]
        return Facts(
            names_of(d), crs, d.height, d.width, bounds, d.dtypes[0], d.nodata, overviews, scale=scale, offset=offset
        )

    def tile(self, address: TileAddress, bands: tuple[int, ...]) -> np.ma.MaskedArray[Any, Any]:
        """Return (band, row, col) of a tile of a map."""
        return read_tile(self.dataset, address, bands)

    def numbers(self) -> tuple[BandSummary, ...]:
        """Return the numbers of each band."""
        return band_numbers(self.dataset)

    def pixel(self, longitude: float, latitude: float) -> Pixel:
        """Return the pixel that holds a place."""
        return read_pixel(self.dataset, longitude, latitude)


@contextmanager
def looking_at(source: PublishedRaster) -> Iterator[RasterView]:
    """
    Open a GeoTIFF to be looked at.

    Raises:
        UserError: It is gone, another one, or cannot be read.
    """
    with reading(source) as dataset:
        yield RasterView(dataset)


def degrees_of(crs: str, bounds: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Return left, bottom, right, top in a CRS as west, south, east, north; the east may be above 180."""
    west, south, east, north = transform_bounds(crs, "EPSG:4326", *bounds, densify_pts=21)
    return west, south, east + 360 if east < west else east, north
