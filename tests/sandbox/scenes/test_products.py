"""The form of global products against their data sheets: bands, grids, dates and properties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

DAY = 86_400_000
SINUSOIDAL = "SR-ORG:6974"
REFLECTANCE = " ".join(f"sur_refl_b0{number}" for number in range(1, 8))
VEGETATION = (
    "NDVI EVI DetailedQA sur_refl_b01 sur_refl_b02 sur_refl_b03 sur_refl_b07 ViewZenith SolarZenith "
    "RelativeAzimuth DayOfYear SummaryQA"
)
TEMPERATURE = (
    "LST_Day_1km QC_Day Day_view_time Day_view_angl{0} "
    "LST_Night_1km QC_Night Night_view_time Night_view_angl{0} Emis_31 Emis_32"
)
DAILY = (
    "num_observations_1km state_1km SensorZenith SensorAzimuth Range SolarZenith SolarAzimuth gflags orbit_pnt "
    f"granule_pnt num_observations_500m {REFLECTANCE} QC_500m obscov_500m iobs_res q_scan"
)
LAND_COVER = (
    "LC_Type1 LC_Type2 LC_Type3 LC_Type4 LC_Type5 LC_Prop1_Assessment LC_Prop2_Assessment LC_Prop3_Assessment "
    "LC_Prop1 LC_Prop2 LC_Prop3 QC LW"
)
# Collection: bands, CRS, pixel size of the first band in units of the CRS, first day, days to the next image.
SHEETS = {
    "MODIS/061/MOD09GA": (
        DAILY,
        SINUSOIDAL,
        926.625433055833,
        "2000-02-24",
        1,
    ),
    "MODIS/061/MYD09GA": (DAILY, SINUSOIDAL, 926.625433055833, "2002-07-04", 1),
    "MODIS/061/MOD09GQ": (
        "num_observations sur_refl_b01 sur_refl_b02 QC_250m obscov iobs_res orbit_pnt granule_pnt",
        SINUSOIDAL,
        231.65635826395825,
        "2000-02-24",
        1,
    ),
    "MODIS/061/MOD09A1": (
        f"{REFLECTANCE} QA SolarZenith ViewZenith RelativeAzimuth StateQA DayOfYear",
        SINUSOIDAL,
        463.312716527917,
        "2000-02-18",
        8,
    ),
    "MODIS/061/MOD13Q1": (VEGETATION, SINUSOIDAL, 231.65635826395825, "2000-02-18", 16),
    "MODIS/061/MOD13A1": (VEGETATION, SINUSOIDAL, 463.312716527917, "2000-02-18", 16),
    "MODIS/061/MOD13A2": (VEGETATION, SINUSOIDAL, 926.625433055833, "2000-02-18", 16),
    "MODIS/061/MYD13Q1": (VEGETATION, SINUSOIDAL, 231.65635826395825, "2002-07-04", 16),
    "MODIS/061/MOD11A1": (
        TEMPERATURE.format("e") + " Clear_day_cov Clear_night_cov",
        SINUSOIDAL,
        926.625433055833,
        "2000-02-24",
        1,
    ),
    "MODIS/061/MOD11A2": (
        TEMPERATURE.format("") + " Clear_sky_days Clear_sky_nights",
        SINUSOIDAL,
        926.625433055833,
        "2000-02-18",
        8,
    ),
    "MODIS/061/MCD12Q1": (
        LAND_COVER,
        SINUSOIDAL,
        463.312716527917,
        "2001-01-01",
        365,
    ),
    "ESA/WorldCover/v100": ("Map", "EPSG:4326", 1 / 12000, "2020-01-01", None),
    "ESA/WorldCover/v200": ("Map", "EPSG:4326", 1 / 12000, "2021-01-01", None),
}
# The same for images that belong to no collection.
SINGLES = {"USGS/SRTMGL1_003": ("elevation", "EPSG:4326", 1 / 3600)}


@pytest.mark.parametrize("collection", list(SHEETS))
def test_images_have_the_bands_of_their_data_sheet(earth, collection):
    """Names in order, reference system and pixel size."""
    bands, crs, step, _, _ = SHEETS[collection]
    image = next(earth.scenes(collection, None, None, None))

    assert [band.name for band in image.bands] == bands.split()
    assert {band.crs for band in image.bands} == {crs}
    assert image.bands[0].transform[0] == pytest.approx(step, rel=1e-9)


@pytest.mark.parametrize("collection", list(SHEETS))
def test_collections_begin_on_the_day_of_their_data_sheet_and_go_on_as_often(earth, collection):
    """First image and revisit; each image is found by its id."""
    _, _, _, day, revisit = SHEETS[collection]
    start = int(np.datetime64(day, "ms").astype(int))
    first, *more = itertools.islice(earth.scenes(collection, None, None, None), 2)

    assert first.properties["system:time_start"] == start
    assert [each.properties["system:time_start"] - start for each in more] == (
        [] if revisit is None else [revisit * DAY]
    )
    assert all(earth.scene(each.asset_id).asset_id == each.asset_id for each in (first, *more))


@pytest.mark.parametrize("asset", list(SINGLES))
def test_single_images_have_the_bands_of_their_data_sheet(earth, asset):
    """They are found by their id, and are no collection."""
    bands, crs, step = SINGLES[asset]
    image = earth.scene(asset)

    assert [band.name for band in image.bands] == bands.split()
    assert image.bands[0].crs == crs
    assert image.bands[0].transform[0] == pytest.approx(step, rel=1e-9)
    assert asset not in earth.collections()


@pytest.mark.parametrize("collection", list(SHEETS))
def test_every_band_of_every_product_is_read(earth, collection):
    """A few pixels in the middle of Europe, in the type of the band."""
    day = int(np.datetime64("2021-07-12", "ms").astype(int))
    image = next(earth.scenes(collection, None, day, None), None) or next(earth.scenes(collection, None, None, None))
    for band in image.bands:
        row, col = cell(band)

        values, valid = image.read(band.name, 0, row, col, 3, 3)

        assert values.shape == valid.shape == (3, 3)
        if band.type.precision == "int":
            assert (values[valid] >= band.type.minimum).all()
            assert (values[valid] <= band.type.maximum).all()


def cell(band, lon=15.15, lat=45.72):
    """The pixel of a band that holds a place."""
    x, y = lon, lat
    if band.crs == SINUSOIDAL:
        x, y = np.radians(lon) * 6371007.181 * np.cos(np.radians(lat)), np.radians(lat) * 6371007.181
    a, _, c, _, e, f = band.transform
    return int((y - f) // e), int((x - c) // a)


def test_dates_of_16_days_begin_anew_each_year(earth):
    """MOD13Q1 from 1 January, MYD13Q1 eight days later (MODIS Vegetation Index User's Guide)."""
    start, end = (int(np.datetime64(day, "ms").astype(int)) for day in ("2021-12-01", "2022-02-01"))

    terra, aqua = (
        [image.properties["system:index"] for image in earth.scenes(f"MODIS/061/{name}13Q1", None, start, end)]
        for name in ("MOD", "MYD")
    )

    assert terra == ["2021_12_03", "2021_12_19", "2022_01_01", "2022_01_17"]
    assert aqua == ["2021_12_11", "2021_12_27", "2022_01_09", "2022_01_25"]


def test_corners_of_the_sinusoidal_grid_hold_nothing(earth):
    """They lie beyond the Earth."""
    image = earth.scene("MODIS/061/MCD12Q1/2020_01_01")

    _, corner = image.read("LC_Type1", 0, 10, 10, 4, 4)
    _, equator = image.read("LC_Type1", 0, 21600, 10, 4, 4)

    assert not corner.any()
    assert equator.all()


@pytest.mark.parametrize("gone", ["LANDSAT/LC08/C01/T1_SR", "MODIS/006/MOD13Q1", "LANDSAT/LT5_L1T_TOA"])
def test_retired_collections_are_not_there(earth, gone):
    """What Google took down is not found here either."""
    assert gone not in earth.collections()
    assert earth.scene(f"{gone}/2020_01_01") is None
