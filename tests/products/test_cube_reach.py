"""Which windows of a date are asked for: those that a scene may touch, by its footprint."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyproj
import pytest
import shapely
from cube_kit import CubeHome, images, small_plan
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.api import cubes
from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.model.grid import Grid
from orchestrator.model.unit import Cell
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.keys import CubeKeys
from orchestrator.products.cube.publication import prove_cells
from orchestrator.products.cube.reach import Reach
from orchestrator.products.cube.scenes import rows_of, scenes_of_rows

UTM33 = Grid("EPSG:32633", (10.0, 0.0, 450_000.0, 0.0, -10.0, 5_100_000.0), 4_000, 5_000)
SIDE = 1_000  # pixels, 10 km


def windows_of(grid, side=SIDE):
    return list(grid.window.tiles(side, side))


def lonlat(shape, grid=UTM33):
    """A shape of few vertices in degrees; longitudes may jump at 180."""
    transformer = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    return shapely.transform(shape, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def near(shape, grid, windows, metres):
    """Which windows lie so near to a shape in the grid's CRS."""
    return [n for n, w in enumerate(windows) if shapely.box(*grid.crop(w).bounds()).distance(shape) <= metres]


@settings(max_examples=40, deadline=None)
@example(west=380_000.0, north=5_069_535.0, width=59_566.0, height=3_000.0, slant=-11_198.0)
@given(
    west=st.floats(380_000, 520_000),
    north=st.floats(5_040_000, 5_130_000),
    width=st.floats(3_000, 100_000),
    height=st.floats(3_000, 100_000),
    slant=st.floats(-20_000, 20_000),
)
def test_windows_that_a_scene_touches_are_asked_for_and_those_far_from_it_are_not(west, north, width, height, slant):
    """
    By distance in metres: nothing within 2 km is left out, nothing beyond 4.2 km is asked for.

    Windows are grown as boxes, by 2.5 km, by what an edge of 100 km bends (0.2 km) and by what a box of 10 km turns
    against the meridian (0.2 km): towards a corner that is longer by the root of two.
    """
    corners = [
        (west, north),
        (west + width, north),
        (west + width - slant, north - height),
        (west - slant, north - height),
    ]
    scene, windows = shapely.Polygon(corners), windows_of(UTM33)

    found = set(Reach(UTM33, windows).untouched([lonlat(scene).wkt]))

    assert found.isdisjoint(near(scene, UTM33, windows, 2_000))
    assert found.issuperset(set(range(len(windows))) - set(near(scene, UTM33, windows, 4_200)))


def test_one_scene_of_a_date_is_enough():
    """What either touches is asked for."""
    windows = windows_of(UTM33)
    halves = [shapely.box(440_000, 5_050_000, 474_000, 5_110_000), shapely.box(476_000, 5_050_000, 510_000, 5_110_000)]
    reach = Reach(UTM33, windows)

    west, east, both = (
        reach.untouched([lonlat(half).wkt for half in each]) for each in (halves[:1], halves[1:], halves)
    )

    assert len(west) == len(east) == len(windows) * 2 // 5
    assert both == ()


@pytest.mark.parametrize(
    "footprint",
    [
        pytest.param("", id="not known"),
        pytest.param(shapely.box(-180, -90, 180, 90).wkt, id="the whole Earth"),
        pytest.param(shapely.box(-60, -80, -50, 80).wkt, id="edges that may be bent by hundreds of kilometres"),
    ],
)
def test_of_a_footprint_that_says_nothing_every_window_is_asked_for(footprint):
    """Rather a request for nothing than a hole."""
    assert Reach(UTM33, windows_of(UTM33)).untouched([lonlat(shapely.box(0, 0, 9, 9)).wkt, footprint]) == ()


@pytest.mark.parametrize("edge", [400_000, 200_000])
def test_an_edge_that_is_a_great_circle_reaches_farther_than_a_straight_one(edge):
    """At 65° north one of 5 degrees rises kilometres above its parallel; pixels beneath it are asked for."""
    lat, west, east = 65.0, 12.0, 12.0 + edge / 80_000
    middle = pyproj.Geod(ellps="sphere").npts(west, lat, east, lat, 1)[0]
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True).transform(*middle)
    grid = Grid("EPSG:32633", (10.0, 0.0, math.floor(x), 0.0, -10.0, math.floor(y)), 10, 10)

    assert middle[1] > lat + 0.005
    assert Reach(grid, [grid.window]).untouched([shapely.box(west, 64.0, east, lat).wkt]) == ()


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(shapely.box(179.8, 1, 180, 2), id="the western piece"),
        pytest.param(shapely.box(-180, 1, -179.8, 2), id="the eastern piece"),
    ],
)
def test_footprints_that_are_cut_at_180_are_met_from_both_sides(scene):
    """Windows of a zone whose grid goes on beyond 180 lie on either side of it, and across."""
    grid = Grid("EPSG:32601", (10.0, 0.0, 120_000.0, 0.0, -10.0, 200_000.0), 1_000, 9_000)
    windows = windows_of(grid)
    transformer = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32601", always_xy=True)
    ends = sorted(transformer.transform(lon, 1.5)[0] for lon in (scene.bounds[0], scene.bounds[2]))

    found = set(Reach(grid, windows).untouched([scene.wkt]))

    spans = [grid.crop(window).bounds()[::2] for window in windows]
    reached = {n for n, (west, east) in enumerate(spans) if east > ends[0] and west < ends[1]}
    assert 2 < len(reached) < 5
    assert found.isdisjoint(reached)
    assert len(found) >= len(windows) - len(reached) - 2


