"""What the daemons of a state ask of its store: which of them leads, and what the state itself is called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LeadershipRow:
    """
    Who leads.

    Attributes:
        worker: Who does, or did last; see `engine.leases.Worker`. Empty: nobody ever did.
        fence: Grows with each claim.
        left_seconds: Until the lease is over, by the database's own clock; 0 and less: it is, or was given back.
        is_kept: Whether it was not given back.
    """

    worker: str
    fence: int
    left_seconds: float
    is_kept: bool


class Leadership(Protocol):
    """
    Which daemon leads: a time, and a fence, as in `Leases`, of the whole state.

    Times are told by the clock of the database's server, so that machines whose clocks differ agree; of SQLite, which
    is a file of one machine, by that machine's.
    """

    def at(self) -> LeadershipRow:
        """Return it as it is."""

    def claim(self, worker: str, seconds: float, is_gone: Callable[[str], bool]) -> LeadershipRow | None:
        """
        Lead for so long, where nobody does, or who does `is_gone`; None where another does.

        Returned is the new fence with who led before, and whether that one had not given it back.
        """

    def renew(self, fence: int, seconds: float) -> None:
        """Go on for so long from now; raises `FencedError` where another leads by now."""

    def release(self, fence: int) -> None:
        """Lead no more; raises `FencedError` where another leads by now."""


class Installation(Protocol):
    """What the state is called where others see it, and what it alone knows: the same on each of its machines."""

    def name(self) -> str:
        """Return the name of this installation in the names of objects; empty where none was written down."""

    def call(self, name: str) -> str:
        """Give it a name, unless it has one; return the one that it has now."""

    def words(self) -> Sequence[str]:
        """Return the words by which it knows its own claims on prefixes of buckets, the newest last."""

    def remember(self, word: str, most: int) -> None:
        """Add a word; the oldest of more than `most` are forgotten."""

    def forget(self, words: Collection[str]) -> None:
        """Take words away."""
