"""Windows of chips of different splits: which overlap, and which are nearer than the gap of their tiles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest
import shapely

from orchestrator.tiling.windows import gap_of, meeting_windows, with_gaps


@dataclass(frozen=True)
class Window:
    crs: str
    transform: tuple[float, float, float, float, float, float]
    shape: tuple[int, int]


def window(west, north, side=64, crs="EPSG:32632", pixel=10.0):
    return Window(crs, (pixel, 0, west, 0, -pixel, north), (side, side))


def box(one):
    a, _, c, _, e, f = one.transform
    return shapely.box(c, f + e * one.shape[0], c + a * one.shape[1], f)


@pytest.mark.parametrize("gap", [0, 150.0, 1000.0])
def test_pairs_are_those_of_every_pair_looked_at(gap):
    """Overlaps of whole pixels and distances, of windows on one lattice, by shapely alone."""
    chance = np.random.default_rng(3)
    places = chance.integers(0, 600, (60, 2)) * 10.0
    windows = [window(500_000 + x, 5_500_000 + y) for x, y in places]
    splits = [str(each) for each in chance.choice(["train", "val", "test", ""], 60)]

    found = meeting_windows(windows, splits, gap)

    boxes = [box(each) for each in windows]
    cross = [(i, j) for i, j in combinations(range(60), 2) if splits[i] and splits[j] and splits[i] != splits[j]]
    overlap = {(i, j) for i, j in cross if shapely.intersection(boxes[i], boxes[j]).area > 0}
    assert overlap
    assert {tuple(pair) for pair in found.overlapping.tolist()} == overlap
    near = {(i, j) for i, j in cross if gap and shapely.distance(boxes[i], boxes[j]) < gap}
    assert {tuple(pair) for pair in found.near.tolist()} == near


def test_windows_that_touch_do_not_overlap():
    """Neighbours in a grid have an edge in common, and no pixel; also as seen from another zone."""
    one, other = window(500_000, 5_500_000), window(500_640, 5_500_000)
    far = window(500_000, 5_500_000, crs="EPSG:32633")

    assert len(meeting_windows([one, other], ["train", "test"], 0).overlapping) == 0
    assert len(meeting_windows([one, other, far], ["train", "test", "val"], 0).overlapping) == 0


def test_windows_in_different_zones_are_compared():
    """The same place in two UTM zones: 9 E is 300 km or so from both middles."""
    from pyproj import Transformer  # noqa: PLC0415

    west, north = Transformer.from_crs(4326, 32632, always_xy=True).transform(12.0, 46.0)
    east, top = Transformer.from_crs(4326, 32633, always_xy=True).transform(12.0, 46.0)
    pair = [window(west, north), window(east, top, crs="EPSG:32633")]

    assert meeting_windows(pair, ["train", "test"], 0).overlapping.tolist() == [[0, 1]]


def test_a_gap_of_nothing_is_not_remarked():
    """Remarks tell what there is; a split anew without a gap takes it away."""
    about = with_gaps({"kind": "grid"}, {"split": 500.0})

    assert (gap_of(about, "split"), gap_of(about, "fold")) == (500.0, 0.0)
    assert with_gaps(about, {"split": 0.0}) == {"kind": "grid"}
