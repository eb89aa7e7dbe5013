"""`tiles verify`: whatever is not as it is said to be is found; `--fix` deletes nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from after_kit import LEFT, TOP, chips_of, rows_in, tiles_in, write_chip, write_list

import orchestrator as orc
from orchestrator.app.verbs.tile_checks import verify_tiles
from orchestrator.faces.cli.main import run_cli

PIXELS = np.full((2, 10, 10), 7, np.uint8)


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cut(path):
    path.write_bytes(path.read_bytes()[:200])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def rewritten(**how):
    pixels = how.pop("pixels", PIXELS)
    return lambda path: write_chip(path, pixels, **({"left": LEFT, "top": TOP} | how))


DAMAGES = {
    "cut": (cut, "chip", "does not open"),
    "a bit flipped": (flipped, "chip", "its sha256 is"),
    "other pixels": (rewritten(), "chip", "its sha256 is"),
    "moved": (rewritten(left=LEFT + 10), "chip", "its transform is 10,0,300010"),
    "other zone": (rewritten(crs="EPSG:32633"), "chip", "its crs is EPSG:32633"),
    "too small": (rewritten(pixels=PIXELS[:, :9]), "chip", "its height is 9, must be 10"),
    "a band less": (rewritten(pixels=PIXELS[:1]), "chip", "its bands is B1, must be B1,B2"),
    "other bands": (rewritten(names=("B2", "B1")), "chip", "its bands is B2,B1"),
    "other numbers": (rewritten(pixels=PIXELS.astype(np.int16)), "chip", "its dtype is int16, must be uint8"),
    "other nodata": (rewritten(nodata=9), "chip", "its nodata is 9.0, must be 0.0"),
    "not there": (lambda path: path.unlink(), "missing", "the file is not there"),
    "a stranger": (lambda path: (path.parent / "x.tif").write_text("?"), "stranger", "is of no tile of this file"),
    "an unfinished file": (
        lambda path: path.with_suffix(".tif.part").write_text("?"), "stranger", "is none of ours",
    ),
}  # fmt: skip


def test_whole_chips_are_found_whole(tmp_path, capsys):
    """Exit code 0, and a sentence that says what was looked at."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)

    code = run_cli(["tiles", "verify", str(tiles.path)])

    assert code == 0
    assert capsys.readouterr().out == "6 tiles, s2: all is as it is said\n"


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_found_and_nothing_is_changed(tmp_path, capsys, damage):
    """Exit code 3; the tile, the file and what is wrong are told."""
    do, kind, what = DAMAGES[damage]
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    do(tiles.folder / "s2" / f"{tiles.frame['identifier'][0]}.tif")
    before = everything(tmp_path)

    code = run_cli(["--json", "tiles", "verify", str(tiles.path)])

    fault, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 3
    assert (fault["message_type"], fault["kind"], fault["dataset"]) == ("fault", kind, "s2")
    assert what in fault["what"]
    assert last["faults"] == {kind: 1}
    assert everything(tmp_path) == before


@pytest.mark.parametrize("damage", [name for name, (_, kind, _) in DAMAGES.items() if kind != "stranger"])
def test_mending_moves_the_chip_aside_and_marks_it_failed(tmp_path, damage):
    """What was there is kept, byte for byte; the others and their rows are as before."""
    do, kind, _ = DAMAGES[damage]
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    bad, *others = tiles.frame["identifier"]
    path = tiles.folder / "s2" / f"{bad}.tif"
    do(path)
    before, rows = everything(tiles.folder / "s2"), rows_in(tiles.folder / "s2")

    code = run_cli(["tiles", "verify", str(tiles.path), "--fix"])

    after = rows_in(tiles.folder / "s2")
    assert code == 3
    assert not path.exists()
    assert (after[bad]["state"], after[bad]["file"], after[bad]["sha256"]) == ("FAILED", "", "")
    assert {name: after[name] for name in others} == {name: rows[name] for name in others}
    aside = tiles.folder / ".aside" / "s2" / path.name
    assert aside.read_bytes() == before[path.relative_to(tiles.folder / "s2")] if kind == "chip" else not aside.exists()


@pytest.mark.parametrize("name", ["transform", "crs"])
def test_a_row_that_tells_no_place_is_a_fault_of_that_chip(tmp_path, capsys, name):
    """It is named, and no other is; nothing is raised."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    folder = tiles.folder / "s2"
    rows = rows_in(folder)
    first, *_ = rows
    rows[first] |= {name: None}
    write_list(folder, list(rows.values()))

    code = run_cli(["--json", "tiles", "verify", str(tiles.path)])

    fault, _ = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 3
    assert (fault["name"], fault["what"]) == (first, f"chips.parquet tells no {name} of it")


def test_tiles_in_python_are_verified_as_their_file_is(tmp_path):
    """As `show`, `mosaic` and `burn` take them."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)

    assert orc.tiles.verify(tiles).faults == orc.tiles.verify(tiles.path).faults == ()


def test_mending_twice_keeps_both(tmp_path):
    """A second bad chip of a tile does not take the first one's name."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    path = tiles.folder / "s2" / f"{tiles.frame['identifier'][0]}.tif"
    rows = list(rows_in(path.parent).values())
    for content in (b"first", b"second"):
        write_list(path.parent, rows)
        path.write_bytes(content)
        run_cli(["tiles", "verify", str(tiles.path), "--fix"])

    kept = sorted((tiles.folder / ".aside" / "s2").iterdir())

    assert [each.read_bytes() for each in kept] == [b"second", b"first"]


def test_a_stranger_is_told_and_left_alone(tmp_path):
    """Also by --fix: it is not ours."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    stranger = tiles.folder / "s2" / "notes.txt"
    stranger.write_text("mine")

    code = run_cli(["tiles", "verify", str(tiles.path), "--fix"])

    assert code == 3
    assert stranger.read_text() == "mine"