@pytest.mark.parametrize("text", ["POLYGON ((", "POINT (1 2)"])
def test_a_footprint_that_is_none_is_refused(text):
    """With what stands there."""
    with pytest.raises(UserError, match="of a scene is no WKT of an area"):
        Reach(UTM33, windows_of(UTM33)).untouched([text])


# ----------------------------------------------------------------- the plan

PLAN = small_plan()
LESS = replace(PLAN, moments=(replace(PLAN.moments[0], untouched=(1, 3)), PLAN.moments[1]))


def test_a_plan_keeps_what_is_not_asked_for_and_says_nothing_where_all_is():
    """A plan without it is that of earlier versions, to the letter."""
    assert CubePlan.from_json(LESS.to_json()) == LESS
    assert "untouched" not in PLAN.to_json()
    assert [cell for cell in PLAN.cells() if cell not in set(LESS.cells())] == [Cell(PLAN.windows[n]) for n in (1, 3)]


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(list(PLAN.cells()), id="one that was not planned"),
        pytest.param(list(LESS.cells())[1:], id="one lacks"),
    ],
)
def test_what_came_is_proved_against_what_was_asked_for(cells):
    """Neither more nor less."""
    prove_cells(LESS, list(LESS.cells()))

    with pytest.raises(IntegrityError, match="were planned, each once"):
        prove_cells(LESS, cells)


def test_tables_of_scenes_say_where_they_lie():
    """As a query returns them, and as CSV has them; in other coordinates nothing is known of it."""
    import geopandas  # noqa: PLC0415

    box = shapely.box(15, 46, 16, 47)
    frame = geopandas.GeoDataFrame({"gee_id": ["C/a"], "system:time_start": [5]}, geometry=[box], crs="EPSG:4326")

    assert shapely.from_wkt(scenes_of_rows(rows_of(frame), "x")[0].footprint).equals(box)
    assert scenes_of_rows([{"gee_id": "C/a", "system:time_start": 5, "geometry": box.wkt}], "x")[0].footprint == box.wkt
    assert scenes_of_rows(rows_of(frame.to_crs("EPSG:32633")), "x")[0].footprint == ""


def test_a_table_given_to_the_python_api_keeps_its_footprints():
    """The job that is made of it lists them, and reads them back."""
    import geopandas  # noqa: PLC0415

    box = shapely.box(15, 46, 16, 47)
    columns = {"gee_id": ["C/a"], "system:time_start": [5], "overlappercentage": [50.0], "cloud_cover": [1.0]}
    rows = cubes._source(geopandas.GeoDataFrame(columns, geometry=[box], crs="EPSG:4326"))["images"]

    (kept,) = CubeKeys(images=rows).images
    assert shapely.from_wkt(kept[6]).equals(box)


# ----------------------------------------------------------------- with the service

AREA = "320000,5110000,720000,5110060;EPSG:32633"  # 6 × 40,000 pixels of 10 m: two requests, wide as they may be


def strip(tmp_path, program, service, **keys):
    home = CubeHome(tmp_path, program, service)
    dates = {"start_date": "2024-05-03", "end_date": "2024-05-06"}
    home.write(keys={"images": None, "collection": "s2-l2a", **keys}, area=AREA, bands=["SCL"], scale=10, **dates)
    service.delete("/sandbox/pixels")
    return home


def test_scenes_that_lie_elsewhere_are_refused(tmp_path, program, service):
    """Before a pixel is asked for."""
    home = CubeHome(tmp_path, program, service)
    home.write(keys={"images": [[*image, 50, 5, shapely.box(20, 10, 21, 11).wkt] for image in images()]})
    service.delete("/sandbox/pixels")

    ended = home.run()

    assert ended.code == 2
    assert "none of 4 scenes touches area, by their footprints" in ended.out + ended.err
    assert service.state()["pixels"]["requests"] == 0


def test_a_date_whose_scene_covers_half_of_the_area_is_asked_for_half(tmp_path, program, service):
    """Counted by the sandbox; the proof tells the rest, and the pixels are those of asking for everything."""
    home = strip(tmp_path, program, service, filter=["MGRS_TILE == 33TVM"])
    home.run().expect(0)

    assert home.service.state()["pixels"]["statuses"] == {"200": 1}
    proof = home.proof()
    assert proof["cover"] == {"windows": 1, "windows_without_a_scene": 1, "each_window_once": True}
    assert [date["windows_without_a_scene"] for date in proof["dates"]] == [1]
    assert all(0.1 < date["valid"]["SCL"] < 0.5 for date in proof["dates"])

    listed = [[image, 1714817272639, "S2A", date["solar_day"]] for date in proof["dates"] for image in date["images"]]
    home.write(keys={"images": listed}, area=AREA, bands=["SCL"], scale=10, base_name="whole")
    home.run().expect(0)
    assert home.service.state()["pixels"]["statuses"] == {"200": 3}
    shares = [[date["valid"] for date in told["dates"]] for told in (proof, home.proof("whole"))]
    assert shares[0] == shares[1]
