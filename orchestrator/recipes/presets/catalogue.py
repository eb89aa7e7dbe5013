"""Which datasets there are by name, and how a name is read. A new family is one file here and one line below."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from orchestrator.core.errors import RecipeError
from orchestrator.core.nearest import near_ones
from orchestrator.recipes.presets import hazards, landcover, people, sentinel1, sentinel2, soil, terrain, vegetation
from orchestrator.recipes.presets.preset import Alias, Filled, Preset

ALIASES: tuple[Alias, ...] = tuple(
    alias
    for family in (sentinel2, sentinel1, landcover, terrain, vegetation, hazards, people, soil)
    for alias in family.ALIASES
)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A name without hyphens, in small letters; `rest` is what follows the first hyphen."""

    whole: str
    head: str
    rest: str


def find(name: str) -> Preset:
    """
    Return the dataset called `name`, without asking anybody.

    The whole name counts without its hyphens; else what stands before the first, where such names have no year: what
    follows is then a label of the user's.

    Raises:
        RecipeError: There is none of that name, or not of that year.
    """
    read = _read(name)
    for alias in ALIASES:
        if match := re.fullmatch(_pattern(alias), read.whole):
            return _made(name, alias, match)
    for alias in ALIASES:
        if read.head == alias.key and alias.years is None and not read.rest.isdigit():
            return alias.make(name, alias, Filled())
    raise RecipeError(_unknown(name, read))


def is_known(name: str) -> bool:
    """Tell whether `name` is meant for a dataset of here, rightly or not: its fixed part is that of one."""
    read = _read(name)
    return any(read.head == alias.key or re.fullmatch(_pattern(alias), read.whole) for alias in ALIASES)


def _read(name: str) -> _Reading:
    lowered = name.lower()
    head, _, rest = lowered.partition("-")
    return _Reading(lowered.replace("-", ""), head, rest.replace("-", ""))


def _pattern(alias: Alias) -> str:
    year = r"(?P<year>\d{4})" if "YYYY" in alias.form else ""
    month = r"(?P<month>\d{2})" if alias.monthly else ""
    word = f"(?P<word>{'|'.join(alias.words)})" if alias.words else ""
    return f"{alias.key}{year}{month}{word}"


def _made(name: str, alias: Alias, match: re.Match[str]) -> Preset:
    found = match.groupdict()
    year, month = int(found.get("year") or alias.usual), int(found.get("month") or 0)
    _check_year(name, alias, year)
    if alias.monthly and not 1 <= month <= 12:
        raise RecipeError(f"dataset {name!r} is of the month {month:02d}; months go from 01 to 12")
    today = date.today()  # noqa: DTZ011  a day more or less is no matter
    if alias.years and alias.years[1] is None and (year, month) > (today.year, today.month if month else 0):
        raise RecipeError(f"dataset {name!r} begins after today, {today}: no scene has been taken yet")
    return alias.make(name, alias, Filled(year, month, found.get("word") or ""))


def _check_year(name: str, alias: Alias, year: int) -> None:
    if alias.years is None:
        return
    first, last = alias.years
    if year < first or (last is not None and year > last) or (year - first) % alias.step:
        raise RecipeError(f"dataset {name!r} is of the year {year}; {alias.form} may be of {told_years(alias)}")


def told_years(alias: Alias) -> str:
    """Return the years of a form in words; nothing where its names have none."""
    if alias.years is None:
        return ""
    first, last = alias.years
    if first == last:
        return str(first)
    every = f" every {alias.step} years" if alias.step > 1 else ""
    return f"{first} to {last or 'today'}{every}"


def _told(alias: Alias) -> str:
    return f"{alias.form} (YYYY {told_years(alias)})" if alias.years else f"{alias.form}, which has no year"


def _unknown(name: str, read: _Reading) -> str:
    year = re.search(r"(19|20)\d{2}", name)
    near = near_ones(name, [alias.example(int(year[0]) if year else 0) for alias in ALIASES])
    same = [one for one in ALIASES if one.key == read.head and (one.years is None or "YYYY" in one.form)]
    if same:
        told = f"such names are {' or '.join(map(_told, same))}" + (f"; {near}" if near else "")
    else:
        told = near or "`orchestrator dataset list` tells which there are"
    return f"dataset {name!r} is unknown; {told}; a dataset of your own is a Python file: FILE.py"