def test_a_chip_that_failed_before_is_missing_and_keeps_its_reason(tmp_path, capsys):
    """No run with work missing is called whole."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    folder, name = tiles.folder / "s2", tiles.frame["identifier"][2]
    rows = rows_in(folder)
    rows[name] |= {"state": "FAILED", "file": "", "sha256": "", "why": "the service said no"}
    (folder / f"{name}.tif").unlink()
    write_list(folder, list(rows.values()))

    code = run_cli(["tiles", "verify", str(tiles.path), "--fix"])

    assert code == 3
    assert "FAILED: the service said no" in capsys.readouterr().out
    assert rows_in(folder)[name]["why"] == "the service said no"


def test_a_list_that_points_elsewhere_moves_nothing(tmp_path):
    """Whoever writes a list cannot make us touch a file outside the folder."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    folder, name = tiles.folder / "s2", tiles.frame["identifier"][0]
    victim = tmp_path / "victim.tif"
    victim.write_text("mine")
    rows = rows_in(folder)
    rows[name] |= {"file": "../../victim.tif"}
    write_list(folder, list(rows.values()))

    run_cli(["tiles", "verify", str(tiles.path), "--fix"])

    assert victim.read_text() == "mine"


@pytest.mark.parametrize("fix", [[], ["--fix"]], ids=["look", "fix"])
def test_tiles_changed_since_they_were_named_are_found(tmp_path, capsys, fix):
    """Nothing is mended for them; without --fix the chips are looked at all the same."""
    tiles = tiles_in(tmp_path, suffix=".geojson")
    chips_of(tiles)
    content = json.loads(tiles.path.read_text())
    content["features"].pop()
    tiles.path.write_text(json.dumps(content))
    before = everything(tmp_path)

    code = run_cli(["tiles", "verify", str(tiles.path), *fix])

    said = capsys.readouterr()
    assert code == (2 if fix else 3)
    assert "was changed since it was named" in said.out + said.err
    assert everything(tmp_path) == before


def test_chips_without_a_list_are_read_to_their_end(tmp_path, capsys):
    """As other programs leave them; one cut in its pixels opens, and is found all the same."""
    tiles = tiles_in(tmp_path, size=1000.0)
    chips_of(tiles)
    folder = tiles.folder / "s2"
    (folder / "chips.parquet").unlink()
    path = folder / f"{tiles.frame['identifier'][3]}.tif"
    path.write_bytes(path.read_bytes()[:-3000])

    code = run_cli(["tiles", "verify", str(tiles.path), "--fix"])

    assert code == 3
    assert "does not open" in capsys.readouterr().out
    assert not path.exists()


def test_an_unknown_dataset_is_answered_by_the_nearest(tmp_path, capsys):
    """Exit code 2: it was asked wrongly."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)

    code = run_cli(["tiles", "verify", str(tiles.path), "--dataset", "s3"])

    assert code == 2
    assert "there are s2" in capsys.readouterr().err


def test_python_says_the_same(tmp_path):
    """`orc.tiles.verify` returns the faults; none where all is whole."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    assert orc.tiles.verify(tiles).faults == ()
    path = tiles.folder / "s2" / f"{tiles.frame['identifier'][1]}.tif"
    flipped(path)

    (fault,) = orc.tiles.verify(tiles.path, "s2").faults

    assert (fault.kind, fault.path) == ("chip", path)


def test_tiles_that_were_never_asked_for_are_no_fault(tmp_path, capsys):
    """A download of some tiles lists those alone; a list that was cut is told by the count beside it."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles, about={"counts": {"DONE": 4, "EMPTY": 0, "FAILED": 0}})
    folder, (*_, last, lost) = tiles.folder / "s2", tiles.frame["identifier"]
    rows = rows_in(folder)
    for name in (last, lost):
        rows.pop(name)
        (folder / f"{name}.tif").unlink()
    write_list(folder, list(rows.values()))

    whole = run_cli(["tiles", "verify", str(tiles.path)])
    said = capsys.readouterr().out
    write_list(folder, list(rows.values())[1:])
    cut = run_cli(["tiles", "verify", str(tiles.path)])

    assert (whole, cut) == (0, 3)
    assert "2 tiles of s2 were never asked for" in said
    assert "lists 3 chips, dataset.json counts 4" in capsys.readouterr().out


def test_a_name_that_leads_elsewhere_is_told_and_nothing_is_opened(tmp_path):
    """The tile is called so in a file that was changed: what lies there is none of its chips."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    write_chip(tmp_path / "elsewhere.tif", np.ones((2, 10, 10), np.uint8), left=0, top=0)
    changed = replace(tiles, frame=tiles.frame.assign(identifier=["../../elsewhere", *tiles.identifiers[1:]]))

    faults = verify_tiles(changed).faults

    assert faults[0].what == f"the tile called ../../elsewhere is {tiles.identifiers[0]} by its envelope"
    assert {fault.kind for fault in faults} == {"tiles", "stranger"}
