"""The index of a training set tells the classes of what is packed, once."""

from __future__ import annotations

from dataclasses import replace

import geopandas
import numpy as np
import pytest
from chip_kit import IMAGES, LABELS, make_place, manifest, write_chip, write_dataset, write_manifest
from rasterio import Affine

from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.tiling.value_maps import ValueMap


def counted(tiles):
    """Return tiles as `labels count --flat` leaves them."""
    shares = [{"10": 0.25, "20": 0.75}] * len(tiles.frame)
    flat = {f"{LABELS}_valid": 1.0, f"{LABELS}_10": 0.25, f"{LABELS}_20": 0.75}
    about = {"labels": {f"{LABELS}_proportions": {"columns": [*flat]}}}
    return replace(tiles, frame=tiles.frame.assign(**{f"{LABELS}_proportions": shares}, **flat), about=about)


@pytest.mark.parametrize("was_counted", [False, True])
def test_shares_are_of_the_labels_that_are_packed(place, was_counted):
    """After the map, of the pixels that have a class, whether or not they were counted in the tiles; not twice."""
    tiles = counted(place.tiles) if was_counted else place.tiles
    value_map = ValueMap.by_pairs({10: 1, 20: 2})

    made = pack(tiles, Packing(IMAGES, LABELS, value_map=value_map), place.root / "set")

    found = geopandas.read_parquet(made.folder / "index.parquet").set_index("id")
    for name in place.identifiers:
        raw = place.labels[name][0]
        ones, twos = (raw == 10).sum(), (raw == 20).sum()
        np.testing.assert_allclose(found.loc[name, ["label__1", "label__2"]].astype(float), np.array([ones, twos]) / 63)
    assert not [each for each in found.columns if each.startswith(LABELS) and not each.endswith("_valid")]


def test_shares_of_other_datasets_stand_once(place):
    """A set without these labels keeps what the tiles tell of them, in one column for each class."""
    made = pack(counted(place.tiles), Packing(IMAGES), place.root / "set")

    found = geopandas.read_parquet(made.folder / "index.parquet")
    told = {each for each in found.columns if each.startswith(LABELS)}
    assert told == {f"{LABELS}_valid", f"{LABELS}_proportions__10", f"{LABELS}_proportions__20"}


def test_a_label_without_a_class_has_no_shares(place):
    """NaN, not 0 of everything."""
    folder, name = place.tiles.folder / LABELS, place.identifiers[0]
    rows = [
        write_chip(folder / f"{name}.tif", np.zeros((1, 8, 8), "uint8"), Affine(*row["transform"]), 0)
        if row["identifier"] == name
        else row
        for row in manifest(folder)
    ]
    write_manifest(folder, rows)

    made = pack(place.tiles, Packing(IMAGES, LABELS), place.root / "set")

    found = geopandas.read_parquet(made.folder / "index.parquet").set_index("id")
    assert found.loc[name, ["label__10", "label__20"]].isna().all()
    assert found.drop(name)[["label__10", "label__20"]].notna().all(axis=None)


def test_labels_of_more_values_than_classes_have_no_shares(tmp_path):
    """Heights as labels are numbers: a column for each would be thousands."""
    place = make_place(tmp_path, 5, dtype="uint16")
    write_dataset(place.tiles, "height", lambda n: np.arange(64, dtype="uint16").reshape(1, 8, 8) + 64 * n + 1000, {})

    made = pack(place.tiles, Packing(IMAGES, "height", ignore=0), place.root / "set")

    found = geopandas.read_parquet(made.folder / "index.parquet")
    assert not [each for each in found.columns if each.startswith("label__")]
