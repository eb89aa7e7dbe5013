"""Scenes of the Python API and of the command, through the sandbox and the real clients."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import ee
import geopandas as gpd
import pytest
import shapely
from api_kit import BOTTOM, LEFT, RIGHT, TOP

import orchestrator as orc
from orchestrator.app.imagery import scene_search
from orchestrator.faces.cli.main import run_cli
from orchestrator.model.scene import SceneQuery

BOX = (LEFT, BOTTOM, RIGHT, TOP)
DATES = {"start_date": "2024-06-01", "end_date": "2024-06-15"}
WORDS = ["--area", ",".join(map(str, BOX)), "--start", "2024-06-01", "--end", "2024-06-15"]


@pytest.fixture(scope="module")
def scenes(sandbox):  # noqa: ARG001  it is what is asked
    return orc.query_s2_l2a(polygon=shapely.box(*BOX), **DATES)


@pytest.fixture
def call(sandbox, capfd):
    """`call("s2-l2a", ...)` runs the command and returns its exit code, its output and its errors."""

    def called(*words):
        code = run_cli(["query", "--sandbox-url", sandbox.url, "--state-dir", str(sandbox.state_dir), *words])
        return code, *capfd.readouterr()

    return called


def test_the_published_pipeline_runs_with_our_names(sandbox):  # noqa: ARG001
    """A query by these arguments, then a filter by this column."""
    aoi = shapely.box(*BOX)

    scenes = orc.query_s2_l2a(polygon=aoi, start_date="2024-06-01", end_date="2024-07-01")
    clear = scenes[scenes["cloud_cover"] < 20]

    assert 0 < len(clear) < len(scenes)
    assert clear["cloud_cover"].max() < 20
    assert scenes["utcdatetime"].is_monotonic_increasing


@pytest.mark.parametrize(
    "area",
    [
        pytest.param(BOX, id="a box"),
        pytest.param(",".join(map(str, BOX)), id="a text"),
        pytest.param(gpd.GeoDataFrame(geometry=[shapely.box(*BOX)], crs=4326).to_crs(32633), id="a GeoDataFrame"),
    ],
)
def test_an_area_is_given_as_that_of_a_job(scenes, area):
    """In whatever form, the same scenes are found."""
    assert orc.query("s2-l2a", area, "2024-06-01", date(2024, 6, 15)).index.equals(scenes.index)


def test_a_geometry_of_earth_engine_is_an_area(scenes):
    """As of a job."""
    area = ee.Geometry.Rectangle(list(BOX), geodesic=False)

    assert orc.query("s2-l2a", area, "2024-06-01", "2024-06-15").index.equals(scenes.index)


@pytest.mark.parametrize(
    ("ask", "collections"),
    [
        pytest.param(orc.query_s2_l1c, {"COPERNICUS/S2_HARMONIZED"}, id="s2_l1c"),
        pytest.param(orc.query_s1, {"COPERNICUS/S1_GRD"}, id="s1"),
        pytest.param(orc.query_landsat, {f"LANDSAT/LC0{number}/C02/T1_TOA" for number in (8, 9)}, id="landsat"),
    ],
)
def test_each_name_asks_its_own_collections(sandbox, ask, collections):  # noqa: ARG001
    """Those that have scenes over the area in these days."""
    assert set(ask(shapely.box(*BOX), "2024-06-01", "2024-07-01")["collection_name"]) == collections


def test_any_collection_can_be_asked(sandbox):  # noqa: ARG001
    """By its id; a day of a daily one."""
    frame = orc.query_collection("MODIS/061/MOD09GA", BOX, "2024-06-01", "2024-06-02")

    assert frame["gee_id"].tolist() == ["2024_06_01"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"start": "2024-13-01"}, "the start date '2024-13-01' is no date"),
        ({"end": 20240615}, "end is 20240615; give a date"),
        ({"start": "2024-06-15"}, "reversed or empty: 2024-06-15 to 2024-06-15"),
        ({"collection": 2}, "collection is 2; give a name"),
        ({"max_cloud": "20"}, "max_cloud is '20'; give per cent"),
        ({"filters": 3}, "filters is 3; give a list"),
        ({"area": "missing.gpkg"}, "missing.gpkg"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_asked_wrongly_is_named(sandbox, given, sentence):  # noqa: ARG001
    """In one line."""
    asked = {"collection": "s2-l2a", "area": BOX, "start": "2024-06-01", "end": "2024-06-15"} | given

    with pytest.raises(orc.UserError, match=sentence):
        orc.query(**asked)


def test_products_are_handed_what_finds_scenes(sandbox, scenes):
    """The same ones, as values of the model."""
    query = SceneQuery("s2-l2a", date(2024, 6, 1), date(2024, 6, 15), shapely.box(*BOX).wkb)

    with sandbox.lent() as app:
        found = scene_search(app.earth_engine, lambda _: None)(query)

    assert [one.asset for one in found] == (scenes["collection_name"] + "/" + scenes["gee_id"]).tolist()
    assert [(one.time_ms, one.solar_day) for one in found] == list(
        zip(scenes["system:time_start"], scenes["solarday"], strict=True)
    )


def test_the_command_lists_scenes(call, scenes):
    """A line for each, with the image's id."""
    code, out, _ = call("s2-l2a", *WORDS)

    lines = out.splitlines()
    assert (code, len(lines)) == (0, 1 + len(scenes))
    assert lines[1].endswith(f"{scenes['collection_name'].iloc[0]}/{scenes['gee_id'].iloc[0]}")


