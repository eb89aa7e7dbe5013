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
    # Whole rows first: they lie together in memory, the two pixels of a row do not. These band by band: numpy's
    # innermost loop is then over all pixels, and not over the few bands of each.
    rows = np.add(values[::2], values[1::2], dtype=dtype)
    total: Pixels = np.empty((rows.shape[0], rows.shape[1] // 2, rows.shape[2]), dtype)
    for band in range(rows.shape[2]):
        np.add(rows[:, ::2, band], rows[:, 1::2, band], out=total[:, :, band])
    return total


def _mean_of_floats(pixels: Pixels, valid: NDArray[np.bool_], nodata: float) -> Pixels:
    # The sum of large numbers may be infinite and the mean of none is nothing: both are wanted so.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if valid.all():
            mean = _sum_of_four(pixels, pixels.dtype)
            mean /= 4
            return mean
        count = _sum_of_four(valid, np.uint8)
        mean = _sum_of_four(np.where(valid, pixels, 0), pixels.dtype)
        mean /= count.astype(pixels.dtype)
    mean[count == 0] = nodata
    return mean


def _mean_of_integers(pixels: Pixels, valid: NDArray[np.bool_], nodata: float) -> Pixels:
    empty = pixels.dtype.type(nodata)
    wide = np.int64 if pixels.dtype.itemsize > 2 else np.int32
    whole = bool(valid.all())
    total = _sum_of_four(pixels if whole or empty == 0 else np.where(valid, pixels, 0), wide)
    result: Pixels = np.right_shift(total + 2, 2).astype(pixels.dtype)
    if whole:
        _tell_apart(result, result == empty, empty)
        return result
    count = _sum_of_four(valid, np.uint8)
    partial = (count > 0) & (count < 4)
    few = count[partial].astype(wide)
    result[partial] = (2 * total[partial] + few) // (2 * few)
    _tell_apart(result, (result == empty) & (count > 0), empty)
    result[count == 0] = empty
    return result


def _tell_apart(result: Pixels, chance: NDArray[np.bool_], empty: Any) -> None:
    """Change means of true values that are by `chance` the number that says "nothing here"."""
    if chance.any():
        result[chance] = empty + 1 if empty < np.iinfo(result.dtype).max else empty - 1
