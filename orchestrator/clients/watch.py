"""
One call to a service, watched: it has an end, whatever the other side does, and it heeds a stop.

A socket's timeout counts silence between two bytes; a body of twenty bytes a second never is silent and never ends.
So every call has a deadline for the whole of it, a number of requests and of bytes it may take, and is given up some
seconds after the process was asked to stop. The connections look here while they wait (see `connections`).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from orchestrator.core.errors import Stopped, TransientError
from orchestrator.model.ports import Stop

T = TypeVar("T")

# How often a wait looks at the deadline and the stop.
SLICE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class CallLimits:
    """
    What one call may take; no honest one comes near.

    Attributes:
        call_seconds: For one call.
        list_seconds: For a list of many pages.
        grace_seconds: What a call under way still gets after a stop: an answer that is nearly here spares a doubt at
            the next start.
        pages: Of a list.
        answer_bytes: Of one answer after inflation. A page of a list has about a megabyte, pixels at most 48 MiB.
        call_bytes: Of all answers of one call.
        first_seconds: The longest silence before an answer begins, where the service computes for longer than a pause
            in the middle of an answer may last; 0 is as in the middle.
    """

    call_seconds: float = 120.0
    list_seconds: float = 600.0
    grace_seconds: float = 5.0
    pages: int = 2_000
    answer_bytes: int = 64 << 20
    call_bytes: int = 512 << 20
    first_seconds: float = 0.0


LIMITS = CallLimits()


class Watch:
    """
    What one call may take, and what it has taken. Used by one thread.

    Args:
        what: The thing asked for, for messages.
        stop: Tells that the process is asked to stop; None where nobody asks.
        limits: What it may take.
        seconds: For the whole call, where it is no ordinary one.
        on_answer: Told of each complete answer, a `requests.Response`, before the SDK sees it; may raise.

    Attributes:
        unanswered: Whether the service had the request, and was silent for `first_seconds`.
    """

    def __init__(
        self,
        what: str,
        stop: Stop | None,
        limits: CallLimits = LIMITS,
        *,
        seconds: float | None = None,
        on_answer: Callable[[Any], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what = what
        self._stop, self._monotonic, self._limits = stop, monotonic, limits
        self._seconds = limits.call_seconds if seconds is None else seconds
        self._end = monotonic() + self._seconds
        self._stopping = False
        self._bytes = 0
        self._on_answer = on_answer
        self.unanswered = False
        self._heard = False  # whether the answer under way has begun
        self.status = 0  # of the last answer

    def check(self) -> None:
        """
        Go on, or give the call up.

        Raises:
            Stopped: The process was asked to stop, and the grace is over.
            TransientError: The call has taken too long.
        """
        if not self._stopping and self._stop is not None and self._stop.is_set():
            self._stopping = True
            self._end = min(self._end, self._monotonic() + self._limits.grace_seconds)
        if self._monotonic() < self._end:
            return
        if self._stopping:
            raise Stopped(f"{self.what}: stopped before the answer was complete")
        raise TransientError(f"{self.what}: no complete answer within {self._seconds:g} s")

    def ask(self) -> None:
        """Take note that a request is about to be sent."""
        self._heard = False

    def hear(self) -> None:
        """Take note that its answer has begun."""
        self._heard = True

    def silence(self, usual: float | None) -> float | None:
        """Return the longest silence that is allowed now, where `usual` is that in the middle of an answer."""
        return usual if usual is None or self._heard else self._limits.first_seconds or usual

    def miss(self) -> None:
        """Take note that nothing was heard for as long as is allowed."""
        self.unanswered = not self._heard and self._limits.first_seconds > 0

    def count_bytes(self, count: int, of_answer: int) -> None:
        """
        Take note of `count` more bytes of an answer that has `of_answer` by now, after inflation.

        Raises:
            TransientError: The answer, or the whole call, is larger than any honest one.
        """
        self._bytes += count
        if of_answer > self._limits.answer_bytes:
            raise TransientError(f"{self.what}: the answer is larger than {self._limits.answer_bytes} bytes")
        if self._bytes > self._limits.call_bytes:
            raise TransientError(f"{self.what}: the answers are larger than {self._limits.call_bytes} bytes together")

    def take(self, answer: Any) -> None:
        """Take note of a complete answer."""
        self.status = int(answer.status_code)
        if self._on_answer is not None:
            self._on_answer(answer)

    def wait_for(self, work: Callable[[], T], late: Callable[[], None], seconds: float = math.inf) -> T:
        """
        Return what `work` returns, done in a thread of its own: for calls into the system that nobody can interrupt.

        `late` is called when `work` ends after it was given up. Errors as `check` and as `work`, and:

        Raises:
            TimeoutError: `work` took longer than `seconds`.
        """
        end = self._monotonic() + seconds
        task = _Task(work, late)
        threading.Thread(target=task.run, name="connect", daemon=True).start()
        while not task.done.wait(SLICE_SECONDS):
            try:
                self.check()
            except BaseException:
                task.give_up()
                raise
            if self._monotonic() > end:
                task.give_up()
                raise TimeoutError(f"{self.what}: not done within {seconds:g} s")
        return task.result()


class _Task(Generic[T]):
    """Work in a thread that may be given up."""

    def __init__(self, work: Callable[[], T], late: Callable[[], None]) -> None:
        self._work, self._late = work, late
        self._lock = threading.Lock()
        self._given_up = False
        self._outcome: list[T] = []
        self._error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self._outcome.append(self._work())
        except BaseException as error:  # noqa: BLE001  the edge of a thread: it is raised again where it is waited for
            self._error = error
        with self._lock:
            self.done.set()
            late = self._given_up
        if late:
            self._late()

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            late = self.done.is_set()
        if late:
            self._late()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._outcome[0]


_local = threading.local()


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Let the connections that this thread uses inside the block look at `watch`."""
    before = getattr(_local, "watch", None)
    _local.watch = watch
    try:
        yield watch
    finally:
        _local.watch = before


def current_watch() -> Watch:
    """Return the watch of this thread's call; outside of any, one that only ends."""
    found: Watch | None = getattr(_local, "watch", None)
    return found or Watch("a call", None)
