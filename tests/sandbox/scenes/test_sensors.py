"""One ground under every sensor: the form of each collection, and that what they see agrees."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from orchestrator.sandbox.scenes.world import WorldCatalogue

PLACE = (15.15, 45.72)
JULY, DAY = 1688169600000, 86_400_000
L8 = "LANDSAT/LC08/C02/T1_L2"
LEVEL_2_BANDS = """
    SR_B1 SR_B2 SR_B3 SR_B4 SR_B5 SR_B6 SR_B7 SR_QA_AEROSOL ST_B10 ST_ATRAN ST_CDIST ST_DRAD ST_EMIS ST_EMSD ST_QA
    ST_TRAD ST_URAD QA_PIXEL QA_RADSAT
"""
LEVEL_2 = """
    ALGORITHM_SOURCE_SURFACE_REFLECTANCE ALGORITHM_SOURCE_SURFACE_TEMPERATURE CLOUD_COVER CLOUD_COVER_LAND
    COLLECTION_CATEGORY DATA_SOURCE_AIR_TEMPERATURE DATA_SOURCE_ELEVATION DATA_SOURCE_OZONE DATA_SOURCE_PRESSURE
    DATA_SOURCE_REANALYSIS DATA_SOURCE_TIRS_STRAY_LIGHT_CORRECTION DATA_SOURCE_WATER_VAPOR DATE_PRODUCT_GENERATED
    EARTH_SUN_DISTANCE EPHEMERIS_TYPE GEOMETRIC_RMSE_MODEL GEOMETRIC_RMSE_MODEL_X GEOMETRIC_RMSE_MODEL_Y
    GEOMETRIC_RMSE_VERIFY GROUND_CONTROL_POINTS_MODEL GROUND_CONTROL_POINTS_VERIFY GROUND_CONTROL_POINTS_VERSION
    IMAGE_QUALITY_OLI IMAGE_QUALITY_TIRS L1_DATE_PRODUCT_GENERATED L1_LANDSAT_PRODUCT_ID L1_PROCESSING_LEVEL
    L1_PROCESSING_SOFTWARE_VERSION LANDSAT_PRODUCT_ID LANDSAT_SCENE_ID PROCESSING_LEVEL PROCESSING_SOFTWARE_VERSION
    ROLL_ANGLE SCENE_CENTER_TIME SENSOR_ID SPACECRAFT_ID SUN_AZIMUTH SUN_ELEVATION TARGET_WRS_PATH TARGET_WRS_ROW
    TEMPERATURE_MAXIMUM_BAND_ST_B10 TEMPERATURE_MINIMUM_BAND_ST_B10 TIRS_SSM_MODEL TIRS_SSM_POSITION_STATUS
    TRUNCATION_OLI WRS_PATH WRS_ROW
"""


def pixel_of(scene, band, lon, lat):
    """Row and column of a place on a band's grid, as numbers with fractions."""
    at = next(each for each in scene.bands if each.name == band)
    crs = {"SR-ORG:6974": "+proj=sinu +R=6371007.181"}.get(at.crs, at.crs)
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
    a, _, c, _, e, f = at.transform
    return (np.asarray(y) - f) / e, (np.asarray(x) - c) / a


