"""Makes overview pixels out of finer ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.assemble.codec import Pixels


def halve(pixels: Pixels, nodata: float, resampling: str) -> Pixels:
    """
    Return half as many rows and columns; `pixels` is (row, col, band) with an even number of both.

    `average` is the mean of those of the four pixels that hold data, rounded half up for integers; a pixel
    without any is nodata. `nearest` is the top left pixel of the four.
    """
    if resampling == "nearest":
        return np.ascontiguousarray(pixels[::2, ::2])
    valid = ~is_nodata(pixels, nodata)
    if np.issubdtype(pixels.dtype, np.floating):
        return _mean_of_floats(pixels, valid, nodata)
    return _mean_of_integers(pixels, valid, nodata)


def is_nodata(pixels: Pixels, nodata: float) -> NDArray[np.bool_]:
    """Tell for each value whether it is nodata; NaN equals NaN here."""
    found: NDArray[Any] = np.isnan(pixels) if np.isnan(nodata) else pixels == pixels.dtype.type(nodata)
    return np.asarray(found, np.bool_)


def _sum_of_four(values: Pixels, dtype: Any) -> Pixels:
    # Whole rows first: they lie together in memory, the two pixels of a row do not.
    rows = np.add(values[::2], values[1::2], dtype=dtype)
    return np.asarray(rows[:, ::2] + rows[:, 1::2])


def _mean_of_floats(pixels: Pixels, valid: NDArray[np.bool_], nodata: float) -> Pixels:
    count = _sum_of_four(valid, np.uint8)
    whole = bool(count.min() == 4)
    # The sum of large numbers may be infinite and the mean of none is nothing: both are wanted so.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        mean = _sum_of_four(pixels if whole else np.where(valid, pixels, 0), pixels.dtype)
        mean /= count.astype(pixels.dtype)
    mean[count == 0] = nodata
    return mean


def _mean_of_integers(pixels: Pixels, valid: NDArray[np.bool_], nodata: float) -> Pixels:
    empty = pixels.dtype.type(nodata)
    wide = np.int64 if pixels.dtype.itemsize > 2 else np.int32
    count = _sum_of_four(valid, np.uint8)
    whole = bool(count.min() == 4)
    total = _sum_of_four(pixels if whole or empty == 0 else np.where(valid, pixels, 0), wide)
    result: Pixels = np.right_shift(total + 2, 2).astype(pixels.dtype)
    if not whole:
        partial = (count > 0) & (count < 4)
        few = count[partial].astype(wide)
        result[partial] = (2 * total[partial] + few) // (2 * few)
    # A mean of true values may by chance be the number that says "nothing here".
    chance = (result == empty) & (count > 0)
    if chance.any():
        result[chance] = empty + 1 if empty < np.iinfo(result.dtype).max else empty - 1
    result[count == 0] = empty
    return result
