"""When jobs run: the dates a schedule names, what becomes of each, and APScheduler as the clock that wakes us."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from orchestrator.core.errors import ConfigError
from orchestrator.core.units import format_seconds, parse_seconds
from orchestrator.engine.crontab import Crontab
from orchestrator.engine.crontab_words import crontab_words, every_words

Overlap = Literal["queue", "skip", "replace"]
CatchUp = Literal["latest", "all", "none"]

# Intervals count from here, so that a restart keeps the beat.
ANCHOR = datetime(2000, 1, 1, tzinfo=UTC)
SHORTEST_SECONDS = 60
# A date is named to the minute and looked for once a minute; for the first look at a job, this far back.
FIRST_LOOK = timedelta(days=1)
# A date that is later than this was missed. A full disk or a slow start within it is not.
ON_TIME = timedelta(minutes=10)
# Of one time on the wall, what a rule about clocks that was changed since may be off by; more is another time zone's.
ONE_DATE = timedelta(hours=1)
# `catch_up = "all"` brings at most so many missed dates, the newest; `overlap = "queue"` lets so many runs wait.
MOST_AT_ONCE = 100
# Of missed dates, so many are written down one by one; what is older, in one row.
MOST_RECORDED = 10_000


@dataclass(frozen=True, slots=True)
class Moment:
    """
    A time that a schedule names.

    Attributes:
        at: When it is due, UTC.
        date: Its name, unique for each run of a job: the clock on the wall to the minute and its offset from UTC,
            ISO 8601. A time that clocks jump over keeps its name, with the offset before, and is due at the jump.
    """

    at: datetime
    date: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    When a job runs: `cron` in the five fields of crontab, or `every` as a duration; in `timezone`.

    Each time begins a window, in which its run is worked on: to the next `finish_by`, HH:MM; empty is without end.

    Raises:
        ConfigError: It cannot be read; the message names the field and the value.
    """

    cron: str = ""
    every: str = ""
    timezone: str = "UTC"
    finish_by: str = ""
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _crontab: Crontab | None = field(init=False, repr=False, compare=False)
    _step: timedelta = field(init=False, repr=False, compare=False)
    _end: time | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if bool(self.cron) == bool(self.every):
            raise ConfigError("a schedule has either `cron` or `every`: write cron = '0 1 * * *' or every = '12h'")
        object.__setattr__(self, "_zone", _zone(self.timezone))
        object.__setattr__(self, "_crontab", _crontab(self.cron) if self.cron else None)
        object.__setattr__(self, "_step", _step(self.every) if self.every else timedelta())
        object.__setattr__(self, "_end", _time_of_day(self.finish_by) if self.finish_by else None)

    @property
    def words(self) -> str:
        """What it says, in English."""
        return crontab_words(self._crontab) if self._crontab else every_words(int(self._step.total_seconds()))

    def moments(self, after: datetime, until: datetime) -> Iterator[Moment]:
        """Yield the times after `after` up to and with `until`, in order."""
        for moment in self._from(after):
            if moment.at > until:
                return
            yield moment

    def next(self, after: datetime) -> Moment:
        """Return the first time after `after`."""
        return next(self._from(after))

    def when(self, name: str) -> datetime:
        """Return when the date of this name was due, UTC; names without an offset mean the first of two."""
        moment = datetime.fromisoformat(name)
        wall = moment.replace(tzinfo=self._zone)
        jumped = moment.utcoffset() == wall.utcoffset() and not _shows(moment.astimezone(UTC), wall)
        if moment.tzinfo is None or jumped:
            moment = next(_at_wall(wall, at_fixed_times=True)).at
        return moment.astimezone(UTC)

    def is_foreign(self, name: str) -> bool:
        """Tell whether a name has an offset that clocks of this time zone show neither at its time nor just before."""
        moment = datetime.fromisoformat(name)
        if moment.tzinfo is None:
            return False
        around = (moment, moment - timedelta(minutes=1))
        return moment.utcoffset() not in {at.astimezone(self._zone).utcoffset() for at in around}

    def name(self, at: datetime) -> str:
        """Return the name of a time."""
        return _name(at.astimezone(self._zone))

    def fresh(self, moments: Sequence[Moment], known: Collection[str]) -> list[Moment]:
        """
        Return those that no name in `known` stands for.

        One time on the wall is one date, whatever its offset was said to be when it was written down, or if none was;
        where that hour comes twice, the offset tells the two apart, and so it does where it is of another time zone.
        """
        stands_for = self.known_as(moments, known)
        return [m for m in moments if m.date not in stands_for]

    def known_as(self, moments: Sequence[Moment], known: Collection[str]) -> dict[str, str]:
        """Return of each that is not fresh, by its name, the name in `known` that stands for it: its own, if there."""
        by_wall: dict[str, list[str]] = {}
        for name in sorted(known):
            by_wall.setdefault(wall_of(name), []).append(name)
        pairs = ((m.date, self._known_as(m, by_wall.get(wall_of(m.date), ()))) for m in moments)
        return {name: stands_for for name, stands_for in pairs if stands_for}

    def _known_as(self, moment: Moment, names: Collection[str]) -> str:
        for name in (moment.date, wall_of(moment.date)):
            if name in names:
                return name
        if not names or _comes_twice(moment.at.astimezone(self._zone)):
            return ""
        return next((name for name in names if _apart(name, moment.date) <= ONE_DATE), "")

    def end_of(self, at: datetime) -> datetime | None:
        """Return when the window ends, UTC, of a run that is due at `at`; None where there is no `finish_by`."""
        if self._end is None:
            return None
        day = datetime.combine(at.astimezone(self._zone).date(), self._end, self._zone)
        ends = (next(_at_wall(day + timedelta(days=n), at_fixed_times=True)).at for n in range(3))
        return next(end for end in ends if end > at)

    def window_at(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Return begin and end, UTC, of the last window that is open at `now`; None where none is."""
        # A window lasts a day at most, and an hour more where clocks are set back.
        begun = [(m.at, end) for m in self.moments(now - timedelta(hours=26), now) if (end := self.end_of(m.at))]
        return next((window for window in reversed(begun) if window[1] > now), None)

    def next_window(self, now: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Return begin and end, UTC, of the first window that begins after `now` and ends after `end`."""
        for moment in self._from(now):
            found = self.end_of(moment.at)
            if found is not None and found > end:
                return moment.at, found
        raise ConfigError(f"{self.cron or self.every!r} names no time after {now:%Y-%m-%d %H:%M}")

    def _from(self, after: datetime) -> Iterator[Moment]:
        return self._beats(after) if self._crontab is None else self._times(self._crontab, after)

    def _beats(self, after: datetime) -> Iterator[Moment]:
        count = (after - ANCHOR) // self._step + 1
        while True:
            at = ANCHOR + count * self._step
            yield Moment(at, self.name(at))
            count += 1

    def _times(self, crontab: Crontab, after: datetime) -> Iterator[Moment]:
        # From the day before: a time that clocks jump over is due on the day after it where the jump is at midnight.
        for day in crontab.days_from((after.astimezone(self._zone) - timedelta(days=1)).date()):
            for moment in sorted(_on_day(crontab, day, self._zone), key=lambda moment: moment.at):
                if moment.at > after:
                    yield moment


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ConfigError(f"timezone {name!r} is not known; write for example 'Europe/Ljubljana'") from None


def _crontab(text: str) -> Crontab:
    try:
        return Crontab.parse(text)
    except ValueError as error:
        raise ConfigError(f"cron {text!r}: {error}") from None


def _step(text: str) -> timedelta:
    try:
        seconds = int(parse_seconds(text))
    except ValueError as error:
        raise ConfigError(f"every {text!r}: {error}") from None
    if seconds < SHORTEST_SECONDS:
        raise ConfigError(f"every {text!r} is shorter than a minute, and a date is named to the minute; write '1m'")
    return timedelta(seconds=seconds)


def _time_of_day(text: str) -> time:
    try:
        found = datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007  of any day
    except ValueError:
        raise ConfigError(f"finish_by {text!r} is no time of day; write for example '06:00'") from None
    return found


def _on_day(crontab: Crontab, day: date, zone: ZoneInfo) -> Iterator[Moment]:
    """Yield the times of a day by the clock on the wall, in any order where clocks change."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    walls = (midnight.replace(hour=hour, minute=minute) for hour in crontab.hours for minute in crontab.minutes)
    offset = midnight.utcoffset()
    if offset == (midnight + timedelta(days=1)).utcoffset() == midnight.replace(fold=1).utcoffset():
        for wall in walls:
            at = (wall.replace(tzinfo=None) - (offset or timedelta())).replace(tzinfo=UTC)
            yield Moment(at, wall.isoformat(timespec="minutes"))
    else:
        for wall in walls:
            yield from _at_wall(wall, at_fixed_times=crontab.at_fixed_times)


def _at_wall(wall: datetime, *, at_fixed_times: bool) -> Iterator[Moment]:
    """Yield when a clock on the wall shows `wall`: once, twice, or, jumped over, perhaps at the jump."""
    shown = [at for at in (wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)) if _shows(at, wall)]
    if shown:
        for at in sorted(set(shown))[: 1 if at_fixed_times else 2]:
            yield Moment(at, _name(at.astimezone(wall.tzinfo)))
    elif at_fixed_times:
        yield Moment(_jump(wall), wall.replace(fold=0).isoformat(timespec="minutes"))


def _shows(at: datetime, wall: datetime) -> bool:
    return at.astimezone(wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None)


def _jump(wall: datetime) -> datetime:
    """Return the first minute, UTC, after clocks jumped over `wall`."""
    low, high = sorted((wall.replace(fold=1).astimezone(UTC), wall.astimezone(UTC)))
    bare = wall.replace(tzinfo=None)
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
        if middle.astimezone(wall.tzinfo).replace(tzinfo=None) > bare:
            high = middle
        else:
            low = middle
    return high


def _name(moment: datetime) -> str:
    """Return what names a time: its wall clock, with the offset from UTC."""
    return moment.isoformat(timespec="minutes")


def _comes_twice(moment: datetime) -> bool:
    """Tell whether the clock on the wall shows the time of a moment twice."""
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()


def wall_of(name: str) -> str:
    """Return a date's name without offset: the clock on the wall."""
    return name[: len("2026-01-01T01:30")]


def _apart(name: str, other: str) -> timedelta:
    """Return how far apart two dates of one time on the wall are; both have offsets."""
    return abs(datetime.fromisoformat(name) - datetime.fromisoformat(other))


@dataclass(frozen=True, slots=True)
class FireDecision:
    """A date and why it is not fired; empty: it is."""

    moment: Moment
    skipped: str = ""


def judge(due: Sequence[Moment], now: datetime, catch_up: CatchUp) -> list[FireDecision]:
    """Return what becomes of the dates that are due and neither fired nor skipped yet, oldest first."""
    kept = {"latest": 1, "all": MOST_AT_ONCE, "none": len(due)}[catch_up]
    return [
        FireDecision(moment, _why_not(moment, now, catch_up, newer=len(due) - 1 - place, kept=kept))
        for place, moment in enumerate(due)
    ]


def _why_not(moment: Moment, now: datetime, catch_up: CatchUp, *, newer: int, kept: int) -> str:
    late = format_seconds((now - moment.at).total_seconds())
    if catch_up == "none" and now - moment.at > ON_TIME:
        return f'missed: looked at {late} late, and catch_up is "none"'
    if newer < kept:
        return ""
    if catch_up == "latest":
        return f'missed: looked at {late} late, and catch_up is "latest": a newer date is due'
    return f'missed: looked at {late} late, and catch_up "all" brings the newest {MOST_AT_ONCE}'


class Clockwork:
    """Calls `tick` once at the start and then each minute, never twice at a time."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        # Whatever is due is found by looking, so that a tick that is late, missed or doubled changes nothing.
        self._scheduler.add_job(tick, CronTrigger(minute="*", timezone=UTC), id="tick")

    def __enter__(self) -> Self:
        self._tick()
        self._scheduler.start()
        return self

    def wake(self) -> None:
        """Call `tick` soon, too; one that is under way is followed by the next minute's."""
        self._scheduler.modify_job("tick", next_run_time=datetime.now(UTC))

    def __exit__(self, *_: object) -> None:
        self._scheduler.shutdown(wait=True)
