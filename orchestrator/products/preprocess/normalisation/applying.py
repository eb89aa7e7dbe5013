"""Pixels made comparable: clipped, centred, of standard deviation 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError
from orchestrator.products.preprocess.normalisation.stats import Stats
from orchestrator.raster.arrays import Flags


def normalised(values: NDArray[Any], valid: Flags, stats: Stats, band: str) -> NDArray[np.float32]:
    """
    Return `(clip(values, low, high) - mean) / std` where `valid`, and 0 elsewhere.

    A pixel's value depends on nothing but itself, so that it is of no effect how a scene is cut into blocks.

    Args:
        values: Of one band, (row, col).
        valid: Of the same shape.
        stats: Checked against what is normalised.
        band: Its name.

    Raises:
        IntegrityError: The shapes differ, or a valid pixel is no finite number.
    """
    if values.shape != valid.shape:
        raise IntegrityError(f"band {band} has {values.shape} pixels and a mask of {valid.shape}")
    of = stats.by_band[band]
    made: NDArray[np.float32] = np.zeros(values.shape, np.float32)
    chosen = values[valid].astype(np.float64)
    if not np.isfinite(chosen).all():
        raise IntegrityError(f"a valid pixel of band {band} is no finite number; it cannot be normalised")
    if stats.settings.clip_percentiles is not None:
        np.clip(chosen, of.clip_low, of.clip_high, out=chosen)
    made[valid] = (chosen - of.mean) / of.std
    return made
