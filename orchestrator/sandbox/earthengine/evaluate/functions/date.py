"""Dates and spans of time."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.moments import as_datetime, milliseconds, moment
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Date, DateRange

_DAY_MS = 86_400_000
_UNITS_MS = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": _DAY_MS, "week": 7 * _DAY_MS}
_FIELDS = {
    "YYYY": "%Y",
    "yyyy": "%Y",
    "MM": "%m",
    "dd": "%d",
    "DDD": "%j",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "MMM": "%b",
    "YY": "%y",
    "yy": "%y",
}


def _utc(zone: str | None) -> None:
    if zone not in {None, "UTC", "GMT", "Etc/UTC"}:
        raise EvaluationError(f"Date: time zone '{zone}' is not imitated by this sandbox; use UTC.")


@function("Date")
def make(value: Any, zone: str | None) -> Date:
    _utc(zone)
    return moment(value)


@function("Date.fromYMD")
def from_ymd(year: int, month: int, day: int, zone: str | None) -> Date:
    _utc(zone)
    return Date(milliseconds(dt.datetime(year, month, day, tzinfo=dt.UTC)))


@function("DateRange")
def span(start: Any, end: Any, zone: str | None) -> DateRange:
    """Give [start, end); without an end, the millisecond of the start."""
    _utc(zone)
    first = moment(start).ms
    last = first + 1 if end is None else moment(end).ms
    if last <= first:
        raise EvaluationError("DateRange: Empty date ranges not supported for the current operation.")
    return DateRange(first, last)


@function("Date.millis")
def millis(date: Date) -> int:
    return date.ms


@function("Date.advance")
def advance(date: Date, delta: float, unit: str, zone: str | None) -> Date:
    _utc(zone)
    name = unit.rstrip("s")
    if name in _UNITS_MS:
        return Date(date.ms + round(delta * _UNITS_MS[name]))
    if name not in {"month", "year"}:
        raise EvaluationError(f"Date.advance: Invalid unit: '{unit}'.")
    when = as_datetime(date)
    months = when.year * 12 + when.month - 1 + round(delta * (12 if name == "year" else 1))
    first = when.replace(year=months // 12, month=months % 12 + 1, day=1)
    following = (first + dt.timedelta(days=32)).replace(day=1)
    last_day = (following - dt.timedelta(days=1)).day
    return Date(milliseconds(first.replace(day=min(when.day, last_day))))


@function("Date.format")
def formatted(date: Date, pattern: str | None, zone: str | None) -> str:
    """Write a date by the fields of Joda-Time that people use; text in quotes stays."""
    _utc(zone)
    when = as_datetime(date)
    if pattern is None:
        return when.strftime("%Y-%m-%dT%H:%M:%S")
    return "".join(_field(match.group(0), when) for match in re.finditer(r"'[^']*'|([A-Za-z])\1*|[^A-Za-z']+", pattern))


def _field(letters: str, when: dt.datetime) -> str:
    if letters.startswith("'"):
        return letters[1:-1]
    if not letters[0].isalpha():
        return letters
    if letters in _FIELDS:
        return when.strftime(_FIELDS[letters])
    if letters == "SSS":
        return f"{when.microsecond // 1000:03d}"
    plain = {
        "M": when.month,
        "d": when.day,
        "H": when.hour,
        "m": when.minute,
        "s": when.second,
        "D": when.timetuple().tm_yday,
    }
    if letters in plain:
        return str(plain[letters])
    raise EvaluationError(f"Date.format: pattern '{letters}' is not imitated by this sandbox.")


@function("Date.get")
def get(date: Date, unit: str, zone: str | None) -> int:
    _utc(zone)
    when = as_datetime(date)
    if unit.rstrip("s") not in {"year", "month", "day", "hour", "minute", "second"}:
        raise EvaluationError(f"Date.get: Invalid unit: '{unit}'.")
    return int(getattr(when, unit.rstrip("s")))


@function("Date.difference")
def difference(left: Date, right: Date, unit: str) -> float:
    name = unit.rstrip("s")
    days = {"month": 30.4375, "year": 365.25}
    if name in days:
        return (left.ms - right.ms) / (_DAY_MS * days[name])
    if name not in _UNITS_MS:
        raise EvaluationError(f"Date.difference: Invalid unit: '{unit}'.")
    return (left.ms - right.ms) / _UNITS_MS[name]


@function("DateRange.start")
def start(span: DateRange) -> Date:
    return Date(span.start_ms or 0)


@function("DateRange.end")
def end(span: DateRange) -> Date:
    return Date(span.end_ms or 0)
