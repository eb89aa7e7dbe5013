"""Moments in time as text, numbers and milliseconds since 1970 UTC."""

from __future__ import annotations

import datetime as dt
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.values import Date


def moment(value: Any) -> Date:
    """
    Make a date from a date, milliseconds or ISO 8601 text.

    Raises:
        EvaluationError: If text is not a date.
    """
    if isinstance(value, Date):
        return value
    if isinstance(value, (int, float)):
        return Date(int(value))
    return Date(milliseconds(_parsed(str(value))))


def milliseconds(when: dt.datetime) -> int:
    """Count milliseconds since 1970; a naive time is UTC."""
    aware = when if when.tzinfo else when.replace(tzinfo=dt.UTC)
    return round(aware.timestamp() * 1000)


def as_datetime(date: Date) -> dt.datetime:
    """Give the moment in UTC."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=date.ms)


def _parsed(text: str) -> dt.datetime:
    for form in ("%Y", "%Y-%m"):  # ISO 8601 allows them, the standard library's reader does not
        try:
            return dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC)
        except ValueError:
            continue
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise EvaluationError(f"Date: Bad date/time '{text}'.") from None
