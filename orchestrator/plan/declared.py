"""The areas that a job names."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from orchestrator.core.errors import AreaError
from orchestrator.model.job import AreaSource, Job
from orchestrator.plan.aoi import read_areas
from orchestrator.plan.area import Area, distinct_names
from orchestrator.plan.features import existing_path, fingerprint


def areas_of(job: Job) -> tuple[Area, ...]:
    """Return the areas that a job speaks of: one, or one for each value of a column."""
    # Which areas they are is settled by the file's content, whatever it is called by, and by what is asked of it.
    return _read(replace(job.area, piece=""), _content(job.area.source))


# A command reads its area to declare a job, to check it and to plan it; a large one takes seconds each time.
@lru_cache(maxsize=1)
def _read(area: AreaSource, sha256: str) -> tuple[Area, ...]:
    """
    Return the areas that are asked for; `sha256` is that of the file, empty where there is none that can be read.

    Raises:
        AreaError: See `read_areas`; or the file was changed just now.
    """
    found = read_areas(
        area.source,
        layer=area.layer or None,
        crs=area.crs or None,
        where=area.where or None,
        split_by=area.each or None,
    )
    if sha256 and found[0].sha256 != sha256:
        raise AreaError(f"{area.source[:200]} was changed while it was read; start again when it is whole")
    return found


def _content(source: str) -> str:
    path = existing_path(source)
    try:
        return fingerprint(path) if path is not None and path.is_file() else ""
    except OSError:  # whoever reads it says so
        return ""


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
