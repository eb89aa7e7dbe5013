"""What is meant by `--dataset`: a name, or a Python file whose image Earth Engine is asked about."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import orchestrator as orc
from orchestrator.app.verbs.datasets import choose, listed, narrowest, shown
from orchestrator.core.errors import RecipeError
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.presets import ALIASES
from orchestrator.recipes.registry import find_recipe

RING = ((14.0, 46.0), (14.01, 46.0), (14.01, 46.01), (14.0, 46.01), (14.0, 46.0))
FUNCTION = "import ee\ndef get_ee_image():\n    return {}\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory, forked_sandboxes):  # noqa: ARG001
    """The application of a notebook, signed in to a sandbox."""
    with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection.shared


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file of code into the current folder, and return its name."""
    monkeypatch.chdir(tmp_path)

    def written(image, name="mine.py"):
        (tmp_path / name).write_text(FUNCTION.format(image))
        return name

    return written


def test_a_name_needs_no_service():
    """Bands, number type and the pixels of its source are known; an application is not even looked at."""
    chosen = choose(None, "s2rgb-2020", bands=["summer_red"])

    assert (chosen.name, chosen.recipe, dict(chosen.params)) == ("s2rgb-2020", "dataset", {"name": "s2rgb-2020"})
    assert (chosen.bands, chosen.dtype, chosen.scale) == (("summer_red",), "uint8", 10)


def test_names_come_before_files(write):
    """As the published tool looks for them."""
    write("ee.Image(1)", "srtm.py")

    assert choose(None, "srtm").params == {"name": "srtm"}
    assert "file" in choose(None, "./srtm.py", bands=["a"], params={"dtype": "uint8"}).params


@pytest.mark.parametrize("text", ["mine.py", "mine", "./mine.py"])
def test_a_file_is_named_with_or_without_its_ending(app, write, text):
    """Its bands and their type are asked for."""
    write("ee.Image([1, 300]).rename(['a', 'b']).toInt16()")

    chosen = choose(app, text, ring=RING)

    assert chosen.name == "mine"
    assert (chosen.bands, chosen.dtype, chosen.scale) == (("a", "b"), "int16", None)
    assert chosen.params["file"].endswith("/mine.py")


PICTURE, FLOATS = "ee.Image(1).visualize(min=0, max=2)", "ee.Image(1.5)"
KEPT, SHARED = "--param dtype={} --param nodata=V keeps", "where the image has that value"


@pytest.mark.parametrize(
    ("image", "declared", "given", "expected", "said"),
    [
        pytest.param(PICTURE, "", {}, ("int16", -1), KEPT.format("uint8"), id="picture"),
        pytest.param(FLOATS, "uint8", {}, ("int16", -1), KEPT.format("uint8"), id="as the file says"),
        pytest.param(FLOATS, "int8", {}, ("int16", 32767), KEPT.format("int8"), id="signed"),
        pytest.param(FLOATS, "uint16", {}, ("int32", -1), KEPT.format("uint16"), id="16 bits"),
        pytest.param("ee.Image(1)", "uint8", {}, ("uint8", 255), SHARED, id="one to spare"),
        pytest.param(PICTURE, "", {"nodata": "0"}, ("uint8", 0), "", id="a number of the user's"),
        pytest.param(PICTURE, "", {"dtype": "uint8"}, ("uint8", 255), SHARED, id="a type of the user's"),
        pytest.param(FLOATS, "int16", {}, ("int16", 32767), SHARED, id="wide enough"),
    ],
)
def test_masked_pixels_hold_a_number_that_no_pixel_has(app, write, image, declared, given, expected, said):
    """A picture uses all of its numbers, and is stored in a wider type; how to keep its own is said."""
    file = write(image)
    with Path(file).open("a") as mine:
        mine.write(f"def get_dtype():\n    return {declared!r}\n")

    chosen = choose(app, file, ring=RING, params=given)

    recipe = find_recipe(chosen.recipe)
    asked = ImageRequest({}, date.min, date.max, chosen.bands, chosen.params)
    pixels, notes = recipe.pixels(asked), " ".join(recipe.notes(asked))
    assert (pixels.dtype, pixels.nodata) == expected == (chosen.dtype, pixels.nodata)
    assert said in notes
    assert bool(said) == bool(notes)


def test_an_image_that_cannot_be_computed_is_refused_before_a_run(app, write):
    """With the sentence of the service."""
    write("ee.Image('COPERNICUS/NOWHERE/X')")

    with pytest.raises(RecipeError, match=r"the image cannot be computed: .*COPERNICUS/NOWHERE/X"):
        choose(app, "mine.py", ring=RING)


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        ("s2-2099x", {}, "such names are s2-YYYY"),
        ("esa-world-covr", {}, "did you mean 'esa-world-cover'"),
        ("nowhere.py", {}, "nowhere.py is no file"),
        ("s2-2099", {}, "begins after today, .*: no scene has been taken yet"),
        ("s1grdobs-209901", {}, "begins after today"),
        ("s2rgb-2020", {"bands": ["blue"]}, "has no band 'blue'; choose from winter_red"),
        ("s2rgb-2020", {"params": {"dtype": "uint16"}}, "says itself what its pixels are; leave dtype out"),
    ],
)
def test_what_is_no_dataset_is_refused_at_once(write, text, given, said):
    """One line, before anybody is asked."""
    write("ee.Image(1)")

    with pytest.raises(RecipeError, match=said):
        choose(None, text, **given)


@pytest.mark.parametrize(
    ("types", "dtype"),
    [
        ([("int", 0, 255)], "uint8"),
        ([("int", 0, 255), ("int", -5, 5)], "int16"),
        ([("int", -128, 127)], "int8"),
        ([("int", 0, 65535)], "uint16"),
        ([("int", -(2**31), 2**31 - 1)], "int32"),
        ([("int", 0, 2**40)], "float64"),
        ([("int", 0, 255), ("float", 0, 1)], "float32"),
        ([("double", 0, 1)], "float32"),
    ],
)
def test_the_number_type_is_the_smallest_that_holds_all_bands(types, dtype):
    """Fractions are float32."""
    told = [{"precision": kind, "min": low, "max": high} for kind, low, high in types]

    assert narrowest(told) == dtype


def test_a_list_has_every_form_or_those_that_a_text_names():
    """By name, sentence, band, source or family."""
    assert [row.name for row in listed()] == [alias.form for alias in ALIASES]
    assert {row.name for row in listed("S1_GRD")} == {row.name for row in listed() if row.name.startswith("s1")}
    assert [row.name for row in listed("population_count")] == ["humanpopYYYY"]
    assert listed("nothing such") == ()


def test_the_form_of_a_name_shows_one_of_its_names():
    """Where no year is given, a year that there is."""
    assert shown("globalfloods-YYYY").name == "globalfloods-2018"
    assert shown("s1grdm-2021-des").name == "s1grdm-2021-des"
