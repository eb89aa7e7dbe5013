"""
Statistics of a set, in the published file `stats.json`.

A percentile is the centre of the first bin at which so many values are counted. Mean and standard deviation are those
of the **winsorised** values: what is below the lower percentile counts as it, what is above the upper as that. Pixels
are clipped in the same way when they are normalised, so that their mean is nearly 0 and their standard deviation nearly
1: what is counted of a value is its bin, so that both are wrong by less than half a bin.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from orchestrator.core.errors import UserError
from orchestrator.core.files import write_whole
from orchestrator.products.preprocess.normalisation.histogram import Histogram
from orchestrator.products.preprocess.normalisation.settings import NormalisationSettings, rank
from orchestrator.raster.arrays import Ints

SCHEMA = "s2pipe.normalize.stats.v1"
WINSORISED, TRUNCATED = "winsorised", "truncated"
LEAST_STD = 1e-6  # of a band of one value, which would be divided by 0
# Where nothing is clipped, so much on either side may lie beyond the histogram and count as its bound.
_UNCLIPPED = (1.0, 99.0)
# What 16 bits can hold: reflectance with every offset that there is, and numbers as they are stored.
_WIDE = {True: "hist_range = [-0.2, 6.6]", False: "hist_range = [0, 65536] and hist_bin_width = 1"}


@dataclass(frozen=True, slots=True)
class BandStats:
    """
    One band, in the units of its pixels.

    Attributes:
        clip_low: Lower percentile.
        clip_high: Upper percentile.
        mean: Of the winsorised values.
        std: Their standard deviation, never below 1e-6.
        underflow_count: How many values lay below the histogram's range.
        overflow_count: How many above.
    """

    clip_low: float
    clip_high: float
    mean: float
    std: float
    underflow_count: int = 0
    overflow_count: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """
    What pixels are normalised with, and what it was computed of.

    Attributes:
        settings: What was counted.
        by_band: In the order of the bands.
        scenes_processed: How many scenes were counted.
        scenes_skipped: How many could not be.
        moments: `winsorised`, or `truncated`: without what was outside the percentiles, as s2pipe computes.
        attribution: Whose data were counted.
    """

    settings: NormalisationSettings
    by_band: Mapping[str, BandStats]
    scenes_processed: int
    scenes_skipped: int = 0
    moments: str = WINSORISED
    attribution: str = ""


def computed(
    histogram: Histogram, settings: NormalisationSettings, *, skipped: int = 0, attribution: str = ""
) -> Stats:
    """
    Return the statistics of a histogram: the same for the same counts, on any machine.

    Raises:
        UserError: A band has no valid pixel in any scene, or so many lie beyond the histogram that a percentile does.
    """
    totals = histogram.counts.sum(axis=1)
    empty = [name for name, total in zip(settings.bands, totals, strict=True) if not total]
    if empty:
        raise UserError(
            f"there is no valid pixel of {', '.join(empty)} in {histogram.scenes} scenes; "
            "statistics need scenes with data, or other bands"
        )
    _check_reach(histogram, settings)
    bands = {}
    for at, name in enumerate(settings.bands):
        low, high, mean, std = winsorised(histogram.counts[at], settings)
        bands[name] = BandStats(low, high, mean, std, int(histogram.underflow[at]), int(histogram.overflow[at]))
    return Stats(settings, MappingProxyType(bands), histogram.scenes, skipped, attribution=attribution)


def _check_reach(histogram: Histogram, settings: NormalisationSettings) -> None:
    low, high = settings.clip_percentiles or _UNCLIPPED
    words = []
    for at, name in enumerate(settings.bands):
        total, under, over = (
            int(of[at]) for of in (histogram.counts.sum(axis=1), histogram.underflow, histogram.overflow)
        )
        if under and under >= rank(low, total):
            words.append(f"{name}: {under:,} of {total:,} below")
        if over and over > total - rank(high, total):
            words.append(f"{name}: {over:,} of {total:,} above")
    if words:
        raise UserError(f"the histogram does not reach as far as the values: {beyond(words, settings)}")


def beyond(words: Sequence[str], settings: NormalisationSettings) -> str:
    """Return in a sentence which bands lie beyond the histogram, and what to set."""
    return (
        f"{', '.join(words)} hist_range [{settings.hist_range[0]:g}, {settings.hist_range[1]:g}], more than the clip "
        f"percentiles cut off; set normalize.hist_range so that it holds them, such as "
        f"{_WIDE[settings.to_toa_reflectance]}"
    )


def winsorised(counts: Ints, settings: NormalisationSettings) -> tuple[float, float, float, float]:
    """Return lower and upper percentile, mean and standard deviation of the counts of one band, (bin,)."""
    low, high = (_bin_at(counts, percentile) for percentile in settings.clip_percentiles or (0.0, 100.0))
    first, second, total = 0, 0, 0
    # Whole numbers of any size: neither the order of adding nor the machine is of effect.
    for place in np.flatnonzero(counts).tolist():
        count, at = int(counts[place]), min(max(place, low), high)
        total, first, second = total + count, first + count * at, second + count * at * at
    mean = settings.centre(first / total)
    std = settings.hist_bin_width * math.sqrt(total * second - first * first) / total
    return settings.centre(low), settings.centre(high), mean, max(std, LEAST_STD)


def _bin_at(counts: Ints, percentile: float) -> int:
    cumulative = np.cumsum(counts)
    return int(np.searchsorted(cumulative, rank(percentile, int(cumulative[-1]))))


def write_stats(stats: Stats, path: Path) -> None:
    """Write the file, whole or not at all; the same bytes for the same statistics."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, as_json(stats))


def as_json(stats: Stats) -> bytes:
    """Return the file's bytes."""
    settings, percentiles = stats.settings, stats.settings.clip_percentiles
    document = {
        "schema": SCHEMA,
        "bands": list(settings.bands),
        "hist_range": list(settings.hist_range),
        "hist_bin_width": settings.hist_bin_width,
        "clip_percentiles": None if percentiles is None else list(percentiles),
        "moments_after_clipping": True,
        "moments": stats.moments,
        "scenes_processed": stats.scenes_processed,
        "scenes_skipped": stats.scenes_skipped,
        **{f"{what}_by_band": _by_band(stats, what) for what in BandStats.__slots__},
        "to_toa_reflectance": settings.to_toa_reflectance,
        "max_pixels_per_scene": settings.max_pixels_per_scene,
        "seed": settings.seed,
    }
    if stats.attribution:
        document["attribution"] = stats.attribution
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n"


def _by_band(stats: Stats, what: str) -> dict[str, Any]:
    return {name: getattr(stats.by_band[name], what) for name in stats.settings.bands}
