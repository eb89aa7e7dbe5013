"""How an area is cut into requests for pixels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import BLOCK, Grid, Window
from orchestrator.model.spec import DTYPE_BYTES, PixelSpec
from orchestrator.plan.requests import RequestSize, counted_bytes, cut_to_fit, halved, plan_requests
from orchestrator.plan.thin import cut_at_gaps
from orchestrator.raster.spans import SpanTable

LIMIT, SIDE = 50_331_648, 32_768


def grid(height, width):
    return Grid("EPSG:32648", (10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.0), height, width)


def covered(windows, height, width):
    """Count how often each pixel is in a window."""
    times = np.zeros((height, width), np.uint8)
    for window in windows:
        assert window.bottom <= height
        assert window.right <= width
        times[window.row : window.bottom, window.col : window.right] += 1
    return times


sides = st.integers(1, 500)


@settings(deadline=None, max_examples=50)
@given(
    height=sides, width=sides, pixel=st.integers(2, 40), limit=st.integers(5_000, 3_000_000), side=st.integers(64, 2000)
)
def test_every_pixel_is_asked_for_once(height, width, pixel, limit, side):
    """The pixels requested are those of the output: no overlap, no seam, none too big."""
    size = RequestSize(pixel, limit, side)

    windows = plan_requests(grid(height, width), SpanTable.full(grid(height, width)), size)

    assert (covered(windows, height, width) == 1).all()
    assert all(w.pixels * pixel <= limit and max(w.height, w.width) <= side for w in windows)


@st.composite
def areas(draw):
    """A grid and triangles on it, small and large, some of them far apart."""
    height, width = draw(st.integers(20, 900)), draw(st.integers(20, 900))
    left, bottom, right, top = grid(height, width).bounds()
    points = st.tuples(st.floats(left, right), st.floats(bottom, top))
    corners = draw(st.lists(st.tuples(points, points, points), min_size=1, max_size=4))
    return height, width, shapely.union_all([shapely.Polygon(c) for c in corners])


@settings(deadline=None, max_examples=40)
@given(area=areas(), limit=st.integers(20_000, 2_000_000))
def test_what_the_area_touches_is_asked_for_once_and_nothing_far_from_it(area, limit):
    """No window is without a pixel of the area."""
    height, width, geometry = area
    spans = SpanTable.from_geometry(geometry, grid(height, width))

    windows = plan_requests(grid(height, width), spans, RequestSize(5, limit, 2000))

    times = covered(windows, height, width)
    assert times.max(initial=0) <= 1
    assert (times[spans.mask(Window(0, 0, height, width))] == 1).all()
    assert all(spans.mask(window).any() for window in windows)


def boxes(grid, *corners):
    """Return rectangles of pixels (row, col, bottom, right) as one geometry."""
    a, _, c, _, e, f = grid.transform
    return shapely.union_all([shapely.box(c + w * a, f + s * e, c + x * a, f + n * e) for n, w, s, x in corners])


@pytest.mark.parametrize("upright", [False, True])
def test_thin_strips_cost_what_their_own_pixels_do(upright):
    """Ten strips 50 wide and 4,000 long, 350 apart: within a fifth of their bytes over the limit."""
    here = grid(4000, 4000)
    strips = [(0, at, 4000, at + 50) if upright else (at, 0, at + 50, 4000) for at in range(0, 4000, 400)]
    spans = SpanTable.from_geometry(boxes(here, *strips), here)
    limit = 50 * 500 * 900

    windows = plan_requests(here, spans, RequestSize(900, limit, SIDE))

    assert spans.pixels() == 10 * 50 * 4000
    assert len(windows) <= 1.2 * (spans.pixels() * 900 / limit)
    times = covered(windows, 4000, 4000)
    assert times.max() == 1
    assert (times[spans.mask(here.window)] == 1).all()


@st.composite
def scattered(draw):
    """A grid and small rectangles on it."""
    height, width = draw(st.integers(100, 900)), draw(st.integers(100, 900))
    corner = st.tuples(st.integers(0, height - 41), st.integers(0, width - 41), st.integers(1, 40), st.integers(1, 40))
    found = draw(st.lists(corner, min_size=1, max_size=12))
    return height, width, boxes(grid(height, width), *((r, c, r + h, c + w) for r, c, h, w in found))


@settings(deadline=None, max_examples=40)
@given(area=scattered(), limit=st.integers(100, 200_000), side=st.integers(8, 1000))
def test_scattered_pieces_are_asked_for_once(area, limit, side):
    """Each pixel of the area once, in windows that fit and reach no further than what lies in them."""
    height, width, geometry = area
    here = grid(height, width)
    spans, size = SpanTable.from_geometry(geometry, here), RequestSize(5, limit, side)

    windows = cut_at_gaps(spans, here.window, size.pieces, 100_000)

    times = covered(windows, height, width)
    assert times.max() == 1
    assert (times[spans.mask(here.window)] == 1).all()
    assert all(size.fits(window) for window in windows)
    for window in windows:
        mask = spans.mask(window)
        assert mask[0].any()
        assert mask[-1].any()
        assert mask[:, 0].any()
        assert mask[:, -1].any()


PIXELS = {
    "one band of 8 bits": PixelSpec(("a",), "uint8", 0),
    "four bands of 32 bits": PixelSpec(tuple("abcd"), "float32", 0),
    "twelve bands of 64 bits": PixelSpec(tuple("abcdefghijkl"), "float64", 0),
}


@pytest.mark.parametrize(("wide", "name"), list(itertools.product([False, True], PIXELS)), ids=str)
@pytest.mark.parametrize("short", [100, 300])
def test_a_strip_needs_few_requests(short, wide, name):
    """One side 1,000 times the other: within 15 % of its bytes over the limit, where no side is at its own limit."""
    height, width = (short, short * 1000) if wide else (short * 1000, short)
    pixels = PIXELS[name]
    size = RequestSize(counted_bytes(pixels), LIMIT, SIDE)

    windows = plan_requests(grid(height, width), SpanTable.full(grid(height, width)), size)

    least = math.ceil(height * width * len(pixels.bands) * (DTYPE_BYTES[pixels.dtype] + 1) / LIMIT)
    by_side = math.ceil(short * 1000 / SIDE)
    assert len(windows) <= max(by_side, math.ceil(1.15 * least))
    assert sum(window.pixels for window in windows) == height * width


def test_bytes_are_counted_with_the_mask():
    """The number of a printed refusal: 48 dates of 512 × 256 pixels of 9 bytes, 8 of the value and 1 of the mask."""
    assert 48 * 512 * 256 * counted_bytes(PixelSpec(("a",), "float64", 0)) == 56_623_104


def test_what_fits_one_request_is_one():
    """Up to the last byte of the limit, and two for a byte more."""
    tiny = RequestSize(5, 5 * 300 * 200, 1000)

    assert plan_requests(grid(300, 200), SpanTable.full(grid(300, 200)), tiny) == (Window(0, 0, 300, 200),)
    assert len(plan_requests(grid(300, 201), SpanTable.full(grid(300, 201)), tiny)) == 2


def test_seams_lie_on_blocks():
    """A seam inside a block of 256 is computed twice there; it is avoided where that costs one request in twenty."""
    windows = plan_requests(grid(700, 90_000), SpanTable.full(grid(700, 90_000)), RequestSize(20, LIMIT, SIDE))

    assert {window.row % BLOCK for window in windows} | {window.col % BLOCK for window in windows} == {0}


def test_a_pixel_too_heavy_for_a_request_is_refused_before_anything_is_sent():
    """The sentence names both numbers and what to do."""
    with pytest.raises(PlanError, match="one pixel is 60 bytes"):
        RequestSize(60, 50, SIDE)


windows_of = st.builds(Window, st.integers(0, 3000), st.integers(0, 3000), st.integers(1, 3000), st.integers(1, 3000))


@settings(deadline=None)
@given(window=windows_of)
def test_a_refused_window_is_cut_across_its_longer_side(window):
    """In two, which are the window; a single pixel stays."""
    halves = halved(window)

    assert sum(half.pixels for half in halves) == window.pixels
    assert all(window.contains(half) for half in halves)
    assert len(halves) == min(2, window.pixels)
    sides = {(h.width if window.height >= window.width else h.height) for h in halves}
    assert sides == {min(window.height, window.width) if window.height < window.width else window.width}


@settings(deadline=None)
@given(window=windows_of, limit=st.integers(1000, 2_000_000))
def test_a_window_that_turns_out_too_big_is_cut_until_it_fits(window, limit):
    """By the size that was learned; what is left is the window."""
    size = RequestSize(7.5, limit, 2500)

    pieces = cut_to_fit(window, size)

    assert all(size.fits(piece) for piece in pieces)
    assert sum(piece.pixels for piece in pieces) == window.pixels
