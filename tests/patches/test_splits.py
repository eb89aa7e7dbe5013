"""No ground is in two splits, whatever patches are split by: looked at by intersecting every pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import UserError
from orchestrator.products.patches.splitting import Ground, Splitting, split_ground

SHARES = (0.6, 0.2, 0.2)


def tile_of(name, crs, west, north, *, side, size, stride, step):
    """Return the boxes of all patches of a tile, and its name for each."""
    begins = range(0, side - size + 1, stride)
    boxes = [
        (west + col * step, north - (row + size) * step, west + (col + size) * step, north - row * step)
        for row in begins
        for col in begins
    ]
    return [(crs, box, name) for box in boxes]


def ground_of(patches, size, step):
    crs, boxes, names = zip(*patches, strict=True)
    return Ground(list(crs), np.array(boxes, float), np.full(len(boxes), float(step)), list(names), size)


def in_one_plane(patches, plane):
    """Return the patches as polygons in one CRS, their edges bent at a hundred points."""
    made = []
    for crs, box, _ in patches:
        if crs == plane:
            made.append(shapely.box(*box))
            continue
        shape = shapely.segmentize(shapely.box(*box), (box[2] - box[0]) / 100)
        way = pyproj.Transformer.from_crs(crs, plane, always_xy=True)
        made.append(shapely.transform(shape, lambda xy, way=way: np.column_stack(way.transform(*xy.T))))
    return made


def sharing(patches, names, plane, step):
    """Return the pairs of different splits that share more than a tenth of a pixel of ground."""
    shapes = in_one_plane(patches, plane)
    pairs = combinations([at for at, name in enumerate(names) if name], 2)
    apart = np.array([(a, b) for a, b in pairs if names[a] != names[b]]).reshape(-1, 2)
    one, other = (np.array(shapes, object)[apart[:, side]] for side in (0, 1))
    return apart[shapely.area(shapely.intersection(one, other)) > 0.1 * step**2].tolist()


@given(
    by=st.sampled_from(["area", "tile", "scene"]),
    size=st.integers(8, 24),
    overlap=st.integers(0, 12),
    lap=st.integers(0, 40),
    seed=st.integers(0, 5),
)
@settings(max_examples=10)
def test_no_ground_is_in_two_splits(by, size, overlap, lap, seed):
    """Strides that overlap, and four tiles of one zone that overlap their neighbours by up to 40 pixels."""
    stride, step, side = max(1, size - overlap), 60, 100
    patches = []
    for row in range(2):
        for col in range(2):
            west, north = 500_000 + col * (side - lap) * step, 5_500_000 - row * (side - lap) * step
            how = {"side": side, "size": size, "stride": max(stride, side // 6), "step": step}
            patches += tile_of(f"T{row}{col}", "EPSG:32633", west, north, **how)
    try:
        made = split_ground(ground_of(patches, size, step), Splitting(by, SHARES, seed=seed))
    except UserError:
        return  # they lie so that a split would be empty: said, not leaked

    assert set(made.names) - {""} == {"train", "val", "test"}
    assert sharing(patches, made.names, "EPSG:32633", step) == []
    assert made.overlapping == 0


@pytest.mark.parametrize("by", ["area", "tile"])
def test_no_ground_is_in_two_splits_across_the_edge_of_a_zone(by):
    """Tiles of two UTM zones lie askew over each other."""
    step, size = 60, 32
    east = pyproj.Transformer.from_crs("EPSG:32632", "EPSG:32633", always_xy=True).transform(700_000, 5_500_000)
    how = {"side": 128, "size": size, "stride": 32, "step": step}
    patches = tile_of("T32UPA", "EPSG:32632", 699_990, 5_500_020, **how)
    patches += tile_of("T33UUR", "EPSG:32633", round(east[0] / 60) * 60 + 1980, round(east[1] / 60) * 60 + 960, **how)
    shapes = in_one_plane(patches, "EPSG:32632")
    assert sum(a.intersects(b) for a, b in combinations(shapes, 2)) > 16, "the tiles do not overlap: nothing is tried"

    made = split_ground(ground_of(patches, size, step), Splitting(by, (0.5, 0, 0.5)))

    assert set(made.names) >= {"train", "test"}
    assert sharing(patches, made.names, "EPSG:32632", step) == []


def test_patches_that_touch_are_all_kept():
    """Without a gap nothing is given up where nothing overlaps, and shares are met."""
    patches = tile_of("T33UWQ", "EPSG:32633", 500_000, 5_500_000, side=160, size=8, stride=8, step=60)

    made = split_ground(ground_of(patches, 8, 60), Splitting("area", SHARES))

    counts = [made.names.count(name) / len(patches) for name in ("train", "val", "test", "")]
    assert counts == pytest.approx([0.6, 0.2, 0.2, 0.0], abs=0.02)


def test_a_gap_keeps_splits_so_far_apart():
    """No two patches of different splits are nearer than so many metres."""
    patches = tile_of("T33UWQ", "EPSG:32633", 500_000, 5_500_000, side=96, size=8, stride=8, step=60)

    made = split_ground(ground_of(patches, 8, 60), Splitting("area", SHARES, block=960, gap=300))

    shapes = [shapely.box(*box) for _, box, _ in patches]
    pairs = [(a, b) for a, b in combinations(range(len(patches)), 2) if made.names[a] and made.names[b]]
    nearest = min(shapes[a].distance(shapes[b]) for a, b in pairs if made.names[a] != made.names[b])
    assert nearest >= 300
    assert made.names.count("") > 0


def test_whole_tiles_stay_together():
    """No tile is in two splits."""
    patches = []
    for col in range(6):
        how = {"side": 40, "size": 8, "stride": 8, "step": 60}
        patches += tile_of(f"T{col}", "EPSG:32633", 500_000 + col * 3000, 5_500_000, **how)

    made = split_ground(ground_of(patches, 8, 60), Splitting("tile", (0.5, 0.25, 0.25)))

    found = {name: {split for (_, _, tile), split in zip(patches, made.names, strict=True) if tile == name and split}
             for name in {tile for _, _, tile in patches}}  # fmt: skip
    assert all(len(splits) == 1 for splits in found.values())


def test_one_tile_cannot_be_split_by_tiles():
    """It is said what to do."""
    patches = tile_of("T33UWQ", "EPSG:32633", 500_000, 5_500_000, side=40, size=8, stride=8, step=60)

    with pytest.raises(UserError, match="1 group that stays together; give --split-by area"):
        split_ground(ground_of(patches, 8, 60), Splitting("tile", SHARES))
