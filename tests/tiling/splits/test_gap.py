"""The gap: no two tiles of different splits are nearer than so many metres, and what that costs."""

from __future__ import annotations

from itertools import combinations

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from split_kit import lattice, metres_between, tiles_of

from orchestrator.core.errors import UserError
from orchestrator.tiling.neighbours import cross_pairs, lay, leave_gap
from orchestrator.tiling.split_options import SplitOptions
from orchestrator.tiling.splits import split_codes


def split(tiles, **options):
    return split_codes(tiles.frame, lay(tiles.frame), SplitOptions(**options))[0]


def scattered(seed, number=40):
    """Boxes of several sizes anywhere in 30 km."""
    chance = np.random.default_rng(seed)
    west, south = 500_000 + chance.uniform(-15_000, 15_000, (2, number))
    size = chance.uniform(100, 2000, (2, number))
    shapes = shapely.box(west, south + 5e6, west + size[0], south + 5e6 + size[1])
    return tiles_of(geopandas.GeoDataFrame(geometry=shapes, crs=32632))


def least_distance(shapes, codes, distance=shapely.distance):
    """The least distance of two tiles of different splits, every pair looked at."""
    split = np.flatnonzero(codes >= 0)
    return min(distance(shapes[a], shapes[b]) for a, b in combinations(split, 2) if codes[a] != codes[b])


@given(
    st.integers(0, 1000), st.sampled_from([1.0, 300.0, 2500.0]), st.sampled_from([{}, {"blocks": 6000.0}, {"folds": 3}])
)
@settings(max_examples=12)
def test_no_pair_of_different_splits_is_nearer(seed, gap, how):
    """However they are split; distances are shapely's, of every pair."""
    tiles = scattered(seed)
    try:
        codes = split(tiles, gap=gap, **how)
    except UserError:
        return  # so few tiles leave a split without any

    assert least_distance(tiles.frame.geometry.to_numpy(), codes) >= gap - 1e-6


def test_tiles_at_the_very_distance_are_kept():
    """A column of tiles of 1,000 m between two splits is a gap of 1,000 m: no second one is given up."""
    tiles = tiles_of(lattice(16, 4))
    codes = np.repeat([0, 1], 32)

    left = leave_gap(codes, cross_pairs(lay(tiles.frame), codes, 1000), 2)

    assert left.tolist() == [0] * 28 + [-1] * 4 + [1] * 32
    assert least_distance(tiles.frame.geometry.to_numpy(), left) == 1000


@given(st.integers(0, 1000), st.integers(2, 5))
@settings(max_examples=50)
def test_none_is_given_up_in_vain(seed, splits):
    """No pair is left, and whoever was given up was near a tile of another split that has one still."""
    chance = np.random.default_rng(seed)
    codes = np.concatenate([np.arange(splits), chance.integers(0, splits, 40)])
    pairs = chance.integers(0, len(codes), (60, 2))
    pairs = pairs[codes[pairs[:, 0]] != codes[pairs[:, 1]]]

    left = leave_gap(codes, pairs, splits)

    near = {
        tile: {other for pair in pairs if tile in pair for other in pair if other != tile} for tile in range(len(codes))
    }
    assert not any(left[a] >= 0 and left[b] >= 0 for a, b in pairs)
    assert all(any(left[other] >= 0 for other in near[tile]) for tile in np.flatnonzero(left < 0))
    assert (left[left >= 0] == codes[left >= 0]).all()


def test_shares_come_out_in_spite_of_the_gap():
    """Of the tiles that are left, 70, 15 and 15 per cent, to one per cent."""
    tiles = tiles_of(lattice(40, 40))

    codes = split(tiles, gap=1500)

    kept = np.bincount(codes[codes >= 0])
    assert np.abs(kept / kept.sum() - [0.7, 0.15, 0.15]).max() < 0.01


