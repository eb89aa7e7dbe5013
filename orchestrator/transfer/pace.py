"""Notices a connection that trickles: alive enough for the socket's timeout, too slow to finish."""

from __future__ import annotations

from orchestrator.core.clock import Clock
from orchestrator.core.errors import TransientError


class LeastPace:
    """How many bytes came within each window of time."""

    def __init__(self, least: float, window_seconds: float, name: str, clock: Clock) -> None:
        """Take the least rate in bytes per second, over which time, and what is brought, for the message."""
        self._least, self._window_seconds, self._name, self._clock = least, window_seconds, name, clock
        self._since, self._bytes = clock.monotonic(), 0

    def count(self, count: int) -> None:
        """
        Take note of `count` bytes.

        Raises:
            TransientError: A whole window has passed below the least rate.
        """
        self._bytes += count
        seconds = self._clock.monotonic() - self._since
        if seconds < self._window_seconds:
            return
        rate = self._bytes / seconds
        if rate < self._least:
            raise TransientError(
                f"{self._name}: {rate:.0f} bytes/s over {seconds:.0f} s, less than the {self._least:.0f} asked for"
            )
        self._since, self._bytes = self._clock.monotonic(), 0
