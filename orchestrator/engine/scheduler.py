"""APScheduler as a clock: it wakes us; a unique row per (job, logical time) decides whether something runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from orchestrator.core.errors import ConfigError
from orchestrator.core.units import parse_seconds

# A run that was missed while the machine was down is caught up within this time, rather than skipped in silence
# as APScheduler's default of one second would.
CATCH_UP_SECONDS = 86_400
# Intervals count from here, so that a restart keeps the beat.
ANCHOR = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    When a job runs: `cron` in the five fields of crontab, or `every` as a duration; in `timezone`.

    With both empty the job runs only when it is submitted.
    """

    cron: str = ""
    every: str = ""
    timezone: str = "UTC"

    def trigger(self, anchor: datetime) -> Any:
        """
        Return APScheduler's trigger; intervals count from `anchor`, so that restarts keep the beat.

        Raises:
            ConfigError: The schedule cannot be read.
        """
        if self.cron and self.every:
            raise ConfigError("a job has either `cron` or `every`, not both")
        try:
            zone = ZoneInfo(self.timezone)
            if self.cron:
                return CronTrigger.from_crontab(self.cron, timezone=zone)
            return IntervalTrigger(seconds=int(parse_seconds(self.every)), start_date=anchor, timezone=zone)
        except (ValueError, KeyError, OSError) as error:
            shown = self.cron or self.every
            raise ConfigError(
                f"schedule {shown!r} in {self.timezone} cannot be read: {error}; "
                "write cron = '0 1 * * *' or every = '12h'"
            ) from None


def logical_time(schedule: Schedule, now: datetime) -> datetime | None:
    """
    Return the latest time at or before `now`, within the catch-up, that the schedule names; in its own timezone.

    Two wake-ups for the same time, or one that is late, give the same answer.
    """
    trigger = schedule.trigger(ANCHOR)
    latest: datetime | None = None
    probe = now.astimezone(UTC) - timedelta(seconds=CATCH_UP_SECONDS)
    while (moment := trigger.get_next_fire_time(None, probe)) is not None and moment <= now:
        latest = moment
        # A second on, in UTC: within an hour that comes twice, wall clocks compare as if time stood still.
        probe = max(probe, moment.astimezone(UTC)) + timedelta(seconds=1)
    return latest


def logical_date(moment: datetime) -> str:
    """
    Return what names a scheduled time, unique for each run of a job.

    It is the wall clock without its offset: where clocks are put back, 01:30 comes twice, but the night's run once.
    """
    return moment.replace(tzinfo=None).isoformat(timespec="minutes")


class Clockwork:
    """Wakes `due` for each scheduled job at its times, and once at the start for what was missed."""

    def __init__(self, schedules: Mapping[str, Schedule], due: Callable[[str], None]) -> None:
        self._due = due
        self._names = list(schedules)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": CATCH_UP_SECONDS, "coalesce": True, "max_instances": 1},
        )
        for name, schedule in schedules.items():
            self._scheduler.add_job(due, schedule.trigger(ANCHOR), args=[name], id=name)

    def __enter__(self) -> Self:
        for name in self._names:
            self._due(name)
        self._scheduler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._scheduler.shutdown(wait=True)
