"""Requests take turns: so many at once, so many a second, fewer after the service has asked for fewer."""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.errors import Stopped, ThrottleError
from orchestrator.core.process import is_gone, process_name
from orchestrator.engine.limited_routes import LimitedRoute
from orchestrator.engine.request_limits import RequestLimits
from orchestrator.engine.stores.sql import SqlStore


class Clock:
    """Goes on by itself a little each time it is looked at, so that nobody waits for it."""

    def __init__(self, step: float = 0.0) -> None:
        self.seconds, self.step = 0.0, step

    def now(self):
        return datetime(2024, 6, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self):
        self.seconds += self.step
        return self.seconds


NEVER = threading.Event()


@pytest.fixture
def limited(tmp_path):
    """Makes limits of processes that share one state; their clock is the first one's."""
    with ExitStack() as left:
        made = []

        def make(at_once, per_second=1e9, *, step=0.001, holder="1@here//"):
            clock = made[0]._clock if made else Clock(step)
            store = SqlStore(f"sqlite:///{tmp_path / 'state.db'}", clock)
            left.callback(store.close)
            limits = RequestLimits(
                "ee.requests", at_once, per_second, store=store.limits, clock=clock, holder=holder,
                chance=random.Random(1),  # noqa: S311  spreads waits
            )  # fmt: skip
            left.callback(limits.close)
            made.append(limits)
            return limits

        yield make


def throttle(limits, seconds=0.0):
    with pytest.raises(ThrottleError), limits.turn(NEVER):
        raise ThrottleError("too many requests", seconds)


def test_no_more_are_under_way_than_allowed(limited):
    """The fifth waits until one of four has ended."""
    limits = limited(4)
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


def test_starts_are_spread_over_the_second(limited):
    """With ten a second, the tenth begins nine tenths after the first at the earliest."""
    limits = limited(40, 10, step=0.01)

    times = []
    for _ in range(10):
        with limits.turn(NEVER):
            times.append(limits._clock.seconds)

    assert times[-1] - times[0] >= 0.9


def test_an_answer_that_asks_for_fewer_halves_them_and_all_pause(limited):
    """For as long as it says; also in another process."""
    limits, other = limited(8, step=0.5), limited(8, holder="2@here//")

    throttle(limits, 30.0)
    began, halved = limits._clock.seconds, limits.allowed
    with other.turn(NEVER):
        pass

    assert halved == 4
    assert limits._clock.seconds - began >= 29.0


def test_those_under_way_at_the_first_such_answer_count_once(limited):
    """Eight answers to eight requests of one moment are one complaint."""
    limits = limited(8, step=1e-6)

    gates = [limits.turn(NEVER) for _ in range(8)]
    for gate in gates:
        gate.__enter__()
    error = ThrottleError("too many requests", 30.0)
    for gate in gates:
        with suppress(ThrottleError):
            gate.__exit__(ThrottleError, error, None)

    assert limits.allowed == 4


def test_successes_bring_them_back_slowly(limited):
    """One more for as many successes as are allowed."""
    limits = limited(8, step=0.2)
    throttle(limits)

    counts = []
    for _ in range(60):
        with limits.turn(NEVER):
            pass
        counts.append(limits.allowed)

    assert counts[0] == 4
    assert counts == sorted(counts)
    assert counts[-1] == 8


def test_a_stop_ends_the_waiting(limited):
    """Whoever waits for a turn when the process is to end gets none."""
    stop = threading.Event()
    stop.set()

    with pytest.raises(Stopped), limited(1, 1).turn(stop):
        pass


def test_a_limited_route_is_the_route(limited):
    """It only waits before it asks."""

    class Route:
        name, limits = "pixels", "limits"

        def fetch(self, request, stop):  # noqa: ARG002  the port's signature
            return f"the pixels of {request}"

        def close(self):
            pass

    route = LimitedRoute(Route(), limited(1))

    assert (route.name, route.limits, route.fetch("a window", NEVER)) == ("pixels", "limits", "the pixels of a window")


def test_a_long_pause_is_said_instead_of_waited_out(limited):
    """Nobody's thread waits for it, in no process; whoever comes is told what the service said and for how long."""
    throttle(limited(8), 600.0)

    with pytest.raises(ThrottleError, match="too many requests") as told, limited(8, holder="2@here//").turn(NEVER):
        pass

    assert 500.0 < told.value.wait_seconds <= 600.0


