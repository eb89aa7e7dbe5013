"""`schedule`: when jobs run, what became of their dates; to pause one, to run one now, and to say who goes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from orchestrator.app.finding import find_head
from orchestrator.app.heartbeat import as_daemon
from orchestrator.app.records import Records
from orchestrator.app.scheduled import scheduled
from orchestrator.app.verbs.jobs import wrong_jobs
from orchestrator.core.errors import UnknownNameError, UserError
from orchestrator.core.nearest import hint
from orchestrator.engine.scheduler import Moment, Schedule
from orchestrator.engine.stores.records import DateRow, Head, JobState, Run
from orchestrator.engine.timetable import ScheduledJob, order_date
from orchestrator.model.states import RUN_FINAL

if TYPE_CHECKING:
    from orchestrator.app.application import Application

HIGHEST_PRIORITY = 1000
_MOST_DATES = 1_000_000
_LAST_ROWS = 100  # a person may have asked for many old dates since the newest one
_FURTHEST = timedelta(days=366 * 9)  # the 29th of February may be eight years away


@dataclass(frozen=True, slots=True)
class JobReport:
    """
    A scheduled job.

    Attributes:
        name: In the settings.
        schedule: Its `cron` or `every`.
        timezone: What that is meant in.
        finish_by: The end of its window, HH:MM in that time zone; empty where it has none.
        priority: Of its runs.
        overlap: What becomes of a date while an earlier run has not ended.
        catch_up: Which missed dates are run.
        paused: Whether its dates are not fired for now.
        paused_since: RFC 3339; empty where it is not.
        why: The reason that was given.
        trouble: What is wrong with it; empty where nothing is.
        next: When it is due next, RFC 3339, UTC; empty where it never is.
        next_date: The name of that date.
        last_date: The name of the newest date of which something is known; empty where there is none.
        last_run: Its run; empty where it was skipped.
        last_skipped: Why it was skipped.
    """

    name: str
    schedule: str
    timezone: str
    finish_by: str
    priority: int
    overlap: str
    catch_up: str
    paused: bool
    paused_since: str
    why: str
    trouble: str
    next: str
    next_date: str
    last_date: str
    last_run: str
    last_skipped: str


@dataclass(frozen=True, slots=True)
class NextTime:
    """A time at which a job is due: when, and the end of its window (RFC 3339, UTC); the date's name."""

    job: str
    at: str
    logical_date: str
    finish_by: str
    paused: bool


def list_jobs(app: Records) -> list[JobReport]:
    """Return the scheduled jobs of config.toml, in its order; those that cannot be used, too."""
    entries, _ = scheduled(app)
    troubles = dict(wrong_jobs(app))
    found = [_report(app, entry, troubles.pop(entry.name, "")) for entry in entries]
    return [*found, *(_wrong(name, sentence) for name, sentence in troubles.items())]


def _report(app: Records, entry: ScheduledJob, trouble: str) -> JobReport:
    schedule = entry.schedule
    state = _state(app, entry.name)
    paused = state is not None and state.paused
    upcoming = _upcoming(schedule, app.clock.now(), 1)
    last = _last(app, entry)
    return JobReport(
        entry.name,
        schedule.cron or f"every {schedule.every}",
        schedule.timezone,
        schedule.finish_by,
        entry.priority,
        entry.overlap,
        entry.catch_up,
        paused,
        state.at if state and paused else "",
        state.why if state and paused else "",
        trouble,
        upcoming[0].at.isoformat(timespec="minutes") if upcoming else "",
        upcoming[0].date if upcoming else "",
        last.logical_date if last else "",
        last.run_id if last else "",
        last.skipped if last and not last.run_id else "",
    )


def _wrong(name: str, sentence: str) -> JobReport:
    return JobReport(name, "", "", "", 0, "", "", False, "", "", sentence, "", "", "", "", "")


def _state(app: Records, name: str) -> JobState | None:
    return app.store.job_states.all().get(name) if app.has_state() else None


def _last(app: Records, entry: ScheduledJob) -> DateRow | None:
    """Return the newest date that got a run or a reason, whenever it did; where a job began is neither."""
    rows = app.store.dates.latest(_LAST_ROWS, job_name=entry.name) if app.has_state() else []
    named = [row for row in rows if row.run_id or row.skipped]
    return max(named, key=lambda row: entry.schedule.when(row.logical_date), default=None)


def _upcoming(schedule: Schedule, now: datetime, count: int) -> list[Moment]:
    found: list[Moment] = []
    for moment in schedule.moments(now, now + _FURTHEST):
        found.append(moment)
        if len(found) == count:
            break
    return found


def next_times(app: Records, name: str = "", count: int = 5) -> list[NextTime]:
    """
    Return the next `count` times of a job, or of all jobs together, in order.

    Raises:
        UserError: No job is called so, or it has no schedule.
    """
    entries, _ = scheduled(app)
    chosen = [_entry(app, name, entries)] if name else entries
    now = app.clock.now()
    found = [(moment.at, entry, moment) for entry in chosen for moment in _upcoming(entry.schedule, now, count)]
    found.sort(key=lambda one: (one[0], one[1].name))
    paused = {entry.name for entry in chosen if (state := _state(app, entry.name)) and state.paused}
    return [_next_time(entry, moment, paused=entry.name in paused) for _, entry, moment in found[:count]]


