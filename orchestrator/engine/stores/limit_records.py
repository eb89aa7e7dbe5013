"""The rows that processes share of a project's limits, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class LimitRow:
    """
    How much of something may be used at once now.

    Attributes:
        name: Of the limit.
        allowed: How much, as the service answers now; in the limit's own unit (tasks, requests, bytes).
        resume: A pause ends then, seconds since 1970; 0 is none.
        why: What the service said when it asked for the pause.
        throttled: How often in a row it has asked for fewer.
        facts: What else was seen.
        updated: When the row was written, seconds since 1970.
    """

    name: str
    allowed: float
    resume: float = 0.0
    why: str = ""
    throttled: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    updated: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """
    What one holder has of a limit.

    Attributes:
        name: Of the limit.
        holder: A process, or a run.
        amount: What it may use.
        wanted: What it would use if it had it.
        until: The holder is taken as dead after that, seconds since 1970.
    """

    name: str
    holder: str
    amount: float
    wanted: float
    until: float


@dataclass(frozen=True, slots=True)
class Ask:
    """
    What a process asks of a limit of things at once.

    Attributes:
        name: Of the limit.
        holder: The process.
        most: At once at most, by the settings.
        per_second: Beginnings a second at most, by the settings.
        in_use: What the process has under way: that stays its own.
        wanted: What it would have under way if it might.
        successes: Answers since it last asked.
        lease_seconds: How long the answer holds.
    """

    name: str
    holder: str
    most: int
    per_second: float
    in_use: int
    wanted: int
    successes: int
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class LimitShare:
    """
    What a process has of a limit for the time of its lease.

    Attributes:
        amount: Things at once.
        per_second: Beginnings a second.
        row: The limit itself.
        others: What other holders have.
    """

    amount: int
    per_second: float
    row: LimitRow
    others: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Complaint:
    """
    A service asked for fewer calls.

    Attributes:
        name: Of the limit.
        most: At once at most, by the settings.
        why: What it said.
        wait_seconds: The least pause that it asked for.
        pause_seconds: Our own pause, the first time; twice as long each time in a row.
        longest_seconds: Our own pause at the longest.
        chance: From 0 to 1: how much of the second half of our own pause is waited.
        share: What is left of what is allowed at once.
    """

    name: str
    most: float
    why: str
    wait_seconds: float
    pause_seconds: float
    longest_seconds: float
    chance: float
    share: float = 0.5


class Shortage(StrEnum):
    """Why a task is not handed over now."""

    PAUSED = "PAUSED"  # the service asked for a pause
    QUEUE = "QUEUE"  # the service's queue is full, with tasks of others
    TASKS = "TASKS"  # as many tasks as may be are with the service
    SHARE = "SHARE"  # the run has its share, and others wait, too
    BYTES = "BYTES"  # the bucket is full, or has been and is not empty enough yet


@dataclass(frozen=True, slots=True)
class Within:
    """
    What the next task of a run must fit into.

    Attributes:
        tasks: Name of the limit of live tasks over all runs.
        live_tasks: How many they may be by the settings; 0 is as many as the service's slots ask for.
        waiting: Tasks that the run would hand over.
        bytes: Name of the limit of the bucket.
        under_way: Bytes that the run has in the bucket, or on their way to it.
        more: Bytes of the task.
        high: Nothing is handed over that would bring all runs above.
        low: Once that was so, nothing is handed over before they are at or below.
    """

    tasks: str
    live_tasks: int
    waiting: int
    bytes: str
    under_way: float
    more: float
    high: float
    low: float
