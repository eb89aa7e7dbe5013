"""How common classes are."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from labels_kit import made_tiles, row_of_squares, write_chips

import orchestrator as orc
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.tiling.file import read_tiles, rewrite_tiles


@pytest.fixture
def counted(tmp_path):
    """Four tiles: all of 1; half 1 and half 2; a quarter valid, all of 2; nothing. Three are of splits."""
    tiles = made_tiles(tmp_path, row_of_squares(4))
    chips = np.full((4, 10, 10), 0, np.uint8)
    chips[0], chips[1, :5], chips[1, 5:], chips[2, :5, :5] = 1, 1, 2, 2
    write_chips(tiles, "lc", list(chips), nodata=0, about={"classes": {"1": "Forest", "2": {"name": "Water"}}})
    made = orc.labels.count(tiles, "lc").tiles
    return rewrite_tiles(made, made.frame.assign(split=["train", "train", "test", None]))


def test_classes_are_weighed_by_the_area_they_cover(counted):
    """Of tiles of 0.01 km² each, as the ellipsoid has them; what holds no data weighs nothing."""
    areas = counted.frame["area_km2"].to_numpy()
    forest, water = areas[0] + areas[1] / 2, areas[1] / 2 + areas[2] / 4

    frame = orc.labels.balance(counted, "lc", by="")

    assert frame["class"].tolist() == ["1", "2"]
    assert frame["name"].tolist() == ["Forest", "Water"]
    assert frame["area_km2"].tolist() == pytest.approx([forest, water])
    assert frame["share"].tolist() == pytest.approx([forest / (forest + water), water / (forest + water)])
    assert frame["tiles"].tolist() == [2, 2]
    assert frame["majority"].tolist() == [2, 1]


def test_weights_make_every_class_count_as_much(counted):
    """Share × weight is the same for each, and 1 over all classes together."""
    frame = orc.labels.balance(counted, "lc", by="")

    assert (frame["share"] * frame["weight"]).tolist() == pytest.approx([0.5, 0.5])


def test_each_split_has_its_own_table(counted):
    """By default; a class that a split lacks has no weight."""
    frame = orc.labels.balance(counted, "lc").set_index(["group", "class"])

    assert list(dict.fromkeys(frame.index.get_level_values("group"))) == ["all", "train", "test", "none"]
    assert frame.loc[("train", "1"), "share"] == pytest.approx(0.75, abs=1e-6)
    assert frame.loc[("test", "2"), ["share", "weight", "tiles"]].tolist() == [1.0, 1.0, 1]
    assert np.isnan(frame.loc[("test", "1"), "weight"])


@pytest.mark.parametrize(
    ("column", "values", "order"),
    [
        ("split", ["val", "test", None, "train"], ["train", "test", "val", "none"]),
        ("fold", [10, 9, 2, 0], ["0", "2", "9", "10"]),
        ("region", ["west", None, "east", "west"], ["east", "west", "none"]),
    ],
)
def test_groups_come_in_the_order_of_splits_of_numbers_or_of_the_alphabet(counted, column, values, order):
    """Not as the tiles happen to lie; those of no group last."""
    tiles = rewrite_tiles(counted, counted.frame.assign(**{column: values}))

    frame = orc.labels.balance(tiles, "lc", by=column)

    assert list(dict.fromkeys(frame["group"])) == ["all", *order]


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_the_table_is_written_and_never_over_another(counted, tmp_path, suffix, capsys):
    """A CSV or a JSON of the same rows."""
    path = tmp_path / f"classes{suffix}"
    words = ["labels", "balance", str(counted.path), "--dataset", "lc", "-o", str(path)]

    codes = [run_cli(words), run_cli(words), run_cli([*words, "--overwrite"])]

    text = path.read_text()
    rows = list(csv.DictReader(text.splitlines())) if suffix == ".csv" else json.loads(text)["classes"]
    expected = orc.labels.balance(counted, "lc")
    assert codes == [0, 2, 0]
    assert [float(row["share"]) for row in rows] == expected["share"].tolist()
    assert [row["class"] for row in rows] == expected["class"].tolist()
    assert "Forest" in capsys.readouterr().out


def test_classes_that_a_published_file_has_are_weighed_too(tmp_path):
    """Without a column of valid shares the whole tile holds data."""
    tiles = made_tiles(tmp_path, row_of_squares(2))
    shares = np.empty(2, object)
    shares[:] = [{"9": 1.0}, {"10": 1.0}]
    rewrite_tiles(tiles, tiles.frame.assign(old_proportions=shares))

    frame = orc.labels.balance(tiles.path, "old")

    assert frame["class"].tolist() == ["9", "10"]
    assert frame["share"].tolist() == pytest.approx([0.5, 0.5], abs=1e-4)


def test_what_was_not_counted_is_refused(counted):
    with pytest.raises(UserError, match="did you mean 'lc'"):
        orc.labels.balance(counted, "lcc")
    with pytest.raises(UserError, match="no column 'spilt' to group tiles by: did you mean 'split'"):
        orc.labels.balance(counted, "lc", by="spilt")
    assert read_tiles(counted.path).frame.columns.tolist() == counted.frame.columns.tolist()
