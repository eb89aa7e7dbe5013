"""A trend of vegetation: one index for each July of Landsat, and a line through the years."""

from __future__ import annotations

import ee
import numpy as np
import pytest
from scipy import stats
from scripts_kit import Plot

COLLECTION = "LANDSAT/LC08/C02/T1_L2"
MEADOW = Plot(473025, 5290995, 30, 30, "EPSG:32633")
ROUNDING = 2e-7  # of a normalised difference, which is a number of single precision
YEARS = list(range(2014, 2020))


def julys():
    """An image for each year: its number, and the median index of clear pixels in July."""

    def index(image):
        clear = image.select("QA_PIXEL").bitwiseAnd(0b11111).eq(0)
        reflectance = image.select("SR_B.").multiply(0.0000275).add(-0.2)
        return reflectance.normalizedDifference(["SR_B5", "SR_B4"]).rename("ndvi").updateMask(clear)

    scenes = ee.ImageCollection(COLLECTION).filterBounds(MEADOW.region())

    def of(year):
        july = scenes.filter(ee.Filter.calendarRange(year, year, "year")).filter(ee.Filter.calendarRange(7, 7, "month"))
        median = july.map(index).median()
        return ee.Image.constant(year).toDouble().rename("year").addBands(median).set("year", year)

    return ee.ImageCollection(ee.List(YEARS).map(of))


@pytest.fixture(scope="module")
def series(world):
    """The index of each July (year, pixel) from the scenes' own pixels; NaN where all was under clouds."""
    return np.array([np.ravel(_july(world, year)) for year in YEARS])


def _july(world, year):
    found = []
    for scene in MEADOW.scenes(world, COLLECTION, f"{year}-07-01", f"{year}-08-01"):
        clear = np.nan_to_num(MEADOW.read(scene, "QA_PIXEL"), nan=1).astype(int) & 0b11111 == 0
        red, near = (MEADOW.read(scene, band) * 0.0000275 - 0.2 for band in ("SR_B4", "SR_B5"))
        found.append(np.where(clear, (near - red) / (near + red), np.nan))
    never = np.isnan(found).all(axis=0)
    return np.where(never, np.nan, np.nanmedian(np.where(never, 0, found), axis=0))


def by_pixel(series, fit):
    """Apply a fit to the years of each pixel that are there."""
    years = np.array(YEARS, float)
    return np.array([fit(years[~np.isnan(each)], each[~np.isnan(each)]) for each in series.T])


def test_some_years_are_missing_somewhere(series):
    """Clouds leave gaps, not the same ones everywhere, and three years at least: fits have something to heed."""
    counts = np.count_nonzero(~np.isnan(series), axis=0)

    assert counts.min() >= 3
    assert counts.min() < counts.max()


def test_a_line_is_fitted_through_the_years(series):
    """Slope and offset in each pixel are those of least squares, of the years that are not masked."""
    found = MEADOW.compute(julys().reduce(ee.Reducer.linearFit()))

    slope, offset = by_pixel(series, lambda x, y: np.polyfit(x - 2016, y, 1)).T
    assert found["scale"].ravel() == pytest.approx(slope, abs=ROUNDING)
    assert found["offset"].ravel() == pytest.approx(offset - 2016 * slope, abs=2020 * ROUNDING)


def test_the_median_of_slopes_is_sens(series):
    """Sen's slope in each pixel is that of SciPy."""
    found = MEADOW.compute(julys().reduce(ee.Reducer.sensSlope()).select("slope"))

    slopes = by_pixel(series, lambda x, y: stats.theilslopes(y, x).slope)
    assert np.count_nonzero(slopes) > 0.9 * slopes.size
    assert found["slope"].ravel() == pytest.approx(slopes, abs=ROUNDING)
