"""The scheduled jobs of a daemon: each date that a schedule names is fired, or written down with the reason why not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from orchestrator.core.clock import Clock
from orchestrator.core.errors import OrchestratorError, SpaceError, TransientError
from orchestrator.engine.scheduler import (
    ANCHOR,
    FIRST_LOOK,
    MOST_AT_ONCE,
    MOST_RECORDED,
    CatchUp,
    Moment,
    Overlap,
    Schedule,
    bare,
    judge,
)
from orchestrator.engine.service import fire
from orchestrator.engine.stores.contract import Store
from orchestrator.model.job import Job
from orchestrator.model.ports import Stop

# Where an hour comes twice, the last date by name is not the last by time; two hours of minutes hold it.
_LAST_DATES = 130
_BY_NAME = timedelta(days=1)  # names are in local time
# A job that cannot be begun (no area file) is tried again so often; a full or busy disk, at each tick.
_AGAIN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """
    A scheduled job.

    Attributes:
        name: In the settings.
        schedule: When it runs.
        jobs: Reads the area and returns what to do for a date: a name, unique among runs of one date, and a job.
        overlap: What becomes of a date while a run of an earlier one has not ended: it waits, or it is skipped.
        catch_up: Which missed dates are run: the latest, all (the newest of many), or none.
        overwrite: Whether results may replace files that the job did not make.
    """

    name: str
    schedule: Schedule
    jobs: Callable[[], Sequence[tuple[str, Job]]]
    overlap: Overlap = "queue"
    catch_up: CatchUp = "latest"
    overwrite: bool = False


class Timetable:
    """
    Looks at every scheduled job; one that cannot be begun does not keep the others.

    Attributes:
        troubles: Of each job that cannot be begun now, the reason.
    """

    def __init__(
        self,
        entries: Sequence[ScheduledJob],
        *,
        store: Store,
        clock: Clock,
        stop: Stop,
        installation: str,
        notify: Callable[[str, str, Mapping[str, Any]], None],
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._entries = entries
        self._store = store
        self._clock = clock
        self._stop = stop
        self._installation = installation
        self._notify = notify
        self._alive = alive  # called after each job
        self._nothing_before: dict[str, datetime] = {}
        self._not_before: defaultdict[str, float] = defaultdict(lambda: float("-inf"))
        self.troubles: dict[str, str] = {}

    def look(self) -> None:
        """
        Fire or skip all that is due. A look that is late, doubled or cut short is made good by the next one.

        What is due is told by the rows of earlier dates, so that neither a restart nor a clock loses one.
        """
        now = self._clock.now()
        for entry in self._entries:
            if self._stop.is_set():
                return
            if now >= self._nothing_before.get(entry.name, ANCHOR):
                self._look_at(entry, now)
                self._alive()

    def _look_at(self, entry: ScheduledJob, now: datetime) -> None:
        if self._clock.monotonic() < self._not_before[entry.name]:
            return
        try:
            self._settle(entry, now)
        except (TransientError, SpaceError) as error:
            self._in_trouble(entry, str(error), 0.0)
        except (OrchestratorError, OSError) as error:
            self._in_trouble(entry, str(error), _AGAIN_SECONDS)
        except Exception as error:  # noqa: BLE001  the edge of a job: a fault of one must not keep the others
            self._in_trouble(entry, f"{type(error).__name__}: {error}", _AGAIN_SECONDS, exc_info=error)
        else:
            self._nothing_before[entry.name] = entry.schedule.next(now).at
            if self.troubles.pop(entry.name, None) is not None:
                self._notify("job.recovered", "", {"job": entry.name})

    def _in_trouble(self, entry: ScheduledJob, sentence: str, again_seconds: float, **more: Any) -> None:
        """A job cannot be begun; said once for each reason, and tried again."""
        self._not_before[entry.name] = self._clock.monotonic() + again_seconds
        if self.troubles.get(entry.name) != sentence:
            self.troubles[entry.name] = sentence
            self._notify("job.trouble", "", {"job": entry.name, "error": sentence, **more})

    # ------------------------------------------------------------- one job

    def _settle(self, entry: ScheduledJob, now: datetime) -> None:
        verdicts = judge(self._due(entry, now), now, entry.catch_up)
        trouble = self.troubles.get(entry.name, "")
        reasons = {v.moment.date: f"{v.skipped}; {trouble}" if trouble else v.skipped for v in verdicts if v.skipped}
        self._skip(entry.name, entry.name, reasons)
        wanted = [verdict.moment for verdict in verdicts if not verdict.skipped]
        jobs = entry.jobs() if wanted else []
        for moment in wanted:
            for name, job in jobs:
                self._fire(entry, name, job, moment)
            if entry.name not in {name for name, _ in jobs}:
                self._store.dates.settle(entry.name, moment.date)

    def _due(self, entry: ScheduledJob, now: datetime) -> list[Moment]:
        """Return the dates up to now without a row, oldest first."""
        since = self._settled_until(entry, now) or self._begin(entry, now)
        # From just before it on: two dates are due at once where clocks jump over both.
        found = list(entry.schedule.moments(since - timedelta(seconds=1), now))
        known = self._store.dates.known(entry.name, {name for m in found for name in (m.date, bare(m.date))})
        fresh = [moment for moment in found if not {moment.date, bare(moment.date)} & known]
        if len(fresh) > MOST_RECORDED:
            older = fresh[:-MOST_RECORDED]
            reason = f"missed, as were the {len(older) - 1} dates before it from {older[0].date} on"
            self._skip(entry.name, entry.name, {older[-1].date: reason})
        return fresh[-MOST_RECORDED:]

    def _settled_until(self, entry: ScheduledJob, now: datetime) -> datetime | None:
        """Return when the latest date that has a row was due; None for a job without any."""
        until = (now + _BY_NAME).replace(tzinfo=None).isoformat(timespec="minutes")
        names = self._store.dates.last(entry.name, until, _LAST_DATES)
        return max((at for name in names if (at := entry.schedule.when(name)) <= now), default=None)

    def _begin(self, entry: ScheduledJob, now: datetime) -> datetime:
        """Of a job that was never looked at, the latest date of the last day counts, and all that come."""
        found = list(entry.schedule.moments(now - FIRST_LOOK, now))
        since = found[-1].at - timedelta(minutes=1) if found else now
        self._store.dates.settle(entry.name, entry.schedule.name(since))
        return since + timedelta(seconds=2)

    def _fire(self, entry: ScheduledJob, name: str, job: Job, moment: Moment) -> None:
        if self._store.dates.known(name, {moment.date, bare(moment.date)}):
            return
        previous = self._store.dates.unfinished(name)
        if previous and entry.overlap == "skip":
            first = previous[0]
            reason = f'overlap is "skip", and run {first.id} of {first.logical_date} is {first.state}'
            self._skip(entry.name, name, {moment.date: reason})
        elif len(previous) >= MOST_AT_ONCE:
            self._skip(entry.name, name, {moment.date: f"{len(previous)} runs of this job wait already"})
        else:
            run = fire(self._store, name, job, moment.date, installation=self._installation, overwrite=entry.overwrite)
            if run is not None:
                self._notify("run.admitted", run.id, {"job": entry.name, "logical_date": run.logical_date})

    def _skip(self, job: str, name: str, reasons: Mapping[str, str]) -> None:
        self._store.dates.skip(name, reasons)
        for date, reason in islice(reasons.items(), 3):
            self._notify("date.skipped", "", {"job": job, "logical_date": date, "reason": reason})
        if len(reasons) > 3:
            self._notify("dates.skipped", "", {"job": job, "dates": len(reasons), "last": max(reasons)})
