"""Open water by radar: backscatter before and after, smoothed, below a threshold; the area that became water."""

from __future__ import annotations

import ee
import numpy as np
import pyproj
import pytest
from scipy import ndimage
from scripts_kit import Plot

COLLECTION = "COPERNICUS/S1_GRD"
THRESHOLD = -15.0  # decibels of VV, below which it is water
POND = Plot(473300, 5288480, 10, 120, "EPSG:32633")
BEFORE, AFTER = ("2021-05-01", "2021-05-14"), ("2021-05-14", "2021-05-27")
RADIUS = 30  # metres, of the circle that smooths speckle


def smoothed(days):
    """The mean backscatter of one relative orbit, smoothed."""
    scenes = (
        ee.ImageCollection(COLLECTION)
        .filterBounds(POND.region())
        .filterDate(*days)
        .filter(ee.Filter.eq("instrumentMode", "IW"))
        .filter(ee.Filter.listContains("transmitterReceiverPolarisation", "VV"))
        .filter(ee.Filter.eq("orbitProperties_pass", "DESCENDING"))
        .filter(ee.Filter.eq("relativeOrbitNumber_start", 22))
    )
    return scenes.select("VV").mean().setDefaultProjection(POND.projection()).focalMean(RADIUS, "circle", "meters")


def water(days):
    return smoothed(days).lt(THRESHOLD).rename("water")


def new_water():
    return water(AFTER).And(water(BEFORE).Not()).rename("flood")


def expected(world, days):
    """The same from the scenes' own pixels; the outermost three lack neighbours."""
    scenes = [
        scene for scene in POND.scenes(world, COLLECTION, *days) if scene.properties["relativeOrbitNumber_start"] == 22
    ]
    mean = np.mean([POND.read(scene, "VV") for scene in scenes], axis=0)
    away = np.arange(-3, 4)
    disk = (away[:, None] ** 2 + away**2 <= 9).astype(float)
    return ndimage.correlate(mean, disk / disk.sum())[3:-3, 3:-3]


@pytest.mark.parametrize("days", [BEFORE, AFTER], ids=["before", "after"])
def test_speckle_is_smoothed_by_the_mean_of_a_circle(world, days):
    """Each pixel is the mean of the 29 whose centres are within 30 m."""
    found = POND.compute(smoothed(days))["VV"]

    assert found[3:-3, 3:-3] == pytest.approx(expected(world, days), abs=1e-9)


def test_water_is_where_the_land_cover_has_it():
    """Most of what is dark to the radar is water on the map, and most water is dark."""
    cover = ee.ImageCollection("ESA/WorldCover/v200").first().eq(80).rename("cover")

    found = POND.compute(water(BEFORE).addBands(cover))

    dark, wet = found["water"] == 1, found["cover"] == 1
    assert 0.03 < np.mean(wet) < 0.5
    assert np.mean(wet[dark]) > 0.7
    assert np.mean(dark[wet]) > 0.6


@pytest.mark.parametrize("wanted", ["water", "flood"])
def test_the_area_is_that_of_the_pixels(world, wanted):
    """Hectares by `pixelArea` are a hundredth of each pixel, stretched by the map's scale there."""
    image = water(BEFORE) if wanted == "water" else new_water()
    areas = ee.Image.pixelArea().updateMask(image)
    region = POND.region(3)

    found = areas.reduceRegion(ee.Reducer.sum(), region, crs=POND.crs, crsTransform=POND.transform()).getInfo()

    before, after = (expected(world, days) < THRESHOLD for days in (BEFORE, AFTER))
    pixels = np.count_nonzero(before if wanted == "water" else after & ~before)
    scale = pyproj.Proj(POND.crs).get_factors(15.67, 47.76).areal_scale
    assert pixels > 0
    assert found["area"] == pytest.approx(pixels * 100 / scale, rel=1e-4)