def next_of_each(app: Records) -> list[NextTime]:
    """Return the next time of each scheduled job, the soonest first; after them those that are paused."""
    states = app.store.job_states.all() if app.has_state() else {}
    now, found = app.clock.now(), []
    for entry in scheduled(app)[0]:
        for moment in _upcoming(entry.schedule, now, 1):
            state = states.get(entry.name)
            found.append(_next_time(entry, moment, paused=state is not None and state.paused))
    return sorted(found, key=lambda one: (one.paused, one.at, one.job))


def _next_time(entry: ScheduledJob, moment: Moment, *, paused: bool) -> NextTime:
    end = entry.schedule.end_of(moment.at)
    at = moment.at.isoformat(timespec="minutes")
    return NextTime(entry.name, at, moment.date, end.isoformat(timespec="minutes") if end else "", paused)


def pause(app: Records, name: str, why: str = "") -> None:
    """
    Let a job's dates go by: each is written down with the reason, but for those that `catch_up` brings when it goes on.

    Runs that there are go on.

    Raises:
        UserError: No job is called so, or it has no schedule.
    """
    _entry(app, name, scheduled(app)[0])
    app.store.job_states.pause(name, " ".join(why.split()))


def resume(app: Records, name: str) -> bool:
    """
    Let a paused job go on; tell whether it was paused.

    A job that is no longer in config.toml may be named, too: what was said of it is taken back.

    Raises:
        UserError: No job is called so.
    """
    state = _state(app, name)
    if state is None or not state.paused:
        _entry(app, name, scheduled(app)[0])
        return False
    app.store.job_states.resume(name)
    return True


def trigger(app: Application, name: str, date: str = "") -> list[Run]:
    """
    Begin the runs of a job for a date, one for each of its areas, now, whatever its schedule and whether it is paused.

    They are at the services of the daemon that works on this state, where one does; they have no deadline.

    Args:
        app: Where runs are remembered.
        name: Of a job of config.toml.
        date: A day, or a minute of the job's time zone: `2026-06-01`, `2026-06-01T01:30`; empty is this minute. A day
            on which the schedule names one time is that time.

    Raises:
        UserError: No job is called so, or it has no schedule; the date cannot be read, is to come, or has its run.
    """
    app.settings = as_daemon(app)
    entry = _entry(app, name, scheduled(app)[0])
    moment = _moment(entry, date, app.clock.now())
    begun: list[Run] = []
    there: dict[str, str] = {}
    for each, job in entry.jobs():
        known = app.store.dates.known(each, {moment.date[:16]})
        stored = Moment(moment.at, entry.schedule.known_as([moment], known).get(moment.date, moment.date))
        run = order_date(app.store, entry, each, job, stored, installation=app.owner, triggered=True)
        if run is not None:
            begun.append(run)
        else:
            there[each] = stored.date
    if not begun:
        raise UserError(_had_its_run(app, name, there))
    return begun


def _had_its_run(app: Application, name: str, there: Mapping[str, str]) -> str:
    """Say which runs a date had, of each area its stored name, and what takes them up again."""
    rows = [row for each in there for row in app.store.dates.latest(_MOST_DATES, job_name=each)]
    again = [
        f"`orchestrator retry {row.run_id}`" for row in rows if row.run_id and there[row.job_name] == row.logical_date
    ]
    words = f"; {', '.join(again[:3])} takes it up again where it failed" if again else ""
    date = next(iter(there.values()), "this date")
    return f"job {name} had its run for {date} already; `orchestrator status {name}` shows it{words}"


def _moment(entry: ScheduledJob, text: str, now: datetime) -> Moment:
    if not text:
        at = now.replace(second=0, microsecond=0)
        return Moment(at, entry.schedule.name(at))
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--date {text!r} is no date; write 2026-06-01 or 2026-06-01T01:30") from None
    try:
        at = entry.schedule.when(given.isoformat(timespec="minutes"))
        if len(text) == len("2026-06-01"):
            at = _on_day(entry, text, at)
    except OverflowError:  # the first and the last days that a calendar has
        raise UserError(f"--date {text} is not a date of this job's; write one like 2026-06-01") from None
    if at > now:
        raise UserError(f"--date {text} is to come; it is {entry.schedule.name(now)} there")
    return Moment(at, entry.schedule.name(at))


def _on_day(entry: ScheduledJob, day: str, midnight: datetime) -> datetime:
    around = entry.schedule.moments(midnight - timedelta(minutes=1), midnight + timedelta(hours=26))
    named = [moment for moment in around if moment.date[: len(day)] == day]
    if len(named) > 1:
        some = ", ".join(moment.date for moment in named[:3])
        raise UserError(f"job {entry.name} has {len(named)} dates on {day}: name one of them, as --date {some}")
    return named[0].at if named else midnight


def prioritise(app: Records, name: str, priority: int) -> Head:
    """
    Say how early a run is taken: the higher number first. One that has a slot keeps it.

    Raises:
        UserError: No run is called so, several are, or it has ended.
    """
    head = find_head(app.store, name)
    if head.state in RUN_FINAL:
        raise UserError(f"run {head.id} is {head.state}; only one that has not ended has a place in the queue")
    app.store.runs.prioritise(head.id, priority)
    return app.store.runs.head(head.id)


def _entry(app: Records, name: str, entries: Sequence[ScheduledJob]) -> ScheduledJob:
    for entry in entries:
        if entry.name == name:
            return entry
    wrong: Mapping[str, str] = scheduled(app)[1]
    if name in wrong:
        raise UserError(wrong[name])
    if name in app.settings.jobs:
        raise UserError(f"job {name} has no schedule: write cron or every in its table of config.toml")
    known = [entry.name for entry in entries]
    raise UnknownNameError(
        f"config.toml has no job {name!r}; {hint(name, known) if known else 'it has no scheduled job'}"
    )
