"""
Cubes in Zarr stores, looked at date by date; axis order (time, band, y, x), coordinates by CF.

What is not asked for is not decoded. Zoomed out, every so-manieth pixel is taken: such stores hold no overviews.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.transform import array_bounds, from_bounds
from rasterio.warp import reproject, transform_bounds

from orchestrator.core.errors import UserError
from orchestrator.core.optional import required
from orchestrator.previews.numbers import BandSummary, Pixel, numbers_of, place_in, values_by_name
from orchestrator.previews.source import PublishedRaster, in_turn, stamp
from orchestrator.previews.tiles import SIDE, WEB_MERCATOR, TileAddress
from orchestrator.previews.view import Facts, degrees_of

ARRAY = "cube"  # the name of the variable
SAMPLE_DATES, SAMPLE_SIDE = 6, 384  # dates, and pixels of the longer side, that numbers of bands are taken of


@dataclass(frozen=True, slots=True)
class Cube:
    """
    A store that is open.

    Attributes:
        array: (time, band, row, col), of zarr.
        times: Of each date the first scene's, RFC 3339, UTC.
        titles: Of each date, for people.
        bands: Names, in order.
        crs: EPSG:n, or WKT.
        transform: Of the grid.
        nodata: What says that there is no data; None where nothing does.
        scale: What a stored number is multiplied with to be the physical one.
        offset: What is then added.
    """

    array: Any
    times: tuple[str, ...]
    titles: tuple[str, ...]
    bands: tuple[str, ...]
    crs: str
    transform: Affine
    nodata: float | None
    scale: float = 1.0
    offset: float = 0.0

    @property
    def height(self) -> int:
        return int(self.array.shape[2])

    @property
    def width(self) -> int:
        return int(self.array.shape[3])

    def masked(self, values: NDArray[Any]) -> np.ma.MaskedArray[Any, Any]:
        """Mask what holds no data."""
        missing = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
        if self.nodata is not None:
            missing |= values == self.nodata
        return np.ma.masked_array(values, missing)

    def sampled(self, time: int, most: int) -> np.ma.MaskedArray[Any, Any]:
        """Return (band, row, col) of a date, at most `most` pixels of a side."""
        step = max(1, math.ceil(max(self.height, self.width) / most))
        return self.masked(np.asarray(self.array[time, :, ::step, ::step]))


def open_store(path: Path) -> Cube:
    """
    Open the store of a cube; pixels are read when they are asked for.

    Raises:
        ExtraError: The extra `cube` is not installed.
        UserError: It is no cube, or cannot be read.
    """
    xarray, zarr = required("xarray", "cube", "a cube"), required("zarr", "cube", "a cube")
    if not (path / "zarr.json").is_file():
        raise UserError(f"{path} is no cube: it has no zarr.json; put it back, or make it again")
    try:
        told = xarray.open_zarr(path, chunks=None, mask_and_scale=False)
        found = _cube(told, zarr.open_array(path / ARRAY, mode="r"))
        told.close()
    except (OSError, ValueError, KeyError, TypeError, zarr.errors.BaseZarrError) as error:
        raise UserError(f"{path} cannot be read, and may be damaged: {' '.join(str(error).split())}") from None
    return found


def _cube(told: Any, array: Any) -> Cube:
    import pyproj  # noqa: PLC0415  heavy

    mapping, variable = told["spatial_ref"].attrs, told[ARRAY]
    c, a, b, f, d, e = (float(text) for text in str(mapping["GeoTransform"]).split())
    crs = pyproj.CRS.from_wkt(mapping["crs_wkt"])
    code = crs.to_epsg()
    times = tuple(f"{str(at)[:19]}Z" for at in told["time"].values.astype("datetime64[s]"))
    satellites = [str(one) for one in told["satellite"].values] if "satellite" in told else [""] * len(times)
    titles = tuple(f"{at[:10]} {at[11:16]} UTC {s}".strip() for at, s in zip(times, satellites, strict=True))
    fill = variable.attrs.get("_FillValue", array.fill_value)
    bands = tuple(str(one) for one in told["band"].values)
    nodata = None if fill is None else float(fill)
    scale, offset = (float(variable.attrs.get(key, usual)) for key, usual in (("scale_factor", 1), ("add_offset", 0)))
    name = f"EPSG:{code}" if code else crs.to_wkt()
    return Cube(array, times, titles, bands, name, Affine(a, b, c, d, e, f), nodata, scale, offset)


@dataclass(frozen=True, slots=True)
class CubeView:
    """One date of a cube."""

    cube: Cube
    time: int

    def facts(self) -> Facts:
        """Return what it is."""
        cube = self.cube
        bounds = degrees_of(cube.crs, array_bounds(cube.height, cube.width, cube.transform))
        dtype = str(cube.array.dtype)
        return Facts(
            cube.bands, cube.crs, cube.height, cube.width, bounds, dtype, cube.nodata, (), cube.scale, cube.offset
        )

    def tile(self, address: TileAddress, bands: tuple[int, ...]) -> np.ma.MaskedArray[Any, Any]:
        """Return (band, row, col) of a tile of a map: the nearest pixel of those that were read."""
        window = self._window(address)
        target = np.zeros((len(bands), SIDE, SIDE), self.cube.array.dtype)
        there = np.zeros((SIDE, SIDE), "uint8")
        if window is None:
            return np.ma.masked_array(target, np.ones(target.shape, bool))
        rows, cols, step = window
        grid = self.cube.transform @ Affine.translation(cols.start, rows.start)
        # The pixel that was taken of step × step others is the first: half a step before the middle of the whole.
        taken = grid @ Affine.translation(0.5 - step / 2, 0.5 - step / 2) @ Affine.scale(step)
        read = np.stack([np.asarray(self.cube.array[self.time, band - 1, rows, cols]) for band in bands])
        how = {
            "src_transform": taken,
            "src_crs": self.cube.crs,
            "dst_transform": from_bounds(*address.bounds, SIDE, SIDE),
            "dst_crs": WEB_MERCATOR,
            "resampling": Resampling.nearest,
        }
        reproject(read, target, **how)
        reproject(np.ones(read.shape[1:], "uint8"), there, **how)
        values = self.cube.masked(target)
        values[:, there == 0] = np.ma.masked
        return values

    def _window(self, address: TileAddress) -> tuple[slice, slice, int] | None:
        """Return the rows and columns that a tile shows, every how-manieth of them; None where it shows none."""
        cube = self.cube
        try:
            left, bottom, right, top = transform_bounds(WEB_MERCATOR, cube.crs, *address.bounds, densify_pts=21)
        except RasterioError:
            return None
        corners = [~cube.transform @ (x, y) for x in (left, right) for y in (bottom, top)]
        if not all(math.isfinite(value) for corner in corners for value in corner):
            return None
        cols, rows = ([corner[axis] for corner in corners] for axis in (0, 1))
        step = max(1, int(min(max(cols) - min(cols), max(rows) - min(rows)) / SIDE))
        first_row, first_col = (max(0, math.floor(min(values)) - step) for values in (rows, cols))
        last_row = min(cube.height, math.ceil(max(rows)) + step + 1)
        last_col = min(cube.width, math.ceil(max(cols)) + step + 1)
        if first_row >= last_row or first_col >= last_col:
            return None
        return slice(first_row, last_row, step), slice(first_col, last_col, step), step

    def numbers(self) -> tuple[BandSummary, ...]:
        """Return the numbers of each band, of some dates spread over all, so that dates stay comparable."""
        cube = self.cube
        count = len(cube.times)
        dates = sorted({round(at) for at in np.linspace(0, count - 1, min(SAMPLE_DATES, count))})
        read = np.ma.stack([cube.sampled(date, SAMPLE_SIDE) for date in dates])
        return tuple(numbers_of(name, read[:, at]) for at, name in enumerate(cube.bands))

    def pixel(self, longitude: float, latitude: float) -> Pixel:
        """Return the pixel that holds a place, on this date."""
        x, y, place = self._place(longitude, latitude)
        cube = self.cube
        if place is None:
            return Pixel(None, None, x, y, cube.crs)
        stored = values_by_name(cube.bands, cube.masked(np.asarray(cube.array[self.time, :, place[0], place[1]])))
        physical = {name: None if v is None else v * cube.scale + cube.offset for name, v in stored.items()}
        return Pixel(*place, x, y, cube.crs, stored, physical)

    def series(self, longitude: float, latitude: float) -> dict[str, list[float | None]]:
        """
        Return the stored numbers of a pixel over all dates, by band; None where there is no data.

        Raises:
            UserError: The place is outside.
        """
        *_, place = self._place(longitude, latitude)
        if place is None:
            raise UserError(f"longitude {longitude:g}, latitude {latitude:g} lies outside the cube")
        cube = self.cube
        read = cube.masked(np.asarray(cube.array[:, :, place[0], place[1]]))
        dates = [values_by_name(cube.bands, read[at]) for at in range(len(cube.times))]
        return {band: [date[band] for date in dates] for band in cube.bands}

    def _place(self, longitude: float, latitude: float) -> tuple[float, float, tuple[int, int] | None]:
        cube = self.cube
        x, y = place_in(cube.crs, longitude, latitude)
        across, down = ~cube.transform @ (x, y)
        row, col = math.floor(down), math.floor(across)
        inside = 0 <= row < cube.height and 0 <= col < cube.width
        return x, y, (row, col) if inside else None


@lru_cache(maxsize=8)
def _opened(path: Path, _mark: tuple[object, ...]) -> Cube:
    return open_store(path)


@contextmanager
def looking_into(source: PublishedRaster, time: int) -> Iterator[CubeView]:
    """
    Open one date of a cube to be looked at; `time` is its index.

    Raises:
        UserError: It is gone, cannot be read, or has no such date.
    """
    mark = stamp(source)
    with in_turn():
        cube = _opened(source.path, mark)
        if not 0 <= time < len(cube.times):
            raise UserError(f"date {time} is none of this cube's; it has 0 to {len(cube.times) - 1}")
        try:
            yield CubeView(cube, time)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(
                f"{source.path} cannot be read, and may be damaged: {' '.join(str(error).split())}"
            ) from None
