"""Every planned pixel once: nothing missing, nothing twice, nothing beyond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.spec import PixelSpec
from orchestrator.products.mosaic.covering import prove_cover

GRID = Grid("EPSG:32633", (10.0, 0.0, 0.0, 0.0, -10.0, 0.0), 64, 64)


def plan_of(*windows):
    tasks = tuple(TaskPlan(n, window, 16, 16) for n, window in enumerate(windows))
    return Plan(GRID, PixelSpec(("a",), "uint8", 0), tasks, b"", 1, 1, 1, 1, 1)


PLAN = plan_of(Window(0, 0, 32, 32), Window(40, 8, 16, 48))
PARTS = [part for task in PLAN.tasks for part in task.parts()]


def test_the_planned_parts_in_any_order_cover():
    """What was planned is what is proved."""
    prove_cover(PLAN, reversed(PARTS))


@pytest.mark.parametrize(
    "windows",
    [
        pytest.param(PARTS[1:], id="one is missing"),
        pytest.param([*PARTS, PARTS[0]], id="one is there twice"),
        pytest.param([*PARTS[2:], PARTS[2], PARTS[3]], id="one twice instead of another"),
        pytest.param([*PARTS[1:], Window(0, 40, 16, 16)], id="one lies elsewhere"),
        pytest.param([*PARTS[1:], Window(32, 0, 16, 16)], id="one reaches from one rectangle beyond it"),
    ],
)
def test_what_does_not_cover_is_refused(windows):
    """As many pixels at another place are none."""
    with pytest.raises(IntegrityError, match="were planned, each once"):
        prove_cover(PLAN, windows)


@given(st.lists(st.sampled_from([w for w in GRID.window.tiles(16, 16)]), max_size=8), st.data())  # noqa: C416  a list
def test_it_says_what_counting_pixels_says(windows, data):
    """Independently: a picture of how often each pixel is brought, compared with one of what was planned."""
    planned = data.draw(st.lists(st.sampled_from(list(GRID.window.tiles(32, 16))), max_size=4, unique=True))
    counted, wanted = np.zeros((64, 64), int), np.zeros((64, 64), int)
    for window in windows:
        counted[window.row : window.bottom, window.col : window.right] += 1
    for window in planned:
        wanted[window.row : window.bottom, window.col : window.right] += 1

    try:
        prove_cover(plan_of(*planned), windows)
        covers = True
    except IntegrityError:
        covers = False

    assert covers == bool((counted == wanted).all())
