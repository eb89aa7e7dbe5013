"""Maps and models of the same ground: cover, water, forest, lights, embeddings and rain fit one another."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Transformer

PLACE = shapely.Point(15.15, 45.72)
DAY = 86_400_000
STEP = 0.00025
COLUMN, ROW = int((15.15 + 180.0) / STEP), int((80.0 - 45.72) / STEP)


def day_of(text):
    """Milliseconds since 1970."""
    return int(np.datetime64(text, "ms").astype(int))


def hansen_grid(image, band, side=64):
    """A window of the maps on the grid of 0.00025 degrees."""
    return image.read(band, 0, ROW - side + 64, COLUMN - side + 64, side, side)


@pytest.fixture(scope="module")
def cover(earth):
    """WorldCover's classes under the pixels of that window."""
    rows = np.floor((84.0 - (80.0 - (ROW + np.arange(64) + 0.5) * STEP)) * 12000).astype(int)
    cols = np.floor((COLUMN + np.arange(64) + 0.5) * STEP * 12000).astype(int)
    image = earth.scene("ESA/WorldCover/v200/2021")
    values, _ = image.read("Map", 0, rows[0], cols[0], rows[-1] - rows[0] + 1, cols[-1] - cols[0] + 1)
    return values[np.ix_(rows - rows[0], cols - cols[0])]


def test_water_of_the_histories_is_the_water_of_the_summary(earth):
    """Where occurrence is 100 the months tell water (2) and the years permanent water (3); elsewhere 1."""
    occurrence, wet = hansen_grid(earth.scene("JRC/GSW1_4/GlobalSurfaceWater"), "occurrence", 256)
    month, _ = hansen_grid(earth.scene("JRC/GSW1_4/MonthlyHistory/2020_07"), "water", 256)
    year, _ = hansen_grid(earth.scene("JRC/GSW1_4/YearlyHistory/2020"), "waterClass", 256)
    extent, everywhere = hansen_grid(earth.scene("JRC/GSW1_4/GlobalSurfaceWater"), "max_extent", 256)

    assert wet.any()
    assert everywhere.all()
    assert (occurrence[wet] == 100).all()
    assert ((month == 2) == wet).all()
    assert ((year == 3) == wet).all()
    assert ((extent == 1) == wet).all()


def test_tree_cover_stands_where_worldcover_maps_trees(earth, cover):
    """Canopy above 30 % against class 10; pixels of 10 and 25 m disagree at edges."""
    canopy, _ = hansen_grid(earth.scene("UMD/hansen/global_forest_change_2023_v1_11"), "treecover2000")

    assert np.mean((canopy > 30) == (cover == 10)) > 0.85


def test_croplands_are_where_worldcover_maps_crops(earth):
    """GFSAD's class 3 where more than half of a pixel is class 40, 0 where hardly any is."""
    image = earth.scene("USGS/GFSAD1000_V1")
    row, col = int((90.0 - 45.72) * 112), int((15.15 + 180.0) * 112)
    crops, _ = image.read("landcover", 0, row, col, 5, 5)
    rows, cols = (84.0 - 90.0 + np.array([row, row + 5]) / 112) * 12000, np.array([col, col + 5]) / 112 * 12000
    (top, bottom), (left, right) = rows.astype(int), cols.astype(int)
    fine, _ = earth.scene("ESA/WorldCover/v200/2021").read("Map", 0, top, left, bottom - top, right - left)
    side = (bottom - top) // 5
    share = (fine[: side * 5, : side * 5] == 40).reshape(5, side, 5, side).mean(axis=(1, 3))

    assert (crops[share > 0.7] == 3).all()
    assert (crops[share < 0.02] == 0).all()
    assert np.corrcoef(share.ravel(), np.isin(crops, (3, 4)).ravel())[0, 1] > 0.4


@pytest.fixture(scope="module")
def dynamic(earth):
    """A Dynamic World image of summer, and its place in the tile."""
    return next(earth.scenes("GOOGLE/DYNAMICWORLD/V1", PLACE, day_of("2023-07-01"), day_of("2023-09-01")))


def test_dynamic_world_gives_probabilities_and_the_index_of_the_greatest(dynamic):
    """Nine bands that add up to 1, and `label`."""
    names = [band.name for band in dynamic.bands]
    bands = [dynamic.read(name, 0, 5000, 1000, 40, 40)[0] for name in names]

    assert names == (
        "water trees grass flooded_vegetation crops shrub_and_scrub built bare snow_and_ice label".split()  # noqa: SIM905
    )
    probabilities = np.stack(bands[:9])
    valid = dynamic.read("label", 0, 5000, 1000, 40, 40)[1]
    assert np.abs(probabilities.sum(axis=0)[valid] - 1.0).max() < 1e-5
    assert (probabilities.argmax(axis=0) == bands[9])[valid].all()


