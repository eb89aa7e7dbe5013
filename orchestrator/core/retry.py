"""One layer of retries around calls that may fail for a while: full-jitter exponential waiting within a budget."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from orchestrator.core.errors import QuotaError, Stopped, ThrottleError, TransientError, UnreachableError

if TYPE_CHECKING:
    import tenacity

T = TypeVar("T")


class Waiter(Protocol):
    """Something that waits, and can be told to stop waiting (a `threading.Event`)."""

    def wait(self, timeout: float | None = None) -> bool: ...


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    How long one call is tried again.

    Attributes:
        attempts: Tries in all.
        first_wait_seconds: Upper end of the first random wait; doubles each time.
        max_wait_seconds: Upper end of any wait.
        budget_seconds: No try begins later than this after the first, on a clock that only grows.
    """

    attempts: int = 8
    first_wait_seconds: float = 1.0
    max_wait_seconds: float = 60.0
    budget_seconds: float = 900.0


def _passes(error: BaseException) -> bool:
    """Tell whether trying again soon may help: not with a day's quota, and not where nobody is."""
    return isinstance(error, TransientError) and not isinstance(error, QuotaError | UnreachableError)


def retrying(policy: RetryPolicy, stop: Waiter, chance: random.Random | None = None) -> Callable[[Callable[[], T]], T]:
    """
    Return a caller that repeats a function while it raises `TransientError`.

    A service that says how long to wait is heeded, up to the policy's longest wait. Waiting ends at once when `stop`
    is set.

    Raises:
        Stopped: `stop` was set while waiting.
        TransientError: The last one, when the tries are used up.
    """
    import tenacity  # noqa: PLC0415  not needed by those who only look

    source = chance or random.Random()  # noqa: S311  spreads waits, guards nothing

    def wait(state: tenacity.RetryCallState) -> float:
        ceiling = min(policy.max_wait_seconds, policy.first_wait_seconds * 2 ** (state.attempt_number - 1))
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_seconds if isinstance(error, ThrottleError) else 0.0
        return max(source.uniform(0, ceiling), min(asked, policy.max_wait_seconds))

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise Stopped("stopped while waiting to try again")

    caller: Any = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_passes),
        stop=tenacity.stop_any(
            tenacity.stop_after_attempt(policy.attempts), tenacity.stop_before_delay(policy.budget_seconds)
        ),
        wait=wait,
        sleep=sleep,
        reraise=True,
    )

    def call(function: Callable[[], T]) -> T:
        result: T = caller(function)
        return result

    return call
