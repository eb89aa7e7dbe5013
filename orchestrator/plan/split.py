"""How a grid is cut: parts that stay below the byte threshold, and tasks that are rectangles of parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import BLOCK, Grid, Window
from orchestrator.model.plan import TaskPlan
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.budget import (
    GIB,
    MAX_FILE_SIDE,
    MIB,
    file_fits_service,
    part_bytes_bound,
    raw_bytes,
    round_up,
)
from orchestrator.plan.rectangles import cut_down, cut_in_two, decompose

MAX_PART_BYTES = 48 * MIB
# A failed task costs what it had computed, and its parts arrive only when it ends: 4 GiB before compression is about
# 13,000 × 13,000 pixels of six float32 bands. That is minutes to an hour of computing against some twenty
# seconds in which a task is started and announced, so the overhead stays in the percents.
MAX_TASK_RAW_BYTES = 4 * GIB
# With four tasks per slot, three quarters of the work still lie ahead when the first parts can be downloaded, and the
# last wave leaves a slot idle for a small part of the run.
TASKS_PER_SLOT = 4

Mode = Literal["blocks", "square"]
Fits = Callable[[int, int], bool]


class PixelCounts(Protocol):
    """What a split must know of an area: the pixels inside, per tile of a lattice that starts at the grid's origin."""

    def counts(self, tile_height: int, tile_width: int) -> NDArray[np.int64]:
        """Return the pixels inside the area for each tile, as (tile row, tile col)."""
        ...


