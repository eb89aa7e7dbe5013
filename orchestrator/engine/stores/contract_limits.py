"""What the engine asks of a store about the limits that all processes of a state share. See `contract`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from orchestrator.engine.stores.limit_records import Ask, Complaint, Grant, LimitRow, LimitShare, Shortage, Within


class SharedLimits(Protocol):
    """Limits of the project, and who has how much of them."""

    def get(self, name: str) -> LimitRow | None:
        """Return a limit, None where nothing was written of it."""

    def all(self) -> tuple[Sequence[LimitRow], Sequence[Grant]]:
        """Return every limit, and what holders have whose time is not over."""

    def share(self, ask: Ask) -> LimitShare:
        """
        Divide a limit of things at once among those who want of it, and grant one of them its share for a while.

        What is granted to all together is never more than the limit.
        """

    def throttle(self, complaint: Complaint) -> LimitRow:
        """Pause, and allow fewer at once, for every process; a complaint during a pause changes nothing."""

    def observe(self, name: str, allowed: float, facts: Mapping[str, Any]) -> None:
        """Write down how much is allowed, and what else was seen, beside what was; pauses stay."""

    def granted(self, name: str, holder: str) -> Grant | None:
        """Return what a holder has of a limit, None where nothing was written of it."""

    def hold(self, grant: Grant) -> None:
        """Write down what a holder has, and wants."""

    def give_up(self, name: str, holder: str) -> None:
        """Take back what a holder has."""

    def shortage(self, run_id: str, within: Within) -> Shortage | None:
        """Return why a task of a run is not handed over now, None where it may be; what `Tasks.intend` would say."""

    def register(self, run_id: str, within: Within, *, full: bool) -> None:
        """Write down what a run has under way and would hand over; and, with `full`, that the bucket is full."""

    def leave(self, name: str, run_id: str) -> None:
        """Take back what a run has, or wishes, of a limit; and of runs that have ended, all that they have of any."""

    def calm(self, name: str) -> None:
        """Write down that the service answers again: the next pause is as short as the first."""
