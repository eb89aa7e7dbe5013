"""Makes overview pixels out of finer ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.assemble.codec import Pixels

RESAMPLINGS = ("average", "nearest")


def halve(pixels: Pixels, nodata: float, resampling: str) -> Pixels:
    """
    Return half as many rows and columns; `pixels` is (row, col, band) with an even number of both.

    `average` is the mean of those of the four pixels that hold data, rounded half up for integers; a pixel
    without any is nodata. `nearest` is the top left pixel of the four.
    """
    if resampling == "nearest":
        return np.ascontiguousarray(pixels[::2, ::2])
    four = (pixels[::2, ::2], pixels[::2, 1::2], pixels[1::2, ::2], pixels[1::2, 1::2])
    if np.issubdtype(pixels.dtype, np.floating):
        return _mean_of_floats(four, nodata)
    return _mean_of_integers(four, nodata)


def _mean_of_floats(four: tuple[Pixels, ...], nodata: float) -> Pixels:
    valid = [~is_nodata(p, nodata) for p in four]
    count: Pixels = np.sum(valid, axis=0, dtype=four[0].dtype)
    # The sum of four large numbers may be infinite and the mean of none is nothing: both are wanted so.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        first, *others = (np.where(v, p, 0) for v, p in zip(valid, four, strict=True))
        mean: Pixels = (first + others[0] + others[1] + others[2]) / count
    mean[count == 0] = nodata
    return np.asarray(mean, four[0].dtype)


def _mean_of_integers(four: tuple[Pixels, ...], nodata: float) -> Pixels:
    empty = four[0].dtype.type(nodata)
    mean: Pixels
    wide: type[np.signedinteger[Any]] = np.int64 if four[0].dtype.itemsize > 2 else np.int32
    valid = [p != empty for p in four]
    count = np.add(valid[0], valid[1], dtype=np.int8) + np.add(valid[2], valid[3], dtype=np.int8)
    if int(count.min()) == len(four):
        mean = np.right_shift(four[0].astype(wide) + four[1] + four[2] + four[3] + 2, 2)
    else:
        first, *others = (np.where(v, p, 0).astype(wide) for v, p in zip(valid, four, strict=True))
        total = first + others[0] + others[1] + others[2]
        pairs = 2 * np.maximum(count, 1).astype(wide)
        mean = (2 * total + count) // pairs
    result = mean.astype(four[0].dtype)
    # A mean of true values may by chance be the number that says "nothing here".
    chance = (count > 0) & (result == empty)
    if chance.any():
        result[chance] = empty + 1 if empty < np.iinfo(result.dtype).max else empty - 1
    result[count == 0] = empty
    return result


def is_nodata(pixels: Pixels, nodata: float) -> NDArray[np.bool_]:
    """Tell for each value whether it is nodata; NaN equals NaN here."""
    found: NDArray[Any] = np.isnan(pixels) if np.isnan(nodata) else pixels == pixels.dtype.type(nodata)
    return np.asarray(found, np.bool_)
