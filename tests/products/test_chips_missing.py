"""What services do to chips: one that cannot be had costs that chip alone, and the same call asks for it again."""

from __future__ import annotations

import json

import geopandas
import numpy as np
import pandas as pd
import pytest
import requests
from chips_kit import SOUTH, WEST, answered, forgive, get, image, order, quick_sandbox, write_cells

import orchestrator as orc
from orchestrator.core.errors import OrchestratorError

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
CORNER = (f"translateX.{{1,4}}{WEST}", f"translateY.{{1,4}}{SOUTH + 1000}")
BAD = f"{CORNER[0]}.*{CORNER[1]}|{CORNER[1]}.*{CORNER[0]}"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """One sandbox for the tests of this file, spoken to by this process."""
    with quick_sandbox(tmp_path_factory.mktemp("state")) as connection:
        yield connection


@pytest.fixture
def service(sandbox):
    """The sandbox, which forgets faults, quotas and requests afterwards."""
    yield sandbox
    requests.delete(f"{sandbox.url}/sandbox/faults", timeout=30)
    requests.delete(f"{sandbox.url}/sandbox/pixels", timeout=30)


@pytest.fixture
def tiles(tmp_path):
    return write_cells(tmp_path)


REFUSED = {"status": 400, "message": "Image.load: no such thing.", "status_name": "INVALID_ARGUMENT", "text": BAD}
BROKEN = {"status": 500, "message": "An internal error has occurred.", "status_name": "INTERNAL", "text": BAD}


@pytest.mark.parametrize("fault", [pytest.param(REFUSED, id="refused"), pytest.param(BROKEN, id="fails each time")])
def test_a_chip_that_cannot_be_had_costs_that_chip_alone(service, tiles, fault):
    """The others are published; the table names it, with the service's own sentence."""
    order(service, fault)

    found = get(tiles, attempts=2)

    (name,) = found.missing
    row = found.frame.set_index("identifier").loc[name]
    assert sorted(found.frame["state"]) == ["DONE", "DONE", "DONE", "FAILED"]
    assert fault["message"] in row["why"]
    assert (row["file"], row["sha256"], tuple(row["transform"])) == ("", "", (20, 0, WEST, 0, -20, SOUTH + 1000))
    assert sorted(path.stem for path in found.folder.glob("*.tif")) == sorted(
        found.frame.loc[found.frame["state"] == "DONE", "identifier"]
    )


def test_the_same_call_asks_for_what_is_missing_and_for_nothing_else(service, tiles):
    """Each chip was answered once, over both runs; the folder is then as if nothing had been missing."""
    order(service, REFUSED)
    first = get(tiles)
    kept = {path.name: path.read_bytes() for path in first.folder.glob("*.tif")}
    forgive(service)

    second = get(tiles)

    assert second.missing == ()
    assert set(answered(service).values()) == {1}
    assert len(answered(service)) == 4
    assert {name: (second.folder / name).read_bytes() for name in kept} == kept
    fresh = get(tiles, again=True)
    assert fresh.result.sha256 == second.result.sha256
    assert set(answered(service).values()) == {2}


def test_where_every_chip_is_refused_the_run_fails(service, tiles):
    """With the service's sentence, and without a folder; mended, the same call brings them all."""
    order(service, {**REFUSED, "text": None})

    with pytest.raises(OrchestratorError, match="no such thing"):
        get(tiles)
    assert not (tiles.with_suffix("") / "xy").exists()

    forgive(service)
    assert get(tiles).missing == ()


def test_where_all_that_are_wanted_are_refused_the_run_fails(service, tiles, tmp_path):
    """Chips that the user's code does not want say nothing about the service."""
    code = tmp_path / "few.py"
    names = list(geopandas.read_parquet(tiles)["identifier"])
    code.write_text(
        "import ee\ndef get_ee_image():\n    return ee.Image.constant(1).rename('one')\n"
        f"def must_get_gee_image(filename):\n    return filename.endswith('{names[0]}.tif')\n"
    )
    order(service, {**REFUSED, "text": None})

    with pytest.raises(OrchestratorError, match="no such thing"):
        get(tiles, dataset=code, bands=["one"])


def test_a_service_that_asks_for_patience_costs_no_chip(service, tiles):
    """Throttling never counts, however often it comes."""
    order(service, {"status": 429, "message": "Too many requests", "count": 2})

    assert get(tiles, attempts=1).missing == ()


def test_a_published_chip_that_was_damaged_is_asked_for_again(service, tiles):
    """What the table of the folder says of a file is looked at."""
    order(service, REFUSED)
    first = get(tiles)
    good = sorted(first.folder.glob("*.tif"))
    whole = good[0].read_bytes()
    good[0].write_bytes(whole[:-1] + b"?")
    forgive(service)

    second = get(tiles, overwrite=True)

    assert second.missing == ()
    assert (second.folder / good[0].name).read_bytes() == whole
    assert sorted(answered(service).values()) == [1, 1, 1, 2]


