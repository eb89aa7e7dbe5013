"""From a job to its plan and its image: areas, grid, split, recipe and scenes, joined."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.app.remarks import check_dates, disk_remarks, least_bytes, piece_name
from orchestrator.config import Settings
from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import AreaError, PermanentError, RecipeError, UserError
from orchestrator.core.units import format_bytes
from orchestrator.engine.publication import final_path
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.model.ports import Prepared
from orchestrator.recipes.contract import ImageRequest, Recipe
from orchestrator.recipes.registry import find_recipe

if TYPE_CHECKING:
    from orchestrator.clients.earthengine import EarthEngine
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


class JobPlanner:
    """The engine's `Planner`: area, grid, split, image, scenes."""

    def __init__(
        self, settings: Settings, engine: Callable[[], EarthEngine], threads: int, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._threads = threads
        self._say = say  # told what is being done, in a few words

    def local(self, job: Job, today: date | None = None) -> LocalPlan:
        """
        Plan without any remote call. `job` has settled dates.

        Args:
            job: What is declared.
            today: The day from which on no scene can have been taken; by default, the clock's.
        """
        from orchestrator.plan.plan import SplitRequest, make_plan  # noqa: PLC0415
        from orchestrator.plan.region import ee_region  # noqa: PLC0415

        check_output(job)
        self._say("reading the area")
        recipe = find_recipe(job.recipe)
        start, end = job.dates(date.min)
        bare = ImageRequest({}, start, end, job.bands, job.params)
        pixels = recipe.pixels(bare)
        remarks = check_dates(job, recipe, bare, today or SystemClock().now().date()) + recipe.notes(bare)
        area = _read_area(job)
        self._say("laying the grid over the area")
        plan = make_plan(
            area,
            pixels,
            job.grid,
            SplitRequest(
                max_part_bytes=job.max_part_bytes,
                mode="square" if job.split == "square" else "blocks",
                cloud_optimized=self._settings.ee.cloud_optimized,
            ),
            all_touched=job.options.all_touched,
            workers=max(self._threads, self._settings.transfer.downloads),
        )
        request = replace(bare, region=ee_region(area.geometry, area.crs))
        return LocalPlan(plan, recipe, request, area, (*remarks, *disk_remarks(job, plan)))

    def prepare(self, job: Job) -> Prepared:
        """See `ports.Planner`."""
        from orchestrator.clients.earthengine import serialise  # noqa: PLC0415

        local = self.local(job)
        check_space(job, local.plan)
        self._say("signing in to Earth Engine")
        engine = self._engine()
        image = local.recipe.image(local.request)
        self._say("asking Earth Engine for the scenes")
        scenes = self._look(engine, local, image)
        facts = local.recipe.facts(local.request) | {"scenes": scenes, "area_sha256": local.area.sha256}
        if local.area.value:
            facts["area_value"] = local.area.value
        return Prepared(local.plan, serialise(image), facts)

    def _look(self, engine: EarthEngine, local: LocalPlan, image: Any) -> list[dict[str, Any]]:
        """Ask for the number of scenes at each filter and for the image's bands, in one call each."""
        import ee  # noqa: PLC0415

        survey = local.recipe.survey(local.request)
        counts = engine.value(ee.List([number for _, number in survey])) if survey else []
        scenes = [{"filter": name, "scenes": count} for (name, _), count in zip(survey, counts, strict=True)]
        if scenes and scenes[-1]["scenes"] == 0:
            steps = "; ".join(f"{step['scenes']} {step['filter']}" for step in scenes)
            raise RecipeError(f"no scene is left: {steps}. Widen the dates, or loosen the filter that took the last")
        try:
            bands = engine.value(image.bandNames())
        except PermanentError as error:
            raise RecipeError(f"the image cannot be computed: {error}") from None
        wanted = list(local.plan.pixels.bands)
        if bands != wanted:
            raise RecipeError(f"the image has bands {', '.join(bands)}, but {', '.join(wanted)} were asked for")
        return scenes


def _read_areas(job: Job) -> tuple[Area, ...]:
    from orchestrator.plan.aoi import read_areas  # noqa: PLC0415

    area = job.area
    return read_areas(
        area.source,
        layer=area.layer or None,
        crs=area.crs or None,
        where=area.where or None,
        split_by=area.each or None,
    )


def _read_area(job: Job) -> Area:
    """Return the job's one area, and make sure that it is the one the job was declared with."""
    areas = _read_areas(job)
    area = _piece(areas, job.area.piece) if job.area.piece else areas[0]
    if area is None or job.pins.get("area", area.sha256) != area.sha256:
        raise AreaError(f"{job.area.source} has changed since the job was declared; start the job anew")
    return area


def _piece(areas: tuple[Area, ...], name: str) -> Area | None:
    """Return the area called `name`, also as earlier versions called it."""
    from orchestrator.plan.area import distinct_names  # noqa: PLC0415

    earlier = distinct_names(area.value or area.name for area in areas)
    named = (*((area.name, area) for area in areas), *zip(earlier, areas, strict=True))
    return next((area for known, area in named if known == name), None)


def expand(job: Job) -> list[Job]:
    """
    Return one job per area, with the checksums of all files they speak of: what is run is what was declared.

    One job makes one output, unless `area.each` names a column; then each of its values makes one.
    """
    areas = _read_areas(job)
    recipe = find_recipe(job.recipe)
    code = recipe.pins(ImageRequest({}, date.min, date.min, job.bands, job.params))
    pins = MappingProxyType({"area": areas[0].sha256, **code})
    if not job.area.each:
        return [replace(job, pins=pins)]
    return [
        replace(job, pins=pins, area=replace(job.area, piece=area.name), base_name=piece_name(job, area))
        for area in areas
    ]


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
    if final_path(job).is_dir():
        raise UserError(f"{final_path(job)} is a folder; choose another --base-name")


def check_space(job: Job, plan: Plan) -> None:
    """
    Refuse a run whose result alone, at its raw size inside the area, would not fit.

    Raises:
        UserError: The disk has less room than that.
    """
    free = shutil.disk_usage(job.output).free
    least = least_bytes(plan)
    if free < least:
        raise UserError(
            f"{job.output} has {format_bytes(free)} free; the result needs at least {format_bytes(least)} even if it "
            "compresses to a quarter. Free some space or choose another --output"
        )


def region_of(job: Job) -> dict[str, Any]:
    """Return what Earth Engine is told of a job's area: a small GeoJSON geometry in degrees that contains it."""
    from orchestrator.plan.region import ee_region  # noqa: PLC0415

    area = _read_area(job)
    return ee_region(area.geometry, area.crs)
