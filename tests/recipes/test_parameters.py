"""What can be asked of recipes, settled before anything is sent."""

from __future__ import annotations

from datetime import date

import pytest

from orchestrator.core.errors import RecipeError
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.registry import find_recipe


def request(bands=(), **params):
    return ImageRequest({}, date(2024, 1, 1), date(2024, 2, 1), tuple(bands), params)


def test_the_mosaic_is_float_reflectance_of_all_bands():
    """Without a word from the user: twelve bands, float32, no value is nodata by chance."""
    pixels = find_recipe("sentinel2-cloudless").pixels(request())

    assert (len(pixels.bands), pixels.dtype, pixels.nodata) == (12, "float32", -9999)


def test_integers_carry_their_scale():
    """uint16 holds reflectance × 10 000, and says so."""
    pixels = find_recipe("sentinel2-cloudless").pixels(request(["B2"], dtype="uint16"))

    assert (pixels.scale, pixels.nodata) == (0.0001, 65535)


@pytest.mark.parametrize(
    ("recipe", "asked", "named"),
    [
        pytest.param("sentinel2-cloudless", request(["B2", "B10"]), "no band 'B10'", id="unknown band"),
        pytest.param("sentinel2-cloudless", request(["B2", "B2"]), "twice", id="one band twice"),
        pytest.param("sentinel2-cloudless", request(max_scene_clouds=3), "did you mean", id="misspelt"),
        pytest.param("sentinel2-cloudless", request(buffer_m="wide"), "'wide', which is no float", id="no number"),
        pytest.param("sentinel2-cloudless", request(cloud_probability="nan"), "no finite number", id="not a number"),
        pytest.param("sentinel2-cloudless", request(buffer_m="inf"), "no finite number", id="endless"),
        pytest.param("sentinel2-cloudless", request(cloud_probability="1e999"), "no finite number", id="too large"),
        pytest.param("sentinel2-cloudless", request(dtype="int8"), "float32 or uint16", id="unknown dtype"),
        pytest.param("sentinel2-cloudless", request(mask_scale_m=0), "above 0", id="no scale"),
        pytest.param("image-code", request(["a"]), "needs a Python file", id="no file"),
        pytest.param("image-code", request(), "names of the image's bands", id="no bands"),
    ],
)
def test_what_is_not_possible_is_refused_with_its_name(recipe, asked, named):
    """Each refusal names the value and what would be right."""
    with pytest.raises(RecipeError, match=named):
        find_recipe(recipe).pixels(asked)


def test_an_unknown_recipe_gets_a_suggestion():
    """A slip of the finger is recognised."""
    with pytest.raises(RecipeError, match="did you mean 'sentinel2-cloudless'"):
        find_recipe("sentinel2-cloudles")


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "image.py"
    path.write_text("def get_ee_image(): ...")
    return str(path)


@pytest.mark.parametrize(
    ("dtype", "nodata", "named"),
    [
        pytest.param("float32", "nan", "'nan' is no finite number", id="NaN"),
        pytest.param("float64", "-inf", "'-inf' is no finite number", id="infinity"),
        pytest.param("float32", "1e39", "1e[+]39 is out of the range of float32", id="too large"),
        pytest.param("uint8", "256", "256 is no uint8.* from 0 to 255", id="beyond the limits"),
        pytest.param("int16", "0.5", "0.5 is no int16", id="half"),
        pytest.param("float32", "none", "'none' is no number", id="a word"),
    ],
)
def test_a_nodata_value_that_cannot_be_is_refused_while_planning(code, dtype, nodata, named):
    """Before anything is exported, with the number."""
    with pytest.raises(RecipeError, match=named):
        find_recipe("image-code").pixels(request(["a"], file=code, dtype=dtype, nodata=nodata))


def test_a_nodata_value_is_rounded_to_the_number_type(code):
    """0.1 is no float32; its nearest neighbour is what pixels and the tag hold."""
    pixels = find_recipe("image-code").pixels(request(["a"], file=code, nodata="0.1"))

    assert pixels.nodata == 0.100000001490116119384765625


@pytest.mark.parametrize(
    ("start", "end", "years"),
    [
        pytest.param(date(2024, 1, 1), date(2025, 1, 1), "2024", id="the day after the last is not used"),
        pytest.param(date(2023, 12, 31), date(2024, 1, 2), "2023-2024", id="two years"),
    ],
)
def test_the_notice_on_sentinel_data_names_the_years(start, end, years):
    """The legal notice asks for: Contains modified Copernicus Sentinel data [Year]."""
    facts = find_recipe("sentinel2-cloudless").facts(ImageRequest({}, start, end, (), {}))

    assert facts["attribution"] == f"Contains modified Copernicus Sentinel data {years}"
    assert facts["licence"].startswith("https://sentinels.copernicus.eu/")


def test_own_code_says_what_its_sources_ask_for(code):
    """Nobody else knows the sources of an own image."""
    facts = find_recipe("image-code").facts(request(["a"], file=code, attribution="Data: X", licence="CC-BY-4.0"))

    assert (facts["attribution"], facts["licence"]) == ("Data: X", "CC-BY-4.0")
