"""The days of seasons, months and years; ends are the day after the last, so that no day is lost."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

from orchestrator.recipes.series import Period

SEASONS = ("winter", "spring", "summer", "fall")


def calendar_year(year: int) -> Period:
    """Return a calendar year."""
    return Period(str(year), date(year, 1, 1), date(year + 1, 1, 1))


def seasons(year: int) -> tuple[Period, ...]:
    """Return four seasons of three months; the winter begins in December of the year before."""
    starts = (date(year - 1, 12, 1), date(year, 3, 1), date(year, 6, 1), date(year, 9, 1), date(year, 12, 1))
    return tuple(Period(name, *days) for name, *days in zip(SEASONS, starts, starts[1:], strict=False))


def months(year: int) -> tuple[Period, ...]:
    """Return twelve months, named `01` to `12`."""
    starts = [date(year, month, 1) for month in range(1, 13)] + [date(year + 1, 1, 1)]
    return tuple(Period(f"{day:%m}", day, after) for day, after in itertools.pairwise(starts))


def days(year: int, month: int) -> tuple[Period, ...]:
    """Return the days of a month, named as ISO dates."""
    whole = months(year)[month - 1]
    each = [whole.start + timedelta(days=number) for number in range((whole.end - whole.start).days)]
    return tuple(Period(day.isoformat(), day, day + timedelta(days=1)) for day in each)


def whole(periods: tuple[Period, ...]) -> Period:
    """Return one period from the first day of the first to the last of the last."""
    return Period(f"{periods[0].name} to {periods[-1].name}", periods[0].start, periods[-1].end)
