"""
From a table of pixels to an array (time, band, row, col): each value goes where its row says it belongs.

Nothing depends on the order of rows. Longitude and latitude of a row are those of a pixel's centre; carried back to the
grid they must lie on a centre of the window, each no more than once for an image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray

from orchestrator.clients.region import ID, LATITUDE, LONGITUDE, TIME, RegionReply
from orchestrator.core.errors import IntegrityError
from orchestrator.core.log import one_line
from orchestrator.model.grid import Grid, Window
from orchestrator.model.spec import PixelSpec, whole_numbers

# Pixels. Coordinates come in full doubles, about 1e-8 of a pixel; a neighbour's centre is a whole pixel away.
MOST_OFF = 0.05
# What JSON has no number for comes as text.
_TEXTS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ImageTime:
    """
    One image of a collection.

    Attributes:
        id: Its `system:index`.
        time_ms: Its `system:time_start`, milliseconds since 1970; None where it has none.
    """

    id: str
    time_ms: int | None = None

    @property
    def order(self) -> tuple[bool, int, str]:
        """Sorts by time, then by id; those without a time come last."""
        return self.time_ms is None, self.time_ms or 0, self.id


@dataclass(frozen=True, slots=True)
class RegionArray:
    """
    The values of a window.

    Attributes:
        values: (time, band, row, col), in the order of `moments` and of the planned bands.
        moments: Of the time axis, sorted by time and id.
        masked: Values that came as null; they are nodata.
        absent: Values that did not come, of pixels which an image does not reach; they are nodata.
    """

    values: NDArray[Any]
    moments: tuple[ImageTime, ...]
    masked: int
    absent: int


def scatter(
    reply: RegionReply, grid: Grid, window: Window, pixels: PixelSpec, moments: Sequence[ImageTime] | None = None
) -> RegionArray:
    """
    Return the values of a window, whatever the order of the rows that brought them.

    Args:
        reply: The table.
        grid: The lattice it was asked for on.
        window: Rows and columns of it.
        pixels: Bands in the order of the array, number type, and the value of what is masked or absent. Numbers of
            integer types are exact; of float32 the nearest it has.
        moments: The images of the time axis: one that the table does not name has no pixel here. By default those
            that the table names.

    Raises:
        IntegrityError: A row lies on no pixel's centre, outside the window, on a pixel that another row of its image
            has, or belongs to no image of `moments`; a value is no number, or none of the type; a band is missing.
    """
    rows, cols = places_in(reply, grid, window)
    axis, times = _times(reply, moments)
    shape = (len(axis), window.height, window.width)
    at = np.ravel_multi_index((times, rows, cols), shape) if len(times) else times
    _refuse_twice(at, shape, axis)
    values = np.full((len(axis), len(pixels.bands), window.height, window.width), pixels.nodata, pixels.dtype)
    masked = 0
    for number, band in enumerate(pixels.bands):
        numbers, there = _numbers(reply.column(band), band)
        values[times[there], number, rows[there], cols[there]] = _cast(numbers[there], band, pixels.dtype)
        masked += int(len(there) - there.sum())
    absent = (math.prod(shape) - len(at)) * len(pixels.bands)
    return RegionArray(values, axis, masked, absent)


def places_in(reply: RegionReply, grid: Grid, window: Window) -> tuple[_Ints, _Ints]:
    """
    Return row and column in the window of each row of the table.

    Raises:
        IntegrityError: A row lies on no pixel's centre, or outside the window.
    """
    lon, lat = (_coordinates(reply.column(name), name) for name in (LONGITUDE, LATITUDE))
    x, y = _to_grid(grid.crs).transform(lon, lat)
    a, _b, c, _d, e, f = grid.window_transform(window)
    col, row = (np.asarray(x) - c) / a - 0.5, (np.asarray(y) - f) / e - 0.5
    cols, rows = _whole(col), _whole(row)
    outside = (cols < 0) | (cols >= window.width) | (rows < 0) | (rows >= window.height)
    if outside.any():
        here = int(np.argmax(outside))
        raise IntegrityError(f"a row at {lon[here]:.9f}, {lat[here]:.9f} lies outside the window that was asked for")
    return rows, cols


@lru_cache(maxsize=8)
def _to_grid(crs: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)


def _coordinates(column: Sequence[Any], name: str) -> _Floats:
    try:
        found = np.fromiter(column, np.float64, len(column))
    except (TypeError, ValueError) as error:
        raise IntegrityError(f"a {name} is no number: {one_line(str(error), 120)}") from None
    if not np.isfinite(found).all():
        raise IntegrityError(f"a {name} is not finite")
    return found


def _whole(places: _Floats) -> _Ints:
    """Return places in pixels as whole numbers, where they are nearly so."""
    if not np.isfinite(places).all():
        raise IntegrityError("a row lies where the grid's coordinate system has no place")
    found = np.rint(places)
    off = np.abs(places - found)
    if off.size and off.max() > MOST_OFF:
        raise IntegrityError(
            f"a row lies {off.max():.3f} of a pixel beside the centre of one; the service lays the grid otherwise, or "
            "carries its coordinates otherwise: take --route pixels"
        )
    whole: _Ints = found.astype(np.int64)
    return whole


def _times(reply: RegionReply, moments: Sequence[ImageTime] | None) -> tuple[tuple[ImageTime, ...], _Ints]:
    """Return the time axis, sorted, and the place on it of each row."""
    pairs = list(zip(reply.column(ID), reply.column(TIME), strict=True))
    try:
        named = {pair: _image(*pair) for pair in set(pairs)}
    except TypeError:  # a list, an object: nothing that could name an image
        raise IntegrityError("a row with an id or a time that is a list or an object") from None
    axis = tuple(sorted(set(named.values() if moments is None else moments), key=lambda moment: moment.order))
    place = {moment: at for at, moment in enumerate(axis)}
    if strange := next((moment for moment in named.values() if moment not in place), None):
        raise IntegrityError(
            f"a row of image {one_line(strange.id, 120)} at {strange.time_ms}, which was not asked for"
        )
    at = {pair: place[moment] for pair, moment in named.items()}
    return axis, np.fromiter(map(at.__getitem__, pairs), np.int64, len(pairs))


def _image(index: Any, time: Any) -> ImageTime:
    if not isinstance(index, str) or not (time is None or type(time) is int):
        raise IntegrityError(
            f"a row of image {one_line(repr(index), 80)} at {one_line(repr(time), 80)}: no id, no time"
        )
    return ImageTime(index, time)


def _refuse_twice(at: _Ints, shape: tuple[int, int, int], axis: Sequence[ImageTime]) -> None:
    times = np.bincount(at, minlength=1)
    if times.max(initial=0) > 1:
        time, row, col = np.unravel_index(int(np.argmax(times)), shape)
        raise IntegrityError(f"pixel ({row}, {col}) of image {one_line(axis[int(time)].id, 120)} came twice")


def _numbers(column: Sequence[Any], band: str) -> tuple[_Floats, NDArray[np.bool_]]:
    """Return the numbers of a column, and which of them are there."""
    kinds = set(map(type, column))
    there = np.ones(len(column), np.bool_)
    if type(None) in kinds:
        there = np.fromiter((value is not None for value in column), np.bool_, len(column))
    plain = column if kinds <= {int, float} else [_number(value, band) for value in column]
    try:
        return np.fromiter(plain, np.float64, len(column)), there
    except OverflowError:
        raise IntegrityError(f"band {band} came with a number beyond every type") from None


def _number(value: Any, band: str) -> float:
    if type(value) is float or type(value) is int:
        return value
    if value is None:
        return 0.0
    if isinstance(value, str) and value in _TEXTS:
        return _TEXTS[value]
    raise IntegrityError(f"band {band} came with {one_line(repr(value), 80)}, which is no number")


def _cast(numbers: _Floats, band: str, dtype: str) -> NDArray[Any]:
    """Return numbers in their planned type: whole numbers exactly as they came, float32 as the nearest it has."""
    if dtype.startswith("float"):
        with np.errstate(over="ignore"):
            cast = numbers.astype(dtype)
        wrong = np.isinf(cast) & np.isfinite(numbers)
    else:
        low, high = whole_numbers(dtype)
        wrong = ~((numbers >= low) & (numbers <= high) & (np.rint(numbers) == numbers))
        cast = np.where(wrong, 0, numbers).astype(dtype)
    if wrong.any():
        odd = float(numbers[int(np.argmax(wrong))])
        raise IntegrityError(f"band {band} came with {odd:.17g}, which is no {dtype}; cast it in the recipe")
    return cast
