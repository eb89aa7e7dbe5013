"""One ground under coarse sensors: indices, cover and temperature agree with those of fine ones."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

PLACE = (15.15, 45.72)
RADIUS = 6371007.181
DAY = 86_400_000
JULY = int(np.datetime64("2023-07-12", "ms").astype(int))


def block(image, band, height, width=None, lon=PLACE[0], lat=PLACE[1]):
    """Native pixels around a place, and the longitudes and latitudes (rows, cols) of all their edges' middles."""
    width = width or height
    at = next(each for each in image.bands if each.name == band)
    x, y = lon, lat
    if at.crs == "SR-ORG:6974":
        x, y = np.radians(lon) * RADIUS * np.cos(np.radians(lat)), np.radians(lat) * RADIUS
    a, _, c, _, e, f = at.transform
    row, col = int((y - f) // e), int((x - c) // a)
    values, valid = image.read(band, 0, row, col, height, width)
    return values.astype(float), valid, (row, col, at)


def points(where, height, width, parts):
    """Longitudes and latitudes of parts x parts points in each of a block's pixels, (height, width, parts ** 2)."""
    row, col, at = where
    a, _, c, _, e, f = at.transform
    inner = (np.arange(parts) + 0.5) / parts
    rows = row + np.arange(height)[:, None, None, None] + inner[None, None, :, None]
    cols = col + np.arange(width)[None, :, None, None] + inner[None, None, None, :]
    x, y = np.broadcast_arrays(c + a * cols, f + e * rows)
    if at.crs == "SR-ORG:6974":
        y = np.degrees(y / RADIUS)
        x = np.degrees(x / RADIUS) / np.cos(np.radians(y))
    return (part.reshape(height, width, parts**2) for part in (x, y))


def surface_means(earth, where, side, *bands, parts=10):
    """Mean reflectance x 10000 of Sentinel-2's ground in each pixel of a block."""
    lon, lat = points(where, side, side, parts)
    return [earth.sentinel2.surface(band, lon, lat, "EPSG:4326").mean(axis=2) for band in bands]


@pytest.mark.parametrize(("collection", "tolerance"), [("MODIS/061/MOD13Q1", 0.04), ("MODIS/061/MOD13A1", 0.04)])
def test_ndvi_of_modis_is_that_of_the_ground_that_sentinel_2_sees(earth, collection, tolerance):
    """NDVI of the mean reflectances over 8 x 8 pixels, in the mean to 0.04; pixels vary together."""
    image = next(earth.scenes(collection, shapely.Point(PLACE), JULY, JULY + 17 * DAY))
    values, _, where = block(image, "NDVI", 8)
    red, infrared = surface_means(earth, where, 8, "B4", "B8")

    expected = (infrared - red) / (infrared + red)

    assert (values / 1e4).mean() == pytest.approx(expected.mean(), abs=tolerance)
    assert np.corrcoef(values.ravel(), expected.ravel())[0, 1] > 0.8


def test_reflectance_of_a_clear_day_is_that_of_the_composite(earth):
    """MOD09GA against MOD09A1 where state_1km tells that it is clear."""
    composite = next(earth.scenes("MODIS/061/MOD09A1", None, JULY, JULY + 9 * DAY))
    for image in earth.scenes("MODIS/061/MOD09GA", None, JULY, JULY + 30 * DAY):
        state = block(image, "state_1km", 4)[0].astype(int)
        if not (state & 0b11).any():
            break

    daily, best = (block(each, "sur_refl_b02", 4)[0] for each in (image, composite))

    assert np.abs(daily - best).max() < 20.0


def test_clouds_of_modis_are_bright_and_flagged_and_hide_the_temperature(earth):
    """Bits 0 and 1 of state_1km, bit 10; no LST under clouds of its own day, with QC telling so."""
    shares = []
    for image in earth.scenes("MODIS/061/MOD09GA", None, JULY, JULY + 40 * DAY):
        state = block(image, "state_1km", 6)[0].astype(int)
        red = block(image, "sur_refl_b01", 12)[0].reshape(6, 2, 6, 2).mean(axis=(1, 3))
        cloudy = state & 0b11 == 1
        shares.append(cloudy.mean())
        assert ((state >> 10 & 1 == 1) == cloudy).all()
        if cloudy.any():
            assert red[cloudy].min() > 1500.0
    temperature = next(earth.scenes("MODIS/061/MOD11A1", None, JULY, JULY + DAY))
    _, valid, _ = block(temperature, "LST_Day_1km", 40)
    quality = block(temperature, "QC_Day", 40)[0].astype(int)

    assert 0.1 < np.mean(shares) < 0.8
    assert ((quality & 0b11 == 2) == ~valid).all()


def test_land_surface_temperature_of_modis_is_near_that_of_landsat(earth):
    """Summer days at half past ten; the air of the day is the same for both, to five kelvin."""
    found = []
    for scene in earth.scenes("LANDSAT/LC08/C02/T1_L2", shapely.Point(PLACE), JULY - 40 * DAY, JULY + 40 * DAY):
        index = np.datetime64(scene.properties["system:time_start"], "ms").astype("datetime64[D]")
        modis = earth.scene(f"MODIS/061/MOD11A1/{str(index).replace('-', '_')}")
        kelvin, valid, _ = block(modis, "LST_Day_1km", 4)
        at = scene.bands[8]
        rows, cols = at.height // 2, at.width // 2
        pixels, seen = scene.read("ST_B10", 0, rows, cols, 64, 64)
        bits, _ = scene.read("QA_PIXEL", 0, rows, cols, 64, 64)
        clear = seen & (bits & 0b11010 == 0)
        if valid.any() and clear.mean() > 0.5:
            found.append((kelvin[valid] * 0.02).mean() - (pixels[clear] * 0.00341802 + 149.0).mean())

    assert found
    assert np.abs(found).max() < 8.0
    assert 285.0 < (kelvin[valid] * 0.02).mean() < 320.0 if valid.any() else True


def test_modis_land_cover_is_the_most_frequent_class_of_worldcover(earth):
    """IGBP against ESA's classes over 12 x 12 pixels of 500 m: most agree."""
    same = {80: {17}, 10: {1, 4}, 30: {10}, 40: {12}, 60: {16}, 50: {13}}
    image = earth.scene("MODIS/061/MCD12Q1/2021_01_01")
    values, _, where = block(image, "LC_Type1", 12)
    lon, lat = points(where, 12, 12, 6)
    cover = earth.scene("ESA/WorldCover/v200/2021")
    rows = np.floor((84.0 - lat) * 12000).astype(int)
    cols = np.floor((lon + 180.0) * 12000).astype(int)
    fine, _ = cover.read("Map", 0, rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1)
    classes = fine[rows - rows.min(), cols - cols.min()]

    expected = [max(same, key=lambda each: np.sum(cell == each)) for cell in classes.reshape(144, -1)]

    agreed = [value in same[most] for value, most in zip(values.astype(int).ravel(), expected, strict=True)]
    assert np.mean(agreed) > 0.7


def test_heights_cool_the_air_and_the_ground(earth):
    """6.5 kelvin per kilometre, seen in the night's temperature of a place with relief."""
    image = next(earth.scenes("MODIS/061/MOD11A2", None, JULY, JULY + 9 * DAY))
    kelvin, valid, where = block(image, "LST_Night_1km", 60)
    lon, lat = points(where, 60, 60, 1)
    model = earth.scene("USGS/SRTMGL1_003")
    rows = ((60.0 - lat[..., 0]) * 3600 / 64).astype(int)
    cols = ((lon[..., 0] + 180.0) * 3600 / 64).astype(int)
    coarse, _ = model.read("elevation", 6, rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1)
    height = coarse[rows - rows.min(), cols - cols.min()]

    slope = np.polyfit(height[valid], kelvin[valid] * 0.02, 1)[0]

    assert slope == pytest.approx(-6.5e-3, abs=3e-3)
