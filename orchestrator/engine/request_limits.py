"""What all runs of a process share of a project's direct requests: how many at once, how many a second, and pauses."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from orchestrator.core.clock import Clock
from orchestrator.core.errors import Stopped, ThrottleError
from orchestrator.model.direct import DirectLimits, DirectRoute, PixelPiece, PixelRequest
from orchestrator.model.ports import Stop
from orchestrator.model.table import ReduceRequest, SampleRequest, TableLimits, TableReply, TableRoute

# How often whoever waits for a turn looks whether the process is asked to stop.
_LOOK_SECONDS = 0.1
# Starts are spread a little wider than evenly: the service counts when they arrive, and the way there is uneven.
_SPREAD = 1.1
# Own pauses; a longer one was asked for, and no thread waits for its end.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0


@dataclass(slots=True)
class _Standing:
    """What is under way and allowed now. `allowed` grows by one for as many successes as it is."""

    allowed: float
    under_way: int = 0
    next_start: float = float("-inf")
    resume: float = float("-inf")
    why: str = ""  # what the service said when it asked for the pause
    throttled: int = 0  # times in a row


class RequestLimits:
    """
    One budget of requests for every run of the process. Safe to use from several threads.

    After an answer that asks for fewer requests half as many go at once and all pause, twice as long each time it
    comes again; successes make it more again, slowly.
    """

    def __init__(self, at_once: int, per_second: float, clock: Clock, chance: random.Random | None = None) -> None:
        self._at_once, self._per_second, self._clock = at_once, per_second, clock
        self._chance = chance or random.Random()  # noqa: S311  spreads waits, guards nothing
        self._standing = _Standing(float(at_once))
        self._changed = threading.Condition()

    @property
    def allowed(self) -> int:
        """How many requests may be under way now."""
        with self._changed:
            return int(self._standing.allowed)

    @contextmanager
    def turn(self, stop: Stop) -> Iterator[None]:
        """
        Wait until a request may begin, and hold its place until the block ends.

        Raises:
            Stopped: `stop` was set while waiting.
            ThrottleError: The service asked for a pause so long that nobody waits for its end here.
        """
        self._enter(stop)
        try:
            yield
        except ThrottleError as error:
            self._slow_down(error)
            raise
        else:
            self._speed_up()
        finally:
            with self._changed:
                self._standing.under_way -= 1
                self._changed.notify_all()

    def _enter(self, stop: Stop) -> None:
        with self._changed:
            while True:
                if stop.is_set():
                    raise Stopped("stopped while waiting for a turn; the same command continues this run")
                left = self._left()
                if left > LONGEST_PAUSE_SECONDS:
                    raise ThrottleError(f"a pause that was asked for is not over: {self._standing.why}", left)
                if left <= 0:
                    break
                self._changed.wait(min(left, _LOOK_SECONDS))
            self._standing.under_way += 1
            self._standing.next_start = self._clock.monotonic() + _SPREAD / self._per_second

    def _left(self) -> float:
        """Return how many seconds to wait before looking again; 0 is now."""
        standing = self._standing
        if standing.under_way >= max(1, int(standing.allowed)):
            return _LOOK_SECONDS
        return max(standing.next_start, standing.resume) - self._clock.monotonic()

    def _slow_down(self, error: ThrottleError) -> None:
        with self._changed:
            standing = self._standing
            now = self._clock.monotonic()
            if now < standing.resume:  # one of those that were under way at the first such answer
                return
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**standing.throttled)
            standing.resume = now + max(error.wait_seconds, self._chance.uniform(pause / 2, pause))
            standing.why = str(error)
            standing.allowed = max(1.0, standing.allowed / 2)
            standing.throttled += 1

    def _speed_up(self) -> None:
        with self._changed:
            standing = self._standing
            standing.allowed = min(float(self._at_once), standing.allowed + 1 / standing.allowed)
            standing.throttled = 0


class LimitedRoute:
    """A direct route whose requests wait for their turn."""

    def __init__(self, route: DirectRoute, requests: RequestLimits) -> None:
        self._route, self._requests = route, requests

    @property
    def name(self) -> str:
        return self._route.name

    @property
    def limits(self) -> DirectLimits:
        return self._route.limits

    def fetch(self, request: PixelRequest, stop: Stop) -> PixelPiece:
        """See `DirectRoute`; also Stopped while waiting, and ThrottleError in a long pause."""
        with self._requests.turn(stop):
            return self._route.fetch(request, stop)

    def close(self) -> None:
        """Give up idle connections."""
        self._route.close()


class LimitedTables:
    """A route of tables whose requests wait for their turn."""

    def __init__(self, route: TableRoute, requests: RequestLimits) -> None:
        self._route, self._requests = route, requests

    @property
    def limits(self) -> TableLimits:
        return self._route.limits

    def sample(self, request: SampleRequest, stop: Stop) -> TableReply:
        """See `TableRoute`; also Stopped while waiting, and ThrottleError in a long pause."""
        with self._requests.turn(stop):
            return self._route.sample(request, stop)

    def reduce(self, request: ReduceRequest, stop: Stop) -> TableReply:
        """See `sample`."""
        with self._requests.turn(stop):
            return self._route.reduce(request, stop)

    def close(self) -> None:
        """Give up idle connections."""
        self._route.close()
