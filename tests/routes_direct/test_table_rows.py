"""A row of a table is of the pixel that its coordinates say, not of the one whose turn it is."""

from __future__ import annotations

import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.clients.interactive import AnswerReceipt
from orchestrator.clients.region import COORDINATES, RegionReply
from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.table import Images, SampleRequest
from orchestrator.routes.tables import asked_places

GRID = Grid("EPSG:32633", (10.0, 0.0, 460_000.0, 0.0, -10.0, 5_100_000.0), 9, 9)
WINDOW = Window(2, 3, 4, 5)
SAMPLED = ((0, 0), (1, 7), (5, 2), (8, 8))
DEGREES = pyproj.Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True)


def reply(pixels):
    """Return the table that a service makes of (row, col) in this order."""
    rows = [["0", *DEGREES.transform(460_005 + 10 * col, 5_099_995 - 10 * row), None] for row, col in pixels]
    return RegionReply(COORDINATES, rows, AnswerReceipt("", "", 0, ""))


def asking(**what):
    return SampleRequest(Images(expression="{}"), ("b",), GRID, **what)


@given(order=st.permutations(range(len(SAMPLED))))
def test_points_are_told_by_their_coordinates(order):
    assert asked_places(reply([SAMPLED[at] for at in order]), asking(pixels=SAMPLED)) == list(order)


@given(order=st.permutations(range(WINDOW.pixels)))
def test_pixels_of_a_window_are_told_by_their_coordinates(order):
    """Counted row by row of the window."""
    pixels = [(WINDOW.row + at // WINDOW.width, WINDOW.col + at % WINDOW.width) for at in order]

    assert asked_places(reply(pixels), asking(window=WINDOW)) == list(order)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        pytest.param({"pixels": SAMPLED}, "row 3, column 3, which was not asked for", id="of points"),
        pytest.param({"window": Window(4, 4, 2, 2)}, "outside the window", id="of a window"),
    ],
)
def test_a_pixel_that_was_not_asked_for_is_refused(what, says):
    with pytest.raises(IntegrityError, match=says):
        asked_places(reply([(3, 3)]), asking(**what))