def split(
    grid: Grid,
    spans: PixelCounts,
    pixels: PixelSpec,
    *,
    max_part_bytes: int = MAX_PART_BYTES,
    mode: Mode = "blocks",
    slots: int = 2,
    max_task_parts: int | None = None,
    cloud_optimized: bool = True,
    learned_bytes_per_pixel: float | None = None,
) -> tuple[TaskPlan, ...]:
    """
    Cut `grid` into tasks whose parts hold every pixel of the area exactly once.

    Promised: tasks are disjoint; parts tile their task; every part holds at least one pixel of the area; no part
    can exceed `max_part_bytes` as a file (`budget.part_bytes_bound`); parts begin on multiples of the part's
    sides, which are 256 × 2^k (height and width at most one power apart), or the whole side of the grid rounded up
    to 256. Tasks come from the top left to the bottom right, indexed from 0; none if the area has no pixel.

    Args:
        grid: What is cut.
        spans: The area's pixels on `grid`.
        pixels: What a pixel is.
        max_part_bytes: No part may be larger on disk.
        mode: `blocks` is the above. `square` lays the smallest n × n tiles that fit (n tiles per side at most:
            sides are rounded up to multiples of 256) and makes each a task of one part.
        slots: Tasks Earth Engine runs at a time; there will be 4 tasks per slot where there are as many parts.
        max_task_parts: Parts per task at most; by default as many as hold 4 GiB before compression.
        cloud_optimized: Parts carry overviews.
        learned_bytes_per_pixel: See `budget.part_bytes_bound`.

    Raises:
        PlanError: If a part of one block cannot be promised to stay below `max_part_bytes`.
    """
    part_height, part_width = largest_part(
        grid,
        pixels,
        max_part_bytes=max_part_bytes,
        mode=mode,
        cloud_optimized=cloud_optimized,
        learned_bytes_per_pixel=learned_bytes_per_pixel,
    )
    touched = np.asarray(spans.counts(part_height, part_width)) > 0
    if mode == "square":
        max_task_parts = 1
    elif max_task_parts is None:
        max_task_parts = max(1, MAX_TASK_RAW_BYTES // raw_bytes(part_height, part_width, pixels))
    rectangles = cut_down(
        decompose(touched),
        max_cells=max_task_parts,
        min_count=TASKS_PER_SLOT * slots,
        cell_height=part_height,
        cell_width=part_width,
    )
    return tuple(
        TaskPlan(index, _to_pixels(rectangle, part_height, part_width, grid), part_height, part_width)
        for index, rectangle in enumerate(rectangles)
    )


def largest_part(
    grid: Grid,
    pixels: PixelSpec,
    *,
    max_part_bytes: int,
    mode: Mode = "blocks",
    cloud_optimized: bool = True,
    learned_bytes_per_pixel: float | None = None,
) -> tuple[int, int]:
    """
    Return (height, width) of the largest part that stays under `max_part_bytes`; arguments as for `split`.

    Raises:
        PlanError: If a part of one block cannot be promised to stay below.
    """

    def fits(height: int, width: int) -> bool:
        bound = part_bytes_bound(
            min(height, grid.height),
            min(width, grid.width),
            pixels,
            cloud_optimized,
            learned_bytes_per_pixel=learned_bytes_per_pixel,
        )
        return bound <= max_part_bytes and file_fits_service(height, width, pixels)

    if not fits(BLOCK, BLOCK):
        _refuse_block(grid, pixels, max_part_bytes, cloud_optimized, learned_bytes_per_pixel)
    return _square_part(grid, fits) if mode == "square" else _largest_part(grid, fits)


def _refuse_block(
    grid: Grid, pixels: PixelSpec, max_part_bytes: int, cloud_optimized: bool, learned: float | None
) -> None:
    height, width = min(BLOCK, grid.height), min(BLOCK, grid.width)
    needed = part_bytes_bound(height, width, pixels, cloud_optimized, learned_bytes_per_pixel=learned)
    raise PlanError(
        f"a part of one block of {BLOCK} × {BLOCK} pixels with {len(pixels.bands)} bands of {pixels.dtype} can take "
        f"{_least_mib(needed):g} MiB ({needed} bytes), more than the {max_part_bytes / MIB:g} MiB allowed; "
        f"allow at least {_least_mib(needed):g} MiB (--max-size-mb) or export fewer bands (--bands)"
    )


def _least_mib(size: int) -> float:
    """Return bytes as MiB with two decimals, rounded up: as many are enough."""
    return math.ceil(100 * size / MIB) / 100


def _ladder(grid: Grid) -> Iterator[tuple[int, int]]:
    """Yield part sides from one block upwards, doubling width and height in turn, never beyond the grid."""
    most_high, most_wide = round_up(grid.height, BLOCK), round_up(grid.width, BLOCK)
    side = BLOCK
    while side <= MAX_FILE_SIDE:
        for height, width in ((side, side), (side, 2 * side), (2 * side, side)):
            yield min(height, most_high), min(width, most_wide)
        side *= 2


def _largest_part(grid: Grid, fits: Fits) -> tuple[int, int]:
    # Of two shapes of equal area the wide one comes first and stays: Earth Engine computes row by row.
    fitting = [sides for sides in _ladder(grid) if fits(*sides)]
    return max(fitting, key=lambda sides: sides[0] * sides[1])


def _square_part(grid: Grid, fits: Fits) -> tuple[int, int]:
    for n in range(1, -(-max(grid.height, grid.width) // BLOCK) + 1):
        height = round_up(-(-grid.height // n), BLOCK)
        width = round_up(-(-grid.width // n), BLOCK)
        if fits(height, width):
            return height, width
    return BLOCK, BLOCK


def _to_pixels(cells: Window, part_height: int, part_width: int, grid: Grid) -> Window:
    row, col = cells.row * part_height, cells.col * part_width
    bottom = min(cells.bottom * part_height, grid.height)
    right = min(cells.right * part_width, grid.width)
    return Window(row, col, bottom - row, right - col)


def cut(task: TaskPlan) -> tuple[TaskPlan, TaskPlan]:
    """
    Cut `task` in two for the memory ladder; both halves keep its index, and the caller gives new ones.

    Several parts are divided between parts, in the middle of the longer side, and stay the parts they were.
    A single part is divided inside, at the multiple of 256 nearest to its middle, into two smaller parts.

    Raises:
        PlanError: If the task is a single block and cannot be cut further.
    """
    rows = -(-task.window.height // task.part_height)
    cols = -(-task.window.width // task.part_width)
    if rows * cols > 1:
        return _cut_cells(task, rows, cols, task.part_height, task.part_width)
    rows = -(-task.window.height // BLOCK)
    cols = -(-task.window.width // BLOCK)
    if rows * cols == 1:
        raise PlanError(f"task {task.index} is a single block of {BLOCK} × {BLOCK} pixels and cannot be cut further")
    return _cut_cells(task, rows, cols, BLOCK, BLOCK)


def _cut_cells(task: TaskPlan, rows: int, cols: int, cell_height: int, cell_width: int) -> tuple[TaskPlan, TaskPlan]:
    first, second = cut_in_two(Window(0, 0, rows, cols), cell_height, cell_width)
    return (
        _piece(task, first, cell_height, cell_width),
        _piece(task, second, cell_height, cell_width),
    )


def _piece(task: TaskPlan, cells: Window, cell_height: int, cell_width: int) -> TaskPlan:
    whole = task.window
    row, col = cells.row * cell_height, cells.col * cell_width
    bottom = min(cells.bottom * cell_height, whole.height)
    right = min(cells.right * cell_width, whole.width)
    window = Window(whole.row + row, whole.col + col, bottom - row, right - col)
    return TaskPlan(
        task.index,
        window,
        min(task.part_height, round_up(window.height, BLOCK)),
        min(task.part_width, round_up(window.width, BLOCK)),
    )
