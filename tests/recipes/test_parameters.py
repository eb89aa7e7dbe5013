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
