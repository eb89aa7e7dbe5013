"""Where the small jobs of these tests are, and what their pixels are."""

from __future__ import annotations

import ee

# A box of 2 km near Ljubljana; in UTM zone 33 north it is nearly square.
LEFT, BOTTOM, RIGHT, TOP = 14.400, 46.000, 14.426, 46.018


def cheap_image():
    """Every pixel's value follows from its place; a fifth of them is masked. Costs the sandbox nearly nothing."""
    place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10))
    x, y = place.select("x"), place.select("y")
    mixed = x.multiply(31).add(y.multiply(17)).mod(1009)
    return x.addBands(y).addBands(mixed.rename("mixed")).updateMask(mixed.mod(5).neq(0))
