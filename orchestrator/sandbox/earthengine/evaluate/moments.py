"""Moments in time as text, numbers and milliseconds since 1970 UTC."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from functools import lru_cache
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.limits import whole
from orchestrator.sandbox.earthengine.evaluate.values import Date

# ISO 8601 as the service reads it: zeros in front may be missing, and so may all that is smaller than a year.
_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<ordinal>\d{3})|-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?)?"
    r"(?:T(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?", re.ASCII)
# The page of `Date.format` gives `Etc/GMT+8` another hour than the database of time zones does; it agrees to the east.
_UNSURE = re.compile(r"Etc/GMT\+0*[1-9][0-9]*")
_ZULU = frozenset({"UTC", "GMT", "Z", "Zulu", "Etc/UTC", "Etc/GMT"})


@lru_cache(maxsize=64)
def time_zone(name: str | None) -> dt.tzinfo:
    """
    Give a time zone by its name in the database of time zones, or by an offset such as `+02:00`; null is UTC.

    Raises:
        EvaluationError: If there is none of that name.
    """
    if name is None or name in _ZULU:
        return dt.UTC
    if _UNSURE.fullmatch(name):
        raise not_imitated(f"Date: the time zone '{name}', for which the reference and the database differ,")
    offset = _OFFSET.fullmatch(name)
    try:
        if offset is not None:
            return _fixed(offset)
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise EvaluationError(f"Date: The time zone '{name}' is not recognised.") from None


def _fixed(offset: re.Match[str]) -> dt.tzinfo:
    ahead = dt.timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    return dt.timezone(ahead if offset[1] == "+" else -ahead)


def moment(value: Any, zone: str | None = None) -> Date:
    """
    Make a date from a date, milliseconds or ISO 8601 text, which is in `zone` if it names no offset itself.

    Raises:
        EvaluationError: If text is not a date, or the zone is none.
    """
    if isinstance(value, Date):
        return value
    if isinstance(value, (int, float)):
        return Date(whole("Date", value))
    return Date(milliseconds(_parsed(str(value), time_zone(zone))))


def milliseconds(when: dt.datetime) -> int:
    """
    Count milliseconds since 1970; a naive time is UTC.

    Raises:
        EvaluationError: If the clocks of the time zone were put forward over that time.
    """
    aware = when if when.tzinfo else when.replace(tzinfo=dt.UTC)
    if not isinstance(aware.tzinfo, dt.timezone):
        _refuse_skipped(aware)
    return (aware - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)


def _refuse_skipped(when: dt.datetime) -> None:
    try:
        shown = when.astimezone(dt.UTC).astimezone(when.tzinfo)
    except OverflowError:
        raise not_imitated(f"The date {when.isoformat()} outside the years 1 to 9999") from None
    if shown.replace(tzinfo=None) != when.replace(tzinfo=None):
        raise EvaluationError(f"Date: The time '{when:%Y-%m-%dT%H:%M:%S}' does not exist in the zone '{when.tzinfo}'.")


def as_datetime(date: Date, zone: str | None = None) -> dt.datetime:
    """Give the moment in a time zone, UTC by default."""
    try:
        utc = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=date.ms)
        return utc.astimezone(time_zone(zone))
    except OverflowError:
        raise not_imitated(f"A date {date.ms} milliseconds from 1970, which is outside the years 1 to 9999,") from None


def _parsed(text: str, zone: dt.tzinfo) -> dt.datetime:
    found = _ISO.fullmatch(text)
    try:
        return _built(found, zone) if found is not None else _refused(text)
    except ValueError:
        return _refused(text)


def _refused(text: str) -> dt.datetime:
    raise EvaluationError(f"Date: Bad date/time '{text}'.") from None


def _built(found: re.Match[str], zone: dt.tzinfo) -> dt.datetime:
    year, month, day, hour, minute, second = (
        int(found[name] or smallest)
        for name, smallest in (("year", 0), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))
    )
    micro = int((found["fraction"] or "0").ljust(6, "0")[:6])
    if found["offset"] is not None:
        offset = _OFFSET.fullmatch(found["offset"])
        zone = dt.UTC if offset is None else _fixed(offset)
    when = dt.datetime(year, month, day, hour, minute, second, micro, tzinfo=zone)
    if found["ordinal"] is None:
        return when
    ordinal = when + dt.timedelta(days=int(found["ordinal"]) - 1)
    if ordinal.year != year:
        raise ValueError
    return ordinal
