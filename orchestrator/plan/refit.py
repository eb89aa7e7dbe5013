"""Part sizes from experience: what finished parts weighed tells how large the next ones may be."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Grid
from orchestrator.model.plan import TaskPlan
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.split import largest_part

# Land differs from place to place: the heaviest part seen so far is taken, and this much is added. A part that is
# heavier all the same is not accepted; its task is exported again in parts that cannot be too heavy.
MARGIN = 1.25


def refit(
    task: TaskPlan,
    pixels: PixelSpec,
    *,
    max_part_bytes: int,
    cloud_optimized: bool = True,
    heaviest_bytes_per_pixel: float | None = None,
) -> TaskPlan:
    """
    Return `task` with the largest parts that stay under `max_part_bytes`.

    The rectangle is the same, so no pixel is exported that was not planned. Sides are 256 × 2^k, counted from the
    rectangle's corner.

    Args:
        task: A task that has not been handed over.
        pixels: What a pixel is.
        max_part_bytes: No part may be larger on disk.
        cloud_optimized: Parts carry overviews.
        heaviest_bytes_per_pixel: Of the heaviest finished part; None goes by the bound for any data.
    """
    learned = None if heaviest_bytes_per_pixel is None else heaviest_bytes_per_pixel * MARGIN
    here = Grid("", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), task.window.height, task.window.width)
    try:
        height, width = largest_part(
            here,
            pixels,
            max_part_bytes=max_part_bytes,
            cloud_optimized=cloud_optimized,
            learned_bytes_per_pixel=learned,
        )
    except PlanError:  # what was learned is worse than the bound allows: keep what was promised to fit
        return task
    return replace(task, part_height=height, part_width=width)
