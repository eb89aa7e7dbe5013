"""What numbers a raster holds: of each band as a whole, and of one pixel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rasterio.warp import transform
from rasterio.windows import Window

from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

SAMPLE_SIDE = 1024  # pixels of the longer side that numbers of a band are taken of: an overview gives them in no time
BINS = 48
LOW, HIGH = 2.0, 98.0  # percentiles: beyond them lie rests of clouds and deep shadow
SIGMAS = 2.0
STRETCHES = ("percentile", "minmax", "sigma")
DEGREES = "EPSG:4326"


@dataclass(frozen=True, slots=True)
class BandSummary:
    """
    What the numbers of a band are, of the pixels that hold data among those that were read.

    Attributes:
        name: Of the band.
        pixels: How many were read.
        valid: How many of them hold data.
        low: 2nd percentile.
        high: 98th percentile.
        least: Minimum.
        most: Maximum.
        mean: Arithmetic.
        deviation: Standard deviation.
        counts: Pixels in each of `BINS` intervals of equal width from `least` to `most`.
    """

    name: str
    pixels: int
    valid: int
    low: float = 0.0
    high: float = 1.0
    least: float = 0.0
    most: float = 1.0
    mean: float = 0.0
    deviation: float = 0.0
    counts: tuple[int, ...] = ()

    def stretch(self, how: str) -> tuple[float, float]:
        """
        Return what becomes the darkest and what the brightest.

        Raises:
            UserError: `how` is none of `STRETCHES`.
        """
        if how not in STRETCHES:
            raise UserError(f"stretch {how!r} is unknown; one of {', '.join(STRETCHES)} is")
        spread = SIGMAS * self.deviation
        ranges = {
            "percentile": (self.low, self.high),
            "minmax": (self.least, self.most),
            "sigma": (self.mean - spread, self.mean + spread),
        }
        return ranges[how]


def numbers_of(name: str, values: np.ma.MaskedArray[Any, Any]) -> BandSummary:
    """Return the numbers of a band; `values` of any shape, masked where there is no data."""
    there = np.ma.compressed(values).astype("float64")
    there = there[np.isfinite(there)]
    if not there.size:
        return BandSummary(name, int(values.size), 0)
    low, high = np.percentile(there, (LOW, HIGH))
    least, most = float(there.min()), float(there.max())
    counts, _ = np.histogram(there, BINS, (least, most) if most > least else (least, least + 1))
    return BandSummary(
        name,
        int(values.size),
        int(there.size),
        float(low),
        float(high),
        least,
        most,
        float(there.mean()),
        float(there.std()),
        tuple(int(count) for count in counts),
    )


def names_of(dataset: DatasetReader) -> tuple[str, ...]:
    """Return the names of bands; one without a name is called after its number."""
    return tuple(name or f"band {number}" for number, name in enumerate(dataset.descriptions, 1))


def band_numbers(dataset: DatasetReader) -> tuple[BandSummary, ...]:
    """Return the numbers of each band, of at most `SAMPLE_SIDE` × `SAMPLE_SIDE` pixels of an overview."""
    ratio = max(1.0, max(dataset.height, dataset.width) / SAMPLE_SIDE)
    shape = (max(1, round(dataset.height / ratio)), max(1, round(dataset.width / ratio)))
    return tuple(
        numbers_of(name, dataset.read(number, out_shape=shape, masked=True))
        for number, name in enumerate(names_of(dataset), 1)
    )


@dataclass(frozen=True, slots=True)
class Pixel:
    """
    One pixel.

    Attributes:
        row: Of the raster, from the north for one that is north-up; None outside of it.
        col: Likewise.
        x: Of the place that was asked for, in the raster's CRS.
        y: Likewise.
        crs: Of the raster.
        values: Stored number of each band by its name; None where there is no data.
        physical: The same × scale + offset, where the file says them; else as `values`.
    """

    row: int | None
    col: int | None
    x: float
    y: float
    crs: str
    values: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))
    physical: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))


def place_in(crs: str, longitude: float, latitude: float) -> tuple[float, float]:
    """
    Return x and y of a place in a CRS.

    Raises:
        UserError: There is no such place, or the CRS does not reach there.
    """
    if not (math.isfinite(longitude) and math.isfinite(latitude) and -90 <= latitude <= 90):
        raise UserError(f"longitude {longitude:g}, latitude {latitude:g} is no place")
    (x,), (y,) = transform(DEGREES, crs, [(longitude + 180) % 360 - 180], [latitude])
    if not (math.isfinite(x) and math.isfinite(y)):
        raise UserError(f"{crs} does not reach longitude {longitude:g}, latitude {latitude:g}")
    return x, y


def read_pixel(dataset: DatasetReader, longitude: float, latitude: float) -> Pixel:
    """
    Return the pixel that holds a place, by a window of one pixel.

    Raises:
        UserError: There is no such place.
        RasterioIOError: The file cannot be read.
    """
    crs = crs_name(dataset.crs)
    x, y = place_in(dataset.crs.to_wkt(), longitude, latitude)
    across, down = ~dataset.transform @ (x, y)
    col, row = math.floor(across), math.floor(down)
    if not (0 <= row < dataset.height and 0 <= col < dataset.width):
        return Pixel(None, None, x, y, crs)
    read = dataset.read(window=Window(col, row, 1, 1), masked=True)[:, 0, 0]
    stored = values_by_name(names_of(dataset), read)
    scaled = zip(stored.items(), dataset.scales, dataset.offsets, strict=True)
    physical = {name: None if v is None else v * scale + offset for (name, v), scale, offset in scaled}
    return Pixel(row, col, x, y, crs, stored, physical)


def values_by_name(names: Sequence[str], values: np.ma.MaskedArray[Any, Any]) -> dict[str, float | None]:
    """Return one number for each name; None where it is masked or no number."""
    masked: NDArray[np.bool_] = np.ma.getmaskarray(values)
    numbers = np.ma.getdata(values)
    return {
        name: None if masked[at] or not np.isfinite(numbers[at]) else numbers[at].item()
        for at, name in enumerate(names)
    }


def crs_name(crs: Any) -> str:
    """Return a CRS as EPSG:n, or as WKT where it has no number."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.to_wkt())
