"""Approximate statistics of the bands, out of a coarse overview, so that viewers need not read the file for them."""

from __future__ import annotations

import numpy as np

from orchestrator.assemble.codec import Pixels
from orchestrator.assemble.reduce import is_nodata
from orchestrator.assemble.stock import BlockIndex, BlockStores

BandTags = dict[str, str]


def statistics(index: BlockIndex, spools: BlockStores, nodata: float) -> list[BandTags]:
    """
    Return GDAL's statistics tags of each band; none without overviews, empty ones for a band without data.

    They are computed from the overview next to the coarsest, at most 2 × 2 blocks, and marked as approximate:
    means of pixels do not reach the extremes of the pixels.
    """
    level = max(1, len(index.sizes) - 2)
    if level >= len(index.sizes):
        return []
    found, total = [], 0
    for row, col in np.ndindex(index.sizes[level].shape):
        height, width = index.coverage.extent((level, row, col))
        total += height * width
        pixels = index.pixels((level, row, col), spools.of(level))
        if pixels is not None:
            found.append(pixels[:height, :width].reshape(-1, index.codec.bands))
    if not found:
        return [{} for _ in range(index.codec.bands)]
    values = np.concatenate(found)
    return [_tags(values[:, band], nodata, total) for band in range(index.codec.bands)]


def _tags(values: Pixels, nodata: float, total: int) -> BandTags:
    valid = values[~is_nodata(values, nodata)].astype(np.float64)
    valid = valid[np.isfinite(valid)]
    if not valid.size:
        return {}
    return {
        "STATISTICS_APPROXIMATE": "YES",
        "STATISTICS_MINIMUM": repr(float(valid.min())),
        "STATISTICS_MAXIMUM": repr(float(valid.max())),
        # Sums are rounded differently by different processors, the file must not be.
        "STATISTICS_MEAN": f"{valid.mean():.6g}",
        "STATISTICS_STDDEV": f"{valid.std():.6g}",
        "STATISTICS_VALID_PERCENT": f"{100 * valid.size / total:.4g}",
    }
