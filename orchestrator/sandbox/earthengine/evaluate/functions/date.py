"""Dates and spans of time."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.joda import written
from orchestrator.sandbox.earthengine.evaluate.joda_parse import read
from orchestrator.sandbox.earthengine.evaluate.limits import whole
from orchestrator.sandbox.earthengine.evaluate.moments import as_datetime, milliseconds, moment, time_zone
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Date, DateRange

_DAY_MS = 86_400_000
_YEAR_MS = 31_556_952_000  # 146,097 days in 400 years of the Gregorian calendar
# Lengths of units in milliseconds; of months and years, on the average.
_UNITS_MS = {
    "second": 1000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": _DAY_MS,
    "week": 7 * _DAY_MS,
    "month": _YEAR_MS // 12,
    "year": _YEAR_MS,
}

_OF_CLOCKS = frozenset({"second", "minute", "hour"})


def _unit(name: str, unit: str) -> str:
    found = unit.removesuffix("s")
    if found not in _UNITS_MS:
        raise EvaluationError(f"{name}: Invalid unit: '{unit}'.")
    return found


@function("Date")
def make(value: Any, zone: str | None) -> Date:
    return moment(value, zone)


@function("Date.fromYMD")
def from_ymd(year: int, month: int, day: int, zone: str | None) -> Date:
    try:
        return Date(milliseconds(dt.datetime(year, month, day, tzinfo=time_zone(zone))))
    except (ValueError, OverflowError):
        raise EvaluationError(f"Date.fromYMD: {year}-{month}-{day} is no date.") from None


@function("Date.millis")
def millis(date: Date) -> int:
    return date.ms


@function("Date.advance")
def advance(date: Date, delta: float, unit: str, zone: str | None) -> Date:
    """Move by units; days, weeks, months and years keep the hour of the time zone."""
    name = _unit("Date.advance", unit)
    whole("Date.advance", delta)
    if name in {"month", "year"}:
        if not float(delta).is_integer():
            raise not_imitated(f"Date.advance: a part of a {name}, {delta},")
        return Date(milliseconds(_months_later(as_datetime(date, zone), int(delta) * (12 if name == "year" else 1))))
    if zone is None or name not in {"day", "week"} or not float(delta).is_integer():
        span = delta * _UNITS_MS[name]
        return Date(whole("Date.advance", date.ms + (round(span) if math.isfinite(span) else span)))
    try:
        return Date(milliseconds(as_datetime(date, zone) + dt.timedelta(**{f"{name}s": int(delta)})))
    except OverflowError:
        raise not_imitated(f"Date.advance: {delta} {unit}") from None


def _months_later(when: dt.datetime, count: int) -> dt.datetime:
    """Keep the day of the month, or take the last one of a month that is too short."""
    months = when.year * 12 + when.month - 1 + count
    if not dt.MINYEAR <= months // 12 < dt.MAXYEAR:
        raise not_imitated(f"A date in the year {months // 12}")
    first = when.replace(year=months // 12, month=months % 12 + 1, day=1)
    following = (first + dt.timedelta(days=32)).replace(day=1)
    last_day = (following - dt.timedelta(days=1)).day
    return first.replace(day=min(when.day, last_day))


@function("Date.format")
def formatted(date: Date, pattern: str | None, zone: str | None) -> str:
    return written(as_datetime(date, zone), "yyyy-MM-dd'T'HH:mm:ss" if pattern is None else pattern, zone)


@function("Date.get")
def get(date: Date, unit: str, zone: str | None) -> int:
    name = _unit("Date.get", unit)
    when = as_datetime(date, zone)
    return when.isocalendar().week if name == "week" else int(getattr(when, name))


def _start_of(when: dt.datetime, unit: str) -> dt.datetime:
    """Give the beginning of the unit that a moment lies in; weeks begin on Monday."""
    if unit == "week":
        return _start_of(when, "day") - dt.timedelta(days=when.weekday())
    smaller = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    names = list(smaller)
    kept = 0 if unit == "year" else names.index(unit) + 1
    return when.replace(**{name: smaller[name] for name in names[kept:]})  # type: ignore[arg-type]


def _next(start: dt.datetime, unit: str) -> dt.datetime:
    if unit in {"month", "year"}:
        return _months_later(start, 12 if unit == "year" else 1)
    return start + dt.timedelta(milliseconds=_UNITS_MS[unit])


@function("Date.getRange")
def get_range(date: Date, unit: str, zone: str | None) -> DateRange:
    """Give the whole unit around a date."""
    name = _unit("Date.getRange", unit)
    start = _start_of(as_datetime(date, zone), name)
    first = milliseconds(start)
    # After an hour the next one begins, whatever the clocks of the zone then show.
    return DateRange(first, first + _UNITS_MS[name] if name in _OF_CLOCKS else milliseconds(_next(start, name)))


@function("Date.getFraction")
def get_fraction(date: Date, unit: str, zone: str | None) -> float:
    """Give the elapsed part of the unit around a date, from 0 to 1."""
    whole = get_range(date, unit, zone)
    if whole.start_ms is None or whole.end_ms is None:
        raise AssertionError
    return (date.ms - whole.start_ms) / (whole.end_ms - whole.start_ms)


@function("Date.getRelative")
def get_relative(date: Date, unit: str, in_unit: str, zone: str | None) -> int:
    """Count whole units since the beginning of a larger one, from 0; 0 if that is the smaller."""
    name, larger = _unit("Date.getRelative", unit), _unit("Date.getRelative", in_unit)
    if _UNITS_MS[name] >= _UNITS_MS[larger]:
        return 0
    if name == "week":
        raise not_imitated(f"Date.getRelative: the week of a {larger}")
    when = as_datetime(date, zone)
    if name == "month":
        return when.month - 1
    start = _start_of(when, larger)
    if name == "day":
        return (when.date() - start.date()).days
    return (date.ms - milliseconds(start)) // _UNITS_MS[name]


@function("Date.difference")
def difference(left: Date, right: Date, unit: str) -> float:
    """Give the time from `right` to `left` in units of average length."""
    return (left.ms - right.ms) / _UNITS_MS[_unit("Date.difference", unit)]


@function("Date.unitRatio")
def unit_ratio(numerator: str, denominator: str) -> float:
    return _UNITS_MS[_unit("Date.unitRatio", numerator)] / _UNITS_MS[_unit("Date.unitRatio", denominator)]


@function("Date.update")
def update(
    date: Date,
    year: int | None,
    month: int | None,
    day: int | None,
    hour: int | None,
    minute: int | None,
    second: float | None,
    zone: str | None,
) -> Date:
    """Set fields of a date."""
    given = {"year": year, "month": month, "day": day, "hour": hour, "minute": minute}
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if second is not None:
        at = whole("Date.update", second)
        fields["second"], fields["microsecond"] = at, round((second - at) * 1_000_000)
    try:
        return Date(milliseconds(as_datetime(date, zone).replace(**fields)))
    except (ValueError, OverflowError):
        raise EvaluationError(f"Date.update: {fields} are no fields of a date.") from None


@function("Date.parse")
def parse(pattern: str, text: str, zone: str | None) -> Date:
    return Date(milliseconds(read(pattern, text, time_zone(zone))))
