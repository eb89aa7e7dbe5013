"""A plan as JSON: how a run keeps it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from orchestrator.core.stored import read_stored
from orchestrator.model.grid import Grid, Window
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.spec import PixelSpec

# Grows when a field changes its meaning, never because one was added.
VERSION = 2


def plan_to_json(plan: Plan) -> str:
    """Return the plan as compact JSON."""
    return json.dumps(
        {
            "version": VERSION,
            "grid": grid_json(plan.grid),
            "pixels": pixels_json(plan.pixels),
            "tasks": [[t.index, *_window(t.window), t.part_height, t.part_width] for t in plan.tasks],
            "area_wkb": plan.area_wkb.hex(),
            "area_pixels": plan.area_pixels,
            "max_part_bytes": plan.max_part_bytes,
            "bucket_bytes": plan.bucket_bytes,
            "disk_bytes": plan.disk_bytes,
            "memory_bytes": plan.memory_bytes,
            "notes": list(plan.notes),
        }
        # Left out where there are none: the plan is then that of earlier versions.
        | ({"direct": [_window(window) for window in plan.direct]} if plan.direct else {}),
        separators=(",", ":"),
    )


def plan_from_json(text: str) -> Plan:
    """
    Read what `plan_to_json` of this or an earlier version wrote.

    Raises:
        IntegrityError: A newer version wrote it.
    """
    content = read_stored(text, "plan", VERSION)
    tasks = tuple(TaskPlan(t[0], Window(*t[1:5]), t[5], t[6]) for t in content.pop("tasks"))
    return Plan(
        grid=grid_from(content.pop("grid")),
        pixels=pixels_from(content.pop("pixels")),
        tasks=tasks,
        area_wkb=bytes.fromhex(content.pop("area_wkb")),
        notes=tuple(content.pop("notes")),
        direct=tuple(Window(*window) for window in content.pop("direct", ())),
        **content,
    )


def grid_json(grid: Grid) -> dict[str, Any]:
    """Return the grid as a JSON object."""
    return {"crs": grid.crs, "transform": list(grid.transform), "height": grid.height, "width": grid.width}


def grid_from(told: Mapping[str, Any]) -> Grid:
    """Return the grid that `grid_json` wrote."""
    return Grid(told["crs"], tuple(told["transform"]), told["height"], told["width"])


def pixels_json(pixels: PixelSpec) -> dict[str, Any]:
    """Return the pixels' description as a JSON object; JSON has no NaN and no infinity, they are written as words."""
    return {
        "bands": list(pixels.bands),
        "dtype": pixels.dtype,
        "nodata": pixels.nodata if math.isfinite(pixels.nodata) else str(pixels.nodata),
        "scale": pixels.scale,
        "offset": pixels.offset,
    } | ({"classes": True} if pixels.classes else {})  # left out else: plans are then those of earlier versions


def pixels_from(told: Mapping[str, Any]) -> PixelSpec:
    """Return the description that `pixels_json` wrote."""
    nodata = told["nodata"]
    number = float(nodata) if isinstance(nodata, str) else nodata
    return PixelSpec(**{**told, "bands": tuple(told["bands"]), "nodata": number})


def _window(window: Window) -> list[int]:
    return [window.row, window.col, window.height, window.width]
