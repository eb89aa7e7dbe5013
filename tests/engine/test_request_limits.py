"""Direct requests take turns: so many at once, so many a second, fewer after the service has asked for fewer."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from orchestrator.core.errors import Stopped, ThrottleError
from orchestrator.engine.request_limits import LimitedRoute, RequestLimits


class Clock:
    """Goes on by itself a little each time it is looked at, so that nobody waits for it."""

    def __init__(self, step: float = 0.0) -> None:
        self.seconds, self.step = 0.0, step

    def now(self):
        return datetime(2024, 6, 1, tzinfo=UTC)

    def monotonic(self):
        self.seconds += self.step
        return self.seconds


NEVER = threading.Event()


def throttle(limits, seconds=0.0):
    with pytest.raises(ThrottleError), limits.turn(NEVER):
        raise ThrottleError("too many requests", seconds)


def test_no_more_are_under_way_than_allowed():
    """The fifth waits until one of four has ended."""
    limits = RequestLimits(4, 1e9, Clock(1.0))
    under_way, most, lock = [0], [0], threading.Lock()

    def one():
        with limits.turn(NEVER):
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            barrier.wait(5)
            with lock:
                under_way[0] -= 1

    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert most[0] == 4


def test_starts_are_spread_over_the_second():
    """With ten a second, the tenth begins nine tenths after the first at the earliest."""
    clock = Clock(0.05)
    limits = RequestLimits(40, 10, clock)

    times = []
    for _ in range(10):
        with limits.turn(NEVER):
            times.append(clock.seconds)

    assert times[-1] - times[0] >= 0.9


def test_an_answer_that_asks_for_fewer_halves_them_and_all_pause():
    """For as long as it says."""
    clock = Clock(5.0)
    limits = RequestLimits(8, 1e9, clock)

    throttle(limits, 30.0)
    began = clock.seconds
    with limits.turn(NEVER):
        pass

    assert limits.allowed == 4
    assert clock.seconds - began >= 25.0


def test_those_under_way_at_the_first_such_answer_count_once():
    """Eight answers to eight requests of one moment are one complaint."""
    limits = RequestLimits(8, 1e9, Clock(1e-6))

    gates = [limits.turn(NEVER) for _ in range(8)]
    for gate in gates:
        gate.__enter__()
    error = ThrottleError("too many requests", 30.0)
    for gate in gates:
        with suppress(ThrottleError):
            gate.__exit__(ThrottleError, error, None)

    assert limits.allowed == 4


def test_successes_bring_them_back_slowly():
    """One more for as many successes as are allowed."""
    limits = RequestLimits(8, 1e9, Clock(100.0))
    throttle(limits)

    counts = []
    for _ in range(40):
        with limits.turn(NEVER):
            pass
        counts.append(limits.allowed)

    assert counts[0] == 4
    assert counts == sorted(counts)
    assert counts[-1] == 8


def test_a_stop_ends_the_waiting():
    """Whoever waits for a turn when the process is to end gets none."""
    stop = threading.Event()
    stop.set()

    with pytest.raises(Stopped), RequestLimits(1, 1, Clock()).turn(stop):
        pass


def test_a_limited_route_is_the_route():
    """It only waits before it asks."""

    class Route:
        name, limits = "pixels", "limits"

        def fetch(self, request, stop):  # noqa: ARG002  the port's signature
            return f"the pixels of {request}"

        def close(self):
            pass

    route = LimitedRoute(Route(), RequestLimits(1, 1e9, Clock(1.0)))

    assert (route.name, route.limits, route.fetch("a window", NEVER)) == ("pixels", "limits", "the pixels of a window")


def test_a_long_pause_is_said_instead_of_waited_out():
    """Nobody's thread waits for it; whoever comes is told what the service said and how long it takes."""
    limits = RequestLimits(8, 1e9, Clock(1.0))
    throttle(limits, 600.0)

    with pytest.raises(ThrottleError, match="too many requests") as told, limits.turn(NEVER):
        pass

    assert 500.0 < told.value.wait_seconds <= 600.0


def test_no_answer_stops_everybody_for_days():
    """A service that asks for eleven days is asked again after an hour."""
    limits = RequestLimits(8, 1e9, clock := Clock(1.0))
    throttle(limits, 999_999.0)

    clock.seconds += 3600.0
    with limits.turn(NEVER):
        pass
