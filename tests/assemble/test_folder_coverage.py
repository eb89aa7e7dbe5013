"""Which parts of a folder there must be, where they lie, and that each place is covered once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import shapely
from assembly import Scene, read
from folder_kit import DASH, NO_DASH, PLAIN, SCENE, assembled, export, refused, write_area

from orchestrator.model.grid import Window


def test_missing_parts_are_named_as_they_would_be_called(tmp_path):
    """The first and one in the middle are gone; so is the wish to guess."""
    parts = export(SCENE, tmp_path / "parts")
    for window in (Window(0, 0, 64, 64), Window(64, 128, 64, 64)):
        parts[window].unlink()

    refused(tmp_path, r"parts lacks img0000000000-0000000000\.tif, img0000000064-0000000128\.tif;")


def test_missing_parts_of_other_names_are_told_by_their_place(tmp_path):
    """Rows, columns and coordinates."""
    parts = export(SCENE, tmp_path / "parts", PLAIN)
    parts[Window(64, 128, 64, 64)].unlink()

    refused(tmp_path, r"rows 64 to 127, columns 128 to 191 \(501260,5198740,501900,5199380\)")


def test_missing_parts_may_be_allowed(tmp_path):
    """Their pixels are nodata, the others are as they are, and the proof names the parts."""
    parts = export(SCENE, tmp_path / "parts")
    parts.pop(Window(0, 0, 64, 64)).unlink()

    result = assembled(tmp_path, allow_missing=True)

    truth = SCENE.pixels()
    truth[:, :64, :64] = 0
    np.testing.assert_array_equal(read(result["path"]), truth)
    assert json.loads(Path(result["proof"]).read_text())["missing"] == ["img0000000000-0000000000.tif"]


def test_parts_that_the_area_does_not_touch_may_be_missing(tmp_path):
    """As they are when somebody exported no more than what was needed."""
    left, _bottom, _right, top = SCENE.grid.bounds()
    parts = export(SCENE, tmp_path / "parts")
    for window in [w for w in parts if w.row >= 128 or w.col >= 128]:
        parts[window].unlink()

    area = shapely.box(left + 5, top - 1000, left + 1200, top - 5)
    result = assembled(tmp_path, areas=(write_area(tmp_path / "a.geojson", area),))

    assert result["missing"] == []
    assert read(result["path"]).shape == (2, 128, 128)


def test_an_area_that_reaches_beyond_the_parts_is_refused(tmp_path):
    """How far, and on which side."""
    left, bottom, right, top = SCENE.grid.bounds()
    export(SCENE, tmp_path / "parts")

    area = write_area(tmp_path / "a.geojson", shapely.box(left - 70, bottom + 100, right, top))

    refused(tmp_path, "7 columns west of all parts", areas=(area,))


def test_an_area_elsewhere_is_refused(tmp_path):
    """It touches no part."""
    left, _bottom, _right, top = SCENE.grid.bounds()
    export(SCENE, tmp_path / "parts")

    area = write_area(tmp_path / "a.geojson", shapely.box(left - 900, top + 100, left - 100, top + 900))

    refused(tmp_path, "touches none of the parts", areas=(area,), allow_missing=True)


def test_parts_that_overlap_are_refused(tmp_path):
    """Which of two pixels counts cannot be known."""
    export(SCENE, tmp_path / "parts", PLAIN)
    SCENE._write_part(tmp_path / "parts", Window(10, 10, 64, 64), SCENE.pixels())

    refused(tmp_path, r"part_0_0\.TIFF and 10-10\.tif both cover|10-10\.tif and part_0_0\.TIFF both cover")


def test_the_same_part_twice_is_left_out_and_said(tmp_path):
    """A download under both of Earth Engine's names is one part."""
    export(SCENE, tmp_path / "parts", NO_DASH)
    first = tmp_path / "parts" / NO_DASH.format(0, 0)
    shutil.copy(first, tmp_path / "parts" / DASH.format(0, 0))

    result = assembled(tmp_path)

    np.testing.assert_array_equal(read(result["path"]), SCENE.pixels())
    assert result["notes"] == [f"{NO_DASH.format(0, 0)} is the same file as {DASH.format(0, 0)} and was left out."]


def test_two_different_parts_at_one_place_are_refused(tmp_path):
    """A part and its newer version are not one."""
    export(SCENE, tmp_path / "parts", NO_DASH)
    other = Scene(**{**vars(SCENE), "seed": 9}).write(tmp_path / "other")[Window(0, 0, 64, 64)]
    shutil.copy(other, tmp_path / "parts" / DASH.format(0, 0))

    refused(tmp_path, "cover the same pixels and differ")


def test_parts_of_several_rasters_are_told_apart(tmp_path):
    """Their prefixes are listed; one of them chooses."""
    export(SCENE, tmp_path / "parts", NO_DASH)
    export(Scene(**{**vars(SCENE), "seed": 9}), tmp_path / "parts", "dry-{0:010d}-{1:010d}.tif")

    refused(tmp_path, r"'dry' \(20 files\), 'img' \(20 files\); choose one by --prefix")
    refused(tmp_path, "no part .* begins with 'wet'", prefix="wet")
    result = assembled(tmp_path, prefix="img")

    np.testing.assert_array_equal(read(result["path"]), SCENE.pixels())
