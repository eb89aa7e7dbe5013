"""`dataset list`: the datasets by name, and everything about one."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

from orchestrator.faces.cli.main import run_cli
from orchestrator.recipes.presets import ALIASES

LIGHT = """
import json, sys
from orchestrator.faces.cli.main import run_cli
run_cli(["-q", "dataset", "list", "worldcover"])
print(json.dumps(sorted({"numpy", "shapely", "geopandas", "rasterio", "ee"} & set(sys.modules))))
"""


def test_a_list_needs_nothing_heavy():
    """Nor the client of Earth Engine, nor somebody who is signed in."""
    said = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True).stdout

    assert said.splitlines() == ["esa-world-cover", "esaworldcover-YYYY", "[]"]


def test_every_form_is_listed_with_its_years_bands_and_terms(capsys):
    """Two lines each for a person."""
    assert run_cli(["dataset", "list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[::2]] == [alias.form for alias in ALIASES]
    (about,) = [after for line, after in pairwise(lines) if line.startswith("globalfloods-YYYY")]
    assert about.strip() == "2000 to 2018, 30 m, 6 bands, uint16; CC-BY-NC-4.0"


def test_a_list_for_programs_says_how_each_is_asked_for(capsys):
    """The recipe and its parameters."""
    run_cli(["dataset", "list", "landforms", "--json"])

    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["message_type"] == "dataset"
    assert (line["recipe"], line["params"]) == ("dataset", {"name": "usnedlandforms"})
    assert (line["bands"], line["scale"], line["licence"]) == (["constant"], 10, "CC-BY-NC-SA-4.0")


def test_a_name_tells_everything_about_a_dataset(capsys):
    """How it is computed, in words; its classes with the labels that they become, and their colours."""
    assert run_cli(["dataset", "list", "esaworldcover-2021"]) == 0

    said = capsys.readouterr().out
    assert "1. ESA/WorldCover/v200, its one image" in said
    assert "values: uint8, 10 to 100, no data 255" in said
    assert "95 -> 10  #00cf75  Mangroves" in said
    assert "licence: https://creativecommons.org/licenses/by/4.0/" in said


def test_a_name_tells_programs_everything_too(capsys):
    """Physical values, thresholds and what is not as published."""
    run_cli(["dataset", "list", "soilphbenelux", "--json"])

    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["physical"], line["valid"], line["nodata"]) == ([0.1, 0.0], [42, 110], 255)
    assert line["breaks"] == [53, 56, 66, 81]
    assert "could not be made" in line["mended"]


def test_a_text_that_names_none_is_answered_with_the_nearest(capsys):
    """And exit code 2."""
    assert run_cli(["dataset", "list", "s2-rgb-2020x"]) == 2

    assert "did you mean" in capsys.readouterr().err
