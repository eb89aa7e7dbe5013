"""Chips that are larger than their tiles: what one split knows of another is counted and said."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from chip_kit import IMAGES, SCALE, make_place, manifest, write_chip, write_manifest

from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.tiling.file import read_tiles
from orchestrator.tiling.split_options import SplitOptions
from orchestrator.tiling.splits import split_tiles


def grown(place, side):
    """Write chips of so many pixels about the middle of their tiles."""
    folder, rows = place.tiles.folder / IMAGES, []
    for row in manifest(folder):
        a, _, west, _, _, north = row["transform"]
        more = (side - row["width"]) // 2
        pixels = place.images[row["identifier"]].repeat(side // 8 + 1, 1).repeat(side // 8 + 1, 2)[:, :side, :side]
        transform = rasterio.Affine(a, 0, west - more * SCALE, 0, -a, north + more * SCALE)
        rows.append(write_chip(folder / f"{row['identifier']}.tif", pixels, transform, 0))
    write_manifest(folder, rows)


def counted(place, made, gap):
    """Count pairs by the manifest and the index alone, with a tree of boxes."""
    rows = {row["identifier"]: row for row in pq.read_table(place.tiles.folder / IMAGES / "chips.parquet").to_pylist()}
    index = pq.read_table(made.folder / "index.parquet").to_pydict()
    boxes = []
    for name in index["id"]:
        (a, _, c, _, e, f), row = rows[name]["transform"], rows[name]
        boxes.append(shapely.box(c, f + e * row["height"], c + a * row["width"], f))
    tree = shapely.STRtree(boxes)
    pairs = [(i, j) for i, j in zip(*tree.query(boxes, "dwithin", gap or 0.0), strict=True) if i < j]
    cross = [(i, j) for i, j in pairs if index["split"][i] != index["split"][j]]
    overlapping = sum(shapely.intersection(boxes[i], boxes[j]).area > 0 for i, j in cross)
    return overlapping, sum(shapely.distance(boxes[i], boxes[j]) < gap for i, j in cross)


@pytest.mark.parametrize(("side", "gap"), [(8, 100.0), (20, 100.0), (16, 0.0)])
def test_chips_of_different_splits_that_meet_are_counted(tmp_path, side, gap):
    """As a tree of their windows counts them; said as a note where there are any, in pack.json and on the card."""
    place = make_place(tmp_path, 30, splits=None)
    tiles, _ = split_tiles(place.tiles, SplitOptions(train=0.5, test=0.5, val=0, bands=2, gap=gap))
    grown(place, side)

    made = pack(read_tiles(tiles.path), Packing(IMAGES), tmp_path / "set")

    overlapping, nearer = counted(place, made, gap)
    told = json.loads((made.folder / "pack.json").read_bytes())["apart"]
    assert (told["gap"], told["overlapping"], told["nearer"]) == (gap, overlapping, nearer)
    assert bool(overlapping) == (side > 8)
    assert any("chips of different splits overlap" in note for note in made.notes) == (side > 8)
    noun = "pair" if overlapping == 1 else "pairs"
    assert f"{overlapping} {noun} of chips of different splits overlap" in (made.folder / "README.md").read_text()
