"""A user's own file, as people have it: made for a notebook, signing in by itself."""

from __future__ import annotations

from datetime import date

import ee
import pytest
from structlog.testing import capture_logs

from orchestrator.core.errors import RecipeError
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.registry import find_recipe

REGION = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
BODY = "def get_ee_image():\n    {inside}\n    return ee.Image(1)\n"


def signed_in():
    """Return to which service, for which project and with whose credentials the process's client speaks."""
    state = ee.data._get_state()
    return state.cloud_api_base_url, state.cloud_api_user_project, state.credentials


@pytest.fixture
def run(client, tmp_path, monkeypatch):  # noqa: ARG001  an image needs a client that is signed in
    """Run a file's function; whatever the file does, the client stays where it is. Return what was said."""
    monkeypatch.setenv("HOME", str(tmp_path))  # nobody's credentials are found
    before = signed_in()

    def called(source: str):
        file = tmp_path / "image.py"
        file.write_text(source)
        request = ImageRequest(REGION, date(2024, 1, 1), date(2024, 2, 1), ("a",), {"file": str(file)})
        with capture_logs() as logged:
            find_recipe("image-code").image(request)
        assert signed_in() == before
        return [(entry["call"], entry["line"]) for entry in logged if entry["event"] == "image_code.sign_in_ignored"]

    return called


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import ee\nee.Initialize(project='theirs')\n" + BODY.format(inside="pass"), [("ee.Initialize", 2)]),
        (
            "import ee\nee.Authenticate()\nee.Initialize()\n" + BODY.format(inside="pass"),
            [("ee.Authenticate", 2), ("ee.Initialize", 3)],
        ),
        ("import ee\n" + BODY.format(inside="ee.Initialize()"), [("ee.Initialize", 3)]),
        ("import ee as e, ee\ne.Initialize()\n" + BODY.format(inside="pass"), [("ee.Initialize", 2)]),
        ("import ee\nfrom ee import Initialize as go\ngo()\n" + BODY.format(inside="pass"), [("ee.Initialize", 3)]),
        (
            "import ee\ntry:\n    ee.Initialize()\nexcept Exception:\n    ee.Authenticate()\n"
            + BODY.format(inside="pass"),
            [("ee.Initialize", 3), ("ee.Authenticate", 5)],
        ),
        ("import ee\n" + BODY.format(inside="pass"), []),
    ],
    ids=["at the top", "both", "inside the function", "by another name", "imported by name", "in a try", "none"],
)
def test_a_files_own_sign_in_is_ignored_and_said(run, source, said):
    """The client of the process stays where the settings put it; each call is named with its line."""
    assert run(source) == said


def test_what_only_looks_like_a_sign_in_is_left_alone(run):
    """A method of that name on another thing is the user's own business."""
    mine = "class Mine:\n    def Initialize(self):\n        seen.append(1)\n"
    source = f"import ee\n{mine}seen = []\nMine().Initialize()\nassert seen\n"

    assert run(source + BODY.format(inside="pass")) == []


def test_what_is_built_in_is_no_function_of_a_user(run):
    """Python does not tell what it takes; the file and the name are said, as of any other wrong one."""
    with pytest.raises(RecipeError, match=r"get_ee_image in .*image.py is <class 'int'>"):
        run("get_ee_image = int\n")
