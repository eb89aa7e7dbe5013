"""Sentinel-2 at every level: one scene, told as each collection tells it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely

PLACE = shapely.Point(15.15, 45.72)
DAY = 86_400_000
LEVEL_1C, LEVEL_2A = "COPERNICUS/S2", "COPERNICUS/S2_SR"
SCORE = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
BEFORE, BETWEEN, AFTER = "2021-07-01", "2023-07-01", "2024-07-01"
# Image properties of the data sheet of S2_SR_HARMONIZED that are not one per band.
TOLD = """
    AOT_RETRIEVAL_ACCURACY CLOUDY_PIXEL_PERCENTAGE CLOUD_COVERAGE_ASSESSMENT CLOUDY_SHADOW_PERCENTAGE
    DARK_FEATURES_PERCENTAGE DATASTRIP_ID DATATAKE_IDENTIFIER DATATAKE_TYPE DEGRADED_MSI_DATA_PERCENTAGE
    FORMAT_CORRECTNESS GENERAL_QUALITY GENERATION_TIME GEOMETRIC_QUALITY GRANULE_ID HIGH_PROBA_CLOUDS_PERCENTAGE
    MEAN_SOLAR_AZIMUTH_ANGLE MEAN_SOLAR_ZENITH_ANGLE MEDIUM_PROBA_CLOUDS_PERCENTAGE MGRS_TILE NODATA_PIXEL_PERCENTAGE
    NOT_VEGETATED_PERCENTAGE PROCESSING_BASELINE PRODUCT_ID RADIATIVE_TRANSFER_ACCURACY RADIOMETRIC_QUALITY
    REFLECTANCE_CONVERSION_CORRECTION SATURATED_DEFECTIVE_PIXEL_PERCENTAGE SENSING_ORBIT_DIRECTION
    SENSING_ORBIT_NUMBER SENSOR_QUALITY SNOW_ICE_PERCENTAGE SPACECRAFT_NAME THIN_CIRRUS_PERCENTAGE
    UNCLASSIFIED_PERCENTAGE VEGETATION_PERCENTAGE WATER_PERCENTAGE WATER_VAPOUR_RETRIEVAL_ACCURACY
