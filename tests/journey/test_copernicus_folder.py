"""
A cloud-free mosaic of products as they were delivered, by the whole program, without an account.

The expected pixels are computed here, from the JPEG 2000 files alone.
"""

from __future__ import annotations

import warnings

import journey_kit as kit
import numpy as np
import pytest
import rasterio
from small_job import write_area

from orchestrator.sandbox.safe.product import Cut, Options
from orchestrator.sandbox.safe.source import Source
from orchestrator.sandbox.safe.tree import write

CUT = Cut(600, 600, 24, 24)  # pixels of 60 m, in the middle of tile 33TWL
LEFT, TOP = 499_980 + 600 * 60, 5_100_000 - 600 * 60
MEDIAN = """
import ee


def get_ee_image(region, start, end):
    scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(region).filterDate(start, end)

    def clear(scene):
        classes = scene.select("SCL")
        return scene.select(["B2", "B8A"]).updateMask(classes.gte(4).And(classes.lte(7)))

    return scenes.map(clear).median()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three sensings."""
    folder = tmp_path_factory.mktemp("copernicus")
    options = Options(CUT, bands=("B02", "B8A", "SCL"))
    for product in Source().of_tile("L2A", "33TWL", "2024-06-01", "2024-06-09", options):
        write(product, folder)
    return folder


def read(product, ending, metres):
    """A band on 10 m, each pixel as often as it is long."""
    with rasterio.open(next(product.glob(f"GRANULE/*/IMG_DATA/*/*_{ending}_{metres}m.jp2"))) as source:
        return source.read(1).astype(int).repeat(metres // 10, axis=0).repeat(metres // 10, axis=1)


def median_of(folder, band, metres):
    """The median of what is clear by each scene's own classes, on 10 m (row, col), NaN where nothing is."""
    stack = []
    for product in sorted(folder.glob("*.SAFE")):
        counts, classes = read(product, band, metres), read(product, "SCL", 20)
        stack.append(np.where((counts != 0) & (classes >= 4) & (classes <= 7), counts - 1000.0, np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of pixels that nobody saw
        return np.nanmedian(stack, axis=0)


def test_a_mosaic_from_delivered_files_is_the_median_of_their_clear_pixels(tmp_path, program, folder):
    home = kit.Home(tmp_path, program, None)
    (tmp_path / "image.py").write_text(MEDIAN)
    right, bottom = LEFT + 24 * 60, TOP - 24 * 60
    inset = [(LEFT + 45, bottom + 45), (right - 45, bottom + 45), (right - 45, TOP - 45), (LEFT + 45, TOP - 45)]
    write_area(tmp_path / "area.geojson", tuple(inset))
    dates = ("--start-date", "2024-06-01", "--end-date", "2024-06-09", "--bands", "B2,B8A")
    grid = ("--crs-transform", f"10,0,{LEFT},0,-10,{TOP}")

    home.command("run", *home.job(*dates, *grid), "--sandbox", "--scenes", str(folder)).expect(0)

    with rasterio.open(home.final) as raster:
        row, col = round((TOP - raster.transform.f) / 10), round((raster.transform.c - LEFT) / 10)
        pixels, nodata = raster.read(), raster.nodata
    inside = np.s_[row : row + pixels.shape[1], col : col + pixels.shape[2]]
    seen = raster_of_area(pixels.shape[1:])
    for found, (band, metres) in zip(pixels, (("B02", 10), ("B8A", 20)), strict=True):
        wanted = median_of(folder, band, metres)[inside]
        assert np.array_equal(found[seen], np.where(np.isnan(wanted), nodata, wanted)[seen])
        assert np.count_nonzero(found != nodata) > 10_000


def raster_of_area(shape):
    """All pixels but the outermost ring: the area's border runs through that."""
    seen = np.zeros(shape, bool)
    seen[1:-1, 1:-1] = True
    return seen
