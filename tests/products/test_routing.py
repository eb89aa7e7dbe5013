"""What comes in the answers to requests, and what by export: together the area, each pixel once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import PlanError
from orchestrator.model.direct import Counted, DirectLimits
from orchestrator.model.grid import Grid, Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import Plan
from orchestrator.model.plan_json import plan_from_json, plan_to_json
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.split import split
from orchestrator.products.mosaic.routing import FEW_REQUESTS, routed, whole_of
from orchestrator.raster.spans import SpanTable

GRID = Grid("EPSG:32648", (10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.0), 1500, 1800)
PIXELS = PixelSpec(("a", "b"), "uint16", 0)  # six bytes a pixel, as a request counts them
LIMITS = DirectLimits(most=600_000, max_side=2000, max_bands=4, at_once=4, per_second=10)
JOB = Job("a", "/nowhere", AreaSource("0,0,1,1"), "2024-01-01", "2024-02-01")


def planned(geometry):
    spans = SpanTable.from_geometry(geometry, GRID)
    tasks = split(GRID, spans, PIXELS, max_part_bytes=600_000)
    return Plan(
        grid=GRID,
        pixels=PIXELS,
        tasks=tasks,
        area_wkb=shapely.to_wkb(geometry),
        area_pixels=spans.pixels(),
        max_part_bytes=600_000,
        bucket_bytes=1,
        disk_bytes=1,
        memory_bytes=1,
    )


def route(plan, name, *, limits=LIMITS, batch=True):
    return routed(plan, replace(JOB, route=name), limits, batch=batch)


EVERYTHING = shapely.box(*GRID.bounds())
left, bottom, right, top = GRID.bounds()
points = st.tuples(st.floats(left, right), st.floats(bottom, top))
triangles = st.lists(st.tuples(points, points, points), min_size=1, max_size=3)


@settings(max_examples=25, deadline=None)
@given(corners=triangles, name=st.sampled_from(["pixels", "auto"]), limit=st.integers(400_000, 3_000_000))
def test_requests_and_tasks_hold_the_area_once(corners, name, limit):
    """Whatever is divided how: no pixel of the area is missing, none comes twice."""
    geometry = shapely.union_all([shapely.Polygon(c) for c in corners])
    spans = SpanTable.from_geometry(geometry, GRID)
    if not spans.pixels():
        return

    plan = route(planned(geometry), name, limits=replace(LIMITS, most=limit))

    times = np.zeros((GRID.height, GRID.width), np.uint8)
    for window in plan.windows:
        times[window.row : window.bottom, window.col : window.right] += 1
    assert times.max() == 1
    assert (times[spans.mask(GRID.window)] == 1).all()


def test_a_job_of_few_requests_comes_directly():
    """Sixteen at the most: done before an export would have begun."""
    plan = route(planned(EVERYTHING), "auto", limits=replace(LIMITS, most=2_000_000))

    assert (plan.tasks, 0 < len(plan.direct) <= FEW_REQUESTS) == ((), True)
    assert "at most 16 requests" in plan.notes[-1]


def test_a_job_of_many_requests_is_exported_but_for_what_fits_one():
    """A task that is larger than a request stays a task, with its index in order."""
    before = planned(EVERYTHING)

    plan = route(before, "auto")

    large = [task.window for task in before.tasks if task.window.pixels * 6 > LIMITS.most]
    assert [task.window for task in plan.tasks] == large
    assert [task.index for task in plan.tasks] == list(range(len(large)))
    assert len(plan.direct) == len(before.tasks) - len(large)


def test_without_a_bucket_everything_comes_directly():
    """And the plan says why."""
    plan = route(planned(EVERYTHING), "auto", batch=False)

    assert plan.tasks == ()
    assert "no bucket is named" in plan.notes[-1]


@pytest.mark.parametrize("name", ["gcs", "drive"])
def test_an_export_stays_the_plan_it_was(name):
    """Byte for byte, as a run keeps it."""
    before = planned(EVERYTHING)

    assert plan_to_json(route(before, name)) == plan_to_json(before)


def test_a_plan_with_requests_is_read_again():
    """From what a run keeps."""
    plan = route(planned(EVERYTHING), "pixels")

    assert plan_from_json(plan_to_json(plan)) == plan


VALUES = DirectLimits(1_048_576, 1_048_576, 1_048_576, at_once=4, per_second=10, counted=Counted.VALUES)


@pytest.mark.parametrize(("side", "advised"), [(128, False), (129, True)])
def test_many_pixels_as_a_table_are_told_to_come_faster_otherwise(side, advised):
    """With what was measured; few pixels are fetched without a word."""
    a, _, c, _, e, f = GRID.transform

    plan = route(planned(shapely.box(c, f + e * side, c + a * side, f)), "region", limits=VALUES)

    assert any("--route pixels would bring these" in note for note in plan.notes) == advised


def test_a_plan_of_tables_tells_values():
    """Requests are counted in what the service counts."""
    plan = route(planned(EVERYTHING), "region", limits=VALUES)

    assert "route region: 6 requests, 5,400,000 values as Earth Engine counts them" in plan.notes[0]
    assert "of 1,048,576 values" in plan.notes[0]


def test_more_bands_than_a_request_takes_are_refused_before_anything_is_sent():
    """The sentence names both numbers and the ways out."""
    plan = replace(planned(EVERYTHING), pixels=PixelSpec(tuple("abcde"), "uint16", 0))

    with pytest.raises(PlanError, match=r"5 bands and one request takes 4.*--route gcs"):
        route(plan, "pixels")


def test_a_rectangle_that_no_export_brings_comes_whole():
    """Every pixel of it once; a large one not at all."""
    window = Window(256, 512, 700, 900)

    pieces = whole_of(planned(EVERYTHING), window, LIMITS)

    assert sum(piece.pixels for piece in pieces) == window.pixels
    assert all(window.contains(piece) for piece in pieces)
    assert whole_of(planned(EVERYTHING), GRID.window, LIMITS) == ()
