"""Terrain: slope, aspect and shade of an elevation model, and the area that is steeper than a limit."""

from __future__ import annotations

import ee
import numpy as np
import pyproj
import pytest
from scripts_kit import VILLAGE

STEEP = 1.5  # degrees
SUN, HEIGHT = 300.0, 40.0  # azimuth and elevation of the light in degrees


def elevation():
    """Elevation in pixels of metres, so that slopes are not distorted by the map."""
    return ee.Image("USGS/SRTMGL1_003").resample("bilinear").reproject(VILLAGE.projection())


def steep():
    return ee.Terrain.slope(elevation()).gt(STEEP)


@pytest.fixture(scope="module")
def ground():
    """Rises to the east and to the north in metres per metre, as numpy has them, without the edge."""
    heights = VILLAGE.compute(elevation().toDouble())["elevation"]
    north, east = np.gradient(heights, -VILLAGE.scale, VILLAGE.scale)
    return east[1:-1, 1:-1], north[1:-1, 1:-1]


@pytest.fixture
def slope(ground):
    """Steepness in degrees."""
    return np.degrees(np.arctan(np.hypot(*ground)))


@pytest.fixture
def found():
    products = ee.Terrain.products(elevation()).select("slope", "aspect")
    shade = ee.Terrain.hillshade(elevation(), SUN, HEIGHT).rename("shade")
    return VILLAGE.compute(products.toDouble().addBands(shade.toDouble()))[1:-1, 1:-1]


def test_slopes_are_gradients(found, slope):
    """The slope is the steepness of central differences."""
    assert np.max(slope) > STEEP
    assert found["slope"] == pytest.approx(slope, abs=1e-4)


def test_aspects_look_downhill(found, ground, slope):
    """The aspect is the compass direction in which the ground falls."""
    east, north = ground
    downhill = np.degrees(np.arctan2(-east, -north)) % 360

    apart = (found["aspect"] - downhill + 180) % 360 - 180
    assert np.max(np.abs(apart[slope > 0.1])) < 1e-3


def test_shade_is_the_cosine_of_the_lights_angle(found, ground):
    """The light's direction times the ground's normal, from 0 to 255."""
    east, north = ground
    azimuth, height = np.radians([SUN, HEIGHT])
    light = np.array([np.sin(azimuth) * np.cos(height), np.cos(azimuth) * np.cos(height), np.sin(height)])
    normal = np.array([-east, -north, np.ones_like(east)]) / np.sqrt(east**2 + north**2 + 1)
    cosine = np.tensordot(light, normal, 1)

    assert found["shade"] == pytest.approx(255 * np.clip(cosine, 0, 1), abs=1)


def test_the_steep_area_is_that_of_the_steep_pixels(slope):
    """Hectares by `pixelArea` are those of the pixels whose gradient is above the limit."""
    areas = ee.Image.pixelArea().updateMask(steep())

    found = areas.reduceRegion(
        ee.Reducer.sum(), VILLAGE.region(1), crs=VILLAGE.crs, crsTransform=VILLAGE.transform()
    ).getInfo()

    scale = pyproj.Proj(VILLAGE.crs).get_factors(15.66, 47.76).areal_scale
    assert found["area"] == pytest.approx(np.count_nonzero(slope > STEEP) * 900 / scale, rel=1e-4)
