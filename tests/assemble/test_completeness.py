"""What no part covers is found, whatever the parts' sizes and places."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.grid import Grid, Window
from orchestrator.products.mosaic.parts.completeness import reached, uncovered
from orchestrator.raster.spans import SpanTable

WHOLE = Window(0, 0, 12, 15)


@st.composite
def windows(draw):
    row, col = draw(st.integers(0, 11)), draw(st.integers(0, 14))
    return Window(row, col, draw(st.integers(1, 12 - row)), draw(st.integers(1, 15 - col)))


def marked(found):
    """Count for each pixel how many windows hold it."""
    count = np.zeros((WHOLE.height, WHOLE.width), int)
    for window in found:
        count[window.row : window.bottom, window.col : window.right] += 1
    return count


@given(st.lists(windows(), max_size=8))
def test_what_is_uncovered_and_what_is_covered_make_the_whole(covered):
    """Each pixel that no window holds lies in exactly one rectangle, and no other pixel does."""
    assert np.array_equal(marked(uncovered(WHOLE, covered)), (marked(covered) == 0).astype(int))


@given(windows(), st.lists(st.tuples(st.floats(0, 15), st.floats(-12, 0)), min_size=3, max_size=8))
def test_the_pixels_of_an_area_in_a_window_are_enclosed(window, corners):
    """By the smallest window that holds them; the mask of the area, pixel by pixel, says which."""
    grid = Grid("EPSG:32633", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), WHOLE.height, WHOLE.width)
    spans = SpanTable.from_geometry(shapely.make_valid(shapely.Polygon(corners)), grid)

    rows, cols = np.nonzero(spans.mask(window))

    found = reached(spans, window)
    if not len(rows):
        assert found is None
    else:
        top, left = window.row + rows.min(), window.col + cols.min()
        assert found == Window(top, left, rows.max() - rows.min() + 1, cols.max() - cols.min() + 1)
