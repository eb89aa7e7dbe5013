"""`orc.export_image`: the lattice of images that are stored in degrees, on a sphere, or in none."""

from __future__ import annotations

import ee
import numpy as np
import pytest

import orchestrator as orc

pytestmark = [
    pytest.mark.usefixtures("sandbox"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # in rasterio's own code
]

BOX = (14.400, 46.000, 14.404, 46.003)
SRTM = "USGS/SRTMGL1_003"


def asked_directly(image, array, code):
    """Return the pixels of an array by the client's own call."""
    a, b, c, d, e, f = array.rio.transform()[:6]
    names = {"scaleX": a, "shearX": b, "translateX": c, "shearY": d, "scaleY": e, "translateY": f}
    shape = {"width": array.sizes["x"], "height": array.sizes["y"]}
    grid = {"crsCode": code, "dimensions": shape, "affineTransform": names}
    return ee.data.computePixels({"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": grid})


def test_an_image_in_degrees_comes_on_its_own_lattice():
    array = orc.export_image(SRTM, BOX)

    third = 1 / 3600
    a, _, left, _, e, top = array.rio.transform()[:6]
    assert (a, e, array.rio.crs.to_epsg()) == (pytest.approx(third), pytest.approx(-third), 4326)
    assert (left / third % 1, top / third % 1) == (pytest.approx(0.5, abs=1e-6), pytest.approx(0.5, abs=1e-6))
    np.testing.assert_array_equal(array.values[0], asked_directly(ee.Image(SRTM), array, "EPSG:4326")["elevation"])


def test_modis_comes_on_its_sphere():
    image = ee.ImageCollection("MODIS/061/MOD13Q1").filterDate("2024-06-01", "2024-07-01").first().select("NDVI")

    array = orc.export_image(image, BOX)

    side = 926.625433055833 / 4
    a, _, left, _, _, top = array.rio.transform()[:6]
    assert a == pytest.approx(side)
    assert ((left + 20015109.354) / side % 1) == pytest.approx(0, abs=1e-6)
    assert ((10007554.677 - top) / side % 1) == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(array.values[0], asked_directly(image, array, "SR-ORG:6974")["NDVI"])


def test_metres_of_an_image_in_degrees_are_those_of_the_utm_zone():
    array = orc.export_image(SRTM, BOX, scale=30)

    assert array.rio.crs.to_epsg() == 32633
    assert array.rio.resolution() == (30, -30)


def test_metres_are_not_taken_for_degrees():
    with pytest.raises(orc.PlanError, match=r"the scale is 30 in EPSG:4326, which counts in degrees; 30 m are about"):
        orc.export_image(SRTM, BOX, scale=30, crs="EPSG:4326")