@pytest.mark.parametrize(
    ("columns", "rows", "how"),
    [
        pytest.param(50, 60, {"bands": 16, "gap": 2500}, id="many bands"),
        pytest.param(50, 60, {"bands": 32, "gap": 2500}, id="bands narrower than the gap"),
        pytest.param(50, 60, {"bands": 8, "gap": 8000, "angle": 0}, id="a gap wider than a split"),
        pytest.param(11, 10, {"bands": 7, "gap": 500}, id="few tiles"),
        pytest.param(40, 40, {"folds": 10, "gap": 1500}, id="folds"),
    ],
)
def test_bands_are_cut_where_the_shares_of_what_is_left_come_out(columns, rows, how):
    """To one per cent, though splits change places in who is the smaller one."""
    options = SplitOptions(**{"angle": 20} | how)
    tiles = tiles_of(lattice(columns, rows))

    codes = split_codes(tiles.frame, lay(tiles.frame), options)[0]

    kept = np.bincount(codes[codes >= 0])
    assert np.abs(kept / kept.sum() - options.shares).max() < 0.01


def test_parts_that_are_farther_apart_than_the_gap_are_a_split_each_rather_than_half_given_up():
    """Four, three and two tiles a kilometre apart: bands would cut them all, and the gap then takes most."""
    places = [(0, at) for at in range(4)] + [(5, at) for at in range(3)] + [(10, at) for at in range(2)]
    west, south = (np.array(places) * 1000 + [280_000, 5_480_000]).T
    frame = geopandas.GeoDataFrame(geometry=shapely.box(west, south, west + 1000, south + 1000), crs=32632)
    tiles = tiles_of(frame)

    codes, units = split_codes(
        tiles.frame, lay(tiles.frame), SplitOptions(gap=200, train=0.5, test=0.25, val=0.25, angle=0)
    )

    assert codes.tolist() in ([0] * 4 + [1] * 3 + [2] * 2, [0] * 4 + [2] * 3 + [1] * 2)
    assert units == 3


def test_too_few_parts_are_counted_where_a_gap_is_refused():
    """So that whoever asked knows that no other number of bands helps."""
    with pytest.raises(UserError, match="form 1 cluster only, 3 splits being wanted"):
        split(tiles_of(lattice(2, 2)), gap=1000)


def test_a_gap_that_leaves_a_split_without_tiles_is_refused():
    """Nobody trains on nothing, nor by bands of equal width."""
    for balance in ("count", "width"):
        with pytest.raises(UserError, match="a gap of 5000 m leaves a split without any tile"):
            split(tiles_of(lattice(3, 3)), gap=5000, balance=balance, train=0.5, test=0.5, val=0, bands=2)


def test_across_a_continent_metres_are_those_of_the_ellipsoid():
    """Tiles in degrees over 40 degrees of longitude, in no one plane: distances are measured along geodesics."""
    west = np.arange(-20, 20, 1.0)
    frame = geopandas.GeoDataFrame(geometry=shapely.box(west, 50, west + 0.96, 50.5), crs=4326)
    tiles = tiles_of(frame)  # 0.04 degrees of longitude at 50.5 N are 2,839 m
    shapes = frame.geometry.to_numpy()
    codes = np.arange(40) % 2
    truly = [metres_between(shapes[at], shapes[at + 1]) for at in (0, 20, 38)]

    laid = lay(tiles.frame)

    assert not laid.plane.is_true
    assert len(cross_pairs(laid, codes, max(truly) + 1)) == 39
    assert len(cross_pairs(laid, codes, min(truly) - 1)) == 0


def test_neighbours_across_longitude_180_touch():
    """In degrees one ends at 180 and the other begins at -180."""
    frame = geopandas.GeoDataFrame(
        geometry=[shapely.box(179.99, 5, 180, 5.01), shapely.box(-180, 5, -179.99, 5.01)], crs=4326
    )
    laid = lay(tiles_of(frame).frame)

    assert len(cross_pairs(laid, np.array([0, 1]), 1e-3)) == 1


def test_tiles_that_touch_in_degrees_touch():
    """Squares of a lattice in metres, written in degrees: 2 x 2 of them are 6 pairs."""
    frame = lattice(2, 2).to_crs(4326)
    laid = lay(tiles_of(frame).frame)

    assert len(cross_pairs(laid, np.arange(4), 1e-3)) == 6
