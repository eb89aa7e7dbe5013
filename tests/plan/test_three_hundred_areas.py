"""Three hundred areas through planning: a grid that an independent rasterisation agrees with, or one line."""

from __future__ import annotations

import socket
import time

import area_files as kit
import geopandas
import many_areas
import numpy as np
import pyproj
import pytest
import shapely

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.model.job import GridRequest
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.aoi import read_areas
from orchestrator.plan.plan import SplitRequest, make_plan
from orchestrator.plan.region import ee_region
from orchestrator.raster.spans import SpanTable

CASES = many_areas.cases()
PIXELS = PixelSpec(("B2", "B3"), "uint16", 0)
MAX_CPU_SECONDS = 15
SIDE = 60  # pixels, about
# What bends between the points of an edge of 1 km, and noise; in metres.
TOLERANCE = 0.1


@pytest.fixture(scope="module")
def internet():
    """Every way out leads to a server that remembers who came: GDAL's, PROJ's and Python's."""
    with kit.listener() as (address, heard):
        yield address, heard


@pytest.fixture(autouse=True)
def _unplugged(internet, monkeypatch):
    """Sockets of Python are refused, proxies of everything else lead to the server; nobody may come."""
    address, heard = internet
    for name in ("http_proxy", "https_proxy", "all_proxy", "GDAL_HTTP_PROXY", "GDAL_HTTPS_PROXY"):
        monkeypatch.setenv(name, address)
        monkeypatch.setenv(name.upper(), address)
    monkeypatch.setenv("PROJ_NETWORK", "ON")
    monkeypatch.setenv("PROJ_NETWORK_ENDPOINT", address)

    def refuse(*arguments, **_):
        raise AssertionError(f"the network was used: {arguments}")

    for place, name in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "create_connection")):
        monkeypatch.setattr(place, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert heard == []


def test_there_are_three_hundred():
    """No fewer than were asked for."""
    assert len(CASES) >= 300


def a_scale(case):
    """Return a side of pixels, in units of the target, that gives a grid of some `SIDE` pixels."""
    west, south, east, north = case.truth.bounds
    crs = pyproj.CRS(case.crs)
    unit = 111_320 if crs.is_geographic else crs.axis_info[0].unit_conversion_factor
    across = east - west if unit < 111_320 or east - west < 180 else 0  # what lies on both sides of 180 is narrow
    metres = max(across * unit, (north - south) * unit) / SIDE
    return metres / 111_320 if case.target == "EPSG:4326" else metres


def planned(case, folder):
    """Return the plan of a case and the area's region."""
    source = str(case.make(folder))
    (area,) = read_areas(source, **dict(case.options))
    scale = a_scale(case) if case.truth is not None else 1000
    plan = make_plan(area, PIXELS, GridRequest(scale=scale, crs=case.target or ""), SplitRequest())
    return plan, ee_region(area.geometry, area.crs)


def wrong_pixels(mask, grid, case):
    """Return how many pixels differ from the truth, those within a hand's breadth of its boundary left out."""
    a, _b, c, _d, e, f = grid.transform
    x, y = np.meshgrid(c + (np.arange(grid.width) + 0.5) * a, f + (np.arange(grid.height) + 0.5) * e)
    x, y = pyproj.Transformer.from_crs(grid.crs, case.crs, always_xy=True).transform(x, y)
    turns = (-360, 0, 360) if pyproj.CRS(case.crs).is_geographic else (0,)
    inside = np.zeros(mask.shape, bool)
    truth = shapely.force_2d(case.truth)
    shapely.prepare(truth)
    for turn in turns:
        inside |= shapely.intersects_xy(truth, x + turn, y)
    rows, cols = np.nonzero(inside != mask)
    tolerance = TOLERANCE / 111_320 if len(turns) > 1 else TOLERANCE
    points = [shapely.points(x[rows, cols] + turn, y[rows, cols]) for turn in turns]
    away = np.min([shapely.distance(truth.boundary, at) for at in points], axis=0)
    return int((away > tolerance).sum()) if len(rows) else 0


@pytest.mark.parametrize("name", CASES)
def test_an_area_gives_the_right_grid_or_one_line(tmp_path, name):
    """No traceback, nothing heard on the network, a few seconds; each pixel's centre is asked of PROJ and GEOS."""
    case = CASES[name]
    started = time.process_time()
    try:
        plan, region = planned(case, tmp_path)
    except UserError as error:
        said = str(error)
        plan = None
    spent = time.process_time() - started

    assert spent < MAX_CPU_SECONDS
    if plan is None:
        assert said.isprintable()
        assert len(said) < 600
        assert case.truth is None or case.target, said  # who named no CRS gets a grid
        return
    assert case.truth is not None, "this was to be refused"
    spans = SpanTable.from_geometry(shapely.from_wkb(plan.area_wkb), plan.grid)
    mask = spans.mask(plan.grid.window)
    assert wrong_pixels(mask, plan.grid, case) == 0
    assert plan.area_pixels == mask.sum() > 0
    assert plan.grid.pixels < 1_000_000
    assert shapely.is_valid(shapely.geometry.shape(region))


@pytest.fixture(scope="module")
def countries(real_areas):
    """The countries of Natural Earth, read without us."""
    return geopandas.read_file(real_areas / "naturalearth_lowres" / "naturalearth_lowres.shp")


@pytest.mark.real
def test_every_country_gives_the_right_grid_or_one_line(countries, real_areas, tmp_path):
    """All 177, those across longitude 180 and round the pole too."""
    path = str(real_areas / "naturalearth_lowres" / "naturalearth_lowres.shp")
    refused = {}
    for index, row in countries.iterrows():
        target = {"Antarctica": "EPSG:3031"}.get(row["name"])
        case = many_areas.Case(
            lambda _folder: path, row.geometry, target=target, options=(("where", f"FID = {index}"),)
        )
        try:
            plan, _ = planned(case, tmp_path)
        except UserError as error:
            refused[row["name"]] = str(error)
            continue
        mask = SpanTable.from_geometry(shapely.from_wkb(plan.area_wkb), plan.grid).mask(plan.grid.window)
        assert wrong_pixels(mask, plan.grid, case) == 0, row["name"]

    assert refused == {}


SAMPLE = [name for number, name in enumerate(CASES) if number % 23 == 0]


@pytest.mark.parametrize("name", SAMPLE)
def test_the_command_says_it_in_one_line_or_shows_the_plan(tmp_path, monkeypatch, capsys, name):
    """`plan` ends with 0 and a picture, or with 2 and one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHESTRATOR_LOCAL__STATE_DIR", str(tmp_path / "state"))
    case = CASES[name]
    scale = a_scale(case) if case.truth is not None else 1000
    options = ["--crs", case.target] if case.target else []
    options += ["--output", "out", "--base-name", "sample", "--start-date", "2024-05-01", "--end-date", "2024-06-01"]

    code = run_cli(["plan", f"--shapefile={case.make(tmp_path)}", "--scale", repr(scale), "--bands", "B2", *options])

    shown, said = capsys.readouterr()
    assert "Traceback" not in shown + said
    assert code == (2 if case.truth is None else code)
    assert len(said.strip().splitlines()) == (1 if code else 0)
    assert (tmp_path / "out" / "sample_plan.png").exists() is (code == 0)
