"""What a plan should say beyond its numbers: dates without scenes, a disk that is too small."""

from __future__ import annotations

from datetime import date, timedelta

from orchestrator.core.errors import RecipeError
from orchestrator.core.units import format_bytes
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.recipes.contract import ImageRequest, Recipe

# Above, the tables of a raster's blocks become heavy for its readers.
LARGE_PIXELS = 20_000_000_000
BLOCK = 256


def check_dates(
    job: Job, recipe: Recipe, request: ImageRequest, today: date, *, dateless: bool = False
) -> tuple[str, ...]:
    """
    Return what is to be said of the dates; `dateless` is a recipe whose pixels do not depend on them.

    A sandbox serves whatever scenes it has, so nothing is refused for it.

    Raises:
        RecipeError: Google's collection cannot hold a scene of these dates, or there are none and must be.
    """
    if job.undated:
        if not dateless:
            raise RecipeError(f"recipe {job.recipe} needs dates: give --start-date and --end-date")
        return ()
    known = recipe.first_day(request)
    if request.start > today:
        trouble = f"the dates begin on {request.start}, and today is {today}: no scene has been taken yet"
    elif known and request.end <= known[1]:
        trouble = f"the dates end before {request.end}, and {known[0]} begins on {known[1]}"
    else:
        trouble = ""
    if trouble and job.service == "google":
        raise RecipeError(f"{trouble}; choose other dates")
    notes = [f"{trouble[0].upper()}{trouble[1:]}."] if trouble else []
    if not trouble and known and request.start < known[1]:
        notes.append(f"{known[0]} begins on {known[1]}: the days from {request.start} on give nothing before.")
    last = request.end - timedelta(days=1)
    if not trouble and last > today:
        notes.append(f"The dates go on to {last}, and today is {today}: what is not taken yet will be missing.")
    return tuple(notes)


def disk_remarks(job: Job, plan: Plan, free: int) -> tuple[str, ...]:
    """Return what is to be said of the room on the output's disk, on which `free` bytes can still be written."""
    least = least_bytes(plan)
    room = f"{job.output} has {format_bytes(free)} free"
    if free < least:
        need = f"{room}, and the result needs at least {format_bytes(least)}: `run` will refuse this."
        return (f"{need} Free some space or choose another --output.",)
    if free < plan.disk_bytes:
        return (f"{room}, and a run may need up to {format_bytes(plan.disk_bytes)}: it may have to wait for space.",)
    return ()


def size_remarks(plan: Plan) -> tuple[str, ...]:
    """Return what is to be said of a raster so large that few programs read it with ease."""
    pixels = plan.grid.pixels
    if pixels <= LARGE_PIXELS:
        return ()
    tables = 16 * pixels // BLOCK**2  # offset and size of each block, 8 bytes each
    weight = f"The raster has {pixels / 1e9:.0f} billion pixels, and tables of {format_bytes(tables)} for its readers."
    remedy = "Rasters of several areas are easier to use: features of one file, told apart with --each."
    return (f"{weight} {remedy}",)


def least_bytes(plan: Plan) -> int:
    """Return the size of the result if it compresses to a quarter, which real scenes hardly do."""
    return plan.area_pixels * plan.pixels.bytes_per_pixel // 4
