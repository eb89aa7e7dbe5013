"""
Statistics of bands over the chips of a split, one chip after another.

Mean and variance are merged as Chan, Golub and LeVeque (1979) do, in float64; nothing is kept of the pixels.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEPT = ("count", "mean", "squares", "least", "most")
DDOF = 0  # of the standard deviation: that of the pixels there are, not an estimate for others


@dataclass(slots=True)
class BandStatistics:
    """Mean, spread and extremes of each band over the pixels that hold data."""

    bands: int
    pixels: int = 0
    count: NDArray[np.int64] = field(init=False)
    mean: NDArray[np.float64] = field(init=False)
    squares: NDArray[np.float64] = field(init=False)  # sum of squared deviations from the mean
    least: NDArray[np.float64] = field(init=False)
    most: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.count = np.zeros(self.bands, np.int64)
        self.mean, self.squares = np.zeros(self.bands), np.zeros(self.bands)
        self.least, self.most = np.full(self.bands, math.inf), np.full(self.bands, -math.inf)

    def add(self, image: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Take the pixels of a chip in, both (band, row, col)."""
        self.pixels += image[0].size
        for band in range(self.bands):
            values = image[band][valid[band]].astype(np.float64)
            if values.size:
                mean = values.mean()
                self._merge(band, values.size, mean, float(np.square(values - mean).sum()))
                self.least[band] = min(self.least[band], values.min())
                self.most[band] = max(self.most[band], values.max())

    def merge(self, other: BandStatistics) -> None:
        """Take in what is known of other pixels of the same bands."""
        self.pixels += other.pixels
        for band in np.flatnonzero(other.count):
            self._merge(int(band), int(other.count[band]), float(other.mean[band]), float(other.squares[band]))
        self.least, self.most = np.minimum(self.least, other.least), np.maximum(self.most, other.most)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it, every digit kept."""
        return {"pixels": self.pixels} | {name: getattr(self, name).tolist() for name in _KEPT}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> BandStatistics:
        """Read what `to_json` returned."""
        made = cls(len(told["count"]), int(told["pixels"]))
        for name in _KEPT:
            setattr(made, name, np.array(told[name], getattr(made, name).dtype))
        return made

    def _merge(self, band: int, count: int, mean: float, squares: float) -> None:
        before, total = int(self.count[band]), int(self.count[band]) + count
        apart = mean - self.mean[band]
        self.mean[band] += apart * count / total
        self.squares[band] += squares + apart**2 * before * count / total
        self.count[band] = total

    def told(self, names: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return what is known of each band: null where it has not one pixel of data."""
        return [self._told(band, name) for band, name in enumerate(names)]

    def _told(self, band: int, name: str) -> dict[str, Any]:
        count = int(self.count[band])
        share = count / self.pixels if self.pixels else 0.0
        if not count:
            return {"band": name, "mean": None, "std": None, "min": None, "max": None, "count": 0, "valid_share": share}
        return {
            "band": name,
            "mean": float(self.mean[band]),
            "std": math.sqrt(self.squares[band] / (count - DDOF)),
            "min": float(self.least[band]),
            "max": float(self.most[band]),
            "count": count,
            "valid_share": share,
        }


class SplitClasses:
    """How many pixels of each class the labels of each split have."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[int]] = {}

    def add(self, split: str, label: NDArray[Any], labelled: NDArray[np.bool_]) -> dict[int, float]:
        """Take a label in, (row, col); return the share of each class in it, of the pixels that have one."""
        values, counts = np.unique(label[labelled], return_counts=True)
        found = dict(zip(values.tolist(), counts.tolist(), strict=True))
        self._counts.setdefault(split, Counter()).update(found)
        return {value: count / counts.sum() for value, count in found.items()}

    @property
    def values(self) -> list[int]:
        """Every class there is, in order."""
        return sorted({value for counts in self._counts.values() for value in counts})

    def told(self) -> Mapping[str, Mapping[int, int]]:
        """Return pixels of each class by split, classes in order."""
        return {split: {value: counts[value] for value in sorted(counts)} for split, counts in self._counts.items()}