def test_the_command_tells_programs(call, scenes):
    """A line of JSON for each scene, and one at the end."""
    _, out, _ = call("s2-l2a", "--json", *WORDS)

    told = [json.loads(line) for line in out.splitlines()]
    assert [one["title"] for one in told if one["message_type"] == "scene"] == list(scenes.index)
    assert (told[-1]["message_type"], told[-1]["scenes"]) == ("query", len(scenes))


def test_a_table_is_written_as_geoparquet(call, scenes, tmp_path):
    """It reads as what Python is given."""
    call("s2-l2a", *WORDS, "-o", str(tmp_path / "scenes.parquet"))

    read = gpd.read_parquet(tmp_path / "scenes.parquet")
    assert read.drop(columns="proj").equals(scenes.drop(columns="proj"))
    assert [list(grid["transform"]) for grid in read["proj"]] == [grid["transform"] for grid in scenes["proj"]]


def test_a_table_is_written_as_geojson(call, scenes, tmp_path):
    """Footprints in degrees, the title a property."""
    call("s2-l2a", *WORDS, "-o", str(tmp_path / "scenes.geojson"))

    read = gpd.read_file(tmp_path / "scenes.geojson")
    assert (read["title"].tolist(), read.crs.to_epsg()) == (list(scenes.index), 4326)
    assert read.geometry.geom_equals_exact(scenes.geometry.reset_index(drop=True), 1e-9).all()


def test_a_table_is_written_as_csv(call, scenes, tmp_path):
    """Times in ISO 8601, footprints as WKT, grids as JSON; a property that was asked for."""
    call("s2-l2a", *WORDS, "-o", str(tmp_path / "scenes.csv"), "--column", "SPACECRAFT_NAME")

    row = next(csv.DictReader(io.StringIO((tmp_path / "scenes.csv").read_text())))
    first = scenes.iloc[0]
    assert row["utcdatetime"] == first["utcdatetime"].isoformat(timespec="milliseconds")
    assert shapely.from_wkt(row["geometry"]).equals(first["geometry"])
    assert (json.loads(row["proj"]), row["SPACECRAFT_NAME"][:10]) == (first["proj"], "Sentinel-2")


def test_an_empty_table_is_written_with_its_columns_and_said_in_words(call, scenes, tmp_path):
    """So that the next program runs."""
    code, _, err = call("s2-l2a", *WORDS, "--filter", "MGRS_TILE == 01XXX", "-o", str(tmp_path / "none.parquet"))

    assert (code, list(gpd.read_parquet(tmp_path / "none.parquet"))) == (0, list(scenes))
    assert "fulfils MGRS_TILE == 01XXX" in " ".join(err.split())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("there.csv", "is there already; choose another name, or replace it with --overwrite", id="there"),
        pytest.param("scenes.xlsx", "ends in '.xlsx'; a table of scenes is written as", id="format"),
        pytest.param("no/scenes.csv", "is no folder; make it", id="folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anybody_is_asked(tmp_path, capfd, name, sentence):
    """Nobody answers at this address, and nobody is asked."""
    (tmp_path / "there.csv").write_text("mine")

    code = run_cli(["query", "s2-l2a", "--sandbox-url", "http://127.0.0.1:9", *WORDS, "-o", str(tmp_path / name)])

    assert (code, (tmp_path / "there.csv").read_text()) == (2, "mine")
    assert sentence in capfd.readouterr().err


def test_a_file_is_replaced_where_that_was_asked_for(call, tmp_path):
    """Whole."""
    (tmp_path / "there.csv").write_text("old")

    code, out, _ = call("s2-l2a", *WORDS, "-o", str(tmp_path / "there.csv"), "--overwrite", "-q")

    assert (code, out.strip()) == (0, str(tmp_path / "there.csv"))
    assert (tmp_path / "there.csv").read_text().startswith("title,system:time_start,")
