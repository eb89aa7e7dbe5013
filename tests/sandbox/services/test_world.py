"""The invented Earth through the real client: collections, single images, folders and queries without bounds."""

from __future__ import annotations

import ee
import numpy as np
import pytest

from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import Options, Sandbox

PUBLIC = "projects/earthengine-public/assets/"
pytestmark = pytest.mark.usefixtures("world")
SIZES = {
    "MODIS/061/MCD12Q1": 23,
    "ESA/WorldCover/v200": 1,
    "JRC/GSW1_4/YearlyHistory": 38,
    "NOAA/DMSP-OLS/NIGHTTIME_LIGHTS": 22,
}


@pytest.fixture(scope="module")
def world(connect_module):
    """The real client at a sandbox of the whole catalogue."""
    with Sandbox(WorldCatalogue(), Options()) as sandbox:
        connect_module(sandbox)
        yield sandbox


@pytest.fixture(scope="module")
def connect_module():
    """As `connect`, for a whole module."""
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - of this fixture alone

    def connect(sandbox):
        ee.Reset()
        ee.Initialize(credentials=AnonymousCredentials(), url=sandbox.url, project=sandbox.options.project)
        ee.data.setMaxRetries(0)
        ee.data.setDeadline(30_000)

    yield connect
    ee.Reset()


def place(metres=300):
    """A square around a point in Slovenia."""
    return ee.Geometry.Point(15.15, 45.72).buffer(metres).bounds()


def mean(image, scale, region=None):
    """Means over a square."""
    return image.reduceRegion(ee.Reducer.mean(), region or place(), scale).getInfo()


@pytest.mark.parametrize("collection", ["LANDSAT/LC08/C02/T1_L2", "COPERNICUS/S1_GRD", "MODIS/061/MOD09GA"])
def test_the_first_image_of_a_collection_without_bounds_is_had(collection):
    """`.first()` and `.limit()` need not know the rest; nor need `.first()` of what is filtered by a property."""
    images = ee.ImageCollection(collection)

    index = images.first().get("system:index").getInfo()

    assert images.limit(2).aggregate_array("system:index").getInfo()[0] == index
    assert images.filter(ee.Filter.neq("system:index", index)).first().get("system:index").getInfo() != index


@pytest.mark.parametrize(("collection", "expected"), list(SIZES.items()))
def test_the_size_of_a_collection_of_the_whole_earth_is_told(collection, expected):
    """One image a year."""
    assert ee.ImageCollection(collection).size().getInfo() == expected


def test_daily_products_are_counted_beyond_what_a_query_may_accumulate():
    """CHIRPS has more than 5,000 days; 2001 to 2020 are 7,305 of them."""
    images = ee.ImageCollection("UCSB-CHG/CHIRPS/DAILY")

    assert images.filterDate("2001-01-01", "2021-01-01").size().getInfo() == 7305


@pytest.mark.parametrize("collection", ["LANDSAT/LC08/C02/T1_L2", "COPERNICUS/S2_SR_HARMONIZED", "COPERNICUS/S1_GRD"])
def test_scenes_of_the_whole_earth_and_many_days_are_too_many_to_count(collection):
    """With the service's sentence, at once."""
    with pytest.raises(ee.EEException, match="accumulating over 5000 elements"):
        ee.ImageCollection(collection).filterDate("2015-06-01", "2024-06-01").size().getInfo()


def test_retired_collections_are_not_found():
    """With the service's sentence."""
    with pytest.raises(ee.EEException, match=r"'LANDSAT/LC08/C01/T1_SR' not found \(does not exist or caller"):
        ee.ImageCollection("LANDSAT/LC08/C01/T1_SR").first().getInfo()


