"""A wrong argument is named in one line, before anything is done with it."""

from __future__ import annotations

import pytest
import shapely

import orchestrator as orc

BOX = (14.4, 46.0, 14.5, 46.1)
DATES = ("2024-05-01", "2024-06-01")


def declare(**given):
    """Return a job of the box."""
    return orc.Job(**{"area": BOX, "dates": DATES, "name": "a", **given})


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"crs_transform": "abcdef"}, "crs_transform is 'abcdef'; give 6 numbers", id="a text"),
        pytest.param({"crs_transform": [None] * 6}, "give 6 numbers", id="six times nothing"),
        pytest.param({"crs_transform": 5}, "crs_transform is 5", id="one number"),
        pytest.param({"crs_transform": [True] * 6}, "give 6 numbers", id="six times true"),
        pytest.param({"params": [1]}, r"params is \[1\]; give a dict", id="a list of parameters"),
        pytest.param({"params": "ab"}, "params is 'ab'", id="a text of parameters"),
        pytest.param({"dates": 5}, "dates is 5; give two", id="a number for dates"),
        pytest.param({"dates": (None, None)}, "dates holds None", id="no dates"),
        pytest.param({"output": 5}, r"output is 5 \(int\)", id="a number for a folder"),
        pytest.param({"output": b"x"}, r"\(bytes\)", id="bytes for a folder"),
        pytest.param({"output": "a\0b"}, r"output is 'a\\x00b', which no path can be", id="a NUL"),
        pytest.param({"output": "\ud800"}, "which no path can be", id="half a character"),
        pytest.param({"output": "~nobodyhere/x"}, "nobody of that name", id="nobody's home"),
        pytest.param({"bands": 5}, "bands is 5; give a list", id="a number for bands"),
        pytest.param({"nodata": "x"}, "nodata is 'x'; give a number", id="a text for nodata"),
        pytest.param({"nodata": True}, "nodata is True", id="true for nodata"),
        pytest.param({"area": (1, 2, 3, 10**400)}, "no box", id="a number beyond all bounds"),
        pytest.param({"area": (True,) * 4}, "no box", id="true for a side"),
        pytest.param({"area": shapely.MultiPolygon()}, "the area is empty", id="an empty multipolygon"),
        pytest.param({"area": shapely.Polygon()}, "the area is empty", id="an empty polygon"),
        pytest.param({"scale": True}, "'grid.scale' is True", id="true for a scale"),
        pytest.param({"min_valid": True}, "'min_valid' is True", id="true for a share"),
        pytest.param({"mosaic": {"all_touched": "yes"}}, "'mosaic.all_touched' is 'yes'", id="yes"),
        pytest.param({"mosaic": {"all_touched": 1}}, "'mosaic.all_touched' is 1", id="one"),
        pytest.param({"overwrite": "no"}, "'overwrite' is 'no': write true or false", id="no"),
    ],
)
def test_a_wrong_value_is_named(given, named):
    """With what was found and what may be given."""
    with pytest.raises(orc.UserError, match=named) as caught:
        declare(**given)

    assert "\n" not in str(caught.value)


def test_a_single_band_may_be_a_text():
    """It is not taken apart into letters."""
    assert declare(bands="B4") == declare(bands=["B4"])


def test_a_parameter_that_is_too_long_for_a_path_is_kept():
    """Whether it is a file is asked of the system, which may say that no file is called so."""
    assert declare(params={"file": "x" * 5000}).name == "a"


@pytest.fixture
def places(tmp_path):
    """Return what is no place for a file, by what is wrong with it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    return {
        "missing": tmp_path / "missing" / "a.toml",
        "folder": tmp_path / "folder",
        "file": tmp_path / "file" / "a.toml",
        "empty": "",
        "NUL": "a\0b",
        "surrogate": "\ud800",
        "long": str(tmp_path / ("x" * 300)),
        "home": "~nobodyhere/a.toml",
        "number": 5,
        "nothing": None,
    }


WRONG = ["missing", "folder", "file", "empty", "NUL", "surrogate", "long", "home", "number", "nothing"]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_job_file_that_cannot_be_written_is_said(places, wrong):
    """By the name that was given, not that of a file on the way there."""
    with pytest.raises(orc.UserError) as caught:
        declare().to_file(places[wrong])

    assert ".tmp" not in str(caught.value)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_job_file_that_cannot_be_read_is_said(places, wrong):
    """In a sentence."""
    with pytest.raises(orc.UserError):
        orc.Job.from_file(places[wrong])


@pytest.mark.parametrize("wrong", WRONG)
def test_a_picture_of_a_plan_that_cannot_be_written_is_said(places, wrong, tmp_path):
    """As a job file."""
    with orc.connect(state_dir=tmp_path / "state"):
        plan = orc.plan(declare(bands=["B4"], scale=1000, output=tmp_path))

    with pytest.raises(orc.UserError) as caught:
        plan.save(places[wrong])

    assert ".tmp" not in str(caught.value)


@pytest.mark.parametrize("verb", [orc.plan, orc.run, orc.submit])
def test_what_is_no_job_is_said(verb):
    """With what makes one."""
    with pytest.raises(orc.UserError, match=r"int is no job; make one with orc\.Job"):
        verb(5)


@pytest.mark.parametrize("path", [5, None, "a\0b", "\ud800", "~nobodyhere/state"])
def test_a_state_folder_that_is_no_path_is_said(path):
    """When the connection is made."""
    with pytest.raises(orc.UserError, match="state_dir is"):
        orc.connect(state_dir=path)


def test_a_sandbox_without_a_slot_is_refused(tmp_path):
    """Nothing would ever run in it."""
    with pytest.raises(orc.UserError, match="slots is 0; give a whole number"):
        orc.sandbox(state_dir=tmp_path, slots=0)