def test_what_verify_set_aside_is_asked_for_again_and_nothing_else(service, tiles):
    """`--fix` marks it FAILED; the next download then brings the folder as it was, and what was aside stays there."""
    first = get(tiles)
    bad, *_ = sorted(first.folder.glob("*.tif"))
    whole, sha256 = bad.read_bytes(), first.result.sha256
    bad.write_bytes(whole[:100])
    (moved,) = orc.tiles.verify(tiles, fix=True).moved.values()

    second = get(tiles)

    assert second.result.sha256 == sha256
    assert bad.read_bytes() == whole
    assert moved.read_bytes() == whole[:100]
    assert sorted(answered(service).values()) == [1, 1, 1, 2]
    assert orc.tiles.verify(tiles).faults == ()
    assert not (second.folder.parent / ".orchestrator").exists()


def test_what_verify_mended_twice_is_ours_still(service, tiles):
    """A chip that was damaged, then one that was deleted; both are asked for, and the two others are not."""
    first = get(tiles)
    cut, gone, *_ = sorted(first.folder.glob("*.tif"))
    cut.write_bytes(b"")
    orc.tiles.verify(tiles, fix=True)
    gone.unlink()
    orc.tiles.verify(tiles, fix=True)

    second = get(tiles)

    assert second.result.sha256 == first.result.sha256
    assert sorted(answered(service).values()) == [1, 1, 2, 2]


def rewrite_list(folder):
    table = pd.read_parquet(folder / "chips.parquet")
    table.assign(why="mine").to_parquet(folder / "chips.parquet")


CHANGES = {
    "a note": lambda folder: (folder / "notes.txt").write_text("mine"),
    "another description": lambda folder: (folder / "dataset.json").write_text("{}"),
    "another list": rewrite_list,
}


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("before", [True, False], ids=["before it was mended", "after it was mended"])
def test_what_somebody_else_put_into_a_folder_is_not_replaced_though_verify_mended_it(tiles, change, before):
    """Neither a file of theirs nor one of ours that they changed."""
    folder = get(tiles).folder
    if before:
        CHANGES[change](folder)
    next(folder.glob("*.tif")).write_bytes(b"cut")
    orc.tiles.verify(tiles, fix=True)
    if not before:
        CHANGES[change](folder)
    there = {path.name: path.read_bytes() for path in folder.iterdir()}

    with pytest.raises(OrchestratorError, match="exists already and is not this job's"):
        get(tiles)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == there


@pytest.mark.usefixtures("service")
def test_a_stranger_that_is_taken_away_hinders_no_download(tiles):
    """Though it lay there while the folder was mended."""
    first = get(tiles)
    (first.folder / "notes.txt").write_text("mine")
    next(first.folder.glob("*.tif")).unlink()
    orc.tiles.verify(tiles, fix=True)
    (first.folder / "notes.txt").rename(tiles.with_name("notes.txt"))

    assert get(tiles).result.sha256 == first.result.sha256


def test_a_chip_of_masked_pixels_is_empty_and_no_failure(service, tiles):
    """It has no file; it is not asked for again."""
    west = image().updateMask(image().select("x").gte((WEST + 1000) / 20))
    order(service, {**REFUSED, "text": BAD.replace(str(WEST), str(WEST + 1000))})
    first = get(tiles, dataset=west)
    forgive(service)
    assert sorted(first.frame["state"]) == ["DONE", "EMPTY", "EMPTY", "FAILED"]

    second = get(tiles, dataset=west)

    assert sorted(second.frame["state"]) == ["DONE", "DONE", "EMPTY", "EMPTY"]
    assert set(answered(service).values()) == {1}
    empty = second.frame[second.frame["state"] == "EMPTY"]
    assert all(list(each) == [0, 0] for each in empty["valid"])
    with pytest.raises(OrchestratorError, match="every pixel"):
        second.read(empty["identifier"].iloc[0])


def test_a_chip_heavier_than_a_request_comes_in_pieces(service, tiles):
    """Its pixels are those that one request brings, and the proof lists the pieces."""
    whole = get(tiles)
    requests.post(f"{service.url}/sandbox/quotas", json={"bytes": 9_000}, timeout=30).raise_for_status()
    try:
        pieces = get(tiles, name="pieces")
    finally:
        requests.post(f"{service.url}/sandbox/quotas", json={"bytes": 50_331_648}, timeout=30).raise_for_status()

    proof = json.loads((pieces.folder.parent / "pieces.proof.json").read_text())
    assert len(proof["parts"]) > 4
    for name in whole.frame["identifier"]:
        np.testing.assert_array_equal(pieces.read(name), whole.read(name))
