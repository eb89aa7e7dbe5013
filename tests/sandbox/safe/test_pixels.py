"""Pixels of the files against the scene that Earth Engine shows, and against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from sandbox_safe_kit import CUT, sensing

from orchestrator.sandbox.safe.product import Options
from orchestrator.sandbox.safe.tree import write


def shown(written, band, metres):
    """The pixels of the cut as Earth Engine shows them, and which are valid."""
    times = 60 // metres
    row, col, height, width = (each * times for each in (CUT.row, CUT.col, CUT.height, CUT.width))
    return written.scene.read(band, 0, row, col, height, width)


def read(path):
    with rasterio.open(path) as raster:
        return raster.read(1)


@pytest.mark.parametrize(("name", "band", "metres"), [("B02", "B2", 10), ("B8A", "B8A", 20), ("B01", "B1", 60)])
def test_a_file_without_its_offset_holds_the_integers_of_the_harmonised_scene(written, name, band, metres):
    values, valid = shown(written, band, metres)

    numbers = read(written.image(name, metres))

    np.testing.assert_array_equal(numbers[valid].astype(int) - 1000, values[valid])
    assert 0.3 < valid.mean() < 0.9


def test_the_cirrus_band_is_that_of_the_harmonised_scene(pair):
    values, valid = shown(pair["L1C"], "B10", 60)

    numbers = read(pair["L1C"].image("B10", 60))

    np.testing.assert_array_equal(numbers, np.where(valid, values + 1000, 0))


def test_what_the_orbit_does_not_see_is_zero_and_nothing_else_is(written):
    _, valid = shown(written, "B2", 10)

    np.testing.assert_array_equal(read(written.image("B02", 10)) == 0, ~valid)


@pytest.mark.parametrize(("name", "metres"), [("SCL", 20), ("AOT", 10), ("WVP", 10)])
def test_classes_and_atmosphere_have_no_offset(pair, name, metres):
    values, valid = shown(pair["L2A"], name, metres)

    np.testing.assert_array_equal(read(pair["L2A"].image(name, metres)), np.where(valid, values, 0))


def test_the_cut_shows_most_classes(pair):
    """Or the other tests of classes would show little."""
    assert len(np.unique(read(pair["L2A"].image("SCL", 20)))) >= 7


@pytest.mark.parametrize(("name", "metres", "ratio"), [("B02", 20, 2), ("B02", 60, 6), ("AOT", 20, 2)])
def test_a_coarser_copy_is_the_mean_of_the_valid_pixels(pair, name, metres, ratio):
    fine = read(pair["L2A"].image(name, 10)).astype(float)
    height, width = (side // ratio for side in fine.shape)
    blocks = fine.reshape(height, ratio, width, ratio).swapaxes(1, 2).reshape(height, width, -1)
    counts = (blocks > 0).sum(axis=2)
    mean = blocks.sum(axis=2) / np.maximum(counts, 1)

    copy = read(pair["L2A"].image(name, metres))

    np.testing.assert_array_equal(copy == 0, counts == 0)
    assert np.abs(copy - mean).max() <= 0.5 + 1e-3


def test_a_class_at_60_metres_is_that_in_the_middle_of_nine(pair):
    fine = read(pair["L2A"].image("SCL", 20))

    np.testing.assert_array_equal(read(pair["L2A"].image("SCL", 60)), fine[1::3, 1::3])


def test_b01_at_20_metres_repeats_the_recorded_pixels(pair):
    native = read(pair["L2A"].image("B01", 60))

    np.testing.assert_array_equal(read(pair["L2A"].image("B01", 20)), native.repeat(3, axis=0).repeat(3, axis=1))


def test_the_true_colour_image_shows_red_green_and_blue(pair):
    with rasterio.open(pair["L1C"].image("TCI", 10)) as raster:
        colours = raster.read()
    for plane, name in zip(colours, ("B04", "B03", "B02"), strict=True):
        numbers = read(pair["L1C"].image(name, 10)).astype(float)
        expected = np.where(numbers > 0, np.clip((numbers - 1000) * 255 / 3558, 0, 255), 0)
        assert np.abs(plane - expected).max() <= 0.5 + 1e-3


def test_an_old_baseline_has_no_offset_and_the_same_reflectance(pair, source, tmp_path):
    old = sensing(source, "L1C", Options(CUT, baseline="02.06", bands=("B01",)))
    folder = write(old, tmp_path)

    numbers = read(folder / old.path(old.images[0])).astype(int)

    new = read(pair["L1C"].image("B01", 60)).astype(int)
    np.testing.assert_array_equal(numbers, np.where(new > 0, new - 1000, 0))


@pytest.mark.parametrize(("name", "metres", "dtype"), [("B02", 10, "uint16"), ("SCL", 20, "uint8")])
def test_images_are_lossless_jpeg_2000_with_the_grid_of_the_cut(pair, name, metres, dtype):
    with rasterio.open(pair["L2A"].image(name, metres)) as raster:
        tile = pair["L2A"].scene.tile
        assert raster.driver == "JP2OpenJPEG"
        assert raster.tags(ns="IMAGE_STRUCTURE")["COMPRESSION_REVERSIBILITY"] == "LOSSLESS"
        assert raster.crs.to_epsg() == 32633
        assert (raster.transform.c, raster.transform.f) == (tile.west + 60 * CUT.col, tile.north - 60 * CUT.row)
        assert (raster.transform.a, raster.transform.e) == (metres, -metres)
        assert raster.shape == (CUT.height * 60 // metres, CUT.width * 60 // metres)
        assert raster.dtypes == (dtype,)
        assert raster.nodata is None


def test_the_same_product_has_the_same_bytes(pair, source, tmp_path):
    again = sensing(source, "L1C", Options(CUT, bands=pair["L1C"].product.options.bands))

    folder = write(again, tmp_path)

    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert [f for f in files if (folder / f).read_bytes() != (pair["L1C"].folder / f).read_bytes()] == []
    assert len(files) > 15
