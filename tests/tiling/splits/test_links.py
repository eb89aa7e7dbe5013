"""Which tile of another table a tile lies in."""

from __future__ import annotations

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from split_kit import lattice, tiles_of

from orchestrator.tiling.file import read_tiles
from orchestrator.tiling.links import largest_shares, link_tiles


def random_boxes(chance, number, size):
    west, south = chance.uniform(6, 6.4, (2, number))
    sides = chance.uniform(size / 4, size, (2, number))
    return geopandas.GeoDataFrame(
        geometry=shapely.box(west, south + 43, west + sides[0], south + 43 + sides[1]), crs=4326
    )


def every_pair(frame, others):
    """The first of those with the largest intersection, -1 where it meets none: every pair looked at."""
    found = []
    for one in frame.geometry:
        areas = [one.intersection(other).area if one.intersects(other) else -1 for other in others.geometry]
        found.append(int(np.argmax(areas)) if max(areas) >= 0 else -1)
    return found


@given(st.integers(0, 10**6))
@settings(max_examples=15)
def test_it_is_the_one_that_shares_most_square_degrees(seed):
    """As the published tool counts, overlapping ones and none included."""
    chance = np.random.default_rng(seed)
    frame, others = random_boxes(chance, 30, 0.03), random_boxes(chance, 12, 0.2)

    assert largest_shares(frame, others, square_degrees=True).tolist() == every_pair(frame, others)


@given(st.integers(0, 10**6))
@settings(max_examples=15)
def test_it_is_the_one_that_shares_most_area(seed):
    """Square metres of an equal-area projection, whatever the CRS of either table."""
    chance = np.random.default_rng(seed)
    frame, others = random_boxes(chance, 30, 0.03).to_crs(32632), random_boxes(chance, 12, 0.2).to_crs(3035)

    assert largest_shares(frame, others).tolist() == every_pair(frame.to_crs(3035), others)


def test_areas_are_no_square_degrees():
    """Far north a tile has more square degrees in its upper half, and more square metres in its lower one."""
    tile = geopandas.GeoDataFrame(geometry=[shapely.box(20, 70, 21, 80)], crs=4326)
    halves = geopandas.GeoDataFrame(geometry=[shapely.box(19, 74.9, 22, 81), shapely.box(19, 69, 22, 74.9)], crs=4326)

    assert largest_shares(tile, halves).tolist() == [1]
    assert largest_shares(tile, halves, square_degrees=True).tolist() == [0]


def test_of_equal_ones_it_is_the_first():
    """A tile that lies half in each of two."""
    tile = lattice(1, 1, 1000, origin=(500_500, 5e6))
    two = lattice(2, 1, 1000, origin=(500_000, 5e6))

    assert largest_shares(tile, two).tolist() == [0]
    assert largest_shares(tile, two.iloc[::-1].reset_index(drop=True)).tolist() == [0]


def test_who_only_touches_lies_in_none():
    """A shared border is no area; the published tool takes it for one."""
    one, other = lattice(1, 1, origin=(500_000, 5e6)), lattice(1, 1, origin=(501_000, 5e6))

    assert largest_shares(one, other).tolist() == [-1]
    assert largest_shares(one, other, square_degrees=True).tolist() == [0]


@pytest.mark.parametrize(
    ("suffix", "square_degrees", "alone"),
    [(".parquet", False, None), (".geojson", False, None), (".geojson", True, -1), (".parquet", True, "-1")],
    ids=["null in GeoParquet", "null in GeoJSON", "-1 as the published tool", "-1 as text where a column has one type"],
)
def test_a_tile_that_lies_in_none_has_nothing(tmp_path, suffix, square_degrees, alone):
    """Where the others' identifiers stand, in the column that bears their name; also when it is read again."""
    tiles = tiles_of(lattice(4, 1), tmp_path, suffix)
    others = tiles_of(lattice(2, 1), tmp_path, tiles="communes")

    link_tiles(tiles, others, square_degrees=square_degrees)

    read = read_tiles(tiles.path).frame["foreignid_communes"].tolist()
    assert read[:2] == others.frame["identifier"].tolist()
    assert read[3] == alone or (alone is None and pd.isna(read[3]))


def test_other_columns_stay(tmp_path):
    """Two links stand beside each other."""
    tiles = tiles_of(lattice(2, 2), tmp_path)
    first = tiles_of(lattice(1, 1, 2000), tmp_path, tiles="communes")
    second = tiles_of(lattice(1, 1, 4000), tmp_path, tiles="5k")

    link_tiles(link_tiles(tiles, first), second)

    frame = read_tiles(tiles.path).frame
    assert set(frame["foreignid_communes"]) == set(first.frame["identifier"])
    assert set(frame["foreignid_5k"]) == set(second.frame["identifier"])
