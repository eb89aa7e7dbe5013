"""How long what has ended is remembered, and what is older than that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Retention:
    """
    How long what has ended is remembered. An age of 0 is for ever.

    Attributes:
        runs_seconds: Ended runs, with all that is known of them.
        details_seconds: Parts, units, tasks and objects of runs that are done; that they are done stays known.
        events_seconds: Events of ended runs, and notifications that were sent.
        keep: So many of the runs that ended last stay, whatever their age.
    """

    runs_seconds: float = 0.0
    details_seconds: float = 0.0
    events_seconds: float = 0.0
    keep: int = 100

    @property
    def asks(self) -> bool:
        """Whether anything is ever to go."""
        return bool(self.runs_seconds or self.details_seconds or self.events_seconds)

    def runs_before(self, now: float) -> str:
        """Return the time (RFC 3339, UTC) before which runs go; empty where none do. So for the others."""
        return _before(now, self.runs_seconds)

    def details_before(self, now: float) -> str:
        return _before(now, self.details_seconds)

    def events_before(self, now: float) -> str:
        return _before(now, self.events_seconds)

    @staticmethod
    def month(now: float) -> str:
        """Return the month before this one, which may still be counted."""
        first = datetime.fromtimestamp(now, UTC).replace(day=1)
        return (first - timedelta(days=1)).isoformat()[:7]


def _before(now: float, seconds: float) -> str:
    return datetime.fromtimestamp(now - seconds, UTC).isoformat(timespec="milliseconds") if seconds else ""


@dataclass(frozen=True, slots=True)
class Doomed:
    """
    What is old enough to go.

    Attributes:
        runs: Those that go with all their rows.
        thin: Those of which only the details go.
        events: How many events go beside those of these runs.
    """

    runs: tuple[str, ...]
    thin: tuple[str, ...]
    events: int
