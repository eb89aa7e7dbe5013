"""Bands by count: shares that come out, and what the bands are."""

from __future__ import annotations

import math

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from split_kit import lattice, tiles_of

from orchestrator.core.errors import UserError
from orchestrator.tiling.neighbours import lay
from orchestrator.tiling.split_options import SplitOptions
from orchestrator.tiling.splits import split_codes

SHARES = [(0.7, 0.15, 0.15), (0.5, 0.25, 0.25), (0.8, 0.2, 0.0), (0.34, 0.33, 0.33), (0.9, 0.0, 0.1)]


def codes_of(tiles, **options):
    return split_codes(tiles.frame, lay(tiles.frame), SplitOptions(**options))[0]


@given(st.integers(3, 25), st.integers(3, 25), st.integers(10, 24), st.floats(-90, 90), st.sampled_from(SHARES))
@settings(max_examples=40)
def test_each_share_is_within_one_tile_of_what_was_wanted(columns, rows, bands, angle, shares):
    """Whatever the angle and the number of bands; a split of no share has no tile."""
    tiles = tiles_of(lattice(columns, rows))
    total = columns * rows
    train, test, val = shares

    codes = codes_of(tiles, train=train, test=test, val=val, bands=bands, angle=angle)

    wanted = np.array([share for share in shares if share]) * total
    assert (np.abs(np.bincount(codes, minlength=len(wanted)) - wanted) <= 1).all()


@pytest.mark.parametrize("angle", [0, 20, 45, 90, -45, -70])
def test_bands_follow_each_other_across_the_area(angle):
    """Seen along the angle, from north clockwise, the splits are train five times, test, val: two borders."""
    tiles = tiles_of(lattice(14, 11))
    middles = shapely.get_coordinates(tiles.frame.geometry.centroid)

    codes = codes_of(tiles, bands=7, angle=angle)

    across = middles @ [math.sin(math.radians(angle)), math.cos(math.radians(angle))]
    ends = [(across[codes == code].min(), across[codes == code].max()) for code in range(3)]
    assert ends[0][1] <= ends[1][0] + 1e-3
    assert ends[1][1] <= ends[2][0] + 1e-3


def test_more_bands_repeat_the_pattern():
    """Bands of longitude over a row of tiles: 2 train, test, val, and again."""
    tiles = tiles_of(lattice(16, 1))

    codes = codes_of(tiles, train=0.5, test=0.25, val=0.25, bands=8, angle=90)

    assert codes.tolist() == [0, 0, 0, 0, 1, 1, 2, 2] * 2


def test_too_few_bands_are_told_how_many_there_must_be():
    """As with bands of equal width."""
    with pytest.raises(UserError, match="increase --bands to at least 4"):
        codes_of(tiles_of(lattice()), train=0.5, test=0.25, val=0.25, bands=3)


def test_tiles_on_both_sides_of_longitude_180_lie_beside_each_other():
    """Bands of longitude go on over it: 179.9 is west of -179.9."""
    west = [179.7, 179.8, 179.9, -180.0, -179.9, -179.8]
    frame = geopandas.GeoDataFrame(geometry=[shapely.box(x, -17, x + 0.1, -16.9) for x in west], crs=4326)

    codes = codes_of(tiles_of(frame), train=0.5, test=0.5, val=0, bands=2, angle=90)

    assert codes.tolist() == [0, 0, 0, 1, 1, 1]


@given(st.integers(0, 1000), st.integers(2, 15), st.sampled_from([None, 7, 12]))
@settings(max_examples=20)
def test_groups_stay_whole(seed, groups, bands):
    """In bands, and chosen by their sizes."""
    groups = max(groups, 3)
    chance = np.random.default_rng(seed)
    of = np.concatenate([np.arange(groups), chance.integers(0, groups, 120 - groups)])
    tiles = tiles_of(lattice(12, 10))
    tiles.frame["block"] = of

    codes = codes_of(tiles, group_by="block", bands=bands)

    assert all(len(set(codes[of == group])) == 1 for group in range(groups))


def test_tiles_without_a_group_are_given_out_one_by_one():
    """Whether nothing stands there or the -1 of the published tool: else half of the tiles were one group."""
    tiles = tiles_of(lattice(12, 10))
    for nothing in (None, "-1"):
        tiles.frame["block"] = [nothing] * 60 + ["a"] * 60

        codes = codes_of(tiles, group_by="block")

        assert np.bincount(codes).tolist() == [84, 18, 18]


def test_of_few_groups_the_nearest_shares_are_found():
    """84, 18 and 18 tiles of 120 are wanted: groups of 70, 18, 17, 10 and 5 give 85, 18 and 17, and nothing nearer."""
    sizes = [70, 18, 17, 10, 5]
    tiles = tiles_of(lattice(12, 10))
    tiles.frame["block"] = np.repeat(range(5), sizes)

    codes = codes_of(tiles, train=0.7, test=0.15, val=0.15, group_by="block")

    assert np.bincount(codes).tolist() == [85, 18, 17]
