"""The scheduled jobs of config.toml as entries of a timetable; one that is wrong is named and left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType

from orchestrator.app.elsewhere import pinned
from orchestrator.app.records import Records
from orchestrator.config import JobTable
from orchestrator.core.errors import ConfigError, UserError
from orchestrator.engine.scheduler import Schedule
from orchestrator.engine.timetable import ScheduledJob
from orchestrator.model.job import Job
from orchestrator.recipes.file_modes import check_owned
from orchestrator.recipes.registry import CODE


def scheduled(app: Records) -> tuple[list[ScheduledJob], MappingProxyType[str, str]]:
    """Return the jobs that have a schedule, and what is wrong with jobs that cannot be used, by name."""
    entries: list[ScheduledJob] = []
    refused = dict(app.refused_jobs)
    for name, table in app.settings.jobs.items():
        try:
            job = table.job(app.config_dir, app.settings.services)
            if table.cron or table.every:
                check_code(app, job)
                entries.append(_entry(app, name, table, job))
            elif table.finish_by:
                raise ConfigError(
                    f"finish_by {table.finish_by!r} ends the window of a schedule; write cron or every, too"
                )
        except (UserError, ValueError) as error:
            refused[name] = f"job {name}: {error}"
    return entries, MappingProxyType(refused)


def check_code(app: Records, job: Job) -> None:
    """
    Make sure that a job which runs a user's file may do so while nobody looks.

    Raises:
        ConfigError: `[serve] allow_code` does not say so.
        RecipeError: Others can put code into the file.
    """
    file = job.params.get("file") if job.recipe in CODE else None
    if not file:
        return
    if not app.settings.serve.allow_code:
        raise ConfigError(
            f"recipe {job.recipe} runs the Python file {file} with the daemon's rights and credentials; where that is "
            "meant, write allow_code = true under [serve]"
        )
    check_owned(Path(str(file)))


def _entry(app: Records, name: str, table: JobTable, job: Job) -> ScheduledJob:
    return ScheduledJob(
        name,
        Schedule(table.cron, table.every, table.timezone, table.finish_by),
        _areas(app, name, job),
        overlap=table.overlap,
        catch_up=table.catch_up,
        overwrite=table.overwrite,
        priority=table.priority,
    )


def _areas(app: Records, name: str, job: Job) -> Callable[[], Sequence[tuple[str, Job]]]:
    """Return what reads the area of a job anew, for each date that is due."""

    def read() -> list[tuple[str, Job]]:
        check_code(app, job)  # its rights may have changed since
        from orchestrator.app.planner import expand  # noqa: PLC0415  geopandas is heavy

        made = pinned(app, expand(job))
        return [(name if one.base_name == job.base_name else one.base_name, one) for one in made]

    return read
