"""Whether a run is at the service that this process speaks to, and of the same scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.config import Settings
from orchestrator.engine.service import ElsewhereError
from orchestrator.model.job import SCENES_PIN, Job
from orchestrator.model.ports import Stop
from orchestrator.products.registry import EARTH_ENGINE, find_product

if TYPE_CHECKING:
    from orchestrator.app.records import Records

# What a sandbox serves that is told nothing else; a job says nothing of it, so that it stays the job it was.
USUAL_SCENES = "the invented Earth"


def served(settings: Settings, stop: Stop | None = None) -> str:
    """
    Return which scenes the sandbox of some settings serves; empty where it is the usual ones, or no sandbox.

    Raises:
        UnreachableError: Nobody answers there.
    """
    if not settings.ee.url:
        return ""
    from orchestrator.clients.served import scenes_at  # noqa: PLC0415  requests is heavy

    told = scenes_at(settings.ee.url, stop)
    return "" if told == USUAL_SCENES else told


def pinned(app: Records, jobs: Sequence[Job], stop: Stop | None = None) -> list[Job]:
    """
    Return jobs with the scenes that they are begun on, and the folder they are made in where they are delivered.

    Raises:
        UnreachableError: Their sandbox does not answer.
    """
    jobs = [job.made_below(app.making_root) for job in jobs]
    asking = [job for job in jobs if asks_earth_engine(job)]
    if not asking or not (scenes := served(app.settings, stop)):
        return list(jobs)
    pins = {SCENES_PIN: scenes}
    return [replace(job, pins=MappingProxyType({**job.pins, **pins})) if job in asking else job for job in jobs]


def asks_earth_engine(job: Job) -> bool:
    """Tell whether a job's product asks Earth Engine anything."""
    return find_product(job.product).service == EARTH_ENGINE


def check_here(
    run_id: str, job: Job, settings: Settings, stop: Stop | None = None, *, add: str = "--sandbox, or --sandbox-url URL"
) -> None:
    """
    Make sure that a run is at the service of some settings, and that this has the scenes it was begun on.

    `add` is what the command that is used has to name a sandbox with.

    Raises:
        ElsewhereError: It was begun on another, or on other scenes.
        UnreachableError: A sandbox does not answer.
    """
    check_service_here(run_id, job, settings, "a run is never continued elsewhere", add=add)
    if not asks_earth_engine(job):
        return
    begun, here = job.pins.get(SCENES_PIN, ""), served(settings, stop)
    if begun != here:
        how = "leave --scenes out" if not begun else "add --scenes with the folder that it was begun on"
        raise ElsewhereError(
            f"run {run_id} was begun on {begun or USUAL_SCENES}, but this sandbox serves {here or USUAL_SCENES}; a run "
            f"is never continued on other scenes: {how}, or name its sandbox with --sandbox-url URL"
        )


def check_service_here(run_id: str, job: Job, settings: Settings, therefore: str, *, add: str) -> None:
    """
    Make sure that a run is at the service of some settings; `therefore` says what is not done otherwise.

    Raises:
        ElsewhereError: It was begun on another.
    """
    here_named = settings.services[find_product(job.product).service]
    if job.service == here_named:
        return
    hint = f"; add {add}" if job.service == "sandbox" else ""
    raise ElsewhereError(
        f"run {run_id} was begun on {job.service}, but the settings name {here_named}; {therefore}{hint}"
    )
