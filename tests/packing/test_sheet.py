"""A contact sheet: every chip that there is, in colours that say what it holds."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import rasterio
from chip_kit import IMAGES, make_place, make_tiles, manifest, without, write_chip, write_dataset, write_manifest
from matplotlib.image import imread

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.packing.sheet import draw_sheet


def colours(sheet):
    """Return how many pixels of the picture have each colour."""
    pixels = (imread(io.BytesIO(sheet.png))[..., :3] * 255).round().astype(int)
    found, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(colour): int(count) for colour, count in zip(found.tolist(), counts, strict=True)}


def shown(place, capsys, *more):
    code = run_cli(["dataset", "show", str(place.tiles.path), "--images", IMAGES, *more])
    return code, capsys.readouterr().out


def test_chips_of_every_shape_are_drawn(tmp_path):
    """Each fills its cell: squares of 8 and of 5 pixels, of two classes, are as large as each other."""
    tiles = make_tiles(tmp_path / "work", 2, None)
    about = {"classes": {"1": {"name": "a", "color": "#006400"}, "2": {"name": "b", "color": "#ffbb22"}}}
    write_dataset(tiles, "img", lambda n: np.full((1, 8 - 3 * n, 8 - 3 * n), 1 + n, "uint8"), about)

    found = colours(draw_sheet(tiles, "img"))

    assert found[0, 0x64, 0] > 100 * 100
    assert found[0xFF, 0xBB, 0x22] == pytest.approx(found[0, 0x64, 0], rel=0.05)


def test_tiles_of_no_split_are_drawn(tmp_path):
    """Those in a gap are chips as well."""
    place = make_place(tmp_path, 4, splits=["train", None, "none", "test"])

    assert len(draw_sheet(place.tiles, IMAGES).samples) == 4


def test_what_is_not_drawn_is_said(tmp_path, capsys):
    """How many of how many, and of the others why; one chip is not `1 chips`."""
    place = make_place(tmp_path, 5)
    without(place.tiles.folder / IMAGES, place.identifiers[0], "FAILED")
    (place.tiles.folder / IMAGES / f"{place.identifiers[1]}.tif").unlink()
    without(place.tiles.folder / IMAGES, place.identifiers[2], "EMPTY")

    _, said = shown(place, capsys, "--count", "1")
    _, told = shown(place, capsys, "-o", str(tmp_path / "all.png"))

    assert "(1 of 2 chips, seed 0; of the tiles 2 have no chip, 1 have an empty chip)" in said.replace("\n", " ")
    assert "(2 chips, seed 0" in told


def test_one_chip_is_one_chip(tmp_path, capsys):
    """Not `1 chips`."""
    place = make_place(tmp_path, 1)

    assert "(1 chip, seed 0)" in shown(place, capsys)[1]


def test_bands_are_shown_as_they_are_asked_for(tmp_path):
    """Red, green and blue of three bands that are each 0 or 1000: pure colours; without it the first in grey."""
    tiles = make_tiles(tmp_path / "work", 2, None)
    values = {"a": (0, 0), "x": (1000, 0), "y": (0, 1000), "z": (0, 0)}
    about = {"bands": list(values)}
    write_dataset(
        tiles, "img", lambda n: np.array([np.full((8, 8), each[n]) for each in values.values()], "uint16"), about
    )

    found = colours(draw_sheet(tiles, "img", bands=("x", "y", "z")))

    assert found[255, 0, 0] > 100 * 100
    assert found[0, 255, 0] > 100 * 100
    assert (255, 0, 0) not in colours(draw_sheet(tiles, "img"))


@pytest.mark.parametrize(("bands", "says"), [(("B4", "B9", "B2"), "'B9'"), (("B4", "B3"), "three")])
def test_bands_that_are_none_are_told_in_a_line(tmp_path, bands, says):
    """With those that there are."""
    with pytest.raises(UserError, match=says):
        draw_sheet(make_place(tmp_path, 2).tiles, IMAGES, bands=bands)


def test_images_that_are_classes_have_the_colours_of_their_classes(tmp_path):
    """A map of land cover is looked at by itself as well."""
    tiles = make_tiles(tmp_path / "work", 2, None)
    classes = {"10": {"name": "Trees", "color": "#006400"}, "20": {"name": "Shrubs", "colour": "ffbb22"}}
    write_dataset(tiles, "cover", lambda n: np.full((1, 8, 8), 10 + 10 * n, "uint8"), {"classes": classes})

    found = colours(draw_sheet(tiles, "cover"))

    assert min(found[0, 0x64, 0], found[0xFF, 0xBB, 0x22]) > 100 * 100


def test_programs_hear_what_is_lacking(tmp_path, capsys):
    """In the JSON of the command."""
    place = make_place(tmp_path, 3)
    folder, odd = place.tiles.folder / IMAGES, place.identifiers[1]
    rows = [
        write_chip(folder / f"{odd}.tif", np.ones((3, 5, 5), "uint16"), rasterio.Affine(*row["transform"]), 0)
        if row["identifier"] == odd
        else row
        for row in manifest(folder)
        if row["identifier"] != place.identifiers[0]
    ]
    write_manifest(folder, rows)
    (folder / f"{place.identifiers[0]}.tif").unlink()

    run_cli(["--json", "dataset", "show", str(place.tiles.path), "--images", IMAGES])

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (len(told["chips"]), told["of"]) == (2, 2)
    assert told["lacking"] == {"failed": 0, "unasked": 1, "empty": 0}
