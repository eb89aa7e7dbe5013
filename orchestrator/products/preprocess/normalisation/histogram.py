"""Counts of values in bins, which add up: of blocks to a scene, of scenes to a set, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError
from orchestrator.products.preprocess.normalisation.sampling import PixelSample, key, priorities
from orchestrator.products.preprocess.normalisation.settings import NormalisationSettings
from orchestrator.raster.arrays import Flags, Ints

_AT_ONCE = 1 << 16  # values: what is computed on stays in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """
    How often values fell into each bin; whole numbers, so that the order of adding is of no effect.

    Attributes:
        counts: (band, bin). Values below the range are counted in the first bin, those above in the last.
        underflow: (band,): how many of them lay below.
        overflow: (band,): how many lay above, or on the upper bound.
        scenes: How many scenes were counted.
    """

    counts: Ints
    underflow: Ints
    overflow: Ints
    scenes: int = 0

    @classmethod
    def empty(cls, settings: NormalisationSettings) -> Self:
        """Return that of no scene."""
        bands = len(settings.bands)
        return cls(np.zeros((bands, settings.bins), np.int64), np.zeros(bands, np.int64), np.zeros(bands, np.int64))

    def __add__(self, other: Histogram) -> Histogram:
        """Return the counts of both."""
        if self.counts.shape != other.counts.shape:
            raise IntegrityError(
                f"a histogram of {_said(other)} cannot be added to one of {_said(self)}: other settings made it"
            )
        return Histogram(
            self.counts + other.counts,
            self.underflow + other.underflow,
            self.overflow + other.overflow,
            self.scenes + other.scenes,
        )


def merged(histograms: Iterable[Histogram], settings: NormalisationSettings) -> Histogram:
    """Return the sum of any number of them, held one at a time."""
    total = Histogram.empty(settings)
    for histogram in histograms:
        total += histogram
    return total


class SceneCounter:
    """
    Count the valid pixels of one scene, block by block, in any order of blocks.

    Args:
        settings: What is counted.
        scene: Its key, such as `T33UWQ 2025-12-10T100319Z`: with the seed it decides which pixels a sample has.
        width: Columns of the whole scene.
    """

    def __init__(self, settings: NormalisationSettings, scene: str, width: int) -> None:
        self.settings = settings
        self._begin = key(settings.seed, scene)
        self._width = width
        bands, most = len(settings.bands), settings.max_pixels_per_scene
        # One place more on each side: of what lies below and above.
        self._counts = np.zeros((bands, settings.bins + 2), np.int64)
        self._samples = [] if most is None else [PixelSample(most) for _ in range(bands)]

    def add(self, values: NDArray[Any], valid: Flags, row: int = 0, col: int = 0) -> None:
        """
        Count a block.

        Args:
            values: (band, row, col), in the order of the settings' bands; best as float64: where stored numbers are
                as far apart as bins are wide, rounding them to float32 first moves the mean by a third of a bin.
            valid: (row, col) for all bands, or (band, row, col).
            row: Of the block's first row in the scene.
            col: Of its first column.

        Raises:
            IntegrityError: The shapes differ, or a valid pixel is no finite number.
        """
        shape = (len(self.settings.bands), *values.shape[-2:])
        if values.shape != shape or valid.shape not in {shape, shape[1:]}:
            raise IntegrityError(f"a block of {values.shape} with a mask of {valid.shape} was counted as {shape}")
        for band, name in enumerate(self.settings.bands):
            self.add_band(name, values[band], valid if valid.ndim == 2 else valid[band], row, col)

    def add_band(self, name: str, values: NDArray[Any], valid: Flags, row: int = 0, col: int = 0) -> None:
        """Count a block of one band, (row, col); for the rest as `add`."""
        band = self.settings.bands.index(name)
        whole = bool(valid.all())
        places = _parts(values.ravel() if whole else values[valid])
        if not self._samples:
            for _, part in places:
                self._count(band, bins_of(part, self.settings, name))
            return
        rows, cols = np.indices(values.shape).reshape(2, -1) if whole else np.nonzero(valid)
        pixels = (rows + row) * self._width + (cols + col)
        for where, part in places:
            self._samples[band].offer(priorities(self._begin, pixels[where]), bins_of(part, self.settings, name))

    def absorb(self, other: SceneCounter) -> None:
        """Take what was counted of other blocks of the same scene."""
        self._counts += other._counts
        for mine, its in zip(self._samples, other._samples, strict=True):
            mine.absorb(its)

    def histogram(self) -> Histogram:
        """Return what was counted: one scene."""
        for band, sample in enumerate(self._samples):
            self._counts[band] = 0
            for _, part in _parts(sample.bins()):
                self._count(band, part)
        counts = self._counts[:, 1:-1].copy()
        under, over = self._counts[:, 0].copy(), self._counts[:, -1].copy()
        counts[:, 0] += under
        counts[:, -1] += over
        return Histogram(counts, under, over, scenes=1)

    def _count(self, band: int, bins: Ints) -> None:
        bins += 1
        self._counts[band] += np.bincount(bins, minlength=self._counts.shape[1])


def bins_of(values: NDArray[Any], settings: NormalisationSettings, band: str = "") -> Ints:
    """
    Return in which bin each of some values lies, (value,): -1 below the range, the number of bins above it.

    Raises:
        IntegrityError: A value is no finite number.
    """
    low, width = settings.hist_range[0], settings.hist_bin_width
    exact = values.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        total = exact.sum()  # a tenth of looking at each value
    if not np.isfinite(total) and not np.isfinite(exact).all():
        raise IntegrityError(f"a valid pixel of band {band} is no finite number; the scene cannot be counted")
    exact -= low
    exact /= width
    np.clip(np.floor(exact, out=exact), -1, settings.bins, out=exact)
    return exact.astype(np.int64)


def _parts(values: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    for begin in range(0, len(values), _AT_ONCE):
        where = slice(begin, begin + _AT_ONCE)
        yield where, values[where]


def _said(histogram: Histogram) -> str:
    bands, bins = histogram.counts.shape
    return f"{bands} bands and {bins} bins"
