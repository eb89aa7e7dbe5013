"""A folder of chips grows: which tiles are wanted this time makes it nobody else's, and no chip in it is lost."""

from __future__ import annotations

import pytest
import requests
from chips_kit import answered, get, image, write_cells

import orchestrator as orc
from orchestrator.core.errors import OrchestratorError

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
SPLITS = ["train", "train", "val", "test"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """One sandbox for the tests of this file, spoken to by this process."""
    with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection


@pytest.fixture
def service(sandbox):
    """The sandbox, which forgets requests afterwards."""
    yield sandbox
    requests.delete(f"{sandbox.url}/sandbox/pixels", timeout=30)


@pytest.fixture
def tiles(tmp_path):
    return write_cells(tmp_path, split=SPLITS)


TURNS = {
    "a try, then all": ({"first": 2}, {}),
    "one split, then another, then the last": ({"where": "split == train"}, {"where": "split == val"}, {"first": 4}),
    "all, then a try": ({}, {"first": 1}),
    "more patiently": ({}, {"attempts": 20}),
}


@pytest.mark.parametrize("outside", ["keep", "nodata"])
@pytest.mark.parametrize("turns", TURNS.values(), ids=TURNS)
def test_chips_that_are_there_are_taken_over_and_kept_whichever_are_asked_for(service, tiles, turns, outside):
    """Each was asked for once; the folder is the one that a single call for all makes."""
    for turn in turns:
        found = get(tiles, outside=outside, **turn)

    assert list(found.frame["state"]) == ["DONE"] * 4
    assert sorted(answered(service).values()) == [1, 1, 1, 1]
    fresh = get(tiles, name="fresh", outside=outside)
    for name in fresh.frame["identifier"]:
        assert (found.folder / f"{name}.tif").stat().st_size > 0
        assert (found.read(name) == fresh.read(name)).all()


@pytest.mark.usefixtures("sandbox")
def test_chips_of_other_tiles_that_are_made_another_way_are_not_lost(tiles):
    """Code that was changed since makes other chips: those of tiles that are not asked for would go."""
    code = tiles.with_name("own.py")
    code.write_text("import ee\ndef get_ee_image():\n    return ee.Image.constant(1).rename('one')\n")
    before = get(tiles, dataset=code, bands=["one"])
    there = {path.name: path.read_bytes() for path in before.folder.iterdir()}
    code.write_text(code.read_text().replace("constant(1)", "constant(2)"))

    with pytest.raises(OrchestratorError, match=r"3 chips of tiles that are not asked for.*--name"):
        get(tiles, dataset=code, bands=["one"], first=1)
    assert {path.name: path.read_bytes() for path in before.folder.iterdir()} == there
    assert (get(tiles, dataset=code, bands=["one"]).read(before.frame["identifier"][0]) == 2).all()


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("pixels", "pairs"), [pytest.param(50, 0, id="as large as the tiles"), pytest.param(60, 5, id="larger")]
)
def test_chips_of_different_splits_that_overlap_are_told_before_they_are_brought(tiles, caplog, pixels, pairs):
    """Four cells that touch, of train, train, val and test: five of six pairs are of different splits."""
    with caplog.at_level("INFO"):
        get(tiles, pixels=pixels, scale=20)

    told = f"{pairs} pairs of chips of different splits overlap"
    assert (told in caplog.text) == bool(pairs)
    assert ("different splits" in caplog.text) == bool(pairs)


@pytest.mark.usefixtures("sandbox")
def test_another_dataset_of_the_same_name_is_refused_with_the_option_of_this_command(tiles):
    """`--name`, which `tiles download` has."""
    get(tiles, first=1)

    with pytest.raises(OrchestratorError, match=r"not this job's.*choose another --name, or.*--overwrite"):
        get(tiles, dataset=image().add(1).toInt32())
