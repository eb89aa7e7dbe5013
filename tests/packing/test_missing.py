"""Chips that are not there: failed, lost, empty and never asked for are four things."""

from __future__ import annotations

import json

import pytest
from chip_kit import IMAGES, LABELS, manifest, without, write_manifest

from orchestrator.core.errors import NeedsPerson
from orchestrator.faces.cli.main import run_cli
from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.packing.sheet import draw_sheet


def unlist(place, dataset, *identifiers):
    """Leave chips as a download of some tiles only does: no row, no file."""
    folder = place.tiles.folder / dataset
    write_manifest(folder, [row for row in manifest(folder) if row["identifier"] not in identifiers])
    for name in identifiers:
        (folder / f"{name}.tif").unlink()


def packed(place, capsys, *more):
    words = ["--json", "dataset", "pack", place.tiles.path, "--images", IMAGES, "-o", place.root / "set", *more]
    code = run_cli([*map(str, words)])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_chips_that_nobody_asked_for_are_called_so(place):
    """Not FAILED: asking again would not mend what was never wrong."""
    unlist(place, IMAGES, *place.identifiers[:3])

    with pytest.raises(NeedsPerson, match="3 of 12 tiles were never asked for") as refusal:
        pack(place.tiles, Packing(IMAGES, LABELS), place.root / "set")

    assert "FAILED" not in str(refusal.value)


def test_leaving_out_what_nobody_asked_for_ends_with_exit_code_0(place, capsys):
    """Nothing that was wanted is missing."""
    unlist(place, IMAGES, *place.identifiers[:3])

    code, (*_, told) = packed(place, capsys, "--skip-missing")

    assert code == 0
    assert (told["samples"], told["left_out"]["unasked"], told["left_out"]["failed"]) == (9, 3, 0)
    assert "3 were never asked for" in (place.root / "set" / "README.md").read_text()


def test_what_failed_weighs_more_than_what_nobody_asked_for(place, capsys):
    """A tile without an image that nobody asked for, and a label that failed, still lacks something."""
    unlist(place, IMAGES, place.identifiers[0])
    without(place.tiles.folder / LABELS, place.identifiers[0], "FAILED")

    code, (*_, told) = packed(place, capsys, "--labels", LABELS, "--skip-missing")

    assert (code, told["left_out"]["failed"], told["left_out"]["unasked"]) == (3, 1, 0)


def test_a_chip_whose_file_is_gone_is_named_with_what_mends_it(place):
    """The list says DONE, and the file was deleted."""
    (place.tiles.folder / IMAGES / f"{place.identifiers[4]}.tif").unlink()

    with pytest.raises(NeedsPerson, match=f"{place.identifiers[4]}.*tiles verify .* --fix"):
        pack(place.tiles, Packing(IMAGES), place.root / "set")


def test_a_chip_whose_file_is_gone_is_left_out_as_missing(place, capsys):
    """The others are packed; the exit code says that work is missing. A sheet shows the others too."""
    (place.tiles.folder / IMAGES / f"{place.identifiers[4]}.tif").unlink()

    code, (*_, told) = packed(place, capsys, "--skip-missing")

    assert (code, told["samples"], told["left_out"]["failed"]) == (3, 11, 1)
    assert len(draw_sheet(place.tiles, IMAGES).samples) == 11
