"""Which windows an audit draws: inside the grid, apart, spread over the pieces, and all of the area where they may."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.grid import Grid, Window
from orchestrator.products.mosaic.sampling import SIDE, Origin, draw_windows, side_of
from orchestrator.raster.spans import SpanTable


def grid_of(height, width):
    return Grid("EPSG:32633", (1.0, 0.0, 0.0, 0.0, -1.0, float(height)), height, width)


def area_of(grid, corners):
    """The pixels inside a polygon whose corners are shares of the grid's width and height."""
    ring = [(x * grid.width, y * grid.height) for x, y in corners]
    return SpanTable.from_geometry(shapely.Polygon(ring).buffer(0), grid)


SHARES = st.floats(0, 1, allow_nan=False)
SHAPES = st.tuples(st.integers(40, 900), st.integers(40, 900))
TRIANGLES = st.tuples(*[st.tuples(SHARES, SHARES)] * 3)


@st.composite
def cases(draw_):
    """A grid of up to 900 × 900 pixels with a triangle in it, cut into pieces that came by two ways in turn."""
    grid = grid_of(*draw_(SHAPES))
    spans = area_of(grid, draw_(TRIANGLES))
    height, width = draw_(SHAPES)
    tiles = [tile for tile in grid.window.tiles(height, width) if spans.mask(tile).any()]
    ways = ("export", "pixels")
    pieces = [Origin(tile, ways[number % 2]) for number, tile in enumerate(tiles)]
    return grid, spans, pieces, draw_(st.integers(1, 40)), draw_(st.integers(0, 2**32))


@settings(max_examples=60)
@given(cases(), st.sampled_from([20, 64, SIDE]))
def test_windows_are_apart_inside_the_grid_and_hold_some_of_the_area(case, side):
    """No value is compared twice, and none that could not be wrong."""
    grid, spans, pieces, count, seed = case

    windows = draw_windows(grid, spans, pieces, count, seed, side).windows

    assert len(windows) <= count
    assert all(grid.window.contains(window) and spans.mask(window).any() for window in windows)
    seen = np.zeros((grid.height, grid.width), int)
    for window in windows:
        seen[window.row : window.bottom, window.col : window.right] += 1
    assert seen.max(initial=0) <= 1


@settings(max_examples=60)
@given(cases())
def test_the_whole_area_is_compared_where_so_many_windows_hold_it(case):
    """`whole` is said exactly when no pixel of the area is outside the windows."""
    grid, spans, pieces, count, seed = case

    sample = draw_windows(grid, spans, pieces, count, seed)

    held = sum(int(spans.mask(window).sum()) for window in sample.windows)
    assert sample.whole == (held == spans.pixels())
    assert sample.whole or len(sample.windows) == count


@settings(max_examples=60)
@given(cases())
def test_a_piece_of_each_way_is_looked_at(case):
    """What was exported and what came in answers can each be wrong in its own way."""
    grid, spans, pieces, count, seed = case
    ways = {piece.way for piece in pieces}

    sample = draw_windows(grid, spans, pieces, max(count, len(ways)), seed)

    assert set(sample.pieces) == ways


def test_each_piece_has_a_window_before_any_has_a_second():
    """Twelve pieces of 400 × 400 pixels and twelve windows: one lies in each, each piece is counted."""
    grid = grid_of(1200, 1600)
    tiles = list(grid.window.tiles(400, 400))

    sample = draw_windows(grid, SpanTable.full(grid), [Origin(tile, "export") for tile in tiles], 12, 5)

    assert [sum(tile.contains(window) for window in sample.windows) for tile in tiles] == [1] * 12
    assert sample.pieces == {"export": 12}


def test_one_piece_among_a_thousand_that_came_otherwise_is_looked_at():
    """The rare way is not left to chance."""
    grid = grid_of(8000, 8000)
    tiles = list(grid.window.tiles(250, 250))
    pieces = [Origin(tile, "pixels" if number == 700 else "export") for number, tile in enumerate(tiles)]

    sample = draw_windows(grid, SpanTable.full(grid), pieces, 2, 1)

    assert any(window.intersection(tiles[700]) for window in sample.windows)


@pytest.mark.parametrize("seed", range(8))
def test_the_window_of_a_piece_holds_some_of_its_own_pixels(seed):
    """The lower piece begins in a window whose part of the area is the upper one's: that is none of its own."""
    grid, upper, lower = grid_of(600, 200), Window(0, 0, 250, 200), Window(250, 0, 350, 200)
    both = shapely.union_all([shapely.box(0, 360, 200, 600), shapely.box(0, 0, 200, 100)])  # rows 0 to 240, 500 to 600
    pieces = [Origin(upper, "export"), Origin(lower, "pixels")]

    windows = draw_windows(grid, SpanTable.from_geometry(both, grid), pieces, 2, seed).windows

    assert Window(400, 0, 200, 200) in windows


def test_windows_lie_across_seams():
    """A part that is one pixel beside its place shows at its seam: some windows hold pixels of several parts."""
    grid = grid_of(2048, 2048)
    pieces = [Origin(tile, "export") for tile in grid.window.tiles(256, 256)]

    windows = draw_windows(grid, SpanTable.full(grid), pieces, 30, 3).windows

    assert sum(sum(piece.window.intersection(window) is not None for piece in pieces) > 1 for window in windows) > 15


def test_the_same_seed_draws_the_same_windows_and_another_one_others():
    """An audit can be done again; and elsewhere."""
    grid = grid_of(4000, 4000)
    pieces = [Origin(grid.window, "export")]

    first, again, other = (draw_windows(grid, SpanTable.full(grid), pieces, 20, seed).windows for seed in (1, 1, 2))

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("most_pixels", "side"),
    [pytest.param(1e9, 200, id="as usual"), pytest.param(10_000, 100, id="many bands"), pytest.param(0.5, 1, id="one")],
)
def test_a_window_holds_no_more_pixels_than_a_request_takes(most_pixels, side):
    """A thousand bands make it small."""
    assert side_of(most_pixels) == side


def test_a_window_at_the_edge_ends_with_the_grid():
    """It is shorter there; nothing is asked for that the mosaic does not have."""
    grid = grid_of(250, 30)

    windows = draw_windows(grid, SpanTable.full(grid), [Origin(grid.window, "export")], 9, 0).windows

    assert windows == (Window(0, 0, 200, 30), Window(200, 0, 50, 30))
