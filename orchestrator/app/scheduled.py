"""The scheduled jobs of config.toml as entries of a timetable; one that is wrong is named and left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

from orchestrator.app.elsewhere import pinned
from orchestrator.app.records import Records
from orchestrator.config import JobTable
from orchestrator.core.errors import ConfigError, UserError
from orchestrator.engine.scheduler import Schedule
from orchestrator.engine.timetable import ScheduledJob
from orchestrator.model.job import Job


def scheduled(app: Records) -> tuple[list[ScheduledJob], MappingProxyType[str, str]]:
    """Return the jobs that have a schedule, and what is wrong with jobs that cannot be used, by name."""
    entries: list[ScheduledJob] = []
    refused = dict(app.refused_jobs)
    for name, table in app.settings.jobs.items():
        try:
            job = table.job(app.config_dir, app.settings.services)
            if table.cron or table.every:
                entries.append(_entry(app, name, table, job))
            elif table.finish_by:
                raise ConfigError(
                    f"finish_by {table.finish_by!r} ends the window of a schedule; write cron or every, too"
                )
        except (UserError, ValueError) as error:
            refused[name] = f"job {name}: {error}"
    return entries, MappingProxyType(refused)


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
        from orchestrator.app.planner import expand  # noqa: PLC0415  geopandas is heavy

        made = pinned(app, expand(job))
        return [(name if one.base_name == job.base_name else one.base_name, one) for one in made]

    return read