def test_dynamic_world_has_the_index_of_its_sentinel_2_scene_and_none_of_clouded_ones(earth, dynamic):
    """CLOUDY_PIXEL_PERCENTAGE <= 35 (data sheet)."""
    span = (PLACE, day_of("2023-07-01"), day_of("2023-09-01"))
    sources = list(earth.scenes("COPERNICUS/S2_HARMONIZED", *span))
    wanted = [each.index for each in sources if each.properties["CLOUDY_PIXEL_PERCENTAGE"] <= 35]

    found = [each.properties["system:index"] for each in earth.scenes("GOOGLE/DYNAMICWORLD/V1", *span)]

    assert found == wanted
    assert 0 < len(found) < len(sources)
    assert earth.scene(f"COPERNICUS/S2_HARMONIZED/{dynamic.properties['system:index']}") is not None


def test_dynamic_world_agrees_with_the_scene_classification_on_water(earth, dynamic):
    """Label 0 against SCL's class 6 of the same scene, on the ground of 20 m."""
    source = earth.scene(f"COPERNICUS/S2_SR_HARMONIZED/{dynamic.properties['system:index']}")
    label, valid = dynamic.read("label", 0, 4000, 0, 1000, 1000)
    classes, _ = source.read("SCL", 0, 2000, 0, 500, 500)
    wide = classes.repeat(2, axis=0).repeat(2, axis=1)

    both = valid & np.isin(wide, (4, 5, 6))

    assert both.any()
    assert np.mean((label == 0)[both] == (wide == 6)[both]) > 0.97


@pytest.fixture(scope="module")
def embedding(earth):
    """The tile of a place for a year, and its vectors there."""

    def vectors(year, side=12):
        image = next(earth.scenes("GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL", PLACE, day_of(f"{year}-01-01"), None))
        return image, np.stack([image.read(band.name, 0, 9000, 3000, side, side)[0] for band in image.bands])

    return vectors


def test_embeddings_are_64_numbers_of_unit_length(embedding):
    """Bands A00 to A63 of tiles of 163,840 m in UTM zones, rows from south to north."""
    image, vectors = embedding(2023)

    assert [band.name for band in image.bands] == [f"A{number:02d}" for number in range(64)]
    assert image.bands[0].transform[4] == 10.0
    assert (image.bands[0].height, image.bands[0].width) == (16384, 16384)
    assert np.abs(np.linalg.norm(vectors, axis=0) - 1.0).max() < 1e-6


def test_embeddings_are_alike_where_the_cover_is_and_from_year_to_year(earth, embedding):
    """The dot product tells the similarity: within a class of WorldCover higher than between classes."""
    image, vectors = embedding(2023, 40)
    _, before = embedding(2022, 40)
    band = image.bands[0]
    rows, cols = np.mgrid[9000:9040, 3000:3040] + 0.5
    lon, lat = Transformer.from_crs(band.crs, 4326, always_xy=True).transform(
        band.transform[2] + 10 * cols, band.transform[5] + 10 * rows
    )
    fine_rows, fine_cols = ((84.0 - lat) * 12000).astype(int), ((lon + 180.0) * 12000).astype(int)
    values, _ = earth.scene("ESA/WorldCover/v200/2021").read(
        "Map", 0, fine_rows.min(), fine_cols.min(), np.ptp(fine_rows) + 1, np.ptp(fine_cols) + 1
    )
    classes = values[fine_rows - fine_rows.min(), fine_cols - fine_cols.min()].ravel()[::5]
    flat = vectors.reshape(64, -1)[:, ::5]
    alike = flat.T @ flat
    same = classes[:, None] == classes[None, :]

    assert alike[same].mean() > alike[~same].mean() + 0.3
    assert (vectors * before).sum(axis=0).min() > 0.95


def test_a_tile_of_embeddings_is_found_by_its_id_and_covers_the_place(earth, embedding):
    """One tile per place and year, from 2017 on."""
    image, _ = embedding(2017)

    assert earth.scene(image.asset_id).asset_id == image.asset_id
    assert image.footprint.contains(PLACE)
    assert image.properties["system:time_start"] == day_of("2017-01-01")
    assert earth.scene(image.asset_id.replace("2017_", "2016_")) is None


def test_towns_shine_at_night(earth):
    """Radiance grows with the share of class 50 of WorldCover in a pixel."""
    image = earth.scene("NOAA/VIIRS/DNB/MONTHLY_V1/VCMCFG/20200101")
    row, col = int((75.0 + 1 / 480 - 45.8) * 240), int((15.0 + 180.0 + 1 / 480) * 240)
    light, _ = image.read("avg_rad", 0, row, col, 40, 40)
    top, left = (84.0 - (75.0 + 1 / 480 - row / 240)) * 12000, (col / 240 - 1 / 480) * 12000
    fine, _ = earth.scene("ESA/WorldCover/v200/2021").read("Map", 1, round(top / 2), round(left / 2), 1000, 1000)
    built = (fine == 50).reshape(40, 25, 40, 25).mean(axis=(1, 3))

    assert np.corrcoef(light.ravel(), built.ravel())[0, 1] > 0.6


