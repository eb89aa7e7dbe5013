"""What whoever watches from outside asks of a store: how much there is of everything, and messages on their way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.engine.stores.retention import Doomed, Retention


@dataclass(frozen=True, slots=True)
class Census:
    """
    How much there is of everything in a state, counted in one look.

    Attributes:
        runs: By state.
        held: Held runs, by who must act.
        tasks: By state.
        parts: By state.
        part_bytes: What the objects of these parts weigh, by state.
        units: By kind and state.
        failures: Tasks and units by how they failed last, of runs that have not ended.
        oldest_lease: When the lease of a run that is worked on ends first, seconds since 1970; None where none is.
        succeeded: When each job ended well last, RFC 3339, by its name.
        messages: Notifications that are not sent yet, and those given up: by `pending` and `failed`.
        oldest_message: When the oldest of those not sent yet was written, RFC 3339; empty where there is none.
    """

    runs: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)
    part_bytes: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[tuple[str, str], int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    oldest_lease: float | None = None
    succeeded: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)
    oldest_message: str = ""


class Censuses(Protocol):
    """How much there is of everything."""

    def census(self) -> Census:
        """Count it all in one transaction that only reads."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that somebody may want to be told: its sequence, of which run, when (RFC 3339), and its facts, JSON."""

    sequence: int
    run_id: str
    at: str
    name: str
    facts: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be: of which event, for which target; `content` is JSON."""

    sequence: int
    event: str
    run_id: str
    at: str
    target: str
    content: str


@dataclass(frozen=True, slots=True)
class Message:
    """
    A notification on its way or at its end.

    Attributes:
        id: Grows.
        sequence: Of the event that it tells.
        event: What happened, in a word: see `app/notices/kinds.py`.
        run_id: The run it happened to; empty where it is no run's.
        at: When it happened, RFC 3339.
        target: Who is told.
        content: Title and text, JSON.
        tries: How often it was sent in vain.
        next_at: When it is sent next, seconds since 1970.
        outcome: Empty until it was sent (`sent`) or given up (the reason).
        error: Why it could not be sent last.
    """

    id: int
    sequence: int
    event: str
    run_id: str
    at: str
    target: str
    content: str
    tries: int
    next_at: float
    outcome: str
    error: str


class Pruning(Protocol):
    """Rows of what ended long ago, and the room they take. Each method may be called while others write."""

    def doomed(self, retention: Retention, now: float) -> Doomed:
        """
        Return what is older than `retention` allows at `now`, seconds since 1970; nothing is changed.

        Never among it: a run that has not ended; one whose published files are still there, or in a folder that is
        not there now; one that has objects in a cloud, or exports that may run; one that this or the last month's
        usage is counted of.
        """

    def remove(self, run_id: str, retention: Retention, now: float) -> bool:
        """Remove all rows of a run, at once, if it still is what `doomed` says of `runs`; tell whether it was."""

    def thin(self, run_id: str, retention: Retention, now: float) -> bool:
        """Remove parts, units, tasks, attempts and objects of a run, at once, as `remove` where it is to be thin."""

    def remove_events(self, retention: Retention, now: float) -> None:
        """Remove old events, notifications that were sent, and dates of schedules but for the last of each."""

    def reclaim(self) -> None:
        """Give the room of what was removed back to the disk, in steps between which others write."""

    def checkpoint(self) -> None:
        """Write the log beside the database into it, and cut it to nothing, unless somebody reads it now."""

    def size(self) -> int:
        """Return the bytes of the database and of the log beside it."""


class Outbox(Protocol):
    """Notifications on their way: each event once for each target, sent at least once."""

    def begin(self) -> None:
        """Say that what happened before now is told to nobody, unless that was said before."""

    def heard(self) -> int:
        """Return the sequence of the last event that messages were written of; 0 where nobody listens yet."""

    def happened(self, after: int, names: Collection[str], limit: int = 1000) -> list[Happening]:
        """Return the events of these names whose sequence is greater than `after`, oldest first."""

    def last(self) -> int:
        """Return the sequence of the last event there is, 0 where there is none."""

    def write(self, drafts: Sequence[Draft]) -> int:
        """Enter messages to be sent at once; one that is there already stays as it is. Return how many are new."""

    def claim(self, limit: int, until: float) -> list[Message]:
        """Take messages that are due, oldest first; others take them not before `until`, seconds since 1970."""

    def again(self, message_id: int, next_at: float, why: str) -> None:
        """Write down that a message was sent in vain, and when it is sent again."""

    def end(self, message_id: int, outcome: str) -> None:
        """Write down what became of a message; it is not sent again."""

    def latest(self, limit: int = 50, *, run_id: str = "") -> list[Message]:
        """Return the latest messages, of one run where that is given, newest first."""

    def was_said(self, run_id: str, name: str, since: str = "") -> bool:
        """Tell whether an event of this name happened to a run, since a time (RFC 3339) where one is given."""

    def going_on(self, held: Collection[str], after: str, progress: Collection[str]) -> list[Message]:
        """
        Return the last message about each run that somebody was told is held, and that got on since.

        `held` are the words of `event` that say so, `after` is the event that is recorded once it was noticed, and
        `progress` are the events of a run that gets on.
        """

    def bound(self, pending: int, ended: int, since: str) -> int:
        """
        Give up the oldest messages beyond `pending` that are still to be sent; return how many.

        Those that have ended are forgotten beyond the newest `ended`, or where they are older than `since` (RFC 3339).
        """
