"""When schedules are due, found by watching a clock on the wall for years, minute by minute; none of our code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

DAYS = frozenset(range(1, 32))
MONTHS = frozenset(range(1, 13))
WEEK = frozenset(range(7))

# What each expression means, written by hand from crontab(5): minutes, hours, days, months, weekdays (0 is Sunday),
# whether days add up, and whether it is of the kind that clock changes neither lose nor double.
MEANINGS = {
    "30 1 * * *": ({30}, {1}, DAYS, MONTHS, WEEK, False, True),
    "0,30 0-3 * * 1": ({0, 30}, {0, 1, 2, 3}, DAYS, MONTHS, {1}, False, True),
    "15 2 1,15 * 5": ({15}, {2}, {1, 15}, MONTHS, {5}, True, True),
    "*/20 0-5 * * *": ({0, 20, 40}, set(range(6)), DAYS, MONTHS, WEEK, False, False),
    "45 */2 * 3,10,11 *": ({45}, set(range(0, 24, 2)), DAYS, {3, 10, 11}, WEEK, False, False),
    "*/30 1-2 * * sat,sun": ({0, 30}, {1, 2}, DAYS, MONTHS, {6, 0}, False, False),
    "5 4 29 2 *": ({5}, {4}, {29}, {2}, WEEK, False, True),
    "@weekly": ({0}, {0}, DAYS, MONTHS, {0}, False, True),
}
ZONES = (
    "UTC",
    "America/New_York",
    "America/Havana",  # clocks change at midnight
    "Europe/Ljubljana",
    "Africa/Casablanca",  # changes around Ramadan
    "Antarctica/Troll",  # by two hours
    "Asia/Kathmandu",  # 5:45 from UTC
    "Australia/Lord_Howe",  # by half an hour
)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
START = int(FIRST.timestamp()) // 60


def walls_of(zone: str, minutes: int) -> np.ndarray:
    """Return what a clock on the wall shows at each of so many minutes from FIRST on, as minutes since 1970."""
    place, quarters = ZoneInfo(zone), minutes // 15
    offsets = [(FIRST + timedelta(minutes=15 * n)).astimezone(place).utcoffset() for n in range(quarters)]
    shown = np.repeat(np.array([int(offset.total_seconds()) // 60 for offset in offsets]), 15)
    return START + np.arange(len(shown)) + shown


def means(expression: str, walls: np.ndarray) -> np.ndarray:
    """Tell of each wall time whether the expression names it."""
    minutes, hours, days, months, weekdays, either, _ = MEANINGS[expression]
    stamps = walls.astype("datetime64[m]")
    dates = stamps.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    of_month = np.isin((dates - month).astype(int) + 1, list(days))
    of_week = np.isin((dates.astype(int) + 4) % 7, list(weekdays))  # 1 January 1970 was a Thursday
    day = (of_month | of_week) if either else (of_month & of_week)
    time = np.isin(walls % 60, list(minutes)) & np.isin(walls // 60 % 24, list(hours))
    return day & time & np.isin(month.astype(int) % 12 + 1, list(months))


def evaluated(expression: str, walls: np.ndarray) -> list[tuple[int, int]]:
    """Return (minute since FIRST, wall) of every time that is due, by going through every minute that passes."""
    found = [(int(n), int(walls[n])) for n in np.flatnonzero(means(expression, walls))]
    if not MEANINGS[expression][6]:
        return found
    seen: set[int] = set()
    once = [(n, wall) for n, wall in found if not (wall in seen or seen.add(wall))]
    jumps = np.flatnonzero(np.diff(walls) > 1) + 1
    lost = [(int(n), wall) for n in jumps for wall in range(walls[n - 1] + 1, walls[n])]
    named = means(expression, np.array([wall for _, wall in lost] or [0]))
    return sorted([*once, *(pair for pair, is_named in zip(lost, named, strict=False) if is_named)])


def named(expression: str, walls: np.ndarray) -> list[tuple[datetime, str]]:
    """Return when each date is due, UTC, and its name: the wall with its offset, that before a jump where it jumps."""
    found = []
    for minute, wall in evaluated(expression, walls):
        there = minute if walls[minute] == wall else minute - 1
        offset = int(walls[there]) - START - there
        sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
        name = f"{np.datetime64(wall, 'm')}{sign}{hours:02d}:{minutes:02d}"
        found.append((FIRST + timedelta(minutes=minute), name))
    return found
