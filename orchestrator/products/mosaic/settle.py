"""From a job to its plan and its image: area, grid, split, recipe and scenes, joined."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import CredentialError, PermanentError, RecipeError, UserError
from orchestrator.core.trees import check_kinds
from orchestrator.core.units import format_bytes
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.model.plan_json import plan_to_json
from orchestrator.model.product import Settled
from orchestrator.model.unit import Cell
from orchestrator.plan.requests import RequestSize
from orchestrator.products.context import Imagery, ProductContext
from orchestrator.products.fetch import units_of
from orchestrator.products.mosaic.files import files
from orchestrator.products.mosaic.remarks import check_dates, disk_remarks, least_bytes, size_remarks
from orchestrator.products.mosaic.routing import DIRECT_ROUTES, routed
from orchestrator.products.mosaic.strips import joins_at_its_place, strip_facts
from orchestrator.recipes.contract import ImageRequest, Recipe

if TYPE_CHECKING:
    from orchestrator.plan.area import Area


@dataclass(frozen=True, slots=True)
class LocalPlan:
    """
    What can be settled without asking anybody.

    Attributes:
        plan: The plan a run keeps.
        recipe: What the pixels are.
        request: What is wanted of the recipe.
        area: What the output is cut with.
        remarks: What holds today and here, and is no part of the plan, a sentence each.
    """

    plan: Plan
    recipe: Recipe
    request: ImageRequest
    area: Area
    remarks: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: of the area and the grid, and of today's dates and disk."""
        return (*self.plan.notes, *self.remarks)


def local_plan(job: Job, context: ProductContext, today: date | None = None) -> LocalPlan:
    """
    Plan without any remote call. `job` has settled dates.

    Args:
        job: What is declared.
        context: See there.
        today: The day from which on no scene can have been taken; by default, the clock's.
    """
    from orchestrator.plan.declared import area_of  # noqa: PLC0415  geopandas is heavy
    from orchestrator.plan.plan import SplitRequest, make_plan  # noqa: PLC0415
    from orchestrator.plan.region import ee_region  # noqa: PLC0415
    from orchestrator.plan.reproject import LONLAT  # noqa: PLC0415

    check_output(job)
    context.say("reading the area")
    recipe = context.recipe(job.recipe)
    start, end = job.dates(date.min)
    bare = ImageRequest({}, start, end, job.bands, job.params)
    pixels = recipe.pixels(bare)
    dateless = job.recipe in context.undated
    remarks = check_dates(job, recipe, bare, today or context.today(), dateless=dateless) + recipe.notes(bare)
    area = area_of(job)
    context.say("laying the grid over the area")
    plan = make_plan(
        area,
        pixels,
        job.grid,
        SplitRequest(
            max_part_bytes=job.max_part_bytes,
            mode="square" if job.split == "square" else "blocks",
            cloud_optimized=context.cloud_optimized,
            required=job.route not in DIRECT_ROUTES or context.direct_limits is None,
        ),
        all_touched=job.options.all_touched,
        workers=max(context.threads, context.downloads),
    )
    if context.direct_limits is not None:
        plan = routed(plan, job, context.direct_limits, batch=context.batch)
    request = replace(bare, region=ee_region(area.lonlat, LONLAT))
    if not _needs_no_room(job, plan, context):
        remarks += disk_remarks(job, plan, context.free_bytes(job.output))
    return LocalPlan(plan, recipe, request, area, (*remarks, *size_remarks(plan)))


def _needs_no_room(job: Job, plan: Plan, context: ProductContext) -> bool:
    """Tell whether the output never lies here: it is put together of strips where it goes."""
    made_in_parts = joins_at_its_place(job) and job.route not in DIRECT_ROUTES
    return made_in_parts and context.strips(plan.grid.pixels) > 1


def settle(job: Job, context: ProductContext) -> Settled:
    """Plan, and ask Earth Engine for the scenes and the bands; see `model.product.Product.prepare`."""
    local = local_plan(job, context)
    cut: dict[str, Any] = {}
    if job.route not in DIRECT_ROUTES:
        cut = strip_facts(local.plan, context.strips(local.plan.grid.pixels), job, context.token)
    if not (cut and joins_at_its_place(job)):
        check_space(job, local.plan, context.free_bytes(job.output))
    context.say("signing in to Earth Engine")
    context.imagery.connect()
    image = local.recipe.image(local.request)
    context.say("asking Earth Engine for the scenes")
    scenes = look_at(context.imagery, local.recipe, local.request, image, local.plan.pixels.bands)
    facts = local.recipe.facts(local.request) | {"scenes": scenes, "area_sha256": local.area.sha256}
    facts |= cut
    if local.area.value:
        facts["area_value"] = local.area.value
    cells, limits = map(Cell, local.plan.direct), context.direct_limits
    units = units_of(cells, RequestSize.of(local.plan.pixels, limits)) if limits else ()
    return Settled(plan_to_json(local.plan), context.imagery.serialise(image), facts, local.plan.tasks, units)


def look_at(
    imagery: Imagery, recipe: Recipe, request: ImageRequest, image: Any, wanted: Sequence[str]
) -> list[dict[str, Any]]:
    """
    Ask for the number of scenes at each filter and for the image's bands, in one call each.

    Raises:
        RecipeError: No scene is left, or the bands are not those that are wanted.
    """
    survey = recipe.survey(request)
    counts = imagery.values([number for _, number in survey]) if survey else []
    scenes = [{"filter": name, "scenes": count} for (name, _), count in zip(survey, counts, strict=True)]
    if scenes and scenes[-1]["scenes"] == 0:
        steps = "; ".join(f"{step['scenes']} {step['filter']}" for step in scenes)
        raise RecipeError(f"no scene is left: {steps}. Widen the dates, or loosen the filter that took the last")
    try:
        bands = imagery.bands(image)
    except CredentialError:  # the image may be as good as it likes
        raise
    except PermanentError as error:
        raise RecipeError(f"the image cannot be computed: {error}") from None
    if bands != list(wanted):
        raise RecipeError(f"the image has bands {', '.join(bands)}, but {', '.join(wanted)} were asked for")
    return scenes


def check_output(job: Job) -> None:
    """
    Make sure that the output folder can be written, making it where it is missing.

    Raises:
        UserError: It cannot be.
    """
    folder = Path(job.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Where the system can, it has no name: nothing is left by a kill, and no two of these ever meet.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"output folder {folder} cannot be written: {error.strerror}; choose another --output"
        ) from None
    check_kinds(files(job))


def check_space(job: Job, plan: Plan, free: int) -> None:
    """
    Refuse a run whose result alone, at its raw size inside the area, would not fit into `free` bytes.

    Raises:
        UserError: The disk has less room than that.
    """
    least = least_bytes(plan)
    if free < least:
        raise UserError(
            f"{job.output} has {format_bytes(free)} free; the result needs at least {format_bytes(least)} even if it "
            "compresses to a quarter. Free some space or choose another --output"
        )
