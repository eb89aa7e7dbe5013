"""The map of a run: where its pieces lie, how far they are, and what differs since."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.app.records import Records
from orchestrator.app.verbs.run_map import Stage, Stages, places_of, stages_of
from orchestrator.config import load
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.grid import Grid, Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import TaskPlan
from orchestrator.model.plan_json import grid_json
from orchestrator.model.states import Failure, PartState, TaskState, UnitState
from orchestrator.model.unit import Cell, UnitPlan

UTM = Grid("EPSG:32633", (10.0, 0.0, 400_000.0, 0.0, -10.0, 5_100_000.0), 512, 768)
AREA = shapely.box(400_500, 5_095_500, 407_000, 5_099_500)
NUMBER = itertools.count()


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A state folder for the tests of this file."""
    folder = tmp_path_factory.mktemp("state")
    found = Records(load(None, environment={}, overrides={"local": {"state_dir": str(folder)}}).settings)
    yield found
    found.store.close()


def begin(records, grid=UTM, area=AREA, units=()):
    """A run of two tasks, each a row of three parts of 256 × 256 pixels."""
    job = Job(f"job{next(NUMBER)}", "/results", AreaSource("a.gpkg"), "2024-05-01", "2024-06-01")
    run = records.store.runs.admit(Admission(job.base_name, "", job.fingerprints(), job.to_json())).id
    tasks = [] if units else [TaskPlan(n, Window(256 * n, 0, 256, 768), 256, 256) for n in range(2)]
    plan = json.dumps({"grid": grid_json(grid), "area_wkb": area.wkb.hex() if area else ""})
    records.store.runs.save_plan(run, plan, "image", "{}", tasks, units)
    return run


def send(records, run, task="0000", state=TaskState.QUEUED):
    """Hand a task over."""
    number = next(NUMBER)
    attempt = Attempt(task, 1, f"request-{number}", f"description-{number}", "prefix", "", 1.0)
    records.store.tasks.intend(run, attempt)
    records.store.tasks.identify(run, task, "operation", TaskState.QUEUED)
    records.store.tasks.change(run, {task: TaskChange(state=state)})


def test_pieces_that_lie_side_by_side_are_told_once(records):
    """Two rows of three parts are two runs of three windows."""
    places = places_of(records, begin(records))

    assert places.windows == ((0, 0, 0, 256, 256, 3), (0, 256, 0, 256, 256, 3))


@pytest.mark.parametrize(
    ("sent", "parts", "letter"),
    [
        pytest.param(None, None, "W", id="its task was not handed over"),
        pytest.param(TaskState.QUEUED, None, "Q", id="its task waits at the service"),
        pytest.param(TaskState.RUNNING, None, "R", id="its task is computed"),
        pytest.param(TaskState.FAILED, None, "F", id="its task has failed"),
        pytest.param(TaskState.QUEUED, PartState.EMPTY, "E", id="the service wrote no file"),
    ],
)
def test_a_part_is_as_far_as_its_task(records, sent, parts, letter):
    """Three parts of the first task; those of the second wait."""
    run = begin(records)
    if sent:
        send(records, run, state=sent)
    if parts:
        records.store.parts.empty(run, "0000")

    assert stages_of(records, run).letters == letter * 3 + "WWW"


def test_a_part_whose_task_failed_and_waits_is_tried_again(records):
    run = begin(records)
    send(records, run, state=TaskState.FAILED)
    change = TaskChange(error="Computation timed out.", failure=Failure.TIMEOUT, next_at=2e9)
    records.store.tasks.reset(run, "0000", change)

    assert stages_of(records, run).letters == "AAAWWW"


def test_of_pieces_at_one_place_the_one_that_needs_a_look_is_shown(records):
    """A window of a cube is asked for once for each date: here one date failed, one is there, one waits."""
    cells = [Cell(Window(0, 0, 256, 256), time=time) for time in range(3)]
    run = begin(records, units=[UnitPlan("pixels", f"{cell.time}", cell) for cell in cells])
    for state in (UnitState.DONE, UnitState.FAILED):
        (unit,) = records.store.units.claim(run, "pixels", 1, now=0.0, seconds=2e9)
        records.store.units.finish(unit, state, error="refused" if state is UnitState.FAILED else "")

    assert stages_of(records, run).letters == "F"


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3035", "EPSG:4326"])
def test_a_mesh_is_where_pyproj_puts_its_nodes(records, crs):
    """Longitude and latitude of each node, to 0.01 m, by another transformer than the program's."""
    pixel, left, top = (0.001, 15.0, 46.0) if crs == "EPSG:4326" else (1000.0, 4_400_000.0, 2_600_000.0)
    grid = Grid(crs, (pixel, 0.0, left, 0.0, -pixel, top), 512, 768)
    (mesh,) = places_of(records, begin(records, grid, None)).meshes.values()

    x, y = np.meshgrid(left + pixel * np.array(mesh.cols), top - pixel * np.array(mesh.rows))
    lon, lat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x.ravel(), y.ravel())
    assert (mesh.rows[0], mesh.rows[-1], mesh.cols[0], mesh.cols[-1]) == (0, 512, 0, 768)
    assert np.allclose(mesh.lon, lon, atol=1e-7)
    assert np.allclose(mesh.lat, lat, atol=1e-7)


