"""The form of global products against their data sheets: bands, grids, dates and properties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely

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
NADIR = ("Nadir_Reflectance_Band", "BRDF_Albedo_Band_Mandatory_Quality_Band")
CONTINUOUS = (
    "Percent_Tree_Cover Percent_NonTree_Vegetation Percent_NonVegetated Quality Percent_Tree_Cover_SD "
    "Percent_NonVegetated_SD Cloud"
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
    "COPERNICUS/DEM/GLO30": ("DEM EDM FLM HEM WBM", "EPSG:4326", 1 / 360, "2010-12-01", 0),
    "JAXA/ALOS/AW3D30/V3_2": ("DSM STK MSK", "EPSG:4326", 1 / 3600, "2006-01-24", 0),
    "USGS/NLCD_RELEASES/2019_REL/NLCD": (
        "landcover impervious impervious_descriptor",
        "EPSG:4326",
        30 / 111319.49079327358,
        "2001-01-01",
        3 * 365,
    ),
    "JRC/GSW1_4/MonthlyHistory": ("water", "EPSG:4326", 0.00025, "1984-03-01", 31),
    "JRC/GSW1_4/YearlyHistory": ("waterClass", "EPSG:4326", 0.00025, "1984-01-01", 366),
    "UCSB-CHG/CHIRPS/DAILY": ("precipitation", "EPSG:4326", 0.05, "1981-01-01", 1),
    "UCSB-CHG/CHIRPS/PENTAD": ("precipitation", "EPSG:4326", 0.05, "1981-01-01", 5),
    "ECMWF/ERA5_LAND/MONTHLY_AGGR": (None, "EPSG:4326", 0.1, "1950-02-01", 28),
    "ECMWF/ERA5_LAND/DAILY_AGGR": (None, "EPSG:4326", 0.1, "1950-01-02", 1),
    "ECMWF/ERA5_LAND/HOURLY": (None, "EPSG:4326", 0.1, "1950-01-01T01:00", 1 / 24),
    "AAFC/ACI": ("landcover", "EPSG:4326", 30 / 111319.49079327358, "2009-01-01", 365),
    "USDA/NASS/CDL": ("cropland cultivated confidence", "EPSG:4326", 30 / 111319.49079327358, "1997-01-01", 365),
    "ESA/CCI/FireCCI/5_1": ("BurnDate ConfidenceLevel LandCover ObservedFlag", "EPSG:4326", 1 / 360, "2001-01-01", 31),
    "MODIS/061/MCD43A4": (
        " ".join(f"{kind}{number}" for kind in NADIR for number in range(1, 8)),
        SINUSOIDAL,
        463.312716527917,
        "2000-02-24",
        1,
    ),
    "MODIS/061/MOD44B": (
        CONTINUOUS,
        SINUSOIDAL,
        231.65635826395825,
        "2000-03-05",
        366,
    ),
    "CIESIN/GPWv411/GPW_Population_Count": ("population_count", "EPSG:4326", 1 / 120, "2000-01-01", 1827),
    "CIESIN/GPWv411/GPW_Population_Density": ("population_density", "EPSG:4326", 1 / 120, "2000-01-01", 1827),
    "JRC/GHSL/P2023A/GHS_POP": ("population_count", "EPSG:4326", 100 / 111319.49079327358, "1975-01-01", 1826),
    "GLOBAL_FLOOD_DB/MODIS_EVENTS/V1": (
        "flooded duration clear_views clear_perc jrc_perm_water",
        "EPSG:4326",
        30 / 111319.49079327358,
        "2000-02-25",
        29,
    ),
    "NOAA/VIIRS/DNB/MONTHLY_V1/VCMCFG": ("avg_rad cf_cvg", "EPSG:4326", 1 / 240, "2012-04-01", 30),
    "NOAA/DMSP-OLS/NIGHTTIME_LIGHTS": (
        "avg_vis stable_lights cf_cvg avg_lights_x_pct",
        "EPSG:4326",
        1 / 120,
        "1992-01-01",
        366,
    ),
}
HANSEN = (
    "treecover2000 loss gain first_b30 first_b40 first_b50 first_b70 last_b30 last_b40 last_b50 last_b70 "
    "datamask lossyear"
)
WATER = "occurrence change_abs change_norm seasonality recurrence transition max_extent"
# The same for images that belong to no collection.
SINGLES = {
    "USGS/SRTMGL1_003": ("elevation", 1 / 3600),
    "NASA/NASADEM_HGT/001": ("elevation num swb", 1 / 3600),
    "CGIAR/SRTM90_V4": ("elevation", 1 / 1200),
    "MERIT/DEM/v1_0_3": ("dem", 1 / 1200),
    "USGS/GTOPO30": ("elevation", 1 / 120),
    "NOAA/NGDC/ETOPO1": ("bedrock ice_surface", 1 / 60),
    "USGS/3DEP/10m": ("elevation", 1 / 10800),
    "JRC/GSW1_4/GlobalSurfaceWater": (WATER, 0.00025),
    "UMD/hansen/global_forest_change_2023_v1_11": (HANSEN, 0.00025),
    "USGS/GFSAD1000_V1": ("landcover", 1 / 112),
    "CSP/ERGo/1_0/US/landforms": ("constant", 1 / 10800),
    "CSP/ERGo/1_0/Global/SRTM_landforms": ("constant", 1 / 1200),
    "OpenLandMap/SOL/SOL_PH-H2O_USDA-4C1A2A_M/v02": ("b0 b10 b30 b60 b100 b200", 1 / 480),
}


@pytest.mark.parametrize("collection", list(SHEETS))
def test_images_have_the_bands_of_their_data_sheet(earth, collection):
    """Names in order, reference system and pixel size."""
    bands, crs, step, _, _ = SHEETS[collection]
    image = next(earth.scenes(collection, None, None, None))

    if bands is not None:
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
        [] if revisit is None else [round(revisit * DAY)]
    )
    assert all(earth.scene(each.asset_id).asset_id == each.asset_id for each in (first, *more))


@pytest.mark.parametrize("asset", list(SINGLES))
def test_single_images_have_the_bands_of_their_data_sheet(earth, asset):
    """They are found by their id, and are no collection."""
    bands, step = SINGLES[asset]
    image = earth.scene(asset)

    assert [band.name for band in image.bands] == bands.split()
    assert {band.crs for band in image.bands} == {"EPSG:4326"}
    assert image.bands[0].transform[0] == pytest.approx(step, rel=1e-9)
    assert asset not in earth.collections()


@pytest.mark.parametrize("asset", [*SHEETS, *SINGLES])
def test_every_band_of_every_product_is_read(earth, asset):
    """A few pixels in the middle of Europe or of the United States, in the type of the band."""
    image = earth.scene(asset)
    if image is None:
        day = int(np.datetime64("2013-07-12", "ms").astype(int))
        after, ever = (earth.scenes(asset, shapely.Point(15.15, 45.72), start, None) for start in (day, None))
        image = next(after, None) or next(ever, None) or next(earth.scenes(asset, None, None, None))
    lon = 15.15 if image.footprint.intersects(shapely.Point(15.15, 45.72)) else -100.0  # in North America
    for band in image.bands[:40]:
        row, col = cell(band, lon)

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


ERA5_DAY = (
    "dewpoint_temperature_2m temperature_2m skin_temperature soil_temperature_level_1 soil_temperature_level_2 "
    "soil_temperature_level_3 soil_temperature_level_4 lake_bottom_temperature lake_ice_depth lake_ice_temperature "
    "lake_mix_layer_depth lake_mix_layer_temperature lake_shape_factor lake_total_layer_temperature snow_albedo "
    "snow_cover snow_density snow_depth snow_depth_water_equivalent snowfall_sum snowmelt_sum "
    "temperature_of_snow_layer skin_reservoir_content volumetric_soil_water_layer_1 volumetric_soil_water_layer_2 "
    "volumetric_soil_water_layer_3 volumetric_soil_water_layer_4 forecast_albedo surface_latent_heat_flux_sum "
    "surface_net_solar_radiation_sum surface_net_thermal_radiation_sum surface_sensible_heat_flux_sum "
    "surface_solar_radiation_downwards_sum surface_thermal_radiation_downwards_sum evaporation_from_bare_soil_sum "
    "evaporation_from_open_water_surfaces_excluding_oceans_sum evaporation_from_the_top_of_canopy_sum "
    "evaporation_from_vegetation_transpiration_sum potential_evaporation_sum runoff_sum snow_evaporation_sum "
    "sub_surface_runoff_sum surface_runoff_sum total_evaporation_sum u_component_of_wind_10m v_component_of_wind_10m "
    "surface_pressure total_precipitation_sum leaf_area_index_high_vegetation leaf_area_index_low_vegetation"
)


@pytest.mark.parametrize(
    ("kind", "count", "last"),
    [
        ("DAILY_AGGR", 150, "leaf_area_index_low_vegetation_max"),
        ("MONTHLY_AGGR", 150, "leaf_area_index_low_vegetation_max"),
        ("HOURLY", 69, "total_precipitation_hourly"),
    ],
)
def test_era5_land_has_the_bands_of_its_data_sheets(earth, kind, count, last):
    """Means and sums first, then least and greatest; by the hour what accumulates, and what fell in the hour."""
    names = [band.name for band in next(earth.scenes(f"ECMWF/ERA5_LAND/{kind}", None, None, None)).bands]
    summed = ERA5_DAY if kind != "HOURLY" else ERA5_DAY.replace("_sum", "")

    assert names[:50] == summed.split()
    assert (len(names), names[-1]) == (count, last)
