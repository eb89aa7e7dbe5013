"""Says how far a long reading is, a percent at a time."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.core.units import format_bytes


class Percent:
    """`say` is told `what`, how many percent, and of how many bytes, whenever the number grows."""

    def __init__(self, what: str, size: int, say: Callable[[str], None]) -> None:
        self._what, self._size, self.say = what, size, say
        self._read, self._told = 0, -1

    def add(self, count: int) -> None:
        """Take note of bytes that were read."""
        self._read += count
        self._tell(100 * self._read // max(1, self._size))

    def share(self, done: int, of: int) -> None:
        """Take note that `done` pieces of work `of` all are done."""
        self._tell(100 * done // max(1, of))

    def _tell(self, percent: int) -> None:
        if percent > self._told:
            self._told = percent
            self.say(f"{self._what}: {percent} % of {format_bytes(self._size)}")
