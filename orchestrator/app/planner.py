"""From one declaration to one job for each area it names."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import PlanError, UserError
from orchestrator.core.files import sha256_of
from orchestrator.model.job import MAX_BASE_NAME, Job
from orchestrator.model.plan import TaskPlan
from orchestrator.products.registry import find_product
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.registry import find_recipe

if TYPE_CHECKING:
    from orchestrator.plan.area import Area


def expand(job: Job) -> list[Job]:
    """
    Return one job per area, with the checksums of all files they speak of: what is run is what was declared.

    One job makes one output, unless `area.each` names a column; then each of its values makes one.
    """
    from orchestrator.plan.declared import areas_of  # noqa: PLC0415  geopandas is heavy

    others = _pins(job)
    if not job.area.source:
        return [replace(job, pins=MappingProxyType(others))]
    areas = areas_of(job)
    pins = MappingProxyType({"area": areas[0].sha256, **others})
    if not job.area.each:
        return [replace(job, pins=pins)]
    return [
        replace(job, pins=pins, area=replace(job.area, piece=area.name), base_name=piece_name(job, area))
        for area in areas
    ]


def _pins(job: Job) -> dict[str, str]:
    """
    Return the checksums of the files that a job speaks of beside its area.

    Raises:
        UserError: One cannot be read.
    """
    from orchestrator.plan.features import WKT_START  # noqa: PLC0415  shapely is not needed before areas are

    entry = find_product(job.product)
    pins: dict[str, str] = _own_pins(entry.pins, job) if entry.pins else {}
    for name in () if entry.pins else entry.paths:
        if (path := job.keys.get(name)) and not WKT_START.match(path):
            pins[name] = _checksum(Path(path), name)
    if job.recipe:
        pins |= find_recipe(job.recipe).pins(ImageRequest({}, date.min, date.min, job.bands, job.params))
    return pins


def _own_pins(function: str, job: Job) -> dict[str, str]:
    module, _, name = function.partition(":")
    found: dict[str, str] = getattr(import_module(module), name)(job)
    return found


def _checksum(path: Path, name: str) -> str:
    """
    Return the SHA-256 of a file that a job's key names.

    Raises:
        UserError: It cannot be read.
    """
    try:
        return sha256_of(path)
    except OSError as error:
        raise UserError(f"{name} {path} cannot be read: {error.strerror}; name a file that is there") from None


def piece_name(job: Job, area: Area) -> str:
    """Return the base name of one of several outputs; a long one is cut and ends in digits that tell it apart."""
    from orchestrator.plan.area import digest_of  # noqa: PLC0415  shapely is not needed before areas are

    whole = f"{job.base_name}_{area.name}"
    # `{date}` becomes ten characters.
    room = MAX_BASE_NAME - max(0, len(job.base_name.replace("{date}", "2000-01-01")) - len(job.base_name))
    if len(whole) <= room:
        return whole
    kept = room - len(job.base_name) - 1 - 9
    return f"{job.base_name}_{area.name[: max(kept, 1)]}-{digest_of(area.value or area.name)}"


def region_of(job: Job) -> dict[str, Any]:
    """Return what Earth Engine is told of a job's area: a small GeoJSON geometry in degrees that contains it."""
    from orchestrator.plan.declared import area_of  # noqa: PLC0415  geopandas is heavy
    from orchestrator.plan.region import ee_region  # noqa: PLC0415

    area = area_of(job)
    return ee_region(area.geometry, area.crs)


def cut_task(task: TaskPlan) -> tuple[TaskPlan, TaskPlan] | None:
    """Return a task as two; None where it cannot be cut."""
    from orchestrator.plan.split import cut  # noqa: PLC0415

    try:
        return cut(task)
    except PlanError:
        return None
