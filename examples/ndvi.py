# ruff: noqa: INP001  a file of its own, no package
"""An image of one's own: vegetation from the clearer scenes. See docs/howto/own-image.md."""

from __future__ import annotations

import ee


def get_ee_image(region: ee.Geometry, start: str, end: str) -> ee.Image:
    """Return the median NDVI of scenes with less than 20 % cloud, as one band `NDVI`."""
    scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(region).filterDate(start, end)
    median = scenes.filter(ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", 20)).median()
    return median.normalizedDifference(["B8", "B4"]).rename("NDVI")
