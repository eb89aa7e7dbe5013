"""A store that cannot be used for a while: looked at ever more seldom, and told once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.core.clock import Clock
from orchestrator.core.errors import ClosedStateError, OrchestratorError, SpaceError, TransientError

# What a process that works for months waits for, before it has begun as well as later.
WAITED_FOR = (TransientError, SpaceError, ClosedStateError)
SHORTEST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 10.0  # a look costs nothing, and who waits is to be back soon


class StoreTrouble:
    """The trouble of one store; it has none at the beginning."""

    def __init__(self, clock: Clock, notify: Callable[[str, str, Mapping[str, Any]], None]) -> None:
        """Take what measures waits, and who is told the beginning and the end."""
        self._clock = clock
        self._notify = notify
        self._wait = 0.0
        self._until = 0.0
        self.error: OrchestratorError | None = None

    def begin(self, error: OrchestratorError) -> None:
        """Take the error of a look: wait twice as long as for the one before."""
        if self.error is None:
            self._notify("serve.trouble", "", {"error": str(error)})
        self.error = error
        self._wait = min(LONGEST_WAIT_SECONDS, max(SHORTEST_WAIT_SECONDS, 2 * self._wait))
        self._until = self._clock.monotonic() + self._wait

    def end(self) -> None:
        """A look went well."""
        if self.error is not None:
            self._notify("serve.recovered", "", {})
        self.error, self._wait, self._until = None, 0.0, 0.0

    def left(self) -> float:
        """Return in how many seconds the store is looked at again; 0 and less is now."""
        return self._until - self._clock.monotonic() if self.error is not None else 0.0
