"""Sorting networks give the ranks that numpy's sort gives, whatever is masked."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.sandbox.earthengine.evaluate import ranks, sorting
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile


def stack(rng, dtype, count):
    """Tiles of 40 x 30 pixels with the least and greatest values of the type, every third tile without a mask."""
    kind = np.dtype(dtype)
    low, high = (-1e6, 1e6) if kind.kind == "f" else (np.iinfo(kind).min, np.iinfo(kind).max)
    tiles = []
    for at in range(count):
        values = rng.integers(low, high, (40, 30), endpoint=True).astype(kind)
        values[0, :5] = high
        values[1, :5] = low
        tiles.append(Tile(values, None if at % 3 == 1 else rng.random((40, 30)) > 0.5))
    return tiles


@pytest.mark.parametrize("count", [1, 2, 7, 32, 61])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "int32", "float32", "float64"])
def test_the_median_is_that_of_the_valid_values(dtype, count):
    """Greatest values are no masked ones, and masked ones, whatever they hold, do not take part."""
    tiles = stack(np.random.default_rng(count), dtype, count)
    if np.dtype(dtype).kind == "f":
        tiles[0].values[~tiles[0].mask()] = np.nan

    (found,) = ranks.ranked(ranks.middle, sorting.middle_ranks)(tiles, np.dtype(dtype))

    values = np.ma.masked_array([tile.values for tile in tiles], [~tile.mask() for tile in tiles], dtype=np.float64)
    expected = np.ma.median(values, axis=0)
    valid = ~np.ma.getmaskarray(expected)
    assert np.array_equal(found.mask(), valid)
    exact = 2e-7 * float(np.abs(values).max())  # fractions are of single precision
    assert found.values[valid] == pytest.approx(expected.compressed(), rel=1e-6, abs=exact)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 33])
def test_each_wanted_rank_comes_to_its_place(count):
    """Comparisons that no wanted rank needs are left out, and no other."""
    values = np.random.default_rng(0).integers(0, 9, (count, 50))

    for low in range(count):
        for high in range(low, count):
            planes = list(values.copy())
            sorting.ordered(planes, low, high)
            assert np.array_equal(planes[low : high + 1], np.sort(values, axis=0)[low : high + 1])
