"""The package: built with what is locked, without a network; a command; a page that leads nowhere false."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINK = re.compile(r"\]\((?!https?:|#)")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without isolation and without an index, as the pages say."""
    pytest.importorskip("hatchling", reason="the environment is older than the lock file")
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "-w",
        folder,
        ROOT,
    ]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as opened:
        yield opened


def member(wheel, ending):
    return wheel.read(next(name for name in wheel.namelist() if name.endswith(ending))).decode()


def test_the_package_has_the_command(wheel):
    """After an installation `orchestrator` is a command."""
    assert "orchestrator = orchestrator.faces.cli.main:main" in member(wheel, "entry_points.txt")


def test_the_package_has_the_plugin_of_pytest(wheel):
    """pytest finds it by this entry, called as its module is."""
    name = "orchestrator.sandbox.pytest_plugin"
    assert f"[pytest11]\n{name} = {name}\n" in member(wheel, "entry_points.txt") + "\n"


def test_the_package_is_whole(wheel):
    """What the program reads beside its modules is in it: the demo's area, the migrations."""
    assert member(wheel, "luxembourg_corner.geojson")
    assert member(wheel, "migrations/env.py")


def test_the_page_of_the_package_has_no_link_into_the_repository(wheel):
    """A package index shows the README alone."""
    assert FILE_LINK.findall(member(wheel, "METADATA").partition("\n\n")[2]) == []


@pytest.fixture
def for_index():
    pytest.importorskip("hatchling", reason="the environment is older than the lock file")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.for_index


def test_links_are_absolute_where_the_repository_has_an_address(for_index):
    """Pages and pictures, at the version's tag; addresses and anchors stay."""
    text = "![a map](docs/a.png) [how](docs/b.md#there) [out](https://x.org) [here](#d)"

    assert for_index(text, "https://git.example/o/r/", "v1") == (
        "![a map](https://git.example/o/r/raw/v1/docs/a.png) [how](https://git.example/o/r/blob/v1/docs/b.md#there) "
        "[out](https://x.org) [here](#d)"
    )


def test_links_are_words_where_it_has_none(for_index):
    """Nothing on the page pretends to lead somewhere."""
    assert for_index("![a map](docs/a.png) [how](docs/b.md)", "", "v1") == "*a map* how"


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_the_build_system_is_locked_too(lock):
    """Installing the program itself needs no package without a hash."""
    text = (ROOT / lock).read_text(encoding="utf-8")

    names = {"hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers"}
    assert names <= set(re.findall(r"^([A-Za-z0-9_-]+)==", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.txt", ["sandbox", "parquet", "cube"]),
        ("requirements-dev.txt", ["sandbox", "parquet", "cube", "learn", "xarray"]),
    ],
)
def test_the_locks_hold_what_the_package_asks_for(lock, extras):
    """The base, and the extras that the demo and every format of an area need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]

    names = {re.match(r"[A-Za-z0-9_-]+", line)[0] for line in asked}

    text = (ROOT / lock).read_text(encoding="utf-8")
    assert names <= set(re.findall(r"^([A-Za-z0-9_-]+)==", text, re.MULTILINE))
