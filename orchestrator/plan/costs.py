"""What computations are published to cost, for a forecast before anything has been computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from orchestrator.model.eecu import HOUR, CostRate
from orchestrator.model.grid import Grid

SOURCE = "Google's benchmarks of 2024-03 of Sentinel-2 composites"
STORED_SOURCE = "no figure is published for stored images; this is a guess"
# Pixels of the three regions at a scale in metres: the Bay Area, Germany, Nigeria.
# https://developers.google.com/earth-engine/guides/computation_benchmarks, sections "Region" and "Benchmark data".
_PIXELS: Mapping[int, tuple[float, float, float]] = MappingProxyType(
    {10: (2.9e8, 8.9e9, 1.4e10), 30: (3.2e7, 9.8e8, 1.6e9), 120: (2.01e6, 6.1e7, 9.9e7)}
)
# EECU-hours of `Export image` there, by scale and months. Of two figures for one case, the higher.
_HOURS: Mapping[int, Mapping[int, tuple[float, float, float]]] = MappingProxyType(
    {
        10: {3: (29.95, 791.22, 1434.39), 6: (41.53, 2616.90, 1858.40), 12: (105.09, 3349.54, 3539.28)},
        30: {3: (3.21, 129.37, 145.59), 6: (10.97, 329.75, 374.71), 12: (14.44, 622.11, 662.56)},
        120: {3: (0.43, 10.33, 9.35), 6: (0.80, 28.77, 26.35), 12: (1.15, 45.87, 44.22)},
    }
)
_BANDS = 5  # of the benchmarks
_MONTH = timedelta(days=365.25 / 12)
# EECU-hours for a gigapixel of an image that is stored and not computed: "far less" than a composite.
_STORED = (0.1, 1.0, 10.0)
# What share of a Sentinel-2 composite of the same months others cost, at the least and at the most. Landsat and
# Sentinel-1 have fewer scenes; a dataset may be stored or computed. Inferred.
_SHARES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "sentinel2-cloudless": (1.0, 1.0),
        "sentinel2-cloudscore": (0.5, 1.0),
        "landsat-composite": (0.1, 1.0),
        "sentinel1-backscatter": (0.1, 1.0),
        "ndvi-series": (0.1, 1.0),
        "lst-series": (0.05, 1.0),
        "dataset": (0.001, 1.0),
    }
)
_STORED_RECIPES = frozenset({"embeddings", "landcover", "terrain"})
_GEOGRAPHIC = ("EPSG:4326", "EPSG:4258", "EPSG:4269", "OGC:CRS84")
_METRES_PER_DEGREE = 111_320.0


def published_rate(recipe: str, period: timedelta, bands: int, grid: Grid) -> CostRate | None:
    """
    Return what a pixel of a recipe costs by what is published; None where nothing is, as for a user's own code.

    Args:
        recipe: Its name.
        period: From the first day to the last.
        bands: How many are asked for. Between the benchmarks' five and this, costs may grow as bands do, or not.
        grid: Of the result: a coarser pixel costs more.
    """
    if recipe in _STORED_RECIPES:
        low, expected, high = (hours * HOUR / 1e9 for hours in _STORED)
        return CostRate(low, expected, high, STORED_SOURCE)
    if recipe not in _SHARES:
        return None
    regions = _per_pixel(_metres(grid), max(period / _MONTH, 0.1))
    least, most = _SHARES[recipe]
    low = min(regions) * least * min(1.0, bands / _BANDS)
    high = max(regions) * most * max(1.0, bands / _BANDS)
    alike = bands == _BANDS and least == most
    expected = sum(regions) / len(regions) if alike else math.sqrt(low * high)
    return CostRate(low, min(max(low, expected), high), high, SOURCE)


def _metres(grid: Grid) -> float:
    a, b, *_ = grid.transform
    side = math.hypot(a, b)
    return side * _METRES_PER_DEGREE if grid.crs.upper() in _GEOGRAPHIC else side


def _per_pixel(metres: float, months: float) -> list[float]:
    """Return EECU-seconds a pixel in each region: between scales by their logarithm, between months by their number."""
    scales = sorted(_PIXELS)
    at = [_by_months(scale, months) for scale in scales]
    return [_between([math.log(s) for s in scales], column, math.log(metres)) for column in zip(*at, strict=True)]


def _by_months(scale: int, months: float) -> list[float]:
    known = sorted(_HOURS[scale])
    found = []
    for region, pixels in enumerate(_PIXELS[scale]):
        hours = [_HOURS[scale][month][region] for month in known]
        inside = _between(known, hours, months)
        # Outside, as the months: half as many scenes, half the work.
        found.append(inside * months / min(max(months, known[0]), known[-1]) * HOUR / pixels)
    return found


def _between(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """Return y at x by straight lines; outside, that of the nearest end."""
    if x <= xs[0]:
        return ys[0]
    for (x0, y0), (x1, y1) in zip(zip(xs, ys, strict=True), zip(xs[1:], ys[1:], strict=True), strict=False):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return ys[-1]
