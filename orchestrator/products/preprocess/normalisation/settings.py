"""What is counted, and how: bands, bins, percentiles, a share of the pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from orchestrator.core.errors import UserError

DIVISIBLE = 1e-12  # how far a whole number of bins may be from the range, in units of the values
MOST_BINS = 10_000_000  # 80 MB for each band


@dataclass(frozen=True, slots=True)
class NormalisationSettings:
    """
    What statistics are made of, in the units of the pixels: reflectance, or numbers as they are stored.

    Attributes:
        bands: Names, in the order of `x.tif`.
        hist_range: Lower and upper bound of the histogram.
        hist_bin_width: Of each bin; the range is a whole number of them.
        clip_percentiles: Lower and upper, 0 to 100; None: nothing is clipped.
        max_pixels_per_scene: At most so many valid pixels of each band of a scene are counted; None: all.
        seed: Of that choice.
        to_toa_reflectance: Whether the values are reflectance.

    Raises:
        UserError: A value is impossible; it is named as the configuration names it.
    """

    bands: tuple[str, ...]
    hist_range: tuple[float, float] = (-0.2, 2.0)
    hist_bin_width: float = 1e-4
    clip_percentiles: tuple[float, float] | None = (1.0, 99.0)
    max_pixels_per_scene: int | None = None
    seed: int = 0
    to_toa_reflectance: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        if not self.bands or len(set(self.bands)) != len(self.bands):
            raise UserError(f"bands are {list(self.bands)}; name one or more, each once")
        self._check_bins()
        self._check_percentiles()
        if self.max_pixels_per_scene is not None and self.max_pixels_per_scene < 1:
            raise UserError(
                f"max_pixels_per_scene is {self.max_pixels_per_scene}; give 1 or more, or null for all pixels"
            )

    @property
    def bins(self) -> int:
        """Number of bins."""
        return round((self.hist_range[1] - self.hist_range[0]) / self.hist_bin_width)

    def centre(self, index: float) -> float:
        """Return the middle of a bin."""
        return self.hist_range[0] + (index + 0.5) * self.hist_bin_width

    def _check_bins(self) -> None:
        (low, high), width = self.hist_range, self.hist_bin_width
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise UserError(f"hist_range is [{low:g}, {high:g}]; give a lower bound and a higher one")
        if not (math.isfinite(width) and 0 < width <= high - low):
            raise UserError(f"hist_bin_width is {width:g}; give a number above 0 and at most {high - low:g}, the range")
        if (high - low) / width > MOST_BINS:
            raise UserError(
                f"hist_bin_width is {width:g}: more than {MOST_BINS:,} bins in [{low:g}, {high:g}]; widen it"
            )
        if abs(self.bins * width - (high - low)) > DIVISIBLE:
            fitting = low + self.bins * width
            raise UserError(
                f"hist_range [{low:g}, {high:g}] is no whole number of bins of hist_bin_width {width:g}; "
                f"[{low:g}, {fitting:.12g}] would be {self.bins}"
            )

    def _check_percentiles(self) -> None:
        if self.clip_percentiles is None:
            return
        low, high = self.clip_percentiles
        if not 0 <= low < high <= 100:
            raise UserError(f"clip_percentiles are [{low:g}, {high:g}]; give two of 0 to 100, the lower first, or null")


def rank(percentile: float, count: int) -> int:
    """Return which of `count` sorted values is the percentile, from 1: exactly, as the decimal number is written."""
    return max(1, math.ceil(Fraction(repr(float(percentile))) * count / 100))
