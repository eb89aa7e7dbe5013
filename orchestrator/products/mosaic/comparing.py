"""Two arrays of one window, value by value: what a result holds, and what it should hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.model.audit import EXACT, RELATIVE_TOLERANCE, WITHIN
from orchestrator.model.spec import PixelSpec


@dataclass(frozen=True, slots=True)
class Compared:
    """
    What differs in a window.

    Attributes:
        count: How many values.
        largest: The largest difference of two of them, both data: what stands for "no data" is no quantity. NaN where
            one of them is no number.
        first: Where the first is, as (band, row, col) of the window; None where there is none.
    """

    count: int = 0
    largest: float = 0.0
    first: tuple[int, int, int] | None = None


def tolerance_of(pixels: PixelSpec) -> str:
    """Say when two values count as equal."""
    return WITHIN if pixels.dtype.startswith("float") else EXACT


def compare(found: NDArray[Any], expected: NDArray[Any], pixels: PixelSpec) -> Compared:
    """
    Compare two arrays of (band, row, col), value by value.

    Integers are equal or not. Floating-point values are equal within 1e-6 of the greater magnitude, and one step of the
    number type: a service may add in another order. NaN equals NaN. "No data" and data differ, however near they are.
    """
    differ = found != expected
    if pixels.dtype.startswith("float"):
        differ &= ~(np.isnan(found) & np.isnan(expected))
        if differ.any():
            differ &= ~_near(found, expected) | (_empty(found, pixels) != _empty(expected, pixels))
    if not differ.any():
        return Compared()
    both = differ & ~_empty(found, pixels) & ~_empty(expected, pixels)
    one, other = (array[both].astype(np.float64) for array in (found, expected))
    with np.errstate(invalid="ignore", over="ignore"):
        largest = float(np.abs(one - other).max(initial=0.0))  # NaN where there is one
    row, col, band = np.argwhere(np.moveaxis(differ, 0, -1))[0]
    return Compared(int(differ.sum()), largest, (int(band), int(row), int(col)))


def _near(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    magnitude = np.maximum(np.abs(one), np.abs(other))
    with np.errstate(invalid="ignore", over="ignore"):
        allowed = magnitude.astype(np.float64) * RELATIVE_TOLERANCE + np.spacing(magnitude)
        close = np.abs(one.astype(np.float64) - other.astype(np.float64)) <= allowed
    return np.asarray(close & np.isfinite(magnitude))


def _empty(array: NDArray[Any], pixels: PixelSpec) -> NDArray[np.bool_]:
    return np.isnan(array) if np.isnan(pixels.nodata) else np.asarray(array == np.asarray(pixels.nodata, array.dtype))
