"""Arrays of numbers, by what they hold; shapes and units are said where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def holding(pixels: NDArray[Any], nodata: float | None, valid: Flags | None = None) -> Flags:
    """Return which pixels hold data: NaN never does, nor `nodata`, nor what is not `valid` (broadcast to them)."""
    found: Flags = ~np.isnan(pixels) if pixels.dtype.kind == "f" else np.ones(pixels.shape, bool)
    if nodata is not None:
        # As a whole number, where it is one: the widest are not exact as floats.
        found &= pixels != (int(nodata) if pixels.dtype.kind in "ui" and float(nodata).is_integer() else nodata)
    if valid is not None:
        found &= valid
    return found
