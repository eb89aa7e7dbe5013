"""
Reducers over time: one image of many dates, block by block, so that no more than a block of all dates is held.

Pixels without data take no part. Numbers are those of NumPy, of the valid values of each pixel and band by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.model.grid import BLOCK, Window
from orchestrator.raster.arrays import Flags, Ints, holding

NAMES = ("median", "mean", "min", "max", "count", "first", "last")
MAX_BYTES = 256 * 1024 * 1024
# The sorted copy, the numbers of valid values, and the two neighbours of a percentile as float64.
_COPIES = 4

Values = NDArray[Any]
Read = Callable[[Window], Values]  # -> (time, band, row, col)
Write = Callable[[Window, Values], None]  # (band, row, col)


@dataclass(frozen=True, slots=True)
class Reducer:
    """
    What is made of the values of a pixel over time.

    Attributes:
        name: One of `NAMES`, or `p0` to `p100`, also with decimals (`p97.5`): a percentile, interpolated linearly
            between the two nearest values (NumPy's method `linear`). `p50` is the median. `first` and `last` are the
            first and the last valid value along the time axis.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name in NAMES or (self.percent is not None and self.percent <= 100):
            return
        near = hint(self.name, NAMES)
        stop = "" if near.endswith("?") else "."
        raise UserError(f"the reducer {self.name!r} is not known; {near}{stop} A percentile is p0 to p100, such as p90")

    @property
    def percent(self) -> float | None:
        """Of a percentile; 50 of the median."""
        found = re.fullmatch(r"p(\d{1,3}(?:\.\d+)?)", self.name)
        return float(found[1]) if found else 50.0 if self.name == "median" else None

    def made(self, dtype: np.dtype[Any], nodata: float | None, dates: int) -> tuple[np.dtype[Any], float | None]:
        """
        Return the number type and the nodata value of what is made.

        A count is uint16, or uint32 of more than 65,535 dates, and 0 where there is nothing. `min`, `max`, `first` and
        `last` are values of the input, with its type and nodata (NaN, where floats have none). The others are floats,
        not rounded: float32 of whole numbers of 8 and 16 bits and of float32, float64 of all others; with NaN.
        """
        if self.name == "count":
            return np.dtype("uint16" if dates <= np.iinfo("uint16").max else "uint32"), None
        if self.name in {"min", "max", "first", "last"}:
            return dtype, float("nan") if nodata is None and dtype.kind == "f" else nodata
        return np.dtype("float32" if np.can_cast(dtype, "float32") else "float64"), float("nan")


def reduce_block(block: Values, reducer: Reducer, *, nodata: float | None = None, valid: Flags | None = None) -> Values:
    """
    Return what a reducer makes of (time, band, row, col), as (band, row, col); the type is that of `Reducer.made`.

    Args:
        block: Whole numbers or floats; not changed.
        reducer: Which.
        nodata: Of pixels that hold no data; NaN never does.
        valid: Where pixels hold data, broadcast to the block; what it leaves out is nodata too.

    Raises:
        UserError: Pixels would hold nothing, and there is no nodata for them.
    """
    known = holding(block, nodata, valid)
    dtype, empty = reducer.made(block.dtype, nodata, len(block))
    count: Ints = np.count_nonzero(known, axis=0)
    if reducer.name == "count":
        return count.astype(dtype)
    found = _reduced(block, known, count, reducer).astype(dtype, copy=False)
    nothing = count == 0
    if not nothing.any():
        return found
    if empty is None:
        raise UserError(f"{reducer.name} has pixels without any value, and {block.dtype} has no nodata; give one")
    return np.where(nothing, np.asarray(empty, dtype), found)


def reduce_blocks(
    read: Read,
    write: Write,
    reducer: Reducer,
    *,
    shape: tuple[int, int, int, int],
    dtype: np.dtype[Any],
    nodata: float | None = None,
    block: int = BLOCK,
    max_bytes: int = MAX_BYTES,
) -> None:
    """
    Reduce a cube block by block.

    Args:
        read: Returns a window of all dates and bands.
        write: Is given each window once, with what was made of it; row by row from the top left.
        reducer: Which.
        shape: Of the cube: (time, band, row, col).
        dtype: Of the cube.
        nodata: Of the cube; see `reduce_block`.
        block: Windows are squares of a multiple of so many pixels: the cube's own blocks, so that none is read twice.
        max_bytes: To hold at most, about; where one block of all dates is more, windows are parts of blocks.
    """
    dates, bands, height, width = shape
    side = block_side(dates * bands * dtype.itemsize * _COPIES, block, max_bytes)
    for window in Window(0, 0, height, width).tiles(side, side):
        write(window, reduce_block(read(window), reducer, nodata=nodata))


def block_side(bytes_per_pixel: int, block: int, max_bytes: int) -> int:
    """Return the side of a square of at most `max_bytes`: blocks, or a half, a quarter ... of one; 1 at the least."""
    fitting = int((max_bytes / bytes_per_pixel) ** 0.5)
    if fitting >= block:
        return fitting // block * block
    while block > max(fitting, 1):
        block //= 2
    return max(block, 1)


def _reduced(block: Values, known: Flags, count: Ints, reducer: Reducer) -> Values:
    lowest, highest = _limits(block.dtype)
    found: Values
    if reducer.percent is not None:
        ordered = np.where(known, block, highest)
        ordered.sort(axis=0)
        found = _percentile(ordered, count, reducer.percent)
    elif reducer.name == "mean":
        found = np.where(known, block, 0).sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
    elif reducer.name == "min":
        found = np.where(known, block, highest).min(axis=0)
    elif reducer.name == "max":
        found = np.where(known, block, lowest).max(axis=0)
    else:
        found = _at(block, np.argmax(known, axis=0) if reducer.name == "first" else _last(known))
    return found


def _percentile(ordered: Values, count: Ints, percent: float) -> Values:
    """Return the percentile of the first `count` values of each pixel, which are in order along time."""
    last = np.maximum(count - 1, 0)
    place = last * (percent / 100)
    before = np.floor(place).astype(np.int64)
    share = place - before
    low = _at(ordered, before).astype(np.float64)
    high = _at(ordered, np.minimum(before + 1, last)).astype(np.float64)
    # From the nearer of the two, as NumPy: equal neighbours give themselves, and the ends are met exactly. Pixels
    # without any value are infinite here, and are filled later.
    with np.errstate(invalid="ignore"):
        return np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))


def _at(block: Values, dates: Ints) -> Values:
    found: Values = np.take_along_axis(block, dates[None], axis=0)[0]
    return found


def _last(known: Flags) -> Ints:
    found: Ints = len(known) - 1 - np.argmax(known[::-1], axis=0)
    return found


def _limits(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    if dtype.kind == "f":
        return dtype.type(-np.inf), dtype.type(np.inf)
    limits = np.iinfo(dtype)
    return dtype.type(limits.min), dtype.type(limits.max)
