"""A trend of vegetation: one mean index for each summer, and a line through the years."""

from __future__ import annotations

import ee
import numpy as np
import pytest
from scipy import stats
from scripts_kit import Plot

COLLECTION = "MODIS/061/MOD13A1"
SIDE = 463.312716527917
# The lattice of MODIS near 48 degrees north, 15 degrees east.
FIELDS = Plot(-20015109.354 + SIDE * 45720, 10007554.677 - SIDE * 10136, SIDE, 12, "SR-ORG:6974")
YEARS = list(range(2006, 2011))


def summers():
    """An image for each year: its number, and the mean index of July."""
    season = ee.ImageCollection(COLLECTION).filter(ee.Filter.calendarRange(7, 7, "month")).select("NDVI")

    def of(year):
        mean = season.filter(ee.Filter.calendarRange(year, year, "year")).mean().multiply(0.0001)
        return ee.Image.constant(year).toDouble().rename("year").addBands(mean).set("year", year)

    return ee.ImageCollection(ee.List(YEARS).map(of))


@pytest.fixture(scope="module")
def expected(world):
    """The mean index of each summer (year, row, col), from the scenes' own pixels."""
    means = []
    for year in YEARS:
        scenes = FIELDS.scenes(world, COLLECTION, f"{year}-07-01", f"{year}-08-01")
        means.append(np.nanmean([FIELDS.read(scene, "NDVI") * 0.0001 for scene in scenes], axis=0))
    return np.array(means)


def test_a_line_is_fitted_through_the_summers(expected):
    """Slope and offset in each pixel are those of least squares."""
    found = FIELDS.compute(summers().reduce(ee.Reducer.linearFit()))

    slope, offset = np.polyfit(YEARS, expected.reshape(len(YEARS), -1), 1)
    assert found["scale"].ravel() == pytest.approx(slope, abs=1e-8)
    assert found["offset"].ravel() == pytest.approx(offset, abs=1e-5)


def test_the_median_of_slopes_is_sens(expected):
    """Sen's slope in each pixel is that of SciPy."""
    found = FIELDS.compute(summers().reduce(ee.Reducer.sensSlope()).select("slope"))

    series = expected.reshape(len(YEARS), -1).T
    assert found["slope"].ravel() == pytest.approx([stats.theilslopes(each, YEARS).slope for each in series], abs=1e-8)
