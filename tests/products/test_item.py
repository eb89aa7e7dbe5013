"""The catalogue item of a mosaic, field by field as STAC 1.1 and four of its extensions ask."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date

import pyproj
import pystac
import pytest
import shapely

from orchestrator.model.grid import Grid
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.product import RunSnapshot
from orchestrator.model.spec import PixelSpec
from orchestrator.products.footprint import footprint
from orchestrator.products.mosaic.item import BandNumbers, item
from orchestrator.products.mosaic.tags import tags
from orchestrator.products.stac import COG, ItemFile

NOTICE = "Contains modified Copernicus Sentinel data 2023"
TERMS = "https://sentinels.copernicus.eu/documents/247904/690755/Sentinel_Data_Legal_Notice"
JOB = Job("east", "/out", AreaSource("x"), "2023-05-01", "2023-06-01")
RUN = RunSnapshot("r1", JOB, image="{}", facts={"attribution": NOTICE, "licence": TERMS})
RASTER = ItemFile("data", "east_clipped.tif", COG, ("data",), "The mosaic", 12, "ab" * 32)
TODAY = date(2026, 11, 25)


def plan_of(pixels=PixelSpec(("B4", "B3"), "uint16", 0), crs="EPSG:32633", left=500_000.0):  # noqa: B008  a value
    grid = Grid(crs, (10.0, 0.0, left, 0.0, -10.0, 5_001_000.0), 100, 200)
    area = shapely.to_wkb(shapely.box(left + 100, 5_000_100, left + 1900, 5_000_900))
    return Plan(grid, pixels, (TaskPlan(0, grid.window, 256, 256),), area, 1, 1, 1, 1, 1)


def told(run=RUN, plan=None, bands=None):
    plan = plan or plan_of()
    bands = bands or [BandNumbers(5000, {}) for _ in plan.pixels.bands]
    return json.loads(item(run, plan, [RASTER], bands, "1.2", TODAY))


def test_equal_results_have_equal_items():
    """Begun again after a crash, the same is written."""
    assert told() == told()


def test_it_says_where_and_when():
    """The footprint in degrees, the days from the first to the last one used, to the second."""
    found = told()

    assert shapely.from_geojson(json.dumps(found["geometry"])).within(shapely.box(15.0, 45.15, 15.03, 45.17))
    assert found["properties"]["datetime"] is None
    assert found["properties"]["start_datetime"] == "2023-05-01T00:00:00Z"
    assert found["properties"]["end_datetime"] == "2023-05-31T23:59:59Z"


def test_an_image_without_dates_has_the_day_it_was_made():
    """STAC asks for a time of some kind."""
    found = told(replace(RUN, job=replace(JOB, recipe="graph", start_date="", end_date="")))

    assert found["properties"]["datetime"] == "2026-11-25T00:00:00Z"
    assert "start_datetime" not in found["properties"]


def test_it_says_whose_the_sources_are():
    """The sentence that the legal notice asks for, the terms as a link, and who provided what."""
    found = told()

    assert found["properties"]["attribution"] == NOTICE
    assert found["properties"]["license"] == "other"
    assert [link["href"] for link in found["links"] if link["rel"] == "license"] == [TERMS]
    roles = {provider["name"]: provider["roles"] for provider in found["properties"]["providers"]}
    assert roles == {
        "European Union, Copernicus Programme": ["producer", "licensor"],
        "Google Earth Engine": ["processor"],
    }


def test_what_a_sandbox_computed_is_not_said_to_be_earth_engines():
    """A catalogue must not take invented pixels for those of the Earth."""
    found = told(replace(RUN, job=replace(JOB, service="sandbox")))["properties"]

    assert [provider["name"] for provider in found["providers"]] == [found["processing:facility"]]
    assert "sandbox" in found["processing:facility"]
    assert "Google" not in json.dumps(found["providers"]) + found["processing:lineage"]


def test_images_of_landsat_are_of_the_survey_that_asks_to_be_named():
    """With its terms; no other maker is named."""
    facts = {"attribution": "Landsat-8, 9 images courtesy of the U.S. Geological Survey", "licence": TERMS}

    found = told(replace(RUN, facts=facts))["properties"]["providers"]

    assert [provider["name"] for provider in found] == ["U.S. Geological Survey", "Google Earth Engine"]
    assert found[0]["url"] == TERMS


def test_sources_that_are_not_known_are_not_guessed():
    """A user's own image says nothing of Copernicus."""
    found = told(replace(RUN, facts={"attribution": "", "licence": ""}))

    assert [provider["name"] for provider in found["properties"]["providers"]] == ["Google Earth Engine"]
    assert "attribution" not in found["properties"]
    assert found["links"] == []


def test_it_says_what_made_it():
    """processing:software is an object of names and versions, processing:lineage a sentence."""
    found = told()["properties"]

    assert found["processing:software"] == {"orchestrator": "1.2"}
    assert NOTICE in found["processing:lineage"]


