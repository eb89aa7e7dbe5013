"""Confusion matrices as values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.arrays import Array


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionMatrix:
    """
    A confusion matrix.

    Attributes:
        counts: (actual class, predicted class).
        order: The label of each class.
    """

    counts: Array
    order: tuple[int, ...]

    @property
    def agreed(self) -> NDArray[np.float64]:
        """Give what was found as it is, (class,)."""
        return np.diagonal(self.counts.values).astype(np.float64)

    def totals(self, axis: int) -> NDArray[np.float64]:
        """Give the counts of each class: found (axis 0), or there (axis 1)."""
        return np.asarray(self.counts.values.sum(axis=axis, dtype=np.float64))
