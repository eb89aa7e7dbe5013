"""Dates read by a pattern of Joda-Time, whose letters the service's reference names."""

from __future__ import annotations

import datetime as dt
import re

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.joda import MONTHS, PIECES

# The most digits that each number takes; fewer do, too. A year takes as many as it has letters where digits follow.
_DIGITS = {"M": 2, "d": 2, "H": 2, "h": 2, "m": 2, "s": 2, "S": 3, "D": 3, "y": 9, "Y": 9}
_FIELDS = {"M": "month", "d": "day", "H": "hour", "m": "minute", "s": "second", "y": "year", "Y": "year"}
_TWO_DIGITS, _NAMED = 2, 3
# Two digits are a year from 80 before to 19 after the present one; near its ends that depends on the clock.
_SURELY_PAST, _SURELY_RECENT = 50, 40


def read(pattern: str, text: str, zone: dt.tzinfo) -> dt.datetime:
    """
    Read a moment in a time zone.

    Raises:
        EvaluationError: If the text is not of the pattern, or has letters whose reading is not documented.
    """
    letters = [found.group(0) for found in PIECES.finditer(pattern)]
    expression = "".join(_piece(piece, _next(letters, at)) for at, piece in enumerate(letters))
    found = re.fullmatch(expression, text, re.IGNORECASE | re.ASCII)
    if found is None:
        raise EvaluationError(f"Date.parse: '{text}' is not of the format '{pattern}'.")
    given = {name: value for name, value in found.groupdict().items() if value is not None}
    if "year" not in given and "short" not in given:
        raise not_imitated(f"Date.parse: the format '{pattern}' without a year")
    try:
        return _built(given, zone)
    except ValueError:
        raise EvaluationError(f"Date.parse: '{text}' is no date.") from None


def _next(letters: list[str], at: int) -> str:
    return letters[at + 1] if at + 1 < len(letters) else ""


def _piece(letters: str, following: str) -> str:
    if letters == "'":
        raise EvaluationError("Date.parse: a quote in the pattern is not closed.")
    if letters == "''":
        return "'"
    if letters.startswith("'"):
        return re.escape(letters[1:-1].replace("''", "'"))
    letter, count = letters[0], len(letters)
    if not letter.isalpha():
        return re.escape(letters)
    if letter == "M" and count >= _NAMED:
        return f"(?P<named>{'|'.join([*MONTHS, *(month[:3] for month in MONTHS)])})"
    if letter == "a":
        return "(?P<half>AM|PM)"
    if letter not in _DIGITS:
        raise not_imitated(f"Date.parse: '{letters}' in a format")
    return _number(letter, count, following)


def _number(letter: str, count: int, following: str) -> str:
    if letter in "yY":
        if count == _TWO_DIGITS:
            return r"(?:(?P<short>\d{2})(?!\d)|(?P<year>\d{4}))"
        most = count if following[:1] in _DIGITS else _DIGITS[letter]
        return rf"(?P<year>\d{{1,{most}}}+)"
    if letter == "S":
        return rf"(?P<fraction>\d{{1,{count}}}+)"
    name = {"h": "half_hour", "D": "ordinal"}.get(letter) or _FIELDS[letter]
    return rf"(?P<{name}>\d{{1,{_DIGITS[letter]}}}+)"


def _built(given: dict[str, str], zone: dt.tzinfo) -> dt.datetime:
    month = int(given.get("month", 1))
    if "named" in given:
        month = [name[:3].lower() for name in MONTHS].index(given["named"][:3].lower()) + 1
    moment = dt.datetime(
        _year(given),
        month,
        int(given.get("day", 1)),
        _hour(given),
        int(given.get("minute", 0)),
        int(given.get("second", 0)),
        int(given.get("fraction", "0").ljust(6, "0")[:6]),
        tzinfo=zone,
    )
    if "ordinal" not in given:
        return moment
    later = moment + dt.timedelta(days=int(given["ordinal"]) - 1)
    if later.year != moment.year:
        raise ValueError
    return later


def _year(given: dict[str, str]) -> int:
    if "short" not in given:
        return int(given["year"])
    year = int(given["short"])
    if _SURELY_RECENT < year < _SURELY_PAST:
        raise not_imitated(f"Date.parse: the century of the year '{given['short']}'")
    return year + (2000 if year <= _SURELY_RECENT else 1900)


def _hour(given: dict[str, str]) -> int:
    if "half_hour" not in given:
        return int(given.get("hour", 0))
    if "half" not in given or not 1 <= int(given["half_hour"]) <= 12:
        raise ValueError
    return int(given["half_hour"]) % 12 + (12 if given["half"].upper() == "PM" else 0)
