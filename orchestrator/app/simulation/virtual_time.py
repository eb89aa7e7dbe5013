"""Time that passes only from one event to the next."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

# Within one quota month and far from its ends, so that no simulation depends on the day that it is made on.
_BEGIN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class VirtualClock:
    """
    See `core.clock.Clock`; and an agenda of what happens when. Used by one thread.

    Events of one time happen in the order in which they were entered, so that a simulation is the same each time.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def now(self) -> datetime:
        return _BEGIN + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something so many seconds from now, at the earliest now."""
        heapq.heappush(self._agenda, (self._seconds + max(0.0, seconds), next(self._order), act))

    @property
    def next_at(self) -> float:
        """When the next event happens, seconds from the beginning; infinite where there is none."""
        return self._agenda[0][0] if self._agenda else float("inf")

    def advance(self, until: float, ends: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until then, with all that happens meanwhile; or until `ends` says so after an event."""
        while self.next_at <= until:
            at, _order, act = heapq.heappop(self._agenda)
            self._seconds = max(self._seconds, at)
            act()
            if ends():
                return
        self._seconds = max(self._seconds, until)


class VirtualStop:
    """See `model.ports.Stop`: nobody asks for an end, and whoever waits lets time pass."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.advance(self._clock.monotonic() + (timeout or 0.0))
        return False