def test_a_grid_without_a_code_is_described_whole():
    """proj:code is null then, and proj:wkt2 stands for it."""
    own = pyproj.CRS.from_proj4("+proj=tmerc +lon_0=15.1 +x_0=500000 +datum=WGS84").to_wkt("WKT1_GDAL")

    found = told(plan=plan_of(crs=own))["properties"]

    assert found["proj:code"] is None
    assert found["proj:wkt2"].startswith("PROJCRS[")


@pytest.mark.parametrize(
    ("nodata", "dtype", "said"),
    [(0, "uint16", 0), (-9999.0, "float32", -9999), (math.nan, "float32", "nan"), (-math.inf, "float64", "-inf")],
)
def test_numbers_that_json_lacks_are_words(nodata, dtype, said):
    """As the specification writes them."""
    found = told(plan=plan_of(PixelSpec(("B4",), dtype, nodata)))

    assert found["assets"]["data"]["bands"][0]["nodata"] == said


def test_statistics_are_those_of_the_file_and_the_share_is_counted():
    """What the file lacks is left out; of 20,000 pixels 5,000 are a quarter."""
    numbers = {"STATISTICS_MINIMUM": "1.5", "STATISTICS_MAXIMUM": "9", "STATISTICS_MEAN": "4"}

    bands = told(bands=[BandNumbers(5000, numbers), BandNumbers(0, {})])["assets"]["data"]["bands"]

    assert bands[0]["statistics"] == {"minimum": 1.5, "maximum": 9.0, "mean": 4.0, "valid_percent": 25.0}
    assert bands[1]["statistics"] == {"valid_percent": 0.0}


def test_an_area_across_longitude_180_is_two_pieces():
    """As RFC 7946 has it: nothing beyond ±180, and a box whose west is the larger number."""
    across = shapely.to_wkb(shapely.box(50_000, 100_000, 290_000, 190_000))

    geometry, (west, south, east, north) = footprint(across, "EPSG:32601")

    shape = shapely.from_geojson(json.dumps(geometry))
    assert geometry["type"] == "MultiPolygon"
    assert shape.bounds[0] == -180
    assert shape.bounds[2] == 180
    assert shape.area < 3
    assert east < 0 < west
    assert south < north


def test_an_outline_of_very_many_vertices_is_replaced_by_one_that_contains_it():
    """A catalogue need not carry a coastline."""
    star = [
        (math.cos(a) * (30_000 if n % 2 else 20_000) + 5e5, math.sin(a) * (30_000 if n % 2 else 20_000) + 5e6)
        for n, a in enumerate(2 * math.pi * k / 4000 for k in range(4000))
    ]

    geometry, _ = footprint(shapely.to_wkb(shapely.Polygon(star)), "EPSG:32633")

    shape = shapely.from_geojson(json.dumps(geometry))
    exact, _ = footprint(shapely.to_wkb(shapely.Polygon(star[::1000])), "EPSG:32633")
    assert shapely.get_num_coordinates(shape) <= 1000
    assert shape.contains(shapely.from_geojson(json.dumps(exact)))


def test_the_schemas_of_the_core_accept_it():
    """pystac brings those of STAC 1.1.0 along."""
    assert pystac.Item.from_dict(told() | {"stac_extensions": []}).validate()


@pytest.mark.parametrize(
    ("service", "notice"),
    [
        ("google", NOTICE),
        ("copernicus", NOTICE),
        ("here", NOTICE),  # from files, by this program alone
        (
            "sandbox",
            f"Not Earth Engine's: made by a sandbox of Earth Engine (synthetic scenes, or the user's own). {NOTICE}",
        ),
    ],
)
def test_the_copyright_in_the_raster_says_who_made_the_pixels(service, notice):
    """What a sandbox invented does not carry a satellite's copyright alone."""
    found = dict(tags(replace(RUN, job=replace(JOB, service=service)), "1.2"))

    assert found["TIFFTAG_COPYRIGHT"] == notice


@pytest.mark.parametrize(
    ("service", "name"), [("here", "orchestrator"), ("copernicus", "Copernicus Data Space Ecosystem")]
)
def test_pixels_of_satellites_have_their_makers_wherever_they_were_computed(service, name):
    """And whoever computed them is not called by our word for it, nor has Earth Engine's address."""
    found = told(replace(RUN, job=replace(JOB, service=service)))

    makers = {provider["name"]: provider["roles"] for provider in found["properties"]["providers"]}
    assert makers == {"European Union, Copernicus Programme": ["producer", "licensor"], name: ["processor"]}
    assert "earthengine" not in json.dumps(found["properties"]["providers"])
    assert found["properties"]["processing:facility"] == name


def test_a_sandbox_adds_no_copyright_where_the_recipe_has_none():
    """The bytes of such a file are those of every version."""
    found = dict(tags(replace(RUN, job=replace(JOB, service="sandbox"), facts={}), "1.2"))

    assert "TIFFTAG_COPYRIGHT" not in found
