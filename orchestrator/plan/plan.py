"""From an area and what is asked of it to a plan: every number that follows from them, before anything is spent."""

from __future__ import annotations

from dataclasses import dataclass

import shapely

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import BLOCK, Grid
from orchestrator.model.job import GridRequest
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.align import fix_grid, zones_spanned
from orchestrator.plan.area import Area
from orchestrator.plan.budget import MIB, output_bytes_bound, raw_bytes, tile_count, total_bytes_bound
from orchestrator.plan.reproject import LONLAT
from orchestrator.plan.split import MAX_PART_BYTES, Mode, split
from orchestrator.plan.whereabouts import whereabouts
from orchestrator.raster.spans import SpanTable

# A process with numpy, GDAL, shapely, the codecs and Google's clients loaded that has planned a country: 189 MiB
# were measured on Linux with Python 3.11.
BASE_MEMORY_BYTES = 200 * MIB
# A block in flight exists compressed, decoded, masked and compressed again; each worker has one in hand and
# two waiting on either side of it.
COPIES_OF_A_BLOCK = 4
BLOCKS_PER_WORKER = 5
DOWNLOAD_BUFFER_BYTES = 1 * MIB
# Offset and length of each tile, of the parts and of the output.
TABLE_MEMORY_PER_TILE = 2 * 16
MEMORY_PER_SPAN = 3 * 16


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """
    What was asked of parts and tasks; see `split.split`.

    Attributes:
        required: Whether a plan without tasks is refused where no part can be small enough; a route that needs no
            parts brings the pixels otherwise.
    """

    max_part_bytes: int = MAX_PART_BYTES
    mode: Mode = "blocks"
    slots: int = 2
    max_task_parts: int | None = None
    cloud_optimized: bool = True
    learned_bytes_per_pixel: float | None = None
    required: bool = True


def make_plan(
    area: Area,
    pixels: PixelSpec,
    grid_request: GridRequest | None = None,
    split_request: SplitRequest | None = None,
    *,
    all_touched: bool = False,
    workers: int = 2,
) -> Plan:
    """
    Plan the output of `area`: its grid, tasks, parts and what they will need.

    `bucket_bytes` is the sum of all parts' bounds. `disk_bytes` adds the assembled file twice, as its tiles are
    spooled before they are written in order, while all parts may still be there. `memory_bytes` is
    `memory_estimate`. Nothing remote is asked.

    Args:
        area: What the output is cut with.
        pixels: What a pixel is.
        grid_request: Scale, CRS and lattice; by default 10 m in the area's UTM zone.
        split_request: Threshold and shape of parts and tasks.
        all_touched: Keep every pixel the area touches, not only those whose centre lies inside.
        workers: Threads that download and assemble.

    Raises:
        PlanError: If no grid or split satisfies the request, or no pixel lies in the area.
        AreaError: If the area cannot be drawn in the grid's CRS.
    """
    wanted, cutting = grid_request or GridRequest(), split_request or SplitRequest()
    grid, geometry = fix_grid(
        area.geometry,
        area.crs,
        scale=wanted.scale,
        out_crs=wanted.crs or None,
        crs_transform=wanted.crs_transform,
        lonlat=area.lonlat,
    )
    spans = SpanTable.from_geometry(geometry, grid, all_touched=all_touched)
    if spans.pixels() == 0:
        a, e = grid.transform[0], grid.transform[4]
        raise PlanError(f"area {area.name}: no pixel of {a:g} × {-e:g} has its centre inside; give a smaller --scale")
    inside, memory = spans.pixels(), memory_estimate(grid, pixels, spans, workers=workers)
    tasks = _tasks(grid, spans, pixels, cutting)
    del spans  # of a large area they weigh as much as all that follows
    parts = [part for task in tasks for part in task.parts()]
    learned = cutting.learned_bytes_per_pixel
    bucket = total_bytes_bound(parts, pixels, cutting.cloud_optimized, learned_bytes_per_pixel=learned)
    output = output_bytes_bound(grid, parts, pixels, learned_bytes_per_pixel=learned)
    return Plan(
        grid=grid,
        pixels=pixels,
        tasks=tasks,
        area_wkb=shapely.to_wkb(geometry),
        area_pixels=inside,
        max_part_bytes=cutting.max_part_bytes,
        bucket_bytes=bucket,
        disk_bytes=bucket + 2 * output,
        memory_bytes=memory,
        notes=(*area.notes, *whereabouts(area), *_notes(area, wanted, grid)),
    )


def _tasks(grid: Grid, spans: SpanTable, pixels: PixelSpec, cutting: SplitRequest) -> tuple[TaskPlan, ...]:
    """Return the tasks, or none where no part can be small enough and none is required."""
    try:
        return split(
            grid,
            spans,
            pixels,
            max_part_bytes=cutting.max_part_bytes,
            mode=cutting.mode,
            slots=cutting.slots,
            max_task_parts=cutting.max_task_parts,
            cloud_optimized=cutting.cloud_optimized,
            learned_bytes_per_pixel=cutting.learned_bytes_per_pixel,
        )
    except PlanError:
        if cutting.required:
            raise
        return ()


def memory_estimate(grid: Grid, pixels: PixelSpec, spans: SpanTable, *, workers: int) -> int:
    """
    Return the expected peak memory in bytes.

    The libraries (200 MiB) + per worker a download buffer and five blocks in four copies + the tables of tiles
    (32 bytes each) and of spans (48 bytes each). Only the tables grow with the output, by 0.05 % of a
    byte per pixel.
    """
    block = raw_bytes(BLOCK, BLOCK, pixels)
    per_worker = DOWNLOAD_BUFFER_BYTES + BLOCKS_PER_WORKER * COPIES_OF_A_BLOCK * block
    tiles = tile_count(grid.height, grid.width, cloud_optimized=True)
    tables = tiles * TABLE_MEMORY_PER_TILE + len(spans.start) * MEMORY_PER_SPAN
    return BASE_MEMORY_BYTES + workers * per_worker + tables


def _notes(area: Area, wanted: GridRequest, grid: Grid) -> tuple[str, ...]:
    if wanted.crs:
        return ()
    notes = [f"{area.name}: the grid is in {grid.crs}, the UTM zone of the area's middle."]
    zones = zones_spanned(area.lonlat, LONLAT)
    # A zone's neighbours are drawn within 0.2 % of true length; three beyond the middle are not.
    if zones > 3:
        notes.append(
            f"{area.name}: the area spans {zones} UTM zones, so distances are distorted far from the middle; "
            "an equal-area CRS (--crs) may serve better."
        )
    return tuple(notes)
