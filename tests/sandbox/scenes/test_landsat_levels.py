"""Landsat's Level 1: numbers, their rescaling, and the reflectance and temperature that follow from them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

PLACE = shapely.Point(15.15, 45.72)
DAYS = {"LT04": "1990-06-01", "LT05": "2005-06-01", "LE07": "2002-06-01", "LC08": "2020-06-01", "LC09": "2023-06-01"}
TM_BANDS = "B1 B2 B3 B4 B5 B6 B7 QA_PIXEL QA_RADSAT SAA SZA VAA VZA"
BANDS = {
    "LT04": TM_BANDS,
    "LT05": TM_BANDS,
    "LE07": "B1 B2 B3 B4 B5 B6_VCID_1 B6_VCID_2 B7 B8 QA_PIXEL QA_RADSAT SAA SZA VAA VZA",
    "LC08": "B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 QA_PIXEL QA_RADSAT SAA SZA VAA VZA",
    "LC09": "B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 QA_PIXEL QA_RADSAT SAA SZA VAA VZA",
}
# Of the data sheet LANDSAT/LC08/C02/T1, less those that are one per band.
TOLD = """
    CLOUD_COVER CLOUD_COVER_LAND COLLECTION_CATEGORY COLLECTION_NUMBER DATA_SOURCE_ELEVATION
    DATA_SOURCE_TIRS_STRAY_LIGHT_CORRECTION DATE_ACQUIRED DATE_PRODUCT_GENERATED DATUM EARTH_SUN_DISTANCE ELLIPSOID
    GEOMETRIC_RMSE_MODEL GEOMETRIC_RMSE_MODEL_X GEOMETRIC_RMSE_MODEL_Y GRID_CELL_SIZE_PANCHROMATIC
    GRID_CELL_SIZE_REFLECTIVE GRID_CELL_SIZE_THERMAL GROUND_CONTROL_POINTS_MODEL GROUND_CONTROL_POINTS_VERSION
    IMAGE_QUALITY_OLI IMAGE_QUALITY_TIRS K1_CONSTANT_BAND_10 K2_CONSTANT_BAND_11 LANDSAT_PRODUCT_ID LANDSAT_SCENE_ID
    MAP_PROJECTION NADIR_OFFNADIR ORIENTATION PANCHROMATIC_LINES PANCHROMATIC_SAMPLES PROCESSING_SOFTWARE_VERSION
    RADIANCE_ADD_BAND_11 RADIANCE_MULT_BAND_1 REFLECTANCE_ADD_BAND_9 REFLECTANCE_MULT_BAND_9 REFLECTIVE_LINES
    REFLECTIVE_SAMPLES REQUEST_ID RESAMPLING_OPTION ROLL_ANGLE SATURATION_BAND_11 SCENE_CENTER_TIME SENSOR_ID
    SPACECRAFT_ID STATION_ID SUN_AZIMUTH SUN_ELEVATION TARGET_WRS_PATH TARGET_WRS_ROW THERMAL_LINES THERMAL_SAMPLES
    TIRS_SSM_MODEL TIRS_SSM_POSITION_STATUS TIRS_STRAY_LIGHT_CORRECTION_SOURCE TRUNCATION_OLI UTM_ZONE WRS_PATH WRS_ROW
    WRS_TYPE
"""


def scenes_of(earth, code, *suffixes):
    """The same view in several products."""
    start = int(np.datetime64(DAYS[code], "ms").astype(int))
    first = next(earth.scenes(f"LANDSAT/{code}/C02/T1{suffixes[0]}", PLACE, start, start + 90 * 86_400_000))
    index = first.properties["system:index"]
    return [earth.scene(f"LANDSAT/{code}/C02/T1{suffix}/{index}") for suffix in suffixes]


def window(scene, band, side=48):
    """Native pixels in the middle of the scene."""
    at = next(each for each in scene.bands if each.name == band)
    return scene.read(band, 0, at.height // 2, at.width // 2, side, side)[0].astype(float)


@pytest.mark.parametrize("code", list(DAYS))
@pytest.mark.parametrize("suffix", ["", "_TOA"])
def test_level_1_has_the_bands_of_its_data_sheet(earth, code, suffix):
    """Names in order, and the types of numbers: 8 bits of TM, 16 of OLI, fractions of reflectance."""
    (scene,) = scenes_of(earth, code, suffix)
    kind = scene.bands[0].type

    assert [band.name for band in scene.bands] == BANDS[code].split()
    if suffix:
        assert kind.precision == "float"
    else:
        assert kind.maximum == (65535 if code >= "LC" and code < "LE" else 255)


def test_the_panchromatic_band_has_pixels_of_15_metres(earth):
    """Half of the others', on a grid that begins 7.5 m inside theirs or outside."""
    (scene,) = scenes_of(earth, "LC08", "_TOA")
    metres = {band.name: band.transform[0] for band in scene.bands}

    assert (metres["B8"], metres["B4"], metres["QA_PIXEL"]) == (15.0, 30.0, 30.0)


