"""Time as an argument: what waits or dates things is given a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Clock(Protocol):
    """The two times there are."""

    def now(self) -> datetime:
        """Return the time of day in UTC: for people, never for deadlines."""

    def monotonic(self) -> float:
        """Return seconds that only grow: for deadlines, never for people."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def quota_returns(now: datetime) -> datetime:
    """
    Return when a quota for a day is counted anew after `now`, in UTC: at the next midnight Pacific time.

    Cloud Quotas: "Daily quotas reset at midnight Pacific time". Five minutes are added for clocks that differ.
    """
    there = now.astimezone(_pacific())
    midnight = (there + timedelta(days=1)).replace(hour=0, minute=5, second=0, microsecond=0)
    return midnight.astimezone(UTC)


def quota_month(now: datetime) -> str:
    """
    Return the month that compute time at `now` is counted in, such as `2026-11`: by Pacific time, as days are.

    That a month's allowance is counted anew is published, its time zone is not; inferred from that of days.
    """
    return now.astimezone(_pacific()).strftime("%Y-%m")


def month_returns(now: datetime) -> datetime:
    """Return when an allowance for a month is counted anew after `now`, in UTC; likewise, with the same minutes."""
    there = now.astimezone(_pacific())
    later = (there.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=5, second=0, microsecond=0)
    return later.astimezone(UTC)


def _pacific() -> tzinfo:
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:  # a machine without the database of zones: winter time, at worst an hour late
        return timezone(timedelta(hours=-8))
