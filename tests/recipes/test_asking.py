"""What can be asked of the recipes on collections, settled before anything is sent."""

from __future__ import annotations

import re
from datetime import date

import pytest

from orchestrator.config import JobTable
from orchestrator.core.errors import RecipeError
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.registry import RECIPES, UNDATED, find_recipe
from orchestrator.recipes.series import steps

DATED = (date(2024, 1, 1), date(2024, 3, 1))


def request(bands=(), dates=DATED, **params):
    return ImageRequest({}, *dates, tuple(bands), params)


@pytest.mark.parametrize(
    ("recipe", "asked", "bands", "kind"),
    [
        ("sentinel2-cloudscore", request(["B8"]), ["B8"], ("float32", -9999, 1, 0)),
        ("sentinel2-cloudscore", request(["B8"], dtype="uint16"), ["B8"], ("uint16", 65535, 0.0001, 0)),
        ("landsat-composite", request(), ["blue", "green", "red", "nir", "swir1", "swir2"], ("float32", -9999, 1, 0)),
        ("landsat-composite", request(["nir"], dtype="uint16"), ["nir"], ("uint16", 65535, 2.75e-5, -0.2)),
        ("sentinel1-backscatter", request(), ["VV", "VH"], ("float32", -9999, 1, 0)),
        ("ndvi-series", request(), ["NDVI_2024_01", "NDVI_2024_02"], ("float32", -9999, 1, 0)),
        ("ndvi-series", request(["NDVI_2024_02"], dtype="int16"), ["NDVI_2024_02"], ("int16", -32768, 0.0001, 0)),
        ("lst-series", request(step="year"), ["LST_2024"], ("float32", -9999, 1, 0)),
        ("embeddings", request(), [f"A{number:02d}" for number in range(64)], ("float32", -9999, 1, 0)),
        ("terrain", request(), ["elevation", "slope"], ("float32", -9999, 1, 0)),
        ("landcover", request(), ["landcover"], ("uint8", 255, 1, 0)),
    ],
)
def test_pixels_are_settled_without_asking_anybody(recipe, asked, bands, kind):
    """Bands in order; number type, nodata, scale and offset."""
    pixels = find_recipe(recipe).pixels(asked)

    assert list(pixels.bands) == bands
    assert (pixels.dtype, pixels.nodata, pixels.scale, pixels.offset) == kind


@pytest.mark.parametrize(
    ("recipe", "asked", "named"),
    [
        ("sentinel2-cloudscore", request(["B10"]), "no band 'B10'; choose from B1, B2"),
        ("sentinel2-cloudscore", request(score="cdf"), "'score' .* is 'cdf'; choose cs or cs_cdf"),
        ("sentinel2-cloudscore", request(threshold=60), "'threshold' .* is 60; it must be from 0 to 1"),
        ("sentinel2-cloudscore", request(method="mean"), "'mean'; choose median or quality"),
        ("sentinel2-cloudscore", request(dtype="int16"), "'int16'; choose float32 or uint16"),
        ("sentinel2-cloudscore", request(max_scene_cloud=-1), "-1; it must be from 0 to 100"),
        ("landsat-composite", request(satellites="8,6"), "'6'; choose 4, 5, 7, 8 or 9"),
        ("landsat-composite", request(satellites=""), "''; choose 4, 5, 7, 8 or 9"),
        ("landsat-composite", request(["B4"]), "no band 'B4'; choose from blue"),
        ("landsat-composite", request(["thermal"], dtype="uint16"), "'thermal' in kelvin only with dtype float32"),
        ("sentinel1-backscatter", request(["HH"]), "no band 'HH'; choose from VV, VH"),
        ("sentinel1-backscatter", request(orbit="up"), "'up'; choose both, ascending or descending"),
        ("sentinel1-backscatter", request(speckle_m=-5), "-5; it must be at least 0"),
        ("sentinel1-backscatter", request(dtype="int16"), "no parameter 'dtype'"),
        ("ndvi-series", request(step="week"), "'week'; choose month, year or days such as 16d"),
        ("ndvi-series", request(step="0d"), "'0d'; choose month, year or days"),
        ("ndvi-series", request(step="1d", dates=(date(2022, 1, 1), date(2024, 1, 1))), "more than 400 bands"),
        ("ndvi-series", request(["NDVI_2024_03"]), "'NDVI_2024_03' .* from NDVI_2024_01 to NDVI_2024_02"),
        ("ndvi-series", request(source="spot"), "'spot'; choose sentinel2, landsat or modis"),
        ("lst-series", request(satellite="noaa"), "'noaa'; choose terra, aqua or both"),
        ("lst-series", request(unit="fahrenheit"), "'fahrenheit'; choose celsius or kelvin"),
        ("embeddings", request(["A64"]), "no band 'A64'"),
        ("embeddings", request(dates=(date(2023, 6, 1), date(2024, 6, 1))), "lie in 2: choose one, .* 2024-01-01"),
        ("terrain", request(dem="aster"), "'aster'; choose srtm, nasadem or glo30"),
        ("terrain", request(sun_elevation=91), "91; it must be from 0 to 90"),
        ("landcover", request(source="corine"), "'corine'; choose worldcover, worldcover-2020, dynamic-world or"),
        ("landcover", request(scheme="LC_Type6"), "choose LC_Type1"),
        ("landcover", request(source="dynamic-world", dates=(date.min, date.max)), "dynamic-world needs dates"),
        ("landcover", request(source="mcd12q1", dates=(date(2019, 1, 1), date(2022, 1, 1))), "lie in 3: choose one"),
    ],
)
def test_what_is_not_possible_is_refused_with_its_name(recipe, asked, named):
    """Each refusal names the value and what would be right."""
    with pytest.raises(RecipeError, match=named):
        find_recipe(recipe).pixels(asked)


