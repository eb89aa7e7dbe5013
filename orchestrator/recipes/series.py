"""Dates of series: a window cut into steps that name bands, and the one year of yearly maps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from orchestrator.core.errors import RecipeError
from orchestrator.recipes.contract import ImageRequest

MOST_STEPS = 400  # a band each: more than a year of days is another file
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")


@dataclass(frozen=True, slots=True)
class Period:
    """
    One step of a series, or a year.

    Attributes:
        name: `2024` for a year, `2024_05` for a month, `2024_05_01` for the first day of some days.
        start: First day.
        end: The day after the last.
    """

    name: str
    start: date
    end: date


def steps(request: ImageRequest, step: str, recipe: str) -> tuple[Period, ...]:
    """
    Cut the days of a request into calendar `month`s or `year`s, or into as many days as `16d` says, from its first day.

    The first and the last end with the request.

    Raises:
        RecipeError: The step is none of these, or there are too many.
    """
    found: list[Period] = []
    start = request.start
    while start < request.end:
        end = min(_next(start, step, recipe), request.end)
        found.append(Period(_name(start, step), start, end))
        if len(found) > MOST_STEPS:
            raise RecipeError(
                f"recipe {recipe} would make more than {MOST_STEPS} bands of {request.start} to {request.end} in steps "
                f"of {step!r}; choose a longer step or fewer days"
            )
        start = end
    return tuple(found)


def chosen(request: ImageRequest, found: tuple[Period, ...], prefix: str, recipe: str) -> tuple[Period, ...]:
    """
    Return the steps whose bands are asked for, in their order; all without a word.

    Raises:
        RecipeError: A band is of none of them.
    """
    named = {f"{prefix}_{step.name}": step for step in found}
    if unknown := [band for band in request.bands if band not in named]:
        first, last = next(iter(named)), next(reversed(named))
        raise RecipeError(f"recipe {recipe} has no band {unknown[0]!r} in these dates; they go from {first} to {last}")
    return tuple(named[band] for band in request.bands) or found


def year_of(request: ImageRequest, recipe: str) -> Period:
    """
    Return the one calendar year that holds the days of a request.

    Raises:
        RecipeError: They lie in several, or there are none.
    """
    if request.start == date.min:
        raise RecipeError(f"recipe {recipe} is of one year: give --start-date and --end-date within it")
    first, last = request.start.year, (request.end - timedelta(days=1)).year
    if first != last:
        raise RecipeError(
            f"recipe {recipe} is of one year, and {request.start} to {request.end} lie in {last - first + 1}: choose "
            f"one, for example {last}-01-01 to {last + 1}-01-01"
        )
    return Period(str(first), date(first, 1, 1), date(first + 1, 1, 1))


def _next(start: date, step: str, recipe: str) -> date:
    if step == "month":
        return date(start.year + start.month // 12, start.month % 12 + 1, 1)
    if step == "year":
        return date(start.year + 1, 1, 1)
    if match := _DAYS.fullmatch(step):
        return start + timedelta(days=int(match[1]))
    raise RecipeError(f"parameter 'step' of recipe {recipe} is {step!r}; choose month, year or days such as 16d")


def _name(start: date, step: str) -> str:
    return start.strftime({"month": "%Y_%m", "year": "%Y"}.get(step, "%Y_%m_%d"))
