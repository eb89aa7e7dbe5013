"""Tiles of a map, as a map in a browser asks for them."""

from __future__ import annotations

import io
import math

import ee
import matplotlib.image
import numpy as np
import pyproj
import pytest
import requests
from pixels_kit import refusal

ZOOM = 12
# A tile over the masked corner of the ramp, at 15 E, 46.95 N. Formula: tile numbers of Web Mercator.
LON, LAT = 15.03, 46.94
X = int((LON + 180) / 360 * 2**ZOOM)
Y = int((1 - math.asinh(math.tan(math.radians(LAT))) / math.pi) / 2 * 2**ZOOM)


def tile(image, options, x=X, y=Y, zoom=ZOOM):
    fetcher = image.getMapId(options)["tile_fetcher"]
    return requests.get(fetcher.format_tile_url(x, y, zoom), timeout=20)


def centres():
    """Longitude and latitude of the pixels of the tile, by the formula of Web Mercator."""
    at = (np.arange(256) + 0.5) / 256
    lon = (X + at) / 2**ZOOM * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(math.pi * (1 - 2 * (Y + at) / 2**ZOOM))))
    return np.meshgrid(lon, lat)


@pytest.mark.usefixtures("sandbox")
def test_a_tile_has_256_pixels_a_side_where_web_mercator_puts_them():
    """The longitude, stretched over a tile, is that of the pixels' centres."""
    lon, _ = centres()
    low, high = float(lon.min()), float(lon.max())
    image = ee.Image.pixelLonLat().select("longitude")

    found = tile(image, {"min": low, "max": high, "format": "png"})

    pixels = matplotlib.image.imread(io.BytesIO(found.content), format="png")[..., 0] * 255
    assert pixels.shape == (256, 256)
    assert np.abs(pixels - (lon - low) / (high - low) * 255).max() <= 0.51


def test_what_is_masked_is_transparent(kit):
    """The ramp is masked in its first 300 rows and columns, and nothing lies outside of it."""
    rows, cols = pixels_of_the_ramp()
    inside = (rows >= 0) & (cols >= 0) & (rows < 1200) & (cols < 1200)
    expected = inside & ~((rows < 300) & (cols < 300))

    found = tile(kit.image("ramp").gte(0), {"min": 0, "max": 1})

    opacity = matplotlib.image.imread(io.BytesIO(found.content), format="png")[..., 3] > 0
    assert found.headers["Content-Type"] == "image/png"
    assert 0 < expected.mean() < 1
    assert (opacity == expected).mean() > 0.97  # borders fall on other pixels of coarser levels


def pixels_of_the_ramp():
    to_utm = pyproj.Transformer.from_crs(4326, 32633, always_xy=True)
    x, y = to_utm.transform(*centres())
    return np.floor((5_200_000 - y) / 10), np.floor((x - 500_000) / 10)


@pytest.mark.usefixtures("sandbox")
def test_a_palette_colours_the_tiles():
    """One value of a palette of two colours is the second."""
    found = tile(ee.Image(1), {"min": 0, "max": 1, "palette": ["000000", "3366ff"], "format": "png"}, 0, 0, 0)

    pixels = matplotlib.image.imread(io.BytesIO(found.content), format="png")
    assert np.rint(pixels[100, 100] * 255).tolist() == [0x33, 0x66, 0xFF, 255]


def test_a_tile_that_does_not_exist_is_refused(kit, web):
    """Zoom 1 has four tiles."""
    name = kit.image().getMapId({"min": 0, "max": 1})["mapid"]

    answer = web("GET", f"/v1/{name}/tiles/1/2/0")

    assert (answer.status_code, "1/2/0" in answer.text) == (400, True)


@pytest.mark.usefixtures("sandbox")
def test_an_expression_that_cannot_be_computed_is_told_when_the_map_is_made():
    """Not tile by tile."""
    assert "not found" in refusal(lambda: ee.Image("no/such").getMapId({"min": 0, "max": 1}))


def test_a_map_expires_like_a_thumbnail(kit, web):
    """404 after some hours of the sandbox's clock."""
    name = kit.image().getMapId({"min": 0, "max": 1})["mapid"]

    kit.sandbox.clock.advance(5 * 3600)

    assert web("GET", f"/v1/{name}/tiles/0/0/0").status_code == 404


@pytest.mark.usefixtures("sandbox")
def test_the_clients_own_url_of_a_tile_works():
    """`ee.data.getTileUrl`."""
    url = ee.data.getTileUrl(ee.Image(7).getMapId({"min": 0, "max": 14}), 0, 0, 0)

    assert requests.get(url, timeout=20).headers["Content-Type"] == "image/jpeg"