@pytest.mark.parametrize(
    ("start", "end", "step", "found"),
    [
        ("2024-01-15", "2024-03-02", "month", "2024_01 01-15 02-01, 2024_02 02-01 03-01, 2024_03 03-01 03-02"),
        ("2023-12-01", "2024-02-01", "month", "2023_12 12-01 01-01, 2024_01 01-01 02-01"),
        ("2023-07-01", "2024-02-01", "year", "2023 07-01 01-01, 2024 01-01 02-01"),
        ("2024-02-20", "2024-03-10", "16d", "2024_02_20 02-20 03-07, 2024_03_07 03-07 03-10"),
    ],
)
def test_steps_lie_side_by_side_and_end_with_the_dates(start, end, step, found):
    """No day is in two of them, and none in none; names sort as the days do."""
    made = steps(request(dates=(date.fromisoformat(start), date.fromisoformat(end))), step, "ndvi-series")

    assert ", ".join(f"{one.name} {one.start:%m-%d} {one.end:%m-%d}" for one in made) == found


@pytest.mark.parametrize(
    ("recipe", "params", "said"),
    [
        ("sentinel2-cloudscore", {}, "Contains modified Copernicus Sentinel data 2024; Cloud Score"),
        ("landsat-composite", {"satellites": "8, 9"}, "Landsat-8, 9 images courtesy of the U.S. Geological Survey"),
        ("sentinel1-backscatter", {}, "Contains modified Copernicus Sentinel data 2024"),
        ("ndvi-series", {"source": "landsat"}, "courtesy of the U.S. Geological Survey"),
        ("ndvi-series", {"source": "modis"}, "MOD13Q1.061"),
        ("lst-series", {"satellite": "both"}, "MOD11A2 and MYD11A2"),
        (
            "embeddings",
            {},
            "The AlphaEarth Foundations Satellite Embedding dataset is produced by Google and Google Deep",
        ),
        ("terrain", {"dem": "glo30"}, "Copernicus WorldDEM-30 © DLR e.V. 2010-2014 and © Airbus Defence and Space"),
        ("landcover", {"source": "dynamic-world"}, "produced for the Dynamic World Project by Google in partnership"),
    ],
)
def test_the_proof_says_what_the_sources_ask_for(recipe, params, said):
    """The sentence of the sources, an address of their terms, and every parameter with its value."""
    facts = find_recipe(recipe).facts(request(**params))

    assert said in facts["attribution"]
    assert facts["licence"].startswith("https://")
    assert facts["recipe"] == recipe
    assert params.items() <= facts["parameters"].items()


@pytest.mark.parametrize(
    ("recipe", "params"),
    [("dataset", {"name": "s2-2020"}), *((one, {}) for one in sorted(UNDATED - {"dataset", "graph"}))],
)
def test_maps_of_no_date_need_none(recipe, params, tmp_path):
    """A job may leave the dates out."""
    table = JobTable.model_validate({"area": "14,46,14.1,46.1", "output": "o", "base_name": "a", "recipe": recipe})

    assert table.job(tmp_path, "google").undated
    assert find_recipe(recipe).pixels(request(dates=(date.min, date.max), **params))


@pytest.mark.parametrize(
    ("recipe", "asked", "said"),
    [
        ("landsat-composite", request(satellites="5"), "None of the satellites took scenes .* to 2012-05-05"),
        ("sentinel1-backscatter", request(), "orbit=ascending"),
        ("embeddings", request(), "whole year: this one of 2024"),
        ("landcover", request(), "the dates change nothing"),
        ("sentinel2-cloudscore", request(dates=(date(2018, 1, 1), date(2018, 2, 1))), "whole Earth before 2019"),
    ],
)
def test_a_plan_says_what_a_person_may_not_expect(recipe, asked, said):
    """In a sentence, before anything is sent."""
    (note,) = find_recipe(recipe).notes(asked)

    assert re.search(said, note)


def test_the_first_day_is_that_of_the_satellites_asked_for():
    """Dates that end before it are refused by whoever plans."""
    recipe = find_recipe("landsat-composite")

    assert recipe.first_day(request())[1] == date(1982, 8, 22)
    assert recipe.first_day(request(satellites="9,8"))[1] == date(2013, 3, 18)


def test_every_recipe_can_be_found():
    """Each keeps the contract's methods."""
    for name in RECIPES:
        assert all(callable(getattr(find_recipe(name), method)) for method in ("pixels", "image", "survey", "notes"))
