"""The areas that a job names."""

from __future__ import annotations

from orchestrator.core.errors import AreaError
from orchestrator.model.job import Job
from orchestrator.plan.aoi import read_areas
from orchestrator.plan.area import Area, distinct_names


def areas_of(job: Job) -> tuple[Area, ...]:
    """Return the areas that a job speaks of: one, or one for each value of a column."""
    area = job.area
    return read_areas(
        area.source,
        layer=area.layer or None,
        crs=area.crs or None,
        where=area.where or None,
        split_by=area.each or None,
    )


def area_of(job: Job) -> Area:
    """
    Return the job's one area.

    Raises:
        AreaError: It is not the one the job was declared with.
    """
    areas = areas_of(job)
    area = _piece(areas, job.area.piece) if job.area.piece else areas[0]
    if area is None or job.pins.get("area", area.sha256) != area.sha256:
        raise AreaError(f"{job.area.source[:200]} has changed since the job was declared; start the job anew")
    return area


def _piece(areas: tuple[Area, ...], name: str) -> Area | None:
    """Return the area called `name`, also as earlier versions called it."""
    earlier = distinct_names(area.value or area.name for area in areas)
    named = (*((area.name, area) for area in areas), *zip(earlier, areas, strict=True))
    return next((area for known, area in named if known == name), None)