def test_no_answer_stops_everybody_for_days(limited):
    """A service that asks for eleven days is asked again after an hour."""
    limits = limited(8)
    throttle(limits, 999_999.0)

    limits._clock.seconds += 3600.0
    with limits.turn(NEVER):
        pass


# ---------------------------------------------------------------------------------------------- several processes


def test_whoever_is_alone_has_everything(limited):
    """The share of a process that nobody stands beside is the limit."""
    limits = limited(8)

    with limits.turn(NEVER):
        assert limits.allowed == 8


def test_a_second_process_has_its_share_within_seconds(limited):
    """Not before the first has let go of it: together they never have more than eight."""
    first, second = limited(8), limited(8, holder="2@here//")
    gates = [first.turn(NEVER) for _ in range(8)]
    for gate in gates:
        gate.__enter__()
    second._standing.waiting = 8
    second._ask_if_due()
    at_once = second.allowed

    first._standing.waiting = 8
    for gate in gates[:4]:
        gate.__exit__(None, None, None)
    for limits in (first, second):
        limits._clock.seconds += 1.0
        limits._ask_if_due()

    assert (at_once, first.allowed, second.allowed) == (0, 4, 4)
    second._standing.waiting = first._standing.waiting = 0
    for gate in gates[4:]:
        gate.__exit__(None, None, None)


def test_beginnings_a_second_are_divided_too(limited):
    """Twenty a second are ten each, and never more than twenty together."""
    first, second = limited(8, 20.0), limited(8, 20.0, holder="2@here//")
    rates = []
    for limits in (first, second, first, second):
        limits._standing.waiting = 1
        limits._clock.seconds += 1.0
        limits._ask_if_due()
        rates.append(limits._standing.per_second)

    first._standing.waiting = second._standing.waiting = 0
    assert rates == [20.0, 0.0, 10.0, 10.0]


def test_what_is_under_way_stays_granted_and_nothing_begins_in_its_place(limited):
    """Otherwise two processes that share one place would both use it, or one would keep it for ever."""
    first, second = limited(1), limited(1, holder="2@here//")
    gate = first.turn(NEVER)
    gate.__enter__()
    second._standing.waiting = first._standing.waiting = 1
    seen = []
    for _ in range(12):  # as long as the place takes to go round
        for limits in (first, second):
            limits._clock.seconds += 1.0
            limits._ask_if_due()
        seen.append((first.allowed, second.allowed))
    gate.__exit__(None, None, None)
    first._clock.seconds += 1.0
    ((first_had, second_had), *_) = seen
    seen = []
    for _ in range(12):
        for limits in (first, second):
            limits._clock.seconds += 1.0
            limits._ask_if_due()
        seen.append((first.allowed, second.allowed))

    first._standing.waiting = second._standing.waiting = 0
    assert second_had == 0
    assert first_had <= 1
    assert {(1, 0), (0, 1)} <= set(seen)
    assert max(sum(pair) for pair in seen) == 1


def test_what_a_dead_process_had_is_free_after_its_lease(limited):
    """Ten seconds; a process of this machine that has ended is known to have, at once."""
    first, second = limited(8), limited(8, holder="2@here//")
    first._standing.waiting = second._standing.waiting = 8
    first._ask_if_due()
    second._ask_if_due()
    before = second.allowed

    second._clock.seconds += 10.1
    second._ask_if_due()

    first._standing.waiting = second._standing.waiting = 0
    assert (before, second.allowed) == (0, 8)


def test_a_process_is_known_to_have_ended_or_not():
    """By its id, when it began, and where: another that has the same id since is another."""
    me = process_name()
    pid, _, where = me.partition("@")
    host, began, namespace = where.split("/")

    assert not is_gone(me)
    assert is_gone(f"{pid}@{host}/{int(began) - 1}/{namespace}")
    assert not is_gone(f"{pid}@elsewhere/{began}/{namespace}")
    assert not is_gone("0123456789abcdef")


def test_a_share_is_one_commit_a_second_however_many_requests_there_are(limited):
    """A request costs no commit: 500 of them, a hundred a second, ask six times at most."""
    limits, asked = limited(8, step=0.0), []
    share = limits._store.share
    limits._store.share = lambda ask: asked.append(ask) or share(ask)
    for _ in range(500):
        with limits.turn(NEVER):
            limits._clock.seconds += 0.01

    assert 5 <= len(asked) <= 6
