"""
A schedule in English words, out of what was read of it: they say when it is due, not how that was written.

`*/2` and Monday is said as both at once and `13` and Friday as either, as crontab(5) and `Crontab` mean them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from orchestrator.core.units import format_count
from orchestrator.engine.crontab import Crontab

_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_YEAR = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_ALL_MINUTES, _ALL_HOURS = tuple(range(60)), tuple(range(24))
_ALL_DAYS, _ALL_MONTHS, _ALL_WEEKDAYS = frozenset(range(1, 32)), frozenset(range(1, 13)), frozenset(range(7))
_MOST_TIMES = 6  # more are said as minutes of hours
_FEWEST_STEPS = 4  # so many numbers at one distance are said by their first ones
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def crontab_words(crontab: Crontab) -> str:
    """Return when an expression is due, such as `at 01:30 on Monday to Friday`."""
    months = "" if crontab.months == _ALL_MONTHS else f" in {_listed(crontab.months, lambda n: _YEAR[n - 1])}"
    return f"{_times(crontab)} {_days(crontab)}{months}"


def every_words(seconds: int) -> str:
    """Return an interval, such as `every 12 hours` or `every 1 day 6 hours`."""
    parts: list[str] = []
    left = seconds
    for name, size in _UNITS:
        count, left = divmod(left, size)
        parts += [format_count(count, name)] if count else []
    return f"every {parts[0].removeprefix('1 ')}" if len(parts) == 1 else f"every {' '.join(parts)}"


def _times(crontab: Crontab) -> str:
    minutes, hours = crontab.minutes, crontab.hours
    if len(minutes) * len(hours) <= _MOST_TIMES:
        return f"at {_joined([f'{hour:02}:{minute:02}' for hour in hours for minute in minutes])}"
    if hours == _ALL_HOURS:
        return "every hour on the hour" if minutes == (0,) else f"{_minutes(minutes)} of every hour"
    if hours == tuple(range(hours[0], hours[-1] + 1)):
        return f"{_minutes(minutes)} of each hour from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return f"{_minutes(minutes)} of the hours {_listed(hours, '{:02}'.format)}"


def _minutes(minutes: Sequence[int]) -> str:
    if tuple(minutes) == _ALL_MINUTES:
        return "every minute"
    step = minutes[1] - minutes[0] if len(minutes) > 1 else 60
    if len(minutes) > 1 and tuple(minutes) == tuple(range(0, 60, step)) and 60 % step == 0:
        return f"every {step} minutes"
    return f"at minute {_listed(minutes, str)}" if len(minutes) == 1 else f"at minutes {_listed(minutes, str)}"


def _days(crontab: Crontab) -> str:
    days, week = crontab.days, crontab.weekdays
    any_day, any_weekday = days == _ALL_DAYS, week == _ALL_WEEKDAYS
    of_month = f"day{'' if len(days) == 1 else 's'} {_listed(days, str)} of the month"
    of_week = _listed({day or 7 for day in week}, lambda n: _WEEK[n - 1])
    if (any_day and any_weekday) or (crontab.either_day and (any_day or any_weekday)):
        return "every day"
    if any_day:
        return f"on {of_week}"
    if any_weekday:
        return f"on {of_month}"
    if crontab.either_day:
        return f"on {of_month}, and on every {of_week} as well"
    return f"on {of_week} where that is among {of_month}"


def _listed(numbers: Iterable[int], name: Callable[[int], str]) -> str:
    """Say numbers: neighbours as `1 to 5`, many at one distance by their first three, others one by one."""
    known = sorted(numbers)
    steps = {b - a for a, b in itertools.pairwise(known)}
    if len(known) >= _FEWEST_STEPS and len(steps) == 1 and steps != {1}:
        return f"{', '.join(map(name, known[:3]))} and so on to {name(known[-1])}"
    return _joined([_run(run, name) for run in _runs(known)])


def _runs(known: Sequence[int]) -> list[list[int]]:
    """Return neighbours together, three of them or more; others alone."""
    runs: list[list[int]] = []
    for number in known:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [part for run in runs for part in ([run] if len(run) > 2 else [[one] for one in run])]


def _run(run: Sequence[int], name: Callable[[int], str]) -> str:
    return f"{name(run[0])} to {name(run[-1])}" if len(run) > 1 else name(run[0])


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
