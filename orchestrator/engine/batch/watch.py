"""One paged list of operations for all runs of a process, as often as something is likely to have changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from orchestrator.core.clock import Clock
from orchestrator.model.batch import ListOperations, Operation


def _unseen(_operations: Sequence[Operation]) -> None:
    pass


class OperationsWatch:
    """
    Lists the operations of a project at most once per interval.

    The interval grows from `low` to `high` seconds while nothing changes and falls back when something does.
    """

    def __init__(
        self,
        listing: ListOperations,
        clock: Clock,
        low: float,
        high: float,
        seen: Callable[[Sequence[Operation]], None] = _unseen,
        heard: Callable[[Sequence[Operation]], None] = _unseen,
    ) -> None:
        """
        Take who lists, and who is told before any run acts on it: each whole list, and what is heard of operations.

        `heard` is told of those that are looked up by name, too.
        """
        self._listing = listing
        self._tell = seen
        self.heard = heard
        self._clock = clock
        self._low = low
        self._high = high
        self._interval = low
        self._asked = float("-inf")
        self._seen: Sequence[Operation] = ()
        self._serial = 0
        self._hasty = False
        self._lock = threading.Lock()
        self._asking = threading.Lock()

    def latest(self) -> tuple[int, Sequence[Operation]]:
        """
        Return (serial, operations), asking the service when the interval is over; the serial grows with answers.

        One thread asks; the others meanwhile go on with the last answer, since a service in trouble may take minutes.
        """
        if self.due_in() <= 0 and self._asking.acquire(blocking=False):
            try:
                if self.due_in() <= 0:
                    self._ask()
            finally:
                self._asking.release()
        with self._lock:
            return self._serial, self._seen

    def due_in(self) -> float:
        """Return seconds until `latest` would ask the service."""
        with self._lock:
            return max(0.0, self._due())

    def hasten(self) -> None:
        """Look again soon: something was just submitted or cancelled."""
        with self._lock:
            self._interval = self._low
            self._hasty = True

    def _due(self) -> float:
        return self._asked + self._interval - self._clock.monotonic()

    def _ask(self) -> None:
        seen = self._listing()
        self._tell(seen)
        self.heard(seen)
        with self._lock:
            changed = _states(seen) != _states(self._seen)
            # Something submitted while the list was on its way may have asked for haste.
            self._interval = self._low if changed or self._hasty else min(self._high, self._interval * 1.5)
            self._hasty = False
            self._seen = seen
            self._serial += 1
            self._asked = self._clock.monotonic()


def _states(operations: Sequence[Operation]) -> list[tuple[str, str, str]]:
    return [(operation.name, operation.state, operation.said) for operation in operations]