def test_between_nodes_a_place_is_a_few_metres_off_at_most(records):
    """In the middle of four nodes of a grid of 600 km: half of their sum is within 10 m of the true place."""
    grid = Grid("EPSG:32633", (100.0, 0.0, 200_000.0, 0.0, -100.0, 5_600_000.0), 512, 768)
    (mesh,) = places_of(records, begin(records, Grid(grid.crs, grid.transform, 6000, 6000), None)).meshes.values()
    lon, lat = (np.array(axis).reshape(len(mesh.rows), len(mesh.cols)) for axis in (mesh.lon, mesh.lat))
    middle = [np.mean([axis[:-1, :-1], axis[1:, :-1], axis[:-1, 1:], axis[1:, 1:]], axis=0) for axis in (lon, lat)]
    rows, cols = ((np.array(axis)[:-1] + np.array(axis)[1:]) / 2 for axis in (mesh.rows, mesh.cols))
    x, y = np.meshgrid(200_000 + 100 * cols, 5_600_000 - 100 * rows)
    true = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True).transform(x, y)

    away = pyproj.Geod(ellps="WGS84").inv(*middle, *true)[2]
    assert np.max(away) < 10


def test_the_outline_of_the_area_is_that_of_its_plan(records):
    """In degrees: the share that it and the area, projected by pyproj, do not have in common is below a thousandth."""
    found = shapely.geometry.shape(places_of(records, begin(records)).outline)
    transformer = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    ring = shapely.segmentize(AREA, 500).exterior.coords
    true = shapely.Polygon(np.column_stack(transformer.transform(*np.array(ring).T)))

    assert found.symmetric_difference(true).area < true.area / 1000


def test_bounds_across_the_antimeridian_stay_in_one_piece(records):
    """Mercator windows begin 2,200 km east of longitude 150 and are 3,840 km wide; a degree is 111.32 km there."""
    grid = Grid("EPSG:3832", (5000.0, 0.0, 2_200_000.0, 0.0, -5000.0, 600_000.0), 256, 512)
    west, _south, east, _north = places_of(records, begin(records, grid, None)).bounds

    assert west % 360 == pytest.approx(150 + 2_200_000 / 111_319.49, abs=1e-3)
    assert east - west == pytest.approx(768 * 5000 / 111_319.49, abs=1e-3)


def test_a_run_that_is_not_planned_has_no_place(records):
    job = Job(f"job{next(NUMBER)}", "/results", AreaSource("a.gpkg"), "2024-05-01", "2024-06-01")
    run = records.store.runs.admit(Admission(job.base_name, "", job.fingerprints(), job.to_json())).id

    places = places_of(records, run)
    assert (places.windows, places.bounds, places.outline) == ((), None, None)


def test_letters_that_change_do_not_change_the_shape(records):
    """Who has the places need not ask for them again; where a task is cut inside its parts, it must."""
    run = begin(records)
    before = stages_of(records, run)
    send(records, run)
    after = stages_of(records, run)
    records.store.tasks.reshape(run, "0001", TaskPlan(1, Window(256, 0, 256, 768), 256, 512))
    cut = stages_of(records, run)

    assert before.shape == after.shape
    assert cut.shape != after.shape
    assert before.version != after.version


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(list(Stage)), st.sampled_from(list(Stage))), min_size=1, max_size=60))
def test_what_differs_makes_the_old_letters_the_new_ones(pairs):
    """Written over the old ones where they say, the changes give the new ones; and nothing else is said."""
    old, new = ("".join(side) for side in zip(*pairs, strict=True))
    changes = Stages("run", "shape", "version", new).since(old)

    written = list(old)
    for first, found in changes:
        assert all(a != b for a, b in zip(old[first : first + len(found)], found, strict=True))
        written[first : first + len(found)] = found
    assert "".join(written) == new
