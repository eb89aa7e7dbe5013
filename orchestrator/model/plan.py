"""A plan: one grid, the tasks that cover what the area touches, the parts each task is written as."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.spec import PixelSpec


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """
    One export: a rectangle of parts that Earth Engine computes together and writes as one file each.

    Attributes:
        index: Position in the plan, from 0.
        window: The rectangle, on the plan's grid.
        part_height: Rows of a part; those in the last row of the rectangle may be shorter.
        part_width: Columns of a part.
    """

    index: int
    window: Window
    part_height: int
    part_width: int

    def parts(self) -> tuple[Window, ...]:
        """Return the parts as windows on the plan's grid, row by row."""
        return tuple(self.window.tiles(self.part_height, self.part_width))

    @property
    def part_count(self) -> int:
        """How many parts there are."""
        return -(-self.window.height // self.part_height) * -(-self.window.width // self.part_width)


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Where every pixel of an output comes from.

    Attributes:
        grid: The output's grid.
        pixels: What a pixel is.
        tasks: Disjoint rectangles on the grid. Pixels of the grid in no task lie outside the area.
        area_wkb: The exact area in the grid's CRS, as WKB: what the output is cut with.
        area_pixels: Pixels whose centre lies in the area.
        max_part_bytes: No part may be larger on disk.
        bucket_bytes: Upper bound of all parts together, encoded.
        disk_bytes: Upper bound of local disk at the fullest moment.
        memory_bytes: Expected peak memory.
        notes: What was done to the input that a user should know, a sentence each.
        direct: Disjoint windows outside the tasks whose pixels come in the answer to a request each.
    """

    grid: Grid
    pixels: PixelSpec
    tasks: tuple[TaskPlan, ...]
    area_wkb: bytes
    area_pixels: int
    max_part_bytes: int
    bucket_bytes: int
    disk_bytes: int
    memory_bytes: int
    notes: tuple[str, ...] = ()
    direct: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        for task in self.tasks:
            if not self.grid.window.contains(task.window):
                raise PlanError(f"task {task.index} reaches beyond the grid: {task.window}")
        for window in self.direct:
            if not self.grid.window.contains(window):
                raise PlanError(f"a request reaches beyond the grid: {window}")

    @property
    def windows(self) -> tuple[Window, ...]:
        """The planned rectangles, however their pixels come."""
        return (*(task.window for task in self.tasks), *self.direct)

    @property
    def part_count(self) -> int:
        return sum(task.part_count for task in self.tasks)