@pytest.mark.parametrize(("code", "band"), [("LT05", "3"), ("LE07", "4"), ("LC08", "4"), ("LC09", "5")])
def test_reflectance_follows_from_numbers_by_the_rescaling_properties(earth, code, band):
    """(MULT x number + ADD) / sin(SUN_ELEVATION), to half a number and five digits of the factors."""
    raw, top = scenes_of(earth, code, "", "_TOA")
    factor, summand = (raw.properties[f"REFLECTANCE_{part}_BAND_{band}"] for part in ("MULT", "ADD"))
    sun = np.sin(np.radians(raw.properties["SUN_ELEVATION"]))

    computed = (factor * window(raw, f"B{band}") + summand) / sun

    assert np.abs(computed - window(top, f"B{band}")).max() < 0.51 * factor / sun + 1e-4


@pytest.mark.parametrize(("code", "band"), [("LT05", "6"), ("LE07", "6_VCID_1"), ("LC08", "10")])
def test_temperature_follows_from_numbers_by_plancks_constants(earth, code, band):
    """K2 / ln(K1 / radiance + 1)."""
    raw, top = scenes_of(earth, code, "", "_TOA")
    told = raw.properties
    radiance = told[f"RADIANCE_MULT_BAND_{band}"] * window(raw, f"B{band}") + told[f"RADIANCE_ADD_BAND_{band}"]
    kelvin = told[f"K2_CONSTANT_BAND_{band}"] / np.log(told[f"K1_CONSTANT_BAND_{band}"] / radiance + 1.0)

    assert np.abs(kelvin - window(top, f"B{band}")).max() < 0.4
    assert 240.0 < kelvin.mean() < 330.0  # clouds are cold


def test_a_scene_of_level_1_tells_every_property_of_its_data_sheet(earth):
    """Numbers of lines and samples are those of the bands."""
    (scene,) = scenes_of(earth, "LC08", "")
    band = next(each for each in scene.bands if each.name == "B4")

    assert not set(TOLD.split()) - set(scene.properties)
    assert (scene.properties["REFLECTIVE_LINES"], scene.properties["REFLECTIVE_SAMPLES"]) == (band.height, band.width)


@pytest.mark.parametrize(("day", "lost"), [("2002-06-01", 0.0), ("2010-06-01", 0.35)])
def test_landsat_7_has_gaps_since_its_scan_line_corrector_failed(earth, day, lost):
    """Since 2003-05-31: none in the middle of a scene, about a third near its edge, 22 % of the whole (USGS)."""
    start = int(np.datetime64(day, "ms").astype(int))
    scene = next(earth.scenes("LANDSAT/LE07/C02/T1_L2", PLACE, start, start + 90 * 86_400_000))
    band = scene.bands[0]

    middle, edge = (
        scene.read("QA_RADSAT", 0, band.height // 2, band.width // 2 + kilometres * 100 // 3, 96, 100)[1]
        for kilometres in (0, 75)
    )

    assert middle.all()
    assert 1.0 - edge.mean() == pytest.approx(lost, abs=0.06)


@pytest.mark.parametrize("code", ["LT05", "LE07"])
def test_old_instruments_have_no_bits_of_cirrus(earth, code):
    """QA_PIXEL of TM and ETM+: clear land is 5440."""
    (scene,) = scenes_of(earth, code, "_L2")

    values = window(scene, "QA_PIXEL", 256).astype(int)

    assert not (values >> 14).any()
    assert 5440 in values or 5896 in values
