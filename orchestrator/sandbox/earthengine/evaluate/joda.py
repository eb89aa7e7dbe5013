"""Dates written by a pattern of Joda-Time, whose letters the service's reference names."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Text in quotes, two quotes for one, a run of one letter, anything else.
PIECES = re.compile(r"''|'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'")
# The only zones whose long names an example shows.
_PACIFIC = frozenset({"PST8PDT", "America/Los_Angeles", "US/Pacific"})
_FULL = 4  # letters from which on a text is written in full
_NUMBERS: dict[str, Callable[[dt.datetime], int]] = {
    "C": lambda when: when.year // 100,
    "w": lambda when: when.isocalendar().week,
    "e": lambda when: when.isoweekday(),
    "D": lambda when: when.timetuple().tm_yday,
    "M": lambda when: when.month,
    "d": lambda when: when.day,
    "K": lambda when: when.hour % 12,
    "h": lambda when: when.hour % 12 or 12,
    "H": lambda when: when.hour,
    "k": lambda when: when.hour or 24,
    "m": lambda when: when.minute,
    "s": lambda when: when.second,
}
_YEARS: dict[str, Callable[[dt.datetime], int]] = {
    "Y": lambda when: when.year,
    "y": lambda when: when.year,
    "x": lambda when: when.isocalendar().year,
}


def written(when: dt.datetime, pattern: str, zone: str | None) -> str:
    """
    Write a moment, in its own time zone, whose name is `zone` (null is UTC).

    Raises:
        EvaluationError: If the pattern has a letter that is none, or an open quote.
    """
    return "".join(_piece(found.group(0), when, zone) for found in PIECES.finditer(pattern))


def _piece(letters: str, when: dt.datetime, zone: str | None) -> str:
    if letters == "'":
        raise EvaluationError("Date.format: a quote in the pattern is not closed.")
    if letters == "''":
        return "'"
    if letters.startswith("'"):
        return letters[1:-1].replace("''", "'")
    if not letters[0].isalpha():
        return letters
    return _field(letters[0], len(letters), when, zone)


def _field(letter: str, count: int, when: dt.datetime, zone: str | None) -> str:
    if letter in _TEXTS and (letter != "M" or count > 2):
        return _TEXTS[letter](when, count)
    if letter in _NUMBERS:
        return f"{_NUMBERS[letter](when):0{count}d}"
    if letter in _YEARS:
        year = _YEARS[letter](when)
        return f"{year % 100:02d}" if count == 2 else f"{year:0{count}d}"
    if letter in "zZ":
        return _zone(letter, count, when, zone)
    raise EvaluationError(f"Date.format: Illegal pattern component: '{letter * count}'.")


def _text(word: str, count: int) -> str:
    return word if count >= _FULL else word[:3]


_TEXTS: dict[str, Callable[[dt.datetime, int], str]] = {
    "M": lambda when, count: _text(MONTHS[when.month - 1], count),
    "E": lambda when, count: _text(_DAYS[when.weekday()], count),
    "a": lambda when, _count: "PM" if when.hour >= 12 else "AM",
    "G": lambda _when, _count: "AD",
    "S": lambda when, count: f"{when.microsecond // 1000:03d}".ljust(count, "0")[:count],
}


def _zone(letter: str, count: int, when: dt.datetime, zone: str | None) -> str:
    if letter == "Z":
        offset = when.strftime("%z")
        return {1: offset, 2: f"{offset[:3]}:{offset[3:]}"}.get(count, zone or "UTC")
    short = when.tzname() or ""
    if short == "UTC":
        return "Coordinated Universal Time" if count >= _FULL else "UTC"
    if count >= _FULL and zone in _PACIFIC:
        return {"PST": "Pacific Standard Time", "PDT": "Pacific Daylight Time"}[short]
    if count >= _FULL or not short.isalpha():
        raise not_imitated(f"Date.format: the name of the time zone '{zone}' by '{letter * count}'")
    return short
