"""What all runs of a process share of the project: tasks with Earth Engine, bytes in the bucket, and its pauses."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.core.clock import Clock

# Runs that are named where others have every place.
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run has under way: tasks that wait to be handed over, and bytes in the bucket or on their way to it."""

    waiting: int
    bytes: float


@dataclass(frozen=True, slots=True)
class Limits:
    """
    One budget for every run of the process; quotas belong to the project, not to the run.

    Attributes:
        live_tasks: Tasks with Earth Engine at once, over all runs.
        bucket_bytes: What lies, or may come to lie, in the bucket, over all runs.
        live: Counts the live tasks of every run of the state, also of those no process works on.
        clock: For pauses.
    """

    live_tasks: int
    bucket_bytes: float
    live: Callable[[], Mapping[str, int]]
    clock: Clock
    _usage: dict[str, Usage] = field(default_factory=dict)
    _resume: list[float] = field(default_factory=lambda: [float("-inf")])
    _why: list[str] = field(default_factory=lambda: [""])
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def turn(self) -> threading.RLock:
        """Return what is held from asking for room to having used it, so that two runs never take the same."""
        return self._lock

    def report(self, run_id: str, usage: Usage) -> None:
        """Say what a run has under way; the last word counts."""
        with self._lock:
            self._usage[run_id] = usage

    def leave(self, run_id: str) -> None:
        """Forget a run that no longer hands anything over."""
        with self._lock:
            self._usage.pop(run_id, None)

    def room(self, run_id: str) -> int:
        """Return how many tasks the run may hand over now: what is free, and no more than its share."""
        with self._lock:
            if self.clock.monotonic() < self._resume[0]:
                return 0
            live = self.live()
            wanting = {run for run, usage in self._usage.items() if usage.waiting} | {run_id}
            share = math.ceil(self.live_tasks / len(wanting))
            return max(0, min(self.live_tasks - sum(live.values()), share - live.get(run_id, 0)))

    def taken_by_others(self, run_id: str) -> Mapping[str, int]:
        """Return the live tasks of other runs where they leave this run no place; nothing where it has one."""
        live = dict(self.live())
        mine = live.pop(run_id, 0)
        return live if not mine and sum(live.values()) >= self.live_tasks else {}

    def fits(self, more: float) -> bool:
        """Tell whether `more` bytes fit into the bucket; what is too heavy for it goes alone, when nothing else is."""
        with self._lock:
            used = sum(usage.bytes for usage in self._usage.values())
            return used <= 0 or used + more <= self.bucket_bytes

    def pause(self, seconds: float, why: str = "") -> None:
        """Hand nothing over for so long: the service's queue is full, or it asked for fewer calls."""
        with self._lock:
            resume = self.clock.monotonic() + seconds
            if resume > self._resume[0]:
                self._resume[0], self._why[0] = resume, why

    def paused(self) -> tuple[float, str]:
        """Return for how many seconds more nothing is handed over, 0 for none, and what the service said."""
        with self._lock:
            return max(0.0, self._resume[0] - self.clock.monotonic()), self._why[0]


def no_place(others: Mapping[str, int], live_tasks: int) -> str:
    """Say which runs have every place that this installation takes in the service's queue."""
    named = ", ".join(f"{run_id} ({count})" for run_id, count in list(others.items())[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return f"all {live_tasks} places for tasks ([ee] live_tasks) are taken by other unfinished runs: {named}{more}"
