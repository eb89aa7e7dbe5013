"""
What is modelled of machines: things that are busy for a time, one after the other, and lines that are shared.

Each keeps how busy it was, which is what a bottleneck is told by.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.app.simulation.virtual_time import VirtualClock

_TINY_SECONDS = 1e-9
_TINY_BYTES = 1e-3


@dataclass(frozen=True, slots=True)
class Change:
    """How many places were taken from `at` seconds on."""

    at: float
    taken: float


class Occupation:
    """How much of something was taken, when; the integral of it is kept, and every change for a drawing."""

    def __init__(self, name: str, places: float, clock: VirtualClock) -> None:
        self.name, self.places = name, places
        self.changes: list[Change] = []
        self._clock = clock
        self._taken = 0.0
        self._since = 0.0
        self._busy = 0.0

    def take(self, amount: float) -> None:
        """Take so much more from now on; less where it is negative."""
        now = self._clock.monotonic()
        self._busy += self._taken * (now - self._since)
        self._taken, self._since = self._taken + amount, now
        if self.changes and self.changes[-1].at == now:
            self.changes[-1] = Change(now, self._taken)
        else:
            self.changes.append(Change(now, self._taken))

    @property
    def taken(self) -> float:
        return self._taken

    @property
    def busy_seconds(self) -> float:
        """Place-seconds so far."""
        return self._busy + self._taken * (self._clock.monotonic() - self._since)


class Station:
    """So many places; who comes when all are taken waits for its turn, first come first served."""

    def __init__(self, name: str, places: int, clock: VirtualClock, *, spacing_seconds: float = 0.0) -> None:
        """Take its name, places, and how far apart two beginnings are at the least."""
        self.occupation = Occupation(name, places, clock)
        self._places, self._clock, self._spacing = places, clock, spacing_seconds
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._next_start = 0.0

    def serve(self, seconds: float, then: Callable[[], None]) -> None:
        """Hold a place for so long, once there is one; then do something."""
        self._waiting.append((seconds, then))
        self._begin()

    def _begin(self) -> None:
        while self._waiting and self.occupation.taken < self._places:
            seconds, then = self._waiting.popleft()
            now = self._clock.monotonic()
            start = max(now, self._next_start)
            self._next_start = start + self._spacing
            self.occupation.take(1)
            self._clock.after(start - now + seconds, lambda then=then: self._end(then))  # type: ignore[misc]

    def _end(self, then: Callable[[], None]) -> None:
        self.occupation.take(-1)
        then()
        self._begin()


@dataclass(slots=True)
class _Sending:
    left: float
    then: Callable[[], None]


class SharedLine:
    """A line of so many bytes a second, which all that is sent at a time shares evenly."""

    def __init__(self, name: str, bytes_per_second: float, clock: VirtualClock) -> None:
        self.occupation = Occupation(name, 1, clock)
        self.bytes = 0.0
        self._speed, self._clock = bytes_per_second, clock
        self._sending: list[_Sending] = []
        self._counted_at = 0.0
        self._round = 0

    def send(self, count: float, then: Callable[[], None]) -> None:
        """Send so many bytes; then do something."""
        self._count()
        if not self._sending:
            self.occupation.take(1)
        self.bytes += count
        self._sending.append(_Sending(count, then))
        self._plan_next()

    def _count(self) -> None:
        """Take off what was sent since this was done last."""
        now = self._clock.monotonic()
        if self._sending:
            each = (now - self._counted_at) * self._speed / len(self._sending)
            for one in self._sending:
                one.left -= each
        self._counted_at = now

    def _plan_next(self) -> None:
        self._round += 1
        if self._sending:
            least = min(one.left for one in self._sending)
            seconds = max(_TINY_SECONDS, least * len(self._sending) / self._speed)
            self._clock.after(seconds, lambda number=self._round: self._look(number))  # type: ignore[misc]

    def _look(self, number: int) -> None:
        if number != self._round:  # something was begun or ended meanwhile, which planned another look
            return
        self._count()
        nothing = max(_TINY_BYTES, self._speed * _TINY_SECONDS)
        done = [one for one in self._sending if one.left <= nothing]
        self._sending = [one for one in self._sending if one.left > nothing]
        if done and not self._sending:
            self.occupation.take(-1)
        self._plan_next()
        for one in done:
            one.then()


@dataclass(slots=True)
class Machine:
    """
    One machine.

    Attributes:
        line: That its bytes come by.
        placing: The processor that places them.
        pieces: Pieces that it has taken on and that are not placed.
    """

    line: SharedLine
    placing: Station
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Machines:
    """Those that share a run; each piece goes to the one that has fewest to do."""

    each: Sequence[Machine]

    def take(self) -> Machine:
        """Return the machine that takes one more piece on, which is counted."""
        machine = min(self.each, key=lambda one: one.pieces)
        machine.pieces += 1
        return machine