def test_ndvi_of_three_sensors_agrees_over_one_region():
    """Medians of a summer over one square kilometre: Sentinel-2, Landsat 8 and MODIS to 0.06."""
    region = place(600)
    summer = ("2023-06-15", "2023-08-15")

    def collection(name):
        return ee.ImageCollection(name).filterBounds(region).filterDate(*summer)

    def clear(image):
        return image.updateMask(image.select("QA_PIXEL").bitwiseAnd(0b11111).eq(0)).multiply(2.75e-5).subtract(0.2)

    landsat = collection("LANDSAT/LC08/C02/T1_L2").map(clear).select(["SR_B5", "SR_B4"]).median()
    sentinel = collection("COPERNICUS/S2_SR_HARMONIZED").filter(ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", 30))
    sentinel = sentinel.select(["B8", "B4"]).median()
    modis = collection("MODIS/061/MOD13Q1").select("NDVI").median().multiply(1e-4)
    bands = {"landsat": mean(landsat, 60, region), "sentinel": mean(sentinel, 60, region)}
    found = {"modis": mean(modis, 250, region)["NDVI"]}

    for name, (infrared, red) in {"landsat": ("SR_B5", "SR_B4"), "sentinel": ("B8", "B4")}.items():
        near, dark = bands[name][infrared], bands[name][red]
        found[name] = (near - dark) / (near + dark)

    assert np.ptp(list(found.values())) < 0.06, found


def test_an_image_on_the_sinusoidal_grid_tells_its_projection():
    """`SR-ORG:6974`, and its nominal scale."""
    projection = ee.Image("MODIS/061/MCD12Q1/2020_01_01").select("LC_Type1").projection()

    assert projection.crs().getInfo() == "SR-ORG:6974"
    assert projection.nominalScale().getInfo() == pytest.approx(463.3127165279)


def test_a_single_image_is_an_asset_and_no_collection():
    """`getAsset` and `listAssets` of the folder that it lies in."""
    shown = ee.data.getAsset(f"{PUBLIC}USGS/SRTMGL1_003")
    listed = ee.data.listAssets(f"{PUBLIC}USGS")["assets"]

    assert (shown["type"], shown["bands"][0]["id"]) == ("IMAGE", "elevation")
    assert {each["id"]: each["type"] for each in listed}["USGS/SRTMGL1_003"] == "IMAGE"
    assert ee.data.getAsset(f"{PUBLIC}MODIS/061")["type"] == "FOLDER"


def test_images_of_a_collection_are_listed():
    """With their bands and properties, page by page."""
    found = ee.data.listImages({"parent": f"{PUBLIC}LANDSAT/LC09/C02/T1_L2", "pageSize": 3})["images"]

    assert len(found) >= 3
    assert found[0]["bands"][0]["id"] == "SR_B1"
    assert found[0]["properties"]["SPACECRAFT_ID"] == "LANDSAT_9"


def test_a_radar_scene_is_filtered_by_its_list_of_polarisations():
    """As the data sheet's own example does."""
    images = ee.ImageCollection("COPERNICUS/S1_GRD").filterBounds(place()).filterDate("2023-07-01", "2023-07-13")
    wanted = images.filter(ee.Filter.listContains("transmitterReceiverPolarisation", "VV"))
    wanted = wanted.filter(ee.Filter.eq("instrumentMode", "IW"))

    assert wanted.filter(ee.Filter.eq("orbitProperties_pass", "DESCENDING")).size().getInfo() == 2
    assert -30.0 < mean(wanted.first().select("VV"), 20)["VV"] < 5.0


def test_the_sandbox_had_no_trouble(world):
    """No violation, no fault of its own."""
    assert world.state()["violations"] == []
    assert world.journal.summary()["troubles"] == []


def test_an_asset_of_the_public_catalogue_that_is_not_imitated_is_refused_by_name():
    """Not "does not exist": the real service has it."""
    with pytest.raises(ee.EEException, match="does not imitate the collection AHN/AHN3"):
        ee.data.getAsset("AHN/AHN3")


def test_an_asset_weighs_the_same_wherever_it_is_told():
    """The number beside an asset is that among its properties."""
    told = [ee.data.getAsset(f"{PUBLIC}USGS/SRTMGL1_003")]
    told += ee.data.listImages({"parent": f"{PUBLIC}LANDSAT/LC09/C02/T1_L2", "pageSize": 2})["images"]

    assert [each["sizeBytes"] for each in told] == [str(each["properties"]["system:asset_size"]) for each in told]