"""
BANDS = "B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12".split()  # noqa: SIM905 - as the sheet has them


def scene_of(earth, collection, day):
    """The first scene of a place from a day on."""
    start = int(np.datetime64(day, "ms").astype(int))
    return next(earth.scenes(collection, PLACE, start, start + 12 * DAY))


def window(scene, band):
    """Some native pixels of 10 m in the middle of the tile, or as many of a coarser band."""
    return scene.read(band, 0, 1200, 900, 48, 48)


@pytest.mark.parametrize("collection", [LEVEL_1C, LEVEL_2A])
@pytest.mark.parametrize(("day", "shift"), [(BEFORE, 0), (BETWEEN, 1000), (AFTER, 1000)])
def test_reflectance_is_shifted_by_1000_since_baseline_4_unless_harmonised(earth, collection, day, shift):
    """PROCESSING_BASELINE 04.00, from 2022-01-25 on."""
    raw, harmonised = (scene_of(earth, collection + suffix, day) for suffix in ("", "_HARMONIZED"))

    difference = window(raw, "B4")[0].astype(int) - window(harmonised, "B4")[0]

    assert np.unique(difference).tolist() == [shift]
    assert (raw.properties["PROCESSING_BASELINE"] >= "04.00") == (shift > 0)


def test_level_1c_has_the_bands_of_its_data_sheet(earth):
    """B10 and no AOT."""
    scene = scene_of(earth, "COPERNICUS/S2_HARMONIZED", BETWEEN)

    assert [band.name for band in scene.bands] == [
        *BANDS,
        *("QA10", "QA20", "QA60", "MSK_CLASSI_OPAQUE", "MSK_CLASSI_CIRRUS", "MSK_CLASSI_SNOW_ICE"),
    ]
    metres = {band.name: band.transform[0] for band in scene.bands}
    assert [metres[name] for name in ("B2", "B5", "B10", "QA60", "MSK_CLASSI_OPAQUE")] == [10, 20, 60, 60, 60]


def test_the_air_brightens_blue_and_leaves_the_infrared(earth):
    """Top of atmosphere against surface: Rayleigh scattering adds light to short waves."""
    top, ground = (scene_of(earth, f"{level}_HARMONIZED", BETWEEN) for level in (LEVEL_1C, LEVEL_2A))

    gain = {band: window(top, band)[0].mean() / window(ground, band)[0].mean() for band in ("B2", "B8")}

    assert gain["B2"] > 1.5
    assert 0.9 < gain["B8"] < 1.05


@pytest.mark.parametrize(("day", "legacy", "classified"), [(BEFORE, 1, 0), (BETWEEN, 0, 0), (AFTER, 1, 1)])
def test_cloud_masks_exist_in_the_years_that_the_data_sheet_tells(earth, day, legacy, classified):
    """QA60 is masked from 2022-01-25 to 2024-02-28, MSK_CLASSI before February 2024."""
    scene = scene_of(earth, "COPERNICUS/S2_SR_HARMONIZED", day)

    valid = [scene.read(band, 0, 200, 150, 8, 8)[1].mean() for band in ("QA60", "MSK_CLASSI_OPAQUE")]

    assert valid == [legacy, classified]


def test_a_scene_of_level_2a_tells_every_property_of_its_data_sheet(earth):
    """Per band the angles and the irradiance, too."""
    properties = scene_of(earth, "COPERNICUS/S2_SR_HARMONIZED", BETWEEN).properties
    each = ("MEAN_INCIDENCE_AZIMUTH_ANGLE_", "MEAN_INCIDENCE_ZENITH_ANGLE_", "SOLAR_IRRADIANCE_")

    assert not {*TOLD.split(), *(kind + band for kind in each for band in BANDS)} - set(properties)


def test_there_is_no_level_2a_before_2017_03_28(earth):
    """Level-1C goes back to 2015-06-27."""
    start, end = (int(np.datetime64(day, "ms").astype(int)) for day in ("2016-07-01", "2016-08-01"))
    found = list(earth.scenes("COPERNICUS/S2_HARMONIZED", PLACE, start, end))

    assert found
    assert not list(earth.scenes("COPERNICUS/S2_SR_HARMONIZED", PLACE, start, end))
    assert earth.scene(found[0].asset_id.replace("S2_HARMONIZED", "S2_SR")) is None


@pytest.mark.parametrize("other", ["COPERNICUS/S2_CLOUD_PROBABILITY", SCORE, "COPERNICUS/S2"])
def test_collections_are_linked_by_the_index(earth, other):
    """The same granule has the same `system:index` everywhere."""
    scene = scene_of(earth, "COPERNICUS/S2_SR_HARMONIZED", BETWEEN)
    index = scene.properties["system:index"]

    partner = earth.scene(f"{other}/{index}")

    assert partner.properties["system:index"] == index
    assert partner.properties["system:time_start"] == scene.properties["system:time_start"]


def test_cloud_score_is_low_under_clouds_and_in_their_shadows(earth):
    """cs and cs_cdf between 0 and 1, against the scene classification."""
    start = int(np.datetime64("2023-07-01", "ms").astype(int))
    for scene in earth.scenes("COPERNICUS/S2_SR_HARMONIZED", PLACE, start, start + 90 * DAY):
        classes = scene.read("SCL", 3, 200, 200, 60, 60)[0]
        if 0.1 < np.mean(classes == 9) < 0.9 and np.mean(classes == 4) > 0.1:
            break
    score = earth.scene(f"{SCORE}/{scene.properties['system:index']}")

    clear, clear_cdf = (score.read(band, 4, 200, 200, 60, 60)[0] for band in ("cs", "cs_cdf"))

    assert score.bands[0].type.precision == "float"
    assert clear.min() >= 0 and clear.max() <= 1 and clear_cdf.min() >= 0 and clear_cdf.max() <= 1  # noqa: PT018
    assert clear[classes == 9].mean() < 0.1
    assert clear[classes == 4].mean() > 0.8


def test_without_bounds_scenes_come_in_order_and_none_is_missing(earth):
    """Minute by minute: what a query with bounds finds is among them."""
    start = int(np.datetime64("2023-07-01T09:56", "ms").astype(int))
    span = (start, start + 150_000)
    area = shapely.box(13.0, 44.0, 18.0, 48.0)
    wanted = {scene.asset_id for scene in earth.scenes("COPERNICUS/S2_HARMONIZED", area, *span)}

    found = list(earth.scenes("COPERNICUS/S2_HARMONIZED", None, *span))

    times = [scene.properties["system:time_start"] for scene in found]
    assert times == sorted(times)
    assert wanted
    assert wanted <= {scene.asset_id for scene in found}


def test_the_first_scene_of_all_is_had_at_once(earth):
    """From 2015-06-27 on."""
    first = next(itertools.islice(earth.scenes("COPERNICUS/S2", None, None, None), 1))

    assert first.properties["system:time_start"] >= int(np.datetime64("2015-06-27", "ms").astype(int))
