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


def _pacific() -> tzinfo:
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:  # a machine without the database of zones: winter time, at worst an hour late
        return timezone(timedelta(hours=-8))
