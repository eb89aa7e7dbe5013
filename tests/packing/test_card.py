"""The card: in words, with names for all classes, and a command that runs as it is printed."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace

import pytest
from chip_kit import IMAGES, LABEL_ABOUT, LABELS

from orchestrator.faces.cli.main import run_cli
from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.tiling.file import rewrite_tiles
from orchestrator.tiling.value_maps import ValueMap


def told_by(made):
    return (made.folder / "README.md").read_text()


def test_how_the_tiles_were_made_is_told_in_words(place):
    """No table of a program's is printed: classes that were counted stand in pack.json."""
    counted = {"columns": [f"{LABELS}_valid"], "classes": {"10": {"name": "Trees"}}}
    tiles = replace(place.tiles, about={**place.tiles.about, "labels": {"x": counted}, "gaps": {"split": 500.0}})

    made = pack(tiles, Packing(IMAGES), place.root / "set")

    (line,) = [line for line in told_by(made).splitlines() if line.startswith("Tiles `")]
    assert not re.search(r"[{}\[\]]", line)
    assert all(word in line for word in ("kind grid", "size 80", "crs EPSG:32632", "gap of split 500 m"))
    assert made.about["tiles"]["about"]["labels"]["x"]["columns"] == [f"{LABELS}_valid"]


@pytest.mark.parametrize(
    "value_map",
    [
        pytest.param(ValueMap.parse("10=forest"), id="names"),
        pytest.param(ValueMap.parse("10=1"), id="numbers"),
        pytest.param(ValueMap.parse("0=0,10=1"), id="a value that the dataset does not know"),
    ],
)
def test_what_a_map_does_not_name_is_other(place, value_map):
    """With a colour: it is a class that is learnt like any other."""
    made = pack(place.tiles, Packing(IMAGES, LABELS, value_map=value_map), place.root / "set")

    other, one = made.about["label"]["classes"]
    assert (other["value"], other["name"], one["value"]) == (0, "other", 1)
    assert re.fullmatch("#[0-9a-f]{6}", other["color"])


def test_a_rest_that_does_not_occur_is_no_class(place):
    """Every value has a class of its own."""
    made = pack(place.tiles, Packing(IMAGES, LABELS, value_map=ValueMap.parse("10=1,20=2")), place.root / "set")

    assert [one["value"] for one in made.about["label"]["classes"]] == [1, 2]


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--format", "webdataset", "--shard-size", "4", "--seed", "3"],
        ["--labels", LABELS, "--label-map", "10=forest,20=open land", "--ignore", "99"],
        ["--labels", LABELS, "--label-map", "own", "--format", "geotiff"],
        ["--split-column", "fold", "--dates", "2020-01-01,2021-01-01", "--drop", "--skip-missing"],
    ],
    ids=" ".join,
)
def test_the_command_on_the_card_runs_as_it_is_printed(place, monkeypatch, more):
    """In the folder of the tiles, and makes the same bytes."""
    (place.tiles.folder / LABELS / "dataset.json").write_text(
        json.dumps(LABEL_ABOUT | {"value_map": {"0": 0, "10": 1, "20": 2}})
    )
    rewrite_tiles(place.tiles, place.tiles.frame.assign(fold=[0, 1, 2] * 4))
    words = ["dataset", "pack", place.tiles.path, "--images", IMAGES, "-o", place.root / "set", *more]
    assert run_cli([*map(str, words)]) == 0

    (printed,) = re.findall(
        r"```bash\n(orchestrator dataset pack .*)\n```", (place.root / "set" / "README.md").read_text()
    )
    monkeypatch.chdir(place.tiles.path.parent)
    assert run_cli(shlex.split(printed)[1:]) == 0

    assert (place.tiles.path.parent / "DIR" / "SHA256SUMS").read_text() == (
        place.root / "set" / "SHA256SUMS"
    ).read_text()
