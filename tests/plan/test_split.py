"""Tasks and parts cover the area exactly once, and no part can be too heavy."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.plan import TaskPlan
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.budget import MIB, part_bytes_bound
from orchestrator.plan.rectangles import cut_down, decompose
from orchestrator.plan.split import cut, split

ONE = PixelSpec(("B4",), "uint8", 0)
FOUR = PixelSpec(("B2", "B3", "B4", "B8"), "uint16", 0)


class Pixels:
    """The pixels of an area, given as sample points: enough to say which tiles hold some."""

    def __init__(self, grid, points):
        self.grid, self.points = grid, points

    def counts(self, tile_height, tile_width):
        shape = (-(-self.grid.height // tile_height), -(-self.grid.width // tile_width))
        counts = np.zeros(shape, dtype=np.int64)
        for row, col in self.points:
            counts[row // tile_height, col // tile_width] += 1
        return counts


class Everywhere:
    """An area that covers its grid."""

    def __init__(self, grid):
        self.grid = grid

    def counts(self, tile_height, tile_width):
        return np.ones((-(-self.grid.height // tile_height), -(-self.grid.width // tile_width)), dtype=np.int64)


def grid_of(height, width):
    return Grid("EPSG:32633", (10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.0), height, width)


@st.composite
def grids_with_points(draw):
    grid = grid_of(draw(st.integers(1, 6000)), draw(st.integers(1, 6000)))
    point = st.tuples(st.integers(0, grid.height - 1), st.integers(0, grid.width - 1))
    return grid, draw(st.lists(point, max_size=40))


@given(
    grids_with_points(), st.floats(0.15, 12), st.sampled_from(["blocks", "square"]), st.booleans(), st.integers(1, 20)
)
def test_every_pixel_of_the_area_is_in_exactly_one_part(given_grid, max_mib, mode, cloud_optimized, max_task_parts):
    """Tasks are disjoint, their parts tile them, untouched parts are absent, and every part fits."""
    grid, points = given_grid
    limit = int(max_mib * MIB)

    tasks = split(
        grid,
        Pixels(grid, points),
        ONE,
        max_part_bytes=limit,
        mode=mode,
        cloud_optimized=cloud_optimized,
        max_task_parts=max_task_parts,
    )

    parts = [part for task in tasks for part in task.parts()]
    for row, col in points:
        assert sum(part.contains(Window(row, col, 1, 1)) for part in parts) == 1
    for part in parts:
        assert any(part.contains(Window(row, col, 1, 1)) for row, col in points)
        assert part_bytes_bound(part.height, part.width, ONE, cloud_optimized) <= limit
    for number, part in enumerate(parts):
        assert all(part.intersection(other) is None for other in parts[number + 1 :])
    for task in tasks:
        assert sum(part.pixels for part in task.parts()) == task.window.pixels
        assert len(task.parts()) <= max_task_parts
        assert grid.window.contains(task.window)
        assert task.window.row % task.part_height == task.window.col % task.part_width == 0
    assert [task.index for task in tasks] == list(range(len(tasks)))


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.integers(1, 200))
@settings(max_examples=60)
def test_parts_are_blocks_doubled_and_as_large_as_the_threshold_allows(height, width, max_mib):
    """Sides are 256 × 2^k, at most one power apart, or the grid's own; twice the part would not fit."""
    grid = grid_of(height, width)
    centre = Pixels(grid, [(height // 2, width // 2)])

    task = split(grid, centre, FOUR, max_part_bytes=max_mib * MIB)[0]

    for side, whole in ((task.part_height, height), (task.part_width, width)):
        assert side % 256 == 0
        assert side >= whole or (side & (side - 1)) == 0
    covers = task.part_height >= height and task.part_width >= width
    doubled = part_bytes_bound(min(2 * task.part_height, height), min(2 * task.part_width, width), FOUR)
    assert covers or doubled > max_mib * MIB


def test_default_threshold_gives_parts_of_two_megapixels():
    """Four bands of uint16 under 48 MiB: 1024 × 2048, as 2048 × 2048 could become 64 MiB and more."""
    grid = grid_of(50_000, 50_000)

    tasks = split(grid, Everywhere(grid), FOUR)

    assert (tasks[0].part_height, tasks[0].part_width) == (1024, 2048)


def test_a_tall_part_is_taken_where_a_wide_one_would_hold_less():
    """Five blocks wide: 2048 × 1024 holds more than 1024 × 1280 and still fits."""
    grid = grid_of(8192, 1280)
    limit = part_bytes_bound(2048, 1024, FOUR)

    task = split(grid, Everywhere(grid), FOUR, max_part_bytes=limit)[0]

    assert (task.part_height, task.part_width) == (2048, 1024)


def test_there_are_enough_tasks_to_overlap_export_and_download():
    """A single rectangle of many parts becomes at least four tasks per slot."""
    grid = grid_of(10_000, 10_000)

    tasks = split(grid, Everywhere(grid), FOUR, slots=3)

    assert len(tasks) >= 12


def test_a_task_stays_below_four_gibibytes_before_compression():
    """What a failed task loses is bounded, however large the area."""
    grid = grid_of(120_000, 120_000)

    tasks = split(grid, Everywhere(grid), FOUR)

    assert max(task.window.pixels for task in tasks) * FOUR.bytes_per_pixel <= 4 * 2**30


def test_an_area_of_one_part_is_one_task_and_one_file():
    """A small area is not cut at all, and its part is the task's window."""
    grid = grid_of(300, 1500)

    (task,) = split(grid, Everywhere(grid), FOUR)

    assert task.window == grid.window
    assert task.parts() == (grid.window,)


def test_square_mode_lays_the_smallest_grid_of_tiles_that_fits():
    """3000 × 3000 pixels under 16 MiB: 3 × 3 tiles of 1024, as 2 × 2 of 1536 would be too heavy."""
    grid = grid_of(3000, 3000)

    tasks = split(grid, Everywhere(grid), FOUR, max_part_bytes=18 * MIB, mode="square")

    assert len(tasks) == 9
    assert {len(task.parts()) for task in tasks} == {1}
    assert tasks[0].window == Window(0, 0, 1024, 1024)


def test_a_block_that_cannot_fit_is_refused_with_the_size_it_needs():
    """The message names bands, bytes needed and bytes allowed, and what to change."""
    grid = grid_of(5000, 5000)

    with pytest.raises(
        PlanError, match=r"4 bands of uint16 can take [\d.]+ MiB \(\d+ bytes\), more than the 0.0953674 MiB allowed"
    ) as raised:
        split(grid, Everywhere(grid), FOUR, max_part_bytes=100_000)

    assert "--max-size-mb" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_the_size_that_a_refusal_names_is_enough(bands):
    """A number that was rounded down would be refused once more."""
    grid, pixels = grid_of(5000, 5000), dataclasses.replace(FOUR, bands=FOUR.bands[:bands])
    with pytest.raises(PlanError) as raised:
        split(grid, Everywhere(grid), pixels, max_part_bytes=100_000)
    named = float(re.search(r"allow at least ([\d.]+) MiB", str(raised.value))[1])

    assert split(grid, Everywhere(grid), pixels, max_part_bytes=int(named * MIB))


def test_an_area_without_pixels_has_no_tasks():
    """Nothing is exported for nothing."""
    grid = grid_of(500, 500)

    assert split(grid, Pixels(grid, []), FOUR) == ()


lattices = st.integers(1, 8).flatmap(
    lambda cols: st.lists(st.lists(st.booleans(), min_size=cols, max_size=cols), min_size=1, max_size=8)
)


@given(lattices, st.integers(1, 10), st.integers(1, 12))
def test_rectangles_cover_the_touched_cells_and_nothing_else(cells, max_cells, min_count):
    """Each touched cell lies in one rectangle, no other cell in any, before and after cutting."""
    touched = np.array(cells)

    whole = decompose(touched)
    small = cut_down(whole, max_cells=max_cells, min_count=min_count, cell_height=256, cell_width=512)

    for rectangles in (whole, small):
        covered = np.zeros(touched.shape, dtype=int)
        for r in rectangles:
            covered[r.row : r.bottom, r.col : r.right] += 1
        assert (covered == touched).all()
    assert all(r.pixels <= max_cells for r in small)
    assert len(small) >= min(min_count, touched.sum())


@pytest.mark.parametrize(
    ("drawing", "fewest"),
    [
        pytest.param(["###", "###"], 1, id="full"),
        pytest.param(["##.", "###"], 2, id="L"),
        pytest.param([".#.", "###", ".#."], 3, id="cross"),
        pytest.param(["###", "#.#", "###"], 4, id="ring"),
        pytest.param(["#..", ".#.", "..#"], 3, id="diagonal"),
        pytest.param(["###", "#..", "###", "#..", "###"], 4, id="comb of three teeth"),
        pytest.param(["#####", "#.#.#"], 4, id="comb upside down"),
        pytest.param(["##", "#.", "##", "#.", "##"], 4, id="comb lying down"),
        pytest.param(["..", ".."], 0, id="nothing"),
    ],
)
def test_rectangles_are_as_few_as_possible_on_small_shapes(drawing, fewest):
    """The greedy cover finds the optimum where it can be counted by hand."""
    touched = np.array([[cell == "#" for cell in line] for line in drawing])

    assert len(decompose(touched)) == fewest


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([256, 512, 1024]), st.sampled_from([256, 512, 1024]))
def test_cutting_a_task_again_and_again_ends_in_single_blocks(height, width, part_height, part_width):
    """Both halves tile the task; the last pieces are single blocks, refused with a clear sentence."""
    waiting = [TaskPlan(3, Window(1024, 2048, height, width), part_height, part_width)]
    blocks = []
    while waiting:
        task = waiting.pop()
        try:
            first, second = cut(task)
        except PlanError:
            blocks.append(task)
            continue
        assert first.window.pixels + second.window.pixels == task.window.pixels
        assert task.window.contains(first.window)
        assert task.window.contains(second.window)
        assert first.window.intersection(second.window) is None
        if len(task.parts()) > 1:
            assert sorted(first.parts() + second.parts()) == sorted(task.parts())
        waiting += [first, second]

    assert all(task.window.height <= 256 and task.window.width <= 256 for task in blocks)
    assert sum(task.window.pixels for task in blocks) == height * width
    assert all(task.window.row % 256 == task.window.col % 256 == 0 for task in blocks)


def test_a_single_part_is_cut_at_a_block_near_its_middle():
    """Half of 1024 rows is 512; the halves are parts of their own."""
    first, second = cut(TaskPlan(0, Window(0, 0, 1024, 512), 1024, 512))

    assert (first.window, second.window) == (Window(0, 0, 512, 512), Window(512, 0, 512, 512))
    assert (first.part_height, first.part_width) == (512, 512)
