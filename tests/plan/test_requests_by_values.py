"""How an area is cut where the service counts values: points × bands × images, an exact number, so no margin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import PlanError
from orchestrator.model.direct import Counted, DirectLimits
from orchestrator.model.grid import Grid, Window
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.align import fix_grid
from orchestrator.plan.requests import RequestSize, cut_to_fit, plan_requests
from orchestrator.raster.spans import SpanTable

LIMIT = 1_048_576
LIMITS = DirectLimits(LIMIT, LIMIT, LIMIT, at_once=8, per_second=20, counted=Counted.VALUES)


def size_of(values):
    return RequestSize(values, LIMIT, LIMIT, Counted.VALUES)


def planned(height, width, values):
    """Cut a whole grid whose pixels have so many values each."""
    grid = Grid("EPSG:32633", (10.0, 0.0, 500000.0, 0.0, -10.0, 5200000.0), height, width)
    return plan_requests(grid, SpanTable.full(grid), size_of(values))


@pytest.mark.parametrize(
    ("height", "width", "values"),
    [
        pytest.param(10_000, 10, 1, id="a strip of one band"),
        pytest.param(10_000, 10, 36, id="a strip of 3 bands and 12 images"),
        pytest.param(10, 10_000, 36, id="lying"),
        pytest.param(2_000, 2_000, 3, id="3 bands"),
        pytest.param(2_000, 2_000, 36, id="3 bands and 12 images"),
        pytest.param(1_500, 1_500, 1, id="a little more than two"),
        pytest.param(1_774, 1_773, 1, id="just three"),
        pytest.param(3_000, 7_000, 64, id="embeddings"),
        pytest.param(1_000, 1_000, 1_000, id="a thousand bands"),
        pytest.param(20_000, 20_000, 2, id="four hundred million pixels"),
        pytest.param(6_144, 3_584, 1, id="no margin, whatever lies on blocks"),
        pytest.param(1, 3_000_000, 1, id="one pixel high"),
    ],
)
def test_windows_are_within_a_twentieth_of_the_least_there_can_be(height, width, values):
    """Values over the limit, rounded up; each pixel once."""
    windows = planned(height, width, values)

    least = math.ceil(height * width * values / LIMIT)
    assert least <= len(windows) <= int(1.05 * least)
    assert sum(window.pixels for window in windows) == height * width
    assert max(window.pixels for window in windows) * values <= LIMIT


@settings(deadline=None, max_examples=25)
@given(height=st.integers(1, 2500), width=st.integers(1, 2500), values=st.integers(1, 100))
def test_any_rectangle_is_cut_into_about_the_least(height, width, values):
    """
    Bands and images up to a hundred; each pixel once, none too much.

    A twentieth is one at the least: 171 × 471 pixels are less than two requests hold, and no two rectangles hold them.
    """
    windows = planned(height, width, values)

    times = np.zeros((height, width), np.uint8)
    for window in windows:
        times[window.row : window.bottom, window.col : window.right] += 1
    assert (times == 1).all()
    assert max(window.pixels for window in windows) * values <= LIMIT
    assert len(windows) <= math.ceil(1.05 * math.ceil(height * width * values / LIMIT))


@pytest.mark.parametrize(
    ("height", "width", "values", "number"),
    [
        pytest.param(1024, 1024, 1, 1, id="at the limit"),
        pytest.param(512, 256, 8, 1, id="at the limit, bands and images"),
        pytest.param(1, 1_048_577, 1, 2, id="one value more"),
        pytest.param(1024, 1025, 1, 2, id="a column more"),
    ],
)
def test_exactly_at_the_limit_is_one_window_and_a_value_more_two(height, width, values, number):
    """Not four."""
    assert len(planned(height, width, values)) == number


def test_a_strip_one_pixel_high_stays_a_strip():
    """It is cut along, into nearly equal pieces, and not into squares."""
    windows = planned(1, 3_000_000, 1)

    assert {window.height for window in windows} == {1}
    assert len(windows) == 3


def test_a_window_of_values_is_no_larger_than_what_lies_in_it():
    """Every pixel of a table costs; seams on blocks spare nothing there."""
    grid = Grid("EPSG:32633", (10.0, 0.0, 500000.0, 0.0, -10.0, 5200000.0), 1500, 1800)
    area = shapely.box(503_000, 5_195_000, 504_280, 5_196_280)

    windows = plan_requests(grid, SpanTable.from_geometry(area, grid), size_of(1))

    assert windows == (Window(372, 300, 128, 128),)


@pytest.mark.parametrize(
    ("window", "limit"),
    [
        pytest.param(Window(100, 200, 503, 500), 300_000, id="a seam on a block"),
        pytest.param(Window(0, 0, 250, 500), 150_000, id="a block would make four"),
    ],
)
def test_the_numbers_of_a_refusal_say_into_how_many(window, limit):
    """Two and a half times too much are three pieces; not two, which are too big, nor four."""
    pieces = cut_to_fit(window, RequestSize(3, limit, LIMIT, Counted.VALUES))

    assert len(pieces) == 3
    assert sum(piece.pixels for piece in pieces) == window.pixels
    assert max(piece.pixels for piece in pieces) * 3 <= limit


def test_values_are_bands():
    """However many bytes each has; the mask is none."""
    assert RequestSize.of(PixelSpec(("a", "b", "c"), "float64", 0), LIMITS).per_pixel == 3


def test_a_pixel_of_too_many_values_is_refused_in_values():
    """Before anything is sent."""
    with pytest.raises(PlanError, match=r"one pixel is 2e\+06 values of a request.* at most 1048576 of"):
        size_of(2_000_000)


@pytest.mark.parametrize(
    ("box", "transform", "shape"),
    [
        pytest.param((500_003, 5_199_961, 500_038, 5_199_999), (500_000, 5_200_000), (4, 4), id="off the lattice"),
        pytest.param((500_000, 5_199_960, 500_040, 5_200_000), (500_000, 5_200_000), (4, 4), id="on the lattice"),
        pytest.param((500_000, 5_199_959, 500_040, 5_200_000), (500_000, 5_200_000), (5, 4), id="a metre below it"),
    ],
)
def test_a_box_grows_to_whole_pixels_and_no_further(box, transform, shape):
    """The origin is a multiple of the scale; a box on the lattice is W/s × H/s, not one more."""
    grid, area = fix_grid(shapely.box(*box), "EPSG:32633", scale=10, out_crs="EPSG:32633")

    windows = plan_requests(grid, SpanTable.from_geometry(area, grid, all_touched=True), size_of(1))

    assert grid.transform == (10, 0, transform[0], 0, -10, transform[1])
    assert windows == (Window(0, 0, *shape),)
