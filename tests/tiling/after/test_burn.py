"""`tiles burn`: values of tiles as pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from after_kit import CRS, LEFT, TOP, tiles_in
from rasterio.features import rasterize
from rio_cogeo.cogeo import cog_validate

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.tiling import burning, rasters
from orchestrator.tiling.burning import burn_tiles, plan_burning
from orchestrator.tiling.shown import values_of_tiles


class Never:
    def is_set(self):
        return False


def burnt(tiles, column, path, scale, crs=""):
    plan = plan_burning(tiles, values_of_tiles(tiles, column), scale, crs)
    burn_tiles(plan, path, Never(), lambda *_: None)
    with rasterio.open(path) as file:
        return file.read(1), file.profile, file.tags()


@pytest.mark.parametrize(
    ("values", "dtype", "nodata"),
    [
        ([1.5, 2.5, None, -4.0, 1e6, 0.0], "float32", None),
        ([1, 2, 3, -4, 5, 100_000], "int32", -(2**31)),
        ([True, False, True, True, False, False], "uint8", 255),
    ],
    ids=["floats", "whole", "yes and no"],
)
def test_numbers_are_kept(tmp_path, values, dtype, nodata):
    """Each pixel holds its tile's number; a tile without one leaves nodata."""
    tiles = tiles_in(tmp_path, columns={"value": values})

    pixels, profile, _ = burnt(tiles, "value", tmp_path / "b.tif", 10.0)

    wanted = np.array([np.nan if value is None else value for value in values], float).reshape(2, 3)
    found = pixels[5::10, 5::10].astype(float)
    assert profile["dtype"] == dtype
    assert np.isnan(profile["nodata"]) if nodata is None else profile["nodata"] == nodata
    assert np.array_equal(found, wanted, equal_nan=True)
    assert (profile["transform"].c, profile["transform"].f, str(profile["crs"])) == (LEFT, TOP, CRS)
    assert cog_validate(tmp_path / "b.tif", strict=True)[0]


def test_categories_have_a_table_of_codes(tmp_path):
    """In the tags of the file, and on the screen."""
    tiles = tiles_in(tmp_path, columns={"split": ["train", "test", "val", "train", None, "val"]})

    pixels, profile, tags = burnt(tiles, "split", tmp_path / "b.tif", 10.0)

    assert json.loads(tags["CATEGORIES"]) == {"1": "test", "2": "train", "3": "val"}
    assert pixels[5::10, 5::10].tolist() == [[2, 1, 3], [2, 0, 3]]
    assert (profile["dtype"], profile["nodata"]) == ("uint8", 0)


def test_the_class_that_most_of_a_tile_has_stays_its_number(tmp_path):
    """And may be asked for as a share of one class."""
    shares = [{"10": 0.9, "20": 0.1}, {"10": 0.2, "20": 0.8}, None, {"20": 1.0}, {"10": 0.5, "20": 0.5}, {"10": 1.0}]
    tiles = tiles_in(tmp_path, columns={"wc_proportions": shares})

    classes, _, _ = burnt(tiles, "class", tmp_path / "b.tif", 10.0)
    share, _, _ = burnt(tiles, "wc_proportions:20", tmp_path / "c.tif", 10.0)

    assert classes[5::10, 5::10].tolist() == [[10, 20, 255], [20, 10, 10]]
    wanted = np.array([[0.1, 0.8, np.nan], [1.0, 0.5, 0.0]], np.float32)
    assert np.array_equal(share[5::10, 5::10], wanted, equal_nan=True)


@pytest.mark.parametrize("piece", [16, 2048])
def test_in_another_crs_it_is_what_rasterio_burns(tmp_path, monkeypatch, piece):
    """Of the same polygons, all at once; whatever the pieces it is written in."""
    monkeypatch.setattr(rasters, "PIECE", piece)
    tiles = tiles_in(tmp_path, columns={"value": [1, 2, 3, 4, 5, 6]})

    pixels, profile, _ = burnt(tiles, "value", tmp_path / "b.tif", 0.0001, "EPSG:4326")

    frame = tiles.frame.to_crs("EPSG:4326")
    wanted = rasterize(
        list(zip(frame.geometry, frame["value"], strict=True)),
        out_shape=pixels.shape,
        transform=profile["transform"],
        fill=-(2**31),
        dtype="int32",
    )
    assert (pixels != wanted).mean() < 0.01  # edges of 100 m in degrees are bent by less than a pixel's tenth
    assert set(np.unique(pixels)) == {-(2**31), 1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--column", "valu", "--scale", "10"], "did you mean 'value'?"),
        (["--column", "split", "--scale", "10"], "tiles split"),
        (["--column", "class", "--scale", "10"], "labels count"),
        (["--column", "value", "--scale", "0"], "scale"),
        (["--column", "nothing", "--scale", "10"], "no tile has a value"),
    ],
)
def test_what_cannot_be_burnt_is_said_in_one_line(tmp_path, capsys, words, said):
    """Before anything is written."""
    tiles = tiles_in(tmp_path, columns={"value": [1, 2, 3, 4, 5, 6], "nothing": [None] * 6})

    code = run_cli(["tiles", "burn", str(tiles.path), *words, "-o", str(tmp_path / "b.tif")])

    error = capsys.readouterr().err
    assert (code, len(error.splitlines())) == (2, 1)
    assert said in error
    assert not (tmp_path / "b.tif").exists()


def test_too_many_texts_are_refused(tmp_path, monkeypatch):
    """Rather than that codes begin again."""
    monkeypatch.setattr(burning, "MOST_CODES", 5)
    tiles = tiles_in(tmp_path, columns={"value": ["a", "b", "c", "d", "e", "f"]})

    with pytest.raises(UserError, match="6 different texts, 5 at most"):
        plan_burning(tiles, values_of_tiles(tiles, "value"), 10.0)
