"""`aoi list` and `aoi extract`: areas by name on the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import geopandas as gpd
import pytest
import shapely

from orchestrator.faces.cli.main import run_cli
from orchestrator.plan.aoi import read_areas

LIGHT = """
import json, sys
from orchestrator.faces.cli.main import run_cli
code = run_cli(["aoi", "list", "lux"])
print(json.dumps(sorted({"numpy", "shapely", "geopandas", "rasterio", "ee"} & set(sys.modules))))
"""


def test_a_list_needs_no_geometry():
    """Names are read without what draws them."""
    said = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True).stdout

    assert said.startswith("Luxembourg")
    assert json.loads(said.splitlines()[-1]) == []


def test_a_list_may_be_of_one_kind(capsys):
    """As JSON lines, each with what it is made of."""
    code = run_cli(["aoi", "list", "micronesia", "--kind", "region", "--json"])

    (line,) = capsys.readouterr().out.splitlines()
    assert code == 0
    assert json.loads(line)["countries"] == ["FSM", "GUM", "KIR", "MHL", "MNP", "NRU", "PLW"]


@pytest.mark.parametrize("suffix", [".geojson", ".wkt", ".gpkg", ".parquet"])
def test_an_extracted_area_is_the_named_one(tmp_path, capsys, suffix):
    """Each format is read again as the area that the name gives."""
    path = tmp_path / f"benelux{suffix}"

    code = run_cli(["-q", "aoi", "extract", "western europe", "--mainland", "-o", str(path)])

    (written,), (named,) = read_areas(str(path)), read_areas("mainland western europe")
    assert code == 0
    assert capsys.readouterr().out.strip() == str(path)
    assert shapely.equals(written.geometry.normalize(), named.geometry.normalize())


def test_a_row_stands_for_a_country(tmp_path):
    """With its names, codes and groups."""
    run_cli(["aoi", "extract", "australia and new zealand", "-o", str(tmp_path / "a.geojson")])

    frame = gpd.read_file(tmp_path / "a.geojson")

    assert list(frame["iso_a3"].dropna()) == ["AUS", "NFK", "NZL"]
    assert set(frame["continent"]) == {"Oceania"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["extract", "atlantis", "-o", "a.geojson"], "no such file, country, continent or region"),
        (["extract", "lux", "-o", "a.shp"], "an area is written as .geojson, .wkt, .gpkg, .parquet"),
        (["extract", "lux", "-o", "there.wkt"], "is there already"),
        (["extract", "lux", "-o", "missing/a.wkt"], "is no folder"),
        (["list", "niger", "--kind", "continent"], "no continent is called 'niger'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, monkeypatch, capsys, words, said):
    """And nothing is written or replaced."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.wkt").write_text("mine")

    code = run_cli(["aoi", *words])

    error = capsys.readouterr().err
    assert code == 2
    assert said in error
    assert len(error.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.wkt"]
    assert (tmp_path / "there.wkt").read_text() == "mine"
