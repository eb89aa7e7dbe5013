"""The published page of geetiles, typed as it is printed, from the first line to the last, against a sandbox."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections import Counter

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
from geet_kit import Story, lay_out, printed

from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import Options, Sandbox

CONFIG = """
[ee]
url = "{url}"
project = "somebody"
[gcs]
url = "{url}"
[drive]
url = "{url}"
[local]
state_dir = "{state}"
"""
IMAGES, LABELS = "sentinel2-rgb-median-2020", "esa-world-cover"
# What geetiles 0.1.3 makes of the same folder, with how many tiles.
THERE = {
    "lux_partitions_aschips_3359e3c899da5": 4,
    "lux_partitions_20k_29d37c9d5a47c": 1,
    "lux_partitions_communes_35f0877bf19fe": 8,
}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """All commands, one after the other, in a folder with a corner of Luxembourg."""
    folder = tmp_path_factory.mktemp("story")
    lay_out(folder)
    with Sandbox(WorldCatalogue(), Options()) as sandbox:
        (folder / "config.toml").write_text(CONFIG.format(url=sandbox.url, state=(folder / "state").as_posix()))
        story = Story(folder)
        for words in printed():
            story.type(words)
        yield story


def read(path):
    return geopandas.read_file(path)


def test_every_line_ends_well(story):
    """Fourteen commands; none asks, none fails."""
    assert set(story.codes.values()) == {0}
    assert len(story.codes) == len(printed()) == 14


def test_tiles_are_called_as_there(story):
    """A grid, a random partition and the communes: the same hashes, so the same tiles in the same order."""
    assert {path.stem: len(read(path)) for path in story.folder.glob("*.geojson")} == THERE


@pytest.mark.parametrize(
    ("dataset", "bands"), [(IMAGES, 3), (LABELS, 1), pytest.param("crop", 3, id="code of one's own")]
)
def test_each_tile_has_its_chip_of_the_size_that_was_asked_for(story, dataset, bands):
    """`{file of tiles}/{dataset}/{identifier}.tif`, 100 x 100 pixels."""
    folder = story.chips.with_suffix("") / dataset

    assert {path.stem for path in folder.glob("*.tif")} == set(read(story.chips)["identifier"])
    for path in folder.glob("*.tif"):
        with rasterio.open(path) as chip:
            assert (chip.count, chip.height, chip.width) == (bands, 100, 100)


def test_the_code_lies_beside_its_chips(story):
    """Word by word."""
    kept = story.chips.with_suffix("") / "crop" / "definition.py"

    assert kept.read_text() == (story.folder / "crops.py").read_text()


def test_tiles_have_the_columns_of_there(story):
    """In the order in which the commands made them."""
    assert list(read(story.chips).columns) == [
        "area_km2",
        "identifier",
        "split",
        "foreignid_communes",
        "split_communes",
        f"{LABELS}_proportions",
        f"{LABELS}_proportions_at_communes",
        "geometry",
    ]
    assert list(read(story.communes).columns) == ["area_km2", "identifier", f"{LABELS}_proportions", "geometry"]


def test_splits_stand_in_a_table_of_their_own(story):
    """Of each tile, both of them; whole communes are in one."""
    table = pd.read_csv(story.chips.with_name(f"{story.chips.stem}_splits.csv"))
    frame = read(story.chips)

    assert list(table.columns) == ["identifier", "split", "split_communes"]
    assert list(table["split_communes"]) == list(frame["split_communes"])
    assert set(table["split"]) <= {"train", "test", "val"}
    whole = {
        (commune, split) for commune, split in zip(frame["foreignid_communes"], frame["split_communes"], strict=True)
    }
    assert len(whole) == frame["foreignid_communes"].nunique()


def test_shares_are_those_of_the_pixels(story):
    """Counted once more from the chips; the corner's tiles are rectangles in degrees, so that all of a chip counts."""
    frame = read(story.chips)
    for identifier, shares in zip(frame["identifier"], frame[f"{LABELS}_proportions"], strict=True):
        with rasterio.open(story.chips.with_suffix("") / LABELS / f"{identifier}.tif") as chip:
            counted = Counter(chip.read(1).ravel().tolist())
        told = shares if isinstance(shares, dict) else json.loads(shares)
        assert told == pytest.approx({str(value): number / 10_000 for value, number in counted.items()}, abs=1e-12)


def test_the_archive_holds_what_it_holds_there(story):
    """Its name, its folder, its files; a pickle for each tile, labels by the list of classes."""
    name = f"lux_{IMAGES}_{LABELS}"
    with zipfile.ZipFile(story.folder / f"{name}.zip") as archive:
        inside = {member.removeprefix(f"{name}/") for member in archive.namelist()}
        chips = [pickle.loads(archive.read(f"{name}/{each}")) for each in inside if each.endswith(".pkl")]  # noqa: S301

    tiles = {"lux_partitions_aschips.geojson", "lux_partitions_aschips_expanded.geojson"}
    others = tiles | {"lux_partitions_communes.geojson", "splits.csv", "README.txt"}
    assert {each for each in inside if not each.startswith("data/")} == others
    assert {chip["chip_id"] for chip in chips} == set(read(story.chips)["identifier"])
    for chip in chips:
        assert (chip["chip"].shape, chip["chip"].dtype) == ((100, 100, 3), np.int16)
        values, counts = np.unique(chip["label"], return_counts=True)
        counted = {str(value): count / 10_000 for value, count in zip(values, counts, strict=True)}
        assert chip["label_proportions"]["partitions_aschip"] == pytest.approx(counted, abs=1e-12)
        assert values.max() <= 11
