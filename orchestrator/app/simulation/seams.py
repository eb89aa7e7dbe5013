"""Where the engine meets virtual time: what it takes for threads, for placing, for a pause, for the list."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from orchestrator.app.simulation.virtual_time import VirtualClock
from orchestrator.core.errors import PermanentError
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.placing import Placing
from orchestrator.model.unit import Cell

# A simulation that looks so often goes round in a circle.
_MOST_LOOKS = 1_000_000
_TINY_SECONDS = 1e-6


class VirtualPool(Executor):
    """
    A pool of so many places in which work takes virtual time.

    What was submitted is called when that time is over, and its place is free then. `begin` is told what it was
    submitted with and what to call when the time has passed; the engine's own code is what is called.
    """

    def __init__(self, places: int, begin: Callable[[tuple[Any, ...], Callable[[], None]], None]) -> None:
        self._free, self._begin = places, begin
        self._waiting: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_kwargs: Any) -> Future[Any]:
        self._waiting.append((fn, args))
        self._next()
        return Future()

    def _next(self) -> None:
        while self._free and self._waiting:
            fn, args = self._waiting.popleft()
            self._free -= 1
            self._begin(args, lambda fn=fn, args=args: self._end(fn, args))  # type: ignore[misc]

    def _end(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        fn(*args)
        self._free += 1
        self._next()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        self._waiting.clear()


class AtOnce(Executor):
    """Does work where it is submitted: to commit takes no virtual time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        fn(*args, **kwargs)
        return Future()


class VirtualPlacing(Placing):
    """A piece is placed once its time has passed; there is no thread, and no sink."""

    def __init__(self, place: Callable[[Cell, Callable[[], None]], None]) -> None:
        self._place, self.placed = place, frozenset()

    def hand_over(
        self,
        cell: Cell,
        content: Path | bytes,  # noqa: ARG002  the port's signature
        on_durable: Callable[[], None],
        on_trouble: Callable[[Exception], None],
    ) -> threading.Event:
        done = threading.Event()

        def durable() -> None:
            try:
                on_durable()
            except Exception as error:  # noqa: BLE001  as there: whoever handed over decides
                on_trouble(error)
            done.set()

        self._place(cell, durable)
        return done

    def place(self, cell: Cell, content: Path | bytes) -> None:
        """What a unit brings is placed in the time of its step."""


class SteppedWatch(OperationsWatch):
    """The list of operations, whose looks that would show nothing new are passed over: their times stay the same."""

    def skip(self, until: float) -> None:
        """Pass over the looks before `until`, seconds by the steady clock."""
        while self._serial and self._asked + self._interval < until:
            self._asked += self._interval
            self._interval = self._low if self._hasty else min(self._high, self._interval * 1.5)
            self._hasty = False


class VirtualWake(threading.Event):
    """
    What a run's own thread waits for; while it waits, time passes.

    Looks at which nothing could be new are passed over, so that a run of days takes seconds.
    """

    def __init__(self, clock: VirtualClock, watch: SteppedWatch, news: Callable[[], bool], look_seconds: float) -> None:
        """Take what tells that the service has news which no list has told, and how often parts are looked at."""
        super().__init__()
        self._clock, self._watch, self._news, self._look = clock, watch, news, look_seconds
        self._moved = False
        self._looks = 0
        self._looked_at = 0.0

    def moved(self) -> None:
        """A piece has moved on: what waits for room may go on."""
        self._moved = True

    def wait(self, timeout: float | None = None) -> bool:
        """Let `timeout` seconds pass, or until `set`; and as long as nothing is new."""
        if self.is_set():
            return True
        self._looks += 1
        if self._looks > _MOST_LOOKS:
            raise PermanentError(f"the simulation looked {_MOST_LOOKS:,} times and did not end: a fault of ours")
        self._clock.advance(self._clock.monotonic() + (timeout or 0.0), self.is_set)
        while not self.is_set() and not self._is_worth_a_look() and self._next() < float("inf"):
            at = self._next()
            self._watch.skip(at)
            self._clock.advance(at, self.is_set)
        self._looked_at, self._moved = self._clock.monotonic(), False
        return self.is_set()

    def _is_worth_a_look(self) -> bool:
        told = self._news() and self._watch.due_in() <= _TINY_SECONDS
        # Compared as it is planned below: a difference of sums may be smaller than what was added.
        return told or (self._moved and self._clock.monotonic() >= self._looked_at + self._look)

    def _next(self) -> float:
        """When something may be new: an event, a list that tells of one, or a look at parts that moved."""
        now = self._clock.monotonic()
        moments = [self._clock.next_at]
        if self._news():
            moments.append(now + self._watch.due_in())
        if self._moved:
            moments.append(self._looked_at + self._look)
        return max(now, min(moments))