def test_people_live_in_towns(earth):
    """Counts are densities times areas; some places are crowded, most are not."""
    row, col = int((90.0 - 45.8) * 120), int(195.0 * 120)
    root, year = "CIESIN/GPWv411/GPW_Population_", "gpw_v4_population_count_rev11_2015_30_sec"
    count, density = (
        earth.scene(f"{root}{kind}/{year}").read(f"population_{kind.lower()}", 0, row, col, 40, 40)[0]
        for kind in ("Count", "Density")
    )

    area = (111.32 / 120) ** 2 * np.cos(np.radians(45.8 - np.arange(40)[:, None] / 120))
    assert count == pytest.approx(density * area, rel=0.01)
    assert density.max() > 20 * np.median(density)


def test_aerial_images_are_quarters_of_quadrangles_of_the_united_states(earth):
    """San Francisco lies in m_3712213_sw; UTM on NAD 83, red, green, blue and near infrared as bytes."""
    place = shapely.Point(-122.445, 37.77)
    found = list(earth.scenes("USDA/NAIP/DOQQ", place, day_of("2014-01-01"), day_of("2020-01-01")))

    assert {each.asset_id[:-8] for each in found} == {
        "USDA/NAIP/DOQQ/m_3712213_sw_10_1_",
        "USDA/NAIP/DOQQ/m_3712213_sw_10_060_",
    }
    assert [band.name for band in found[0].bands] == ["R", "G", "B", "N"]
    assert {(band.crs, band.type.maximum) for band in found[0].bands} == {("EPSG:26910", 255)}
    assert [each.bands[0].transform[0] for each in found] == [1.0, 0.6, 0.6]
    assert all(earth.scene(each.asset_id).asset_id == each.asset_id for each in found)
    assert not list(earth.scenes("USDA/NAIP/DOQQ", PLACE, None, None))


def test_peaks_lie_above_valleys(earth):
    """Classes 11 to 13 of the landforms stand higher than 41, around one place; all classes are the published ones."""
    row, col, side = int((60.0 - 45.72) * 1200), int(195.15 * 1200), 128
    forms, _ = earth.scene("CSP/ERGo/1_0/Global/SRTM_landforms").read("constant", 0, row, col, side, side)
    heights, _ = earth.scene("CGIAR/SRTM90_V4").read("elevation", 0, row, col, side, side)

    peaks, valleys = np.isin(forms, (11, 12, 13)), forms == 41

    assert set(np.unique(forms)) <= {11, 12, 13, 14, 15, 21, 22, 23, 24, 31, 32, 33, 34, 41, 42}
    assert peaks.any()
    assert valleys.any()
    assert heights[peaks].mean() > heights[valleys].mean()


def rain(earth, collection, index, side=4):
    """Rain around the place."""
    image = earth.scene(f"{collection}/{index}")
    return image.read("precipitation", 0, int((50.0 - 45.72) * 20), int(195.15 * 20), side, side)[0]


def test_a_pentad_is_the_sum_of_its_days(earth):
    """The last one of a month takes what is left: six days of March 2021."""
    days = [f"202103{day}" for day in range(26, 32)]

    total = sum(rain(earth, "UCSB-CHG/CHIRPS/DAILY", day).astype(float) for day in days)

    assert rain(earth, "UCSB-CHG/CHIRPS/PENTAD", "20210326") == pytest.approx(total, abs=1e-3)
    assert earth.scene("UCSB-CHG/CHIRPS/PENTAD/20210326").properties["pentad"] == 6


def test_a_month_of_era5_land_is_the_sum_of_its_days(earth):
    """Total precipitation in metres."""
    row, col = int((90.05 - 45.72) / 0.1), int(195.2 / 0.1)

    def fallen(asset):
        return earth.scene(asset).read("total_precipitation_sum", 0, row, col, 2, 2)[0].astype(float)

    days = sum(fallen(f"ECMWF/ERA5_LAND/DAILY_AGGR/202102{day:02d}") for day in range(1, 29))

    assert fallen("ECMWF/ERA5_LAND/MONTHLY_AGGR/202102") == pytest.approx(days, abs=1e-6)
    assert 0.0 < days.mean() < 0.5


