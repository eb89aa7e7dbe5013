"""The noise of sensors, as tables of normal noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Grain:
    """
    The sensor's noise as tables to be cut at hashed places: a value v becomes v × gain + counts.

    Attributes:
        gain: 1 plus the noise that grows with the signal, float32.
        counts: The noise that does not.
    """

    gain: NDArray[np.float32]
    counts: NDArray[np.float32]


@lru_cache(maxsize=8)
def grain(share: float, counts: float, parity: tuple[int, int] | None = None) -> Grain:
    """
    Normal noise of standard deviation `share` × signal + `counts`, (1024, 1024).

    With a parity, means of 2 × 2 values from that (row, col), which are 0 or 1, on: (511, 511) or more.
    """
    table = _normal(0)
    if parity is not None:
        row, col = parity
        table = table[row : row + 1024 - 2 * row, col : col + 1024 - 2 * col]
        blocks = table.reshape(table.shape[0] // 2, 2, table.shape[1] // 2, 2)
        table = np.asarray(np.rint(blocks.mean(axis=(1, 3))), np.int16)
    loud = table * np.float32(1e-3)
    return Grain(1.0 + np.float32(share) * loud, np.float32(counts) * loud)


@lru_cache(maxsize=1)
def _normal(seed: int) -> NDArray[np.int16]:
    """A fixed (1024, 1024) table of standard normal noise × 1000."""
    table = np.random.default_rng(seed).standard_normal((1024, 1024))
    return np.clip(table * 1000.0, -4000, 4000).astype(np.int16)