def window(scene, band, side=64, lon=PLACE[0], lat=PLACE[1]):
    """A window of native pixels around a place."""
    row, col = pixel_of(scene, band, lon, lat)
    return scene.read(band, 0, int(row) - side // 2, int(col) - side // 2, side, side)


@pytest.fixture(scope="module")
def clear(earth):
    """A Landsat 8 scene of summer without a cloud over the place."""
    for scene in earth.scenes(L8, shapely.Point(PLACE), JULY, JULY + 90 * DAY):
        if (window(scene, "QA_PIXEL")[0] & 0b11111 == 0).all():
            return scene
    raise AssertionError("no clear scene in the season")


@pytest.fixture(scope="module")
def clouded(earth):
    """A Landsat 8 scene partly under clouds."""
    for scene in earth.scenes(L8, shapely.Point(PLACE), JULY, JULY + 90 * DAY):
        bits, valid = window(scene, "QA_PIXEL", 512)
        if valid.all() and 0.1 < np.mean(bits & 8 > 0) < 0.9:
            return scene
    raise AssertionError("no clouded scene in the season")


def test_landsat_level_2_has_the_bands_of_its_data_sheet(clear):
    """Names in order and types, as the catalogue lists them."""
    names = [band.name for band in clear.bands]

    assert names == LEVEL_2_BANDS.split()
    assert {band.transform[0] for band in clear.bands} == {30.0}
    assert {band.transform[2] % 30 for band in clear.bands} == {15.0}


def test_landsat_tells_every_property_of_its_data_sheet(clear):
    """A filter on an absent property silently finds nothing."""
    assert not set(LEVEL_2.split()) - set(clear.properties)


def test_vegetation_is_as_green_from_landsat_as_from_sentinel_2(earth, clear):
    """NDVI of surface reflectance over the same ground, at the same points, agrees to 0.03 in the mean."""
    values = {name: window(clear, name)[0] * 2.75e-5 - 0.2 for name in ("SR_B4", "SR_B5")}
    landsat = (values["SR_B5"] - values["SR_B4"]) / (values["SR_B5"] + values["SR_B4"])
    row, col = (int(at) - 32 for at in pixel_of(clear, "SR_B4", *PLACE))
    a, _, c, _, e, f = clear.bands[0].transform
    x, y = np.meshgrid(c + a * (col + np.arange(64) + 0.5), f + e * (row + np.arange(64) + 0.5))
    red, infrared = (earth.sentinel2.surface(band, x, y, clear.bands[0].crs) for band in ("B4", "B8"))
    sentinel = (infrared - red) / (infrared + red)

    assert landsat.mean() == pytest.approx(sentinel.mean(), abs=0.03)
    assert np.corrcoef(landsat.ravel(), sentinel.ravel())[0, 1] > 0.75


def test_water_is_dark_to_radar_and_flagged_by_landsat_and_mapped(earth, clear):
    """The same river for all: QA_PIXEL's bit 7, WorldCover's class 80, VV far below land."""
    lattice = window(clear, "QA_PIXEL", 300)[0]
    rows, cols = np.nonzero(lattice & 128)
    row0, col0 = (int(at) - 150 for at in pixel_of(clear, "QA_PIXEL", *PLACE))
    a, _, c, _, e, f = clear.bands[0].transform
    to_degrees = Transformer.from_crs(clear.bands[0].crs, 4326, always_xy=True)
    wet = to_degrees.transform(c + a * (col0 + cols + 0.5), f + e * (row0 + rows + 0.5))
    assert rows.size > 50
    cover = earth.scene("ESA/WorldCover/v200/2021")
    radar = next(earth.scenes("COPERNICUS/S1_GRD", shapely.Point(PLACE), JULY, JULY + 40 * DAY))

    classes = at_points(cover, "Map", *wet)
    backscatter = at_points(radar, "VV", *wet)

    assert np.mean(classes == 80) > 0.7  # the river is a pixel or two wide, and the grids differ
    assert np.median(backscatter) < -17.0
    assert np.median(window(radar, "VV", 256)[0]) > -15.0


def at_points(scene, band, lon, lat):
    """Native pixels under points, read in one window."""
    rows, cols = (np.floor(at).astype(int) for at in pixel_of(scene, band, np.asarray(lon), np.asarray(lat)))
    values, _ = scene.read(band, 0, rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1)
    return values[rows - rows.min(), cols - cols.min()]


def test_quality_bits_of_landsat_agree_with_what_it_sees(clouded):
    """Under QA_PIXEL's cloud bit blue is bright and the temperature low; clear and cloud exclude each other."""
    bits = window(clouded, "QA_PIXEL", 512)[0]
    blue = window(clouded, "SR_B2", 512)[0] * 2.75e-5 - 0.2
    kelvin = window(clouded, "ST_B10", 512)[0] * 0.00341802 + 149.0
    cloud, clear = bits & 8 > 0, bits & 64 > 0

    assert not (cloud & clear).any()
    assert np.median(blue[cloud]) > np.median(blue[clear]) + 0.1
    assert np.median(kelvin[cloud]) < np.median(kelvin[clear]) - 5.0
    assert set(np.unique(bits >> 8 & 3)) <= {1, 3}
    assert ((bits >> 8 & 3 == 3) == cloud).all()


@pytest.mark.parametrize(
    ("kind", "expected"), [("clear land", 21824), ("water", 21952), ("cloud", 22280), ("shadow", 23888)]
)
def test_common_values_of_the_quality_band_are_the_published_ones(clouded, clear, kind, expected):
    """Landsat 8-9 Collection 2 Level 2 Science Product Guide, table of QA_PIXEL values."""
    seen = set(np.unique(window(clouded, "QA_PIXEL", 512)[0])) | set(np.unique(window(clear, "QA_PIXEL", 512)[0]))

    assert expected in seen, kind


def test_elevation_is_one_relief_with_plausible_slopes(earth):
    """SRTM: metres, an arc second apart; steep at few places only."""
    model = earth.scene("USGS/SRTMGL1_003")
    values, valid = window(model, "elevation", 300)

    north = np.gradient(values.astype(float), 30.87, axis=0)
    east = np.gradient(values.astype(float), 30.87 * np.cos(np.radians(PLACE[1])), axis=1)
    slope = np.degrees(np.arctan(np.hypot(north, east)))
    assert valid.all()
    assert model.bands[0].transform == pytest.approx((1 / 3600, 0, -180.0001388889, 0, -1 / 3600, 60.0001388889))
    assert (model.bands[0].height, model.bands[0].width) == (417601, 1296001)
    assert 0.5 < slope.mean() < 25.0


@pytest.mark.parametrize(
    ("asset", "band"),
    [("USGS/SRTMGL1_003", "elevation"), ("ESA/WorldCover/v200/2021", "Map")],
)
@pytest.mark.parametrize("level", [0, 1, 4])
def test_a_window_of_a_product_is_cut_from_the_same_picture(earth, asset, band, level):
    """Whatever the window, a pixel has one value, across patches too."""
    scene = earth.scene(asset)
    row, col = (int(at) >> level for at in pixel_of(scene, band, *PLACE))
    row, col = row // 512 * 512, col // 512 * 512  # where patches meet
    whole, _ = scene.read(band, level, row - 20, col - 20, 40, 40)

    part, _ = scene.read(band, level, row - 7, col - 3, 9, 14)

    assert np.array_equal(part, whole[13:22, 17:31])


def test_another_seed_is_another_relief(earth):
    """Same grid, other mountains."""
    other = WorldCatalogue(seed=1).scene("USGS/SRTMGL1_003")

    here = window(earth.scene("USGS/SRTMGL1_003"), "elevation", 16)[0]
    assert not np.array_equal(window(other, "elevation", 16)[0], here)