def test_summers_are_warmer_on_both_sides_of_the_equator(earth):
    """July against January, and nothing above or below what the Earth knows."""
    months = {month: earth.scene(f"ECMWF/ERA5_LAND/MONTHLY_AGGR/2020{month}") for month in ("01", "07")}
    kelvin = {month: image.read("temperature_2m", 0, 0, 1900, 1801, 1)[0][:, 0] for month, image in months.items()}
    north, south = 450, 1350  # 45 degrees north and south

    assert kelvin["07"][north] > kelvin["01"][north] + 10.0
    assert kelvin["01"][south] > kelvin["07"][south] + 10.0
    assert min(each.min() for each in kelvin.values()) > 200.0
    assert max(each.max() for each in kelvin.values()) < 325.0


def test_days_are_warmer_than_nights_in_era5_land(earth):
    """Local afternoon against local night; the day's least and greatest hold them."""
    row, col = int((90.05 - 45.72) / 0.1), int(195.2 / 0.1)

    def kelvin(asset, band):
        return float(earth.scene(asset).read(band, 0, row, col, 1, 1)[0][0, 0])

    night, noon = (kelvin(f"ECMWF/ERA5_LAND/HOURLY/20200715T{hour}", "temperature_2m") for hour in ("02", "13"))
    low, high = (kelvin("ECMWF/ERA5_LAND/DAILY_AGGR/20200715", f"temperature_2m_{end}") for end in ("min", "max"))

    assert noon > night + 7.0
    assert low - 0.5 < night < noon < high + 0.5


@pytest.mark.parametrize(
    ("collection", "index"),
    [
        ("COPERNICUS/DEM/GLO30", "Copernicus_DSM_COG_10_N45_00_E015_00_DEM"),
        ("JAXA/ALOS/AW3D30/V3_2", "ALPSMLC30_N045E015_DSM"),
    ],
)
def test_elevation_models_show_the_same_relief(earth, collection, index):
    """To two metres: grids differ by half a pixel."""
    (tile,) = earth.scenes(collection, PLACE, None, None)
    band = tile.bands[0]
    row, col = 1000, int(0.15 / band.transform[0])
    heights, _ = tile.read(band.name, 0, row, col, 20, 20)
    lat, lon = band.transform[5] + band.transform[4] * (row + 10), band.transform[2] + band.transform[0] * (col + 10)
    model = earth.scene("USGS/SRTMGL1_003")
    around, _ = model.read("elevation", 0, int((60.0 - lat) * 3600) - 10, int((180.0 + lon) * 3600) - 10, 20, 20)

    assert tile.asset_id == f"{collection}/{index}"
    assert heights.mean() == pytest.approx(around.mean(), abs=2.0)


def test_cells_of_ghsl_hold_the_people_of_their_ground(earth):
    """A hectare of the density that GPW tells, at the same place; their pixels are not of one size."""
    step = 100 / 111_319.49079327358
    row, col = int((90.0 - 45.8) / step), int(195.0 / step)
    image = earth.scene("JRC/GHSL/P2023A/GHS_POP/2015")
    cells, valid = image.read("population_count", 0, row, col, 360, 360)
    density, _ = earth.scene("CIESIN/GPWv411/GPW_Population_Density/gpw_v4_population_count_rev11_2015_30_sec").read(
        "population_density", 0, int((90.0 - 45.8) * 120), int(195.0 * 120), 38, 38
    )

    assert valid.all()
    assert cells.mean() == pytest.approx(density.mean() * 0.01 * np.cos(np.radians(45.65)), rel=0.2)


def test_fires_burn_some_of_the_ground_and_tell_the_day(earth):
    """BurnDate is a day of the image's month; what cannot burn is flagged -2 and never burns."""
    image = earth.scene("ESA/CCI/FireCCI/5_1/2019_08_01")
    days, burned = image.read("BurnDate", 0, 16_000, 70_000, 400, 400)
    flags, flagged = image.read("ObservedFlag", 0, 16_000, 70_000, 400, 400)

    assert 0.001 < burned.mean() < 0.2
    assert days[burned].min() >= 213  # 1 August
    assert days[burned].max() <= 243
    assert (flags[flagged] == -2).all()
    assert not (burned & flagged).any()


def test_floods_cover_low_ground_for_some_days_and_lakes_for_all(earth):
    """An event of eleven days; where water always stands it is flooded, too."""
    image = next(earth.scenes("GLOBAL_FLOOD_DB/MODIS_EVENTS/V1", PLACE, day_of("2012-08-01"), None))
    flooded, days, lake = (
        image.read(band, 3, 15_875, 90_500, 400, 400)[0] for band in ("flooded", "duration", "jrc_perm_water")
    )

    assert image.properties["id"] == int(image.properties["system:index"].split("_")[1])
    assert ((days > 0) == (flooded == 1)).all()
    assert days.max() <= 11
    assert (days[lake == 1] == 11).all()
    assert (flooded[lake == 0] == 1).any()
