"""Filters by fields of the calendar, in UTC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.filter import Comparison, Operand, narrowed
from orchestrator.sandbox.earthengine.evaluate.moments import as_datetime, moment
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import DateRange, SceneQuery

_TIME = Operand("system:time_start", None)
_CALENDAR: dict[str, Callable[[dt.datetime], int]] = {
    "year": lambda when: when.year,
    "month": lambda when: when.month,
    "day_of_month": lambda when: when.day,
    "day_of_year": lambda when: when.timetuple().tm_yday,
    "day_of_week": lambda when: when.isoweekday(),
    "hour": lambda when: when.hour,
    "minute": lambda when: when.minute,
}


@dataclass(frozen=True, slots=True)
class Years(Comparison):
    """A moment lies in whole years."""

    first: int
    last: int

    def narrow(self, query: SceneQuery) -> SceneQuery | None:
        """Ask the catalogue for the years, so that scripts need not wait for decades to be enumerated."""
        if not dt.MINYEAR <= self.first <= self.last < dt.MAXYEAR:
            return None
        return narrowed(query, DateRange(_new_year(self.first), _new_year(self.last + 1)))


def _new_year(year: int) -> int:
    return int(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp() * 1000)


@function("Filter.calendarRange")
def calendar_range(start: int, end: int | None, field: str) -> Comparison:
    """A field of the calendar lies in a range, ends included; a range that runs backwards goes over the new year."""
    if field not in _CALENDAR:
        raise EvaluationError(f"Filter.calendarRange: Invalid field: '{field}'.")
    last = start if end is None else end

    def inside(when: Any, _: Any) -> bool:
        found = _CALENDAR[field](as_datetime(moment(when)))
        return start <= found <= last if start <= last else found >= start or found <= last

    whole = Operand(None, True)
    return Years(_TIME, whole, inside, start, last) if field == "year" else Comparison(_TIME, whole, inside)


@function("Filter.dayOfYear")
def day_of_year(start: int, end: int) -> Comparison:
    """Days of the year from `start` to `end`, both included."""
    if end < start:
        raise not_imitated("Filter.dayOfYear: a range that runs over the new year")
    return calendar_range(start, end, "day_of_year")
