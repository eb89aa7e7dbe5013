"""The five fields of crontab, with the meaning of crontab(5): which days, which minutes, and which days add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
NICKNAMES: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True)
class _Field:
    """What one field may hold: numbers from `first` to `last`, and names that stand for the first of them on."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Crontab:
    """
    An expression, read.

    Attributes:
        minutes: 0 to 59, sorted.
        hours: 0 to 23, sorted.
        days: Of the month.
        months: 1 to 12.
        weekdays: 0 is Sunday, as in crontab.
        either_day: Day of month and day of week are both restricted; one of them is enough.
        at_fixed_times: Neither minute nor hour begins with `*`: where clocks change, such a time comes once, never
            twice and never not at all. All others go by the clock on the wall.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    at_fixed_times: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read `minute hour day-of-month month day-of-week`, or one of `@hourly @daily @weekly @monthly @yearly`.

        Raises:
            ValueError: It cannot be read, or names no day there is; the message names field and value.
        """
        words = NICKNAMES.get(text.strip().lower(), text).split()
        if len(words) != len(_FIELDS):
            raise ValueError(
                f"{text!r} has {len(words)} fields; crontab has five: minute hour day-of-month month day-of-week, "
                f"or one of {', '.join(NICKNAMES)}"
            )
        minutes, hours, days, months, weekdays = (
            _values(word, field) for word, field in zip(words, _FIELDS, strict=True)
        )
        starred = [word.startswith("*") for word in words]
        read = cls(
            minutes=tuple(sorted(minutes)),
            hours=tuple(sorted(hours)),
            days=days,
            months=months,
            weekdays=frozenset(day % 7 for day in weekdays),
            either_day=not starred[2] and not starred[4],
            at_fixed_times=not starred[0] and not starred[1],
        )
        if not read.either_day and min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
            raise ValueError(f"day of month {words[2]!r} does not come in month {words[3]!r}")
        return read

    def on(self, day: date) -> bool:
        """Tell whether the expression names a time on this day."""
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (of_month or of_week) if self.either_day else (of_month and of_week)

    def days_from(self, first: date) -> Iterator[date]:
        """Yield the days it names, from `first` on, as long as there are days."""
        day = first
        while True:
            if self.on(day):
                yield day
            try:
                day += timedelta(days=1)
            except OverflowError:
                return


def _values(text: str, field: _Field) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split(","):
        found |= _item(item, field)
    return frozenset(found)


def _item(item: str, field: _Field) -> set[int]:
    """Read `*`, `a`, `a-b`, each perhaps with `/step`; `a/step` goes on to the end of the field."""
    span, slash, step = item.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        raise ValueError(f"{field.name} {item!r}: the step {step!r} is no number above 0")
    low, dash, high = span.partition("-")
    if span == "*":
        first, last = field.first, field.last
    elif dash:
        first, last = _number(low, field, item), _number(high, field, item)
        if last == 0 < first and high.lower() in field.names:
            last = 7  # `fri-sun`: a week may end with Sunday
    else:
        first = _number(low, field, item)
        last = field.last if slash else first
    if first > last:
        raise ValueError(f"{field.name} {item!r} runs backwards; write two ranges with a comma")
    return set(range(first, last + 1, int(step or 1)))


def _number(text: str, field: _Field, item: str) -> int:
    if text.lower() in field.names:
        return field.first + field.names.index(text.lower())
    allowed = f"{field.first} to {field.last}" + (f" or {field.names[0]} to {field.names[-1]}" if field.names else "")
    if not (text.isascii() and text.isdigit()):
        shown = f"{field.name} {item!r}" if text == item else f"{field.name} {item!r}: {text!r}"
        raise ValueError(f"{shown} is not {allowed}")
    if not field.first <= int(text) <= field.last:
        raise ValueError(f"{field.name} {item!r}: {text} is not {allowed}")
    return int(text)
