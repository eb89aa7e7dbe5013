"""How long a call is tried again."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime

import pytest

from orchestrator.core.errors import QuotaError, Stopped, ThrottleError, TransientError, UnreachableError
from orchestrator.core.retry import RetryPolicy, retrying


class Waits(threading.Event):
    """A stop flag that notes the waits it was asked for instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = []

    def wait(self, timeout=None):
        self.asked.append(timeout)
        return self.is_set()


def tried(error, policy, stop=None):
    """Return how often a function that always fails is tried."""
    tries = []

    def fail():
        tries.append(1)
        raise error

    with pytest.raises((type(error), Stopped)):
        retrying(policy, stop or Waits(), random.Random(1))(fail)  # noqa: S311  spreads waits
    return len(tries)


def test_the_budget_of_a_call_is_counted_on_a_clock_that_only_grows(monkeypatch):
    """However many tries are left, none begins after the budget is spent."""
    seconds = iter(range(0, 10_000, 100))
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))
    policy = RetryPolicy(attempts=1000, first_wait_seconds=0.0, budget_seconds=500.0)

    assert tried(TransientError("down"), policy) <= 6


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(QuotaError("used up", datetime(2026, 1, 1, tzinfo=UTC)), id="a day's quota"),
        pytest.param(UnreachableError("nobody"), id="nobody there"),
        pytest.param(ValueError("ours"), id="an error of another tree"),
    ],
)
def test_what_a_minute_does_not_mend_is_not_tried_again(error):
    """Trying again soon would only cost calls, or a person's patience."""
    assert tried(error, RetryPolicy(attempts=5)) == 1


def test_a_service_that_names_a_pause_is_heeded_up_to_the_longest_wait():
    """Retry-After is the least wait; nobody waits longer than the policy allows."""
    stop = Waits()

    tried(ThrottleError("slower", wait_seconds=17.0), RetryPolicy(attempts=3, first_wait_seconds=1.0), stop)
    tried(ThrottleError("slower", wait_seconds=900.0), RetryPolicy(attempts=2, max_wait_seconds=60.0), stop)

    assert stop.asked == [17.0, 17.0, 60.0]
