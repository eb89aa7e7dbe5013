"""`orc.tiles`, `orc.labels` and `orc.dataset` at their door: what is wrong is named, what is shown is short."""

from __future__ import annotations

import numpy as np
import pytest
from chip_kit import IMAGES, LABELS

import orchestrator as orc

BOX = (6.0, 49.5, 6.02, 49.52)
WRONG = object()  # of no type that anything takes


def wrong(call, *names):
    room = call.__module__.rpartition(".")[2]
    return [pytest.param(call, {name: WRONG}, name, id=f"{room}.{call.__name__}-{name}") for name in names]


OF_AREAS = [
    *wrong(orc.tiles.grid, "size", "name", "cover", "clip", "min_overlap", "crs", "zones", "area_crs", "folder"),
    *wrong(orc.tiles.random, "max_size", "seed", "variance", "name", "area_crs", "folder"),
    *wrong(orc.tiles.select, "source", "name", "tiles_name", "overlap", "min_overlap", "clip", "layer", "crs", "where"),
]
OF_TILES = [
    *wrong(orc.tiles.link, "tiles", "others"),
    *wrong(orc.tiles.split, "tiles"),
    *wrong(orc.tiles.read, "path"),
    *wrong(orc.tiles.write, "tiles", "folder", "formats"),
    *wrong(orc.tiles.show, "tiles", "by", "area", "path"),
    *wrong(orc.tiles.mosaic, "tiles", "dataset", "path", "scale", "crs", "resampling"),
    *wrong(orc.tiles.burn, "tiles", "column", "path", "scale", "crs"),
    *wrong(orc.tiles.verify, "tiles", "datasets"),
    *wrong(orc.labels.count, "tiles", "dataset", "raster", "band", "mapping", "nodata"),
    *wrong(orc.labels.coarse, "tiles", "others", "dataset"),
    *wrong(orc.labels.balance, "tiles", "dataset", "by"),
    *wrong(orc.dataset.list, "text"),
    *wrong(orc.dataset.describe, "name"),
    *wrong(
        orc.dataset.pack,
        *("tiles", "images", "labels", "folder", "format", "shard_size", "split_column", "label_map", "ignore", "odd"),
        *("seed", "dates", "coarse", "readme", "include"),
    ),
    *wrong(orc.dataset.show, "tiles", "images", "labels", "count", "seed", "split_column", "path"),
]


@pytest.mark.parametrize(("call", "given", "named"), OF_AREAS)
def test_a_wrong_argument_of_an_area_is_named(call, given, named, tmp_path, monkeypatch):
    """In one line, whatever its type."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wkt").write_text("POLYGON ((6 49.5, 6.02 49.5, 6.02 49.52, 6 49.5))")
    sizes = {orc.tiles.grid: {"size": 1000}, orc.tiles.random: {"max_size": 1000}}

    refused(call, {"area": BOX} | sizes.get(call, {"source": "a.wkt"}) | given, named)


@pytest.mark.parametrize(("call", "given", "named"), OF_TILES)
def test_a_wrong_argument_of_tiles_is_named(call, given, named, tmp_path):
    """In one line, whatever its type, and before the tiles are read."""
    tiles = {"tiles": tmp_path / "none_there"}
    right = {
        orc.tiles.link: tiles | {"others": tmp_path},
        orc.tiles.read: {},
        orc.tiles.write: tiles | {"folder": tmp_path / "t"},
        orc.tiles.mosaic: tiles | {"dataset": LABELS, "path": tmp_path / "m.tif"},
        orc.tiles.burn: tiles | {"column": "area_km2", "path": tmp_path / "m.tif", "scale": 100},
        orc.labels.count: tiles | {"dataset": LABELS},
        orc.labels.coarse: tiles | {"others": tmp_path, "dataset": LABELS},
        orc.labels.balance: tiles | {"dataset": LABELS},
        orc.dataset.list: {},
        orc.dataset.describe: {},
        orc.dataset.pack: tiles | {"images": IMAGES, "labels": LABELS, "folder": tmp_path / "set"},
        orc.dataset.show: tiles | {"images": IMAGES},
    }
    if call is orc.tiles.write and named != "tiles":
        right[call]["tiles"] = orc.tiles.grid(BOX, 1000)

    refused(call, right.get(call, tiles) | given, named)


def refused(call, given, named):
    with pytest.raises(orc.UserError) as caught:
        call(**given)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_splits_return_is_no_tiles(tmp_path):
    """The sentence says how the two are taken apart."""
    both = orc.tiles.split(orc.tiles.grid(BOX, 500))

    with pytest.raises(orc.UserError, match=r"\(tuple\); give tiles.*: tiles, report = orc\.tiles\.split"):
        orc.tiles.write(both, tmp_path)


def test_numbers_of_numpy_are_numbers(tmp_path):
    """Whole ones and others; files of tiles hold them as JSON."""
    tiles = orc.tiles.random(BOX, np.float32(1000), seed=np.int64(7), folder=tmp_path)

    assert tiles.about["seed"] == 7


def test_labels_are_packed_by_a_function(place):
    """As `labels.count` takes one: of an array, to one of the same shape."""
    made = orc.dataset.pack(
        place.tiles.path, IMAGES, LABELS, folder=place.root / "set", label_map=lambda array: array // 10
    )

    with np.load(next(made.folder.rglob("*.npz"))) as arrays:
        packed = arrays["label"]
    assert set(np.unique(packed)) <= {1, 2, 255}


def test_what_is_returned_shows_itself_in_a_line(place):
    """In a prompt and in a log: no bytes, no table, no dictionary."""
    tiles = orc.tiles.read(place.tiles.path)
    counted = orc.labels.count(tiles, LABELS)
    shown = [
        repr(tiles),
        repr(orc.tiles.grid(BOX, 1000)),
        repr(counted),
        repr(orc.dataset.show(tiles, IMAGES, count=2)),
        repr(orc.dataset.pack(tiles, IMAGES, LABELS, folder=place.root / "set")),
    ]

    assert shown[0] == f"<Tiles {tiles.name.stem}: 12 in EPSG:32632, in {tiles.path}>"
    assert shown[1].endswith("in EPSG:32632, in no file yet>")
    assert shown[2].startswith(
        f"<LabelReport {LABELS}_proportions of 2 classes: 12 counted, 0 empty, 0 missing; <Tiles"
    )
    assert shown[3].startswith("<Sheet of 2 chips, seed 0, a PNG of ")
    assert shown[4] == f"<Packed in {place.root / 'set'}: 12 samples>"
    assert all("\n" not in one and len(one) < 500 for one in shown)
