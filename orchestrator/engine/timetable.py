"""The scheduled jobs of a daemon: each date that a schedule names is fired, or written down with the reason why not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from orchestrator.core import crash
from orchestrator.core.clock import Clock
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.admission import fire
from orchestrator.engine.deadlines import INTERRUPTIBLE, as_time, deferral, seconds_left
from orchestrator.engine.interrupts import Interrupts
from orchestrator.engine.scheduler import (
    ANCHOR,
    FIRST_LOOK,
    MOST_AT_ONCE,
    MOST_RECORDED,
    ON_TIME,
    CatchUp,
    Moment,
    Overlap,
    Schedule,
    judge,
    wall_of,
)
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head, JobState, PreviousRun, Run
from orchestrator.engine.trouble import WAITED_FOR
from orchestrator.model.job import Job
from orchestrator.model.ports import Stop
from orchestrator.model.states import RunState

# Where an hour comes twice, the last date by name is not the last by time; two hours of minutes hold it.
_LAST_DATES = 130
_BY_NAME = timedelta(days=1)  # names are in local time
# A job that cannot be begun (no area file) is tried again so often; a full or busy disk, at each tick.
_AGAIN_SECONDS = 600.0
_DEADLINE = "deadline"
_LONGEST_HOLD = timedelta(days=1)
_SOON = timedelta(minutes=2)  # before a hold is over, two looks tell whether it shall go on


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """
    A scheduled job.

    Attributes:
        name: In the settings.
        schedule: When it runs.
        jobs: Reads the area and returns what to do for a date: a name, unique among runs of one date, and a job.
        overlap: What becomes of a date while a run of an earlier one has not ended: it waits, it is skipped, or it
            takes the place of the earlier one, which is cancelled.
        catch_up: Which missed dates are run: the latest, all (the newest of many), or none.
        overwrite: Whether results may replace files that the job did not make.
        priority: Of its runs: the higher number goes first.
    """

    name: str
    schedule: Schedule
    jobs: Callable[[], Sequence[tuple[str, Job]]]
    overlap: Overlap = "queue"
    catch_up: CatchUp = "latest"
    overwrite: bool = False
    priority: int = 0

    def may_begin_with(self, moment: Moment, now: datetime) -> bool:
        """Tell whether a past date may be the first of a job: its window is open, and it is not missed already."""
        end = self.schedule.end_of(moment.at)
        return (end is None or end > now) and (self.catch_up != "none" or now - moment.at <= ON_TIME)


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
        interrupts: Interrupts | None = None,
    ) -> None:
        self._entries = entries
        self._interrupts = interrupts or Interrupts()
        self._store = store
        self._clock = clock
        self._stop = stop
        self._installation = installation
        self._notify = notify
        self._alive = alive  # called after each job
        self._nothing_before: dict[str, datetime] = {}
        self._not_before: defaultdict[str, float] = defaultdict(lambda: float("-inf"))
        self._pauses: Mapping[str, JobState] = {}
        self._areas: dict[str, tuple[str, ...]] = {}  # of each job the names of its runs, once they were read
        self.troubles: dict[str, str] = {}

    def replace(self, entries: Sequence[ScheduledJob]) -> None:
        """Go on with other jobs, from the next look on; what is known of one that stays goes for its successor."""
        self._entries = entries
        self._nothing_before, self._areas = {}, {}
        self._not_before.clear()
        names = {entry.name for entry in entries}
        for name in [name for name in self.troubles if name not in names]:
            del self.troubles[name]

    def look(self) -> None:
        """
        Fire or skip all that is due. A look that is late, doubled or cut short is made good by the next one.

        What is due is told by the rows of earlier dates, so that neither a restart nor a clock loses one.
        """
        now = self._clock.now()
        entries = [*self._entries]
        with suppress(OrchestratorError):  # the last word counts as long as the database is in trouble
            self._read_pauses()
        for entry in entries:
            if self._stop.is_set():
                return
            if now >= self._nothing_before.get(entry.name, ANCHOR) or entry.schedule.finish_by:
                self._look_at(entry, now)
                self._alive()

    def _read_pauses(self) -> None:
        """Read what people said; a job of which something else is said now is looked at."""
        said = self._store.job_states.all()
        for name in said:
            if said[name] != self._pauses.get(name):
                self._nothing_before.pop(name, None)
        self._pauses = said

    def _look_at(self, entry: ScheduledJob, now: datetime) -> None:
        if self._clock.monotonic() < self._not_before[entry.name]:
            return
        try:
            self._settle(entry, now)
            self._defer(entry, now)
        except WAITED_FOR as error:
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
        state = self._pauses.get(entry.name)
        paused = state is not None and state.paused
        trouble = _paused_words(state) if state and paused else self.troubles.get(entry.name, "")
        reasons = {v.moment.date: f"{v.skipped}; {trouble}" if trouble else v.skipped for v in verdicts if v.skipped}
        self._skip(entry.name, entry.name, reasons)
        wanted = [verdict.moment for verdict in verdicts if not verdict.skipped and not paused]
        jobs = entry.jobs() if wanted else []
        if wanted:
            self._areas[entry.name] = tuple(name for name, _ in jobs)
        for moment in wanted:
            for name, job in jobs:
                self._fire(entry, name, job, moment)
            if entry.name not in {name for name, _ in jobs}:
                self._store.dates.settle(entry.name, moment.date)

    def _due(self, entry: ScheduledJob, now: datetime) -> list[Moment]:
        """Return the dates up to now without a row, oldest first."""
        since = self._settled_until(entry, now) or self._begin(entry, now)
        found = list(entry.schedule.moments(since, now))
        known = self._store.dates.known(entry.name, {wall_of(m.date) for m in found})
        stands_for = entry.schedule.known_as(found, known)
        self._skip(entry.name, entry.name, _other_offsets(stands_for))
        fresh = [moment for moment in found if moment.date not in stands_for]
        if len(fresh) > MOST_RECORDED:
            older = fresh[:-MOST_RECORDED]
            reason = f"missed, as were the {len(older) - 1} dates before it from {older[0].date} on"
            self._skip(entry.name, entry.name, {older[-1].date: reason})
        return fresh[-MOST_RECORDED:]

    def _settled_until(self, entry: ScheduledJob, now: datetime) -> datetime | None:
        """
        Return the time after which no date has a row, or but the latest; None for a job without any.

        It is just before that one: two dates are due at once where clocks jump over both. Where its name is of another
        time zone it is that one's own, which has another name now.
        """
        until = (now + _BY_NAME).replace(tzinfo=None).isoformat(timespec="minutes")
        names = self._store.dates.last(entry.name, until, _LAST_DATES)
        dates = [(at, entry.schedule.is_foreign(name)) for name in names if (at := entry.schedule.when(name)) <= now]
        if not dates:
            return None
        at, foreign = max(dates)
        return at if foreign else at - timedelta(seconds=1)

    def _begin(self, entry: ScheduledJob, now: datetime) -> datetime:
        """Of a job that was never looked at, the last day's latest date counts if it can be run, and all that come."""
        found = [m for m in entry.schedule.moments(now - FIRST_LOOK, now) if entry.may_begin_with(m, now)]
        since = found[-1].at - timedelta(minutes=1) if found else now
        self._store.dates.settle(entry.name, entry.schedule.name(since))
        return since + timedelta(seconds=1)

    def _fire(self, entry: ScheduledJob, name: str, job: Job, moment: Moment) -> None:
        if not entry.schedule.fresh([moment], self._store.dates.known(name, {wall_of(moment.date)})):
            return
        previous = self._store.dates.unfinished(name)
        if previous and entry.overlap == "skip":
            first = previous[0]
            reason = f'overlap is "skip", and run {first.id} of {first.logical_date} is {first.state}'
            self._skip(entry.name, name, {moment.date: reason})
        elif len(previous) >= MOST_AT_ONCE:
            self._skip(entry.name, name, {moment.date: f"{len(previous)} runs of this job wait already"})
        else:
            if entry.overlap == "replace":
                self._replace(entry, previous, moment)
            run = order_date(self._store, entry, name, job, moment, installation=self._installation)
            crash.point("date.fired")
            if run is not None:
                self._notify("run.admitted", run.id, {"job": entry.name, "logical_date": run.logical_date})

    def _replace(self, entry: ScheduledJob, previous: Sequence[PreviousRun], moment: Moment) -> None:
        """Ask for the end of earlier runs, before the new one is there: cut short, the next look asks again."""
        for run in previous:
            if run.state is RunState.PUBLISHED or run.request == "cancel":
                continue
            facts = {"job": entry.name, "logical_date": run.logical_date, "by": moment.date}
            self._store.events.record(run.id, "run.replaced", facts)
            self._store.runs.request(run.id, "cancel")
            self._notify("run.replaced", run.id, facts)
        crash.point("date.replaced")

    # ------------------------------------------------------------ deadlines

    def _defer(self, entry: ScheduledJob, now: datetime) -> None:
        """Ask what cannot end in its window to be held until a later one."""
        if not entry.schedule.finish_by:
            return
        window = entry.schedule.window_at(now)
        for run in self._unfinished(entry):
            head = self._store.runs.head(run.id)
            if head.finish_by <= 0 or head.state not in INTERRUPTIBLE | {RunState.HELD}:
                continue
            finish_by = head.finish_by
            if window is not None and finish_by < window[1].timestamp():
                finish_by = window[1].timestamp()
                self._store.runs.set_deadline(run.id, finish_by)
            self._defer_run(entry, head, as_time(finish_by), now)

    def _unfinished(self, entry: ScheduledJob) -> list[PreviousRun]:
        """Return the runs of a job that have not ended; the area is read where only it tells their names."""
        if entry.name not in self._areas and self._store.queue.waiting():
            self._areas[entry.name] = tuple(name for name, _ in entry.jobs())
        return [run for name in self._areas.get(entry.name, ()) for run in self._store.dates.unfinished(name)]

    def _defer_run(self, entry: ScheduledJob, head: Head, finish_by: datetime, now: datetime) -> None:
        held = head.state is RunState.HELD
        if held and (head.needs_person or head.next_at > (now + _SOON).timestamp()):
            return
        left, words = seconds_left(self._store, head, now)
        begun = head.state is not RunState.ADMITTED
        found = deferral(entry.schedule, finish_by, now, left, words, begun=begun)
        if found is None or (held and found.until.timestamp() <= head.next_at):
            self._interrupts.withdraw(head.id, _DEADLINE)
            return
        # A hold of many days would pass for a time that a wrong clock wrote: it is said again each day.
        until = min(found.until, now + _LONGEST_HOLD)
        if self._interrupts.ask(head.id, _DEADLINE, found.why, until.timestamp()) and not held:
            facts = {"job": entry.name, "finish_by": finish_by.isoformat(), "seconds_left": found.seconds_left}
            facts |= {"until": found.until.isoformat(), "reason": found.why}
            self._store.events.record(head.id, "run.deferred", facts)
            self._notify("run.deferred", head.id, facts)

    def _skip(self, job: str, name: str, reasons: Mapping[str, str]) -> None:
        if not reasons:
            return
        self._store.dates.skip(name, reasons)
        crash.point("date.skipped")
        for date, reason in islice(reasons.items(), 3):
            self._notify("date.skipped", "", {"job": job, "logical_date": date, "reason": reason})
        if len(reasons) > 3:
            self._notify("dates.skipped", "", {"job": job, "dates": len(reasons), "last": max(reasons)})


def order_date(
    store: Store,
    entry: ScheduledJob,
    name: str,
    job: Job,
    moment: Moment,
    *,
    installation: str,
    triggered: bool = False,
) -> Run | None:
    """
    Admit the run of a date of a scheduled job, or of one of its areas; None when it had its run.

    One that a person asks for has no deadline: it is meant now, whatever window its date had.
    """
    end = None if triggered else entry.schedule.end_of(moment.at)
    return fire(
        store,
        name,
        job,
        moment.date,
        installation=installation,
        overwrite=entry.overwrite,
        priority=entry.priority,
        finish_by=end.timestamp() if end else 0.0,
        triggered=triggered,
    )


def _other_offsets(stands_for: Mapping[str, str]) -> dict[str, str]:
    """Return of the dates that are known with another offset only, why they are not fired."""
    return {
        name: f"{other} stands for it: one time on the wall, with another offset from UTC"
        for name, other in stands_for.items()
        if other not in (name, wall_of(name))
    }


def _paused_words(state: JobState) -> str:
    return f"the job is paused since {state.at[:16]}Z{f': {state.why}' if state.why else ''}"
