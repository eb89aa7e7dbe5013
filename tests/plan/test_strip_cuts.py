"""Strips cut an output so that every part belongs to one, and that their parts weigh about the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Grid
from orchestrator.plan.strips import cut_strips


def grid_of(height: int, width: int) -> Grid:
    return Grid("EPSG:32633", (10.0, 0.0, 500000.0, 0.0, -10.0, 5200000.0), height, width)


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([256, 1024, 1500]), st.integers(1, 9))
def test_every_part_belongs_to_exactly_one_strip(height, width, side, count):
    """Strips lie from the first row to the last without a gap, at most as many as were asked for."""
    grid = grid_of(height, width)
    parts = list(grid.window.tiles(side, side))

    strips = cut_strips(grid, parts, count)

    assert len(strips) <= count
    assert all(sum(strip.has(part) for strip in strips) == 1 for part in parts)
    assert [strip.row for strip in strips] == [0, *(strip.bottom for strip in strips[:-1])]
    assert strips[-1].bottom == height


def test_strips_weigh_about_the_same():
    """Where the upper half has a quarter of the parts, the cut lies lower."""
    grid = grid_of(8192, 8192)
    parts = [w for w in grid.window.tiles(1024, 1024) if w.row >= 4096 or w.col < 2048]

    strips = cut_strips(grid, parts, 2)

    # 40 parts, two in each of the upper rows and eight in the lower: above row 5120 lie 16, above row 6144 lie 24. Both
    # are near enough to 20, and 6144 is 24 rows of blocks, which 2^3 divides.
    assert [strip.bottom for strip in strips] == [6144, 8192]


def test_a_cut_lies_at_the_roundest_row_nearby():
    """A third of 24 rows of blocks is 8 = 2^3, two thirds are 16 = 2^4; of 22 rows they would be 7 and 15."""
    grid = grid_of(22 * 256, 1024)

    strips = cut_strips(grid, grid.window.tiles(256, 256), 3)

    assert [strip.bottom // 256 for strip in strips] == [8, 16, 22]


def test_an_output_without_parts_is_one_strip():
    """Nothing lies inside the area of a row of blocks: there is nothing to divide."""
    assert len(cut_strips(grid_of(1000, 1000), [], 4)) == 1


def test_no_strips_are_refused():
    """The message says what 0 means where it may be said."""
    with pytest.raises(PlanError, match="give at least 1, or 0 for none"):
        cut_strips(grid_of(10, 10), [], 0)
