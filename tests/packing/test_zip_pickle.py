"""The archive of the published tool: names, columns and the dict in a pickle as geetiles 0.1.7 writes them."""

from __future__ import annotations

import csv
import io
import json
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from chip_kit import IMAGES, LABELS, make_place, make_tiles

from orchestrator.core.errors import UserError
from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.tiling.file import Tiles

ROOT = f"lux_{IMAGES}_{LABELS}"


@pytest.fixture
def archive(tmp_path):
    """Pack tiles with shares, own and from communes, and return what is in the archive by name, and the place."""
    place = make_place(tmp_path)
    frame = place.tiles.frame.assign(
        **{
            f"{LABELS}_proportions": [{"10": 0.25, "20": 0.75}] * 12,
            f"{LABELS}_proportions_at_communes": [{"10": 1.0}] * 12,
            "other_proportions": [{"1": 1.0}] * 12,
            "foreignid_communes": ["abc"] * 12,
        }
    )
    made = make_tiles(tmp_path / "coarse", 1, None)
    coarse = Tiles(made.frame, type(made.name)("lux", "communes", made.name.hash), {}, made.path)
    tiles = Tiles(frame, place.tiles.name, place.tiles.about, place.tiles.path)
    asked = Packing(IMAGES, LABELS, "zip-pickle", coarse=coarse, readme="Of mine.")
    pack(tiles, asked, place.root / "set")
    with zipfile.ZipFile(place.root / "set" / f"{ROOT}.zip") as found:
        return {name: found.read(name) for name in found.namelist()}, place


def test_the_names_are_the_published_ones(archive):
    """A folder of the area and the datasets; no checksum in the names of tiles."""
    content, place = archive

    others = {
        "lux_partitions_aschips.geojson",
        "lux_partitions_aschips_expanded.geojson",
        "lux_partitions_communes.geojson",
        "splits.csv",
        "README.txt",
    }
    assert set(content) == {f"{ROOT}/{name}" for name in {f"data/{name}.pkl" for name in place.identifiers} | others}
    assert content[f"{ROOT}/README.txt"] == b"Of mine."


def test_a_pickle_has_the_published_keys(archive):
    """Image (row, col, band) and label as int16; the envelope's mean with the south-west counted twice; corners."""
    content, place = archive
    name = place.identifiers[3]
    west, south, east, north = place.tiles.frame.geometry.iloc[[3]].to_crs("EPSG:4326").total_bounds

    found = pickle.loads(content[f"{ROOT}/data/{name}.pkl"])  # noqa: S301  it was made here

    assert set(found) == {"chip", "chip_id", "center_latlon", "corners", "label", "label_proportions"}
    assert found["chip_id"] == name
    np.testing.assert_array_equal(found["chip"], place.images[name].transpose(1, 2, 0).astype("int16"), strict=True)
    assert (found["label"].dtype, found["label"].shape) == ("int16", (8, 8))
    ring = [(south, west), (south, east), (north, east), (north, west), (south, west)]
    np.testing.assert_allclose(found["center_latlon"], np.mean(ring, axis=0), rtol=0, atol=1e-12)
    assert [*found["corners"]["nw"], *found["corners"]["se"]] == [north, west, south, east]
    assert found["label_proportions"] == {
        "partitions_aschip": {"10": 0.25, "20": 0.75},
        "partitions_communes": {"10": 1.0},
        "foreignid_communes": "abc",
    }


def test_shares_are_columns_in_the_expanded_tiles(archive):
    """`{column}__{class}`; those of other labels are in neither file."""
    content, _ = archive

    plain = json.loads(content[f"{ROOT}/lux_partitions_aschips.geojson"])["features"][0]["properties"]
    expanded = json.loads(content[f"{ROOT}/lux_partitions_aschips_expanded.geojson"])["features"][0]["properties"]

    assert expanded[f"{LABELS}_proportions__20"] == 0.75
    assert expanded[f"{LABELS}_proportions_at_communes__10"] == 1.0
    assert "other_proportions" not in plain
    assert plain[f"{LABELS}_proportions"] == {"10": 0.25, "20": 0.75}


def test_splits_are_a_table(archive):
    """The identifier and every column with split in its name."""
    content, place = archive

    rows = list(csv.DictReader(io.StringIO(content[f"{ROOT}/splits.csv"].decode())))

    assert [row["identifier"] for row in rows] == place.identifiers
    assert set(rows[0]) == {"identifier", "split"}


@pytest.mark.parametrize(("dtype", "value"), [("uint16", 32_768), ("float32", 0.5), ("float32", np.nan)])
def test_what_int16_cannot_hold_is_refused(tmp_path, dtype, value):
    """The published tool wraps it to a negative number, or cuts it; here the tile and the value are named."""
    from chip_kit import IMAGE_ABOUT, write_dataset  # noqa: PLC0415

    tiles = make_tiles(tmp_path / "work", 2)
    write_dataset(tiles, IMAGES, lambda n: np.full((3, 8, 8), value if n else 1, dtype), IMAGE_ABOUT)

    with pytest.raises(UserError, match=f"{tiles.frame['identifier'][1]}.*int16"):
        pack(tiles, Packing(IMAGES, format="zip-pickle"), tmp_path / "set")


def test_pickles_are_warned_of(place):
    """Whoever loads one runs what it says."""
    made = pack(place.tiles, Packing(IMAGES, format="zip-pickle"), place.root / "set")

    assert any("pickles run whatever they say" in note for note in made.notes)
    assert "pickles: loading one runs whatever it says" in (made.folder / "README.md").read_text()


@pytest.mark.parametrize("kind", ["npz", "webdataset", "geotiff"])
def test_no_pickle_is_written_unless_asked_for(place, kind):
    """Not in any file of the other formats."""
    made = pack(place.tiles, replace(Packing(IMAGES, LABELS), format=kind), place.root / "set")

    assert not [path for path in made.folder.rglob("*") if path.suffix in {".pkl", ".pickle"}]
    assert not made.notes
