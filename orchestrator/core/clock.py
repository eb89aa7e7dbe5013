"""Time as an argument: what waits or dates things is given a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


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
