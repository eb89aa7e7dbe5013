"""Times in the state, which are times of day, waited for by a clock that nobody sets."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.core.clock import Clock

# No step waits longer, whatever a row says: a time further away was written by a clock that was set back since.
LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Waits:
    """
    Tells when something is due.

    The state keeps the time of day, since it outlives processes. Within a process the time that is left is taken once
    and counted by the monotonic clock, so that a clock set back or forth neither stops a run nor hurries it.
    """

    clock: Clock
    _deadlines: dict[str, tuple[float, float]] = field(default_factory=dict)

    def due(self, key: str, at: float, longest: float = LONGEST_SECONDS) -> bool:
        """Tell whether `at`, seconds since 1970, has come for `key`, or `longest` seconds since it was first asked."""
        return self.left(key, at, longest) <= 0

    def left(self, key: str, at: float, longest: float = LONGEST_SECONDS) -> float:
        """Return how many seconds are left until `due`, 0 when it is."""
        if at <= 0:
            return 0.0
        now = self.clock.monotonic()
        known = self._deadlines.get(key)
        if known is None or known[0] != at:
            left = min(max(0.0, at - self.clock.now().timestamp()), longest)
            known = self._deadlines[key] = (at, now + left)
        return max(0.0, known[1] - now)

    def since(self, key: str, seconds: float) -> bool:
        """Tell whether `seconds` have passed since this was first asked for `key`."""
        now = self.clock.monotonic()
        first = self._deadlines.setdefault(key, (0.0, now))[1]
        return now - first >= seconds

    def forget(self, key: str) -> None:
        """Begin anew with `key`."""
        self._deadlines.pop(key, None)
