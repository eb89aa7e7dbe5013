"""Sentinel-2 without clouds, in two ways: linked with Cloud Score+, and joined with the cloud probability."""

from __future__ import annotations

import ee
import numpy as np
import pytest
from scripts_kit import Plot

SURFACE, SCORE, PROBABILITY = (
    "COPERNICUS/S2_SR_HARMONIZED",
    "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED",
    "COPERNICUS/S2_CLOUD_PROBABILITY",
)
START, END = "2021-05-01", "2021-05-16"
GLADE = Plot(480020, 5295000, 10, 120, "EPSG:32633")
BANDS = ["B4", "B8"]


def scenes(collection):
    return ee.ImageCollection(collection).filterBounds(GLADE.region()).filterDate(START, END)


def by_score():
    """The median of pixels whose score is at least 0.6."""
    linked = scenes(SURFACE).linkCollection(ee.ImageCollection(SCORE), ["cs_cdf"])
    clear = linked.map(lambda image: image.updateMask(image.select("cs_cdf").gte(0.6)))
    return clear.select(BANDS).median()


def by_probability():
    """The median of pixels whose probability of cloud is below 40."""
    same = ee.Filter.equals(leftField="system:index", rightField="system:index")
    joined = ee.ImageCollection(ee.Join.saveFirst("clouds").apply(scenes(SURFACE), scenes(PROBABILITY), same))
    clear = joined.map(lambda image: image.updateMask(ee.Image(image.get("clouds")).select("probability").lt(40)))
    return clear.select(BANDS).median()


def medians(world, other, band, keep):
    """The same from the scenes' own pixels: each scene with the one of the other collection that has its index."""
    clouds = {scene.properties["system:index"]: scene for scene in GLADE.scenes(world, other, START, END)}
    stacks, cloudy = {name: [] for name in BANDS}, []
    for scene in GLADE.scenes(world, SURFACE, START, END):
        clear = keep(GLADE.read(clouds[scene.properties["system:index"]], band))
        cloudy.append(1 - clear.mean())
        for name in BANDS:
            stacks[name].append(np.where(clear, GLADE.read(scene, name), np.nan))
    assert any(0.05 < share < 0.95 for share in cloudy)
    return {name: np.nan_to_num(np.nanmedian(stack, axis=0)) for name, stack in stacks.items()}


@pytest.mark.parametrize(
    ("script", "other", "band", "keep"),
    [
        pytest.param(by_score, SCORE, "cs_cdf", lambda score: score >= 0.6, id="score"),
        pytest.param(by_probability, PROBABILITY, "probability", lambda chance: chance < 40, id="probability"),
    ],
)
def test_the_composite_is_the_median_of_clear_pixels(world, script, other, band, keep):
    """In both bands, to the last bit."""
    found = GLADE.compute(script())

    for name, expected in medians(world, other, band, keep).items():
        np.testing.assert_array_equal(found[name], expected)
