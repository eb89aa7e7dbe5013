"""What `import orchestrator as orc` gives, and what it costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator as orc
from orchestrator import api

ROOT = Path(__file__).resolve().parents[2]


def test_type_checkers_see_the_names_that_there_are():
    """The stub and the package agree."""
    stub = (ROOT / "orchestrator" / "__init__.pyi").read_text()

    assert re.findall(r"import (\w+) as \1$", stub, re.MULTILINE) == sorted(api.__all__)


def test_the_page_names_every_verb():
    """What is promised is on the page."""
    page = (ROOT / "docs" / "reference" / "python.md").read_text()

    assert [
        name for name in ("Job", "plan", "run", "submit", "runs", "connect", "sandbox") if f"orc.{name}" not in page
    ] == []


@pytest.mark.parametrize("name", ["tiles", "labels", "dataset", "copernicus", "patches"])
def test_the_page_lists_every_function_of_a_namespace(name):
    """A row for each, and no other."""
    page = (ROOT / "docs" / "reference" / "python.md").read_text()

    listed = re.findall(rf"^\| `orc\.{name}\.(\w+)\(", page, re.MULTILINE)

    assert sorted(listed) == sorted(getattr(orc, name).__all__)


def test_importing_is_light():
    """Nothing but the standard library, until a name is used; nor is the whole house loaded for a job."""
    look = "import sys, orchestrator; {}; print(*{{name.split('.')[0] for name in sys.modules}} & {{{}}})"
    at_first = look.format("pass", "'pydantic', 'sqlalchemy', 'ee', 'rich', 'numpy'")
    for_a_job = look.format("orchestrator.Job", "'ee', 'geopandas', 'rasterio', 'numpy'")

    said = [
        subprocess.run([sys.executable, "-c", one], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
        for one in (at_first, for_a_job)
    ]

    assert said == ["", ""]


@pytest.mark.parametrize("name", ["plan", "sandbox"])
def test_a_room_does_not_take_the_place_of_a_verb(name):
    """Two rooms are called like verbs; importing them leaves the verbs where they are."""
    import orchestrator.plan.aoi  # noqa: PLC0415
    import orchestrator.sandbox.clock  # noqa: F401, PLC0415

    assert getattr(orc, name) is getattr(api, name)


def test_a_name_that_is_not_there_is_answered_by_those_that_are():
    """As an attribute of a package is."""
    with pytest.raises(AttributeError, match=r"it has .*Job"):
        orc.Jobs  # noqa: B018


def test_a_program_that_uses_the_names_is_typed():
    """With the settings and the cache of the whole, which is checked before the tests."""
    command = [sys.executable, "-m", "mypy", str(Path(__file__).with_name("stranger.py"))]

    checked = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

    assert checked.stdout.startswith("Success"), checked.stdout + checked.stderr
