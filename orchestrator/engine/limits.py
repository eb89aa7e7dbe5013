"""What all runs and processes of a state share of the project: tasks with Earth Engine, bytes in the bucket, pauses."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from orchestrator.core.clock import Clock
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.standing import BYTES, TASKS
from orchestrator.engine.stores.contract_limits import SharedLimits
from orchestrator.engine.stores.limit_records import Complaint, LimitRow, Shortage, Within
from orchestrator.engine.stores.sharing import QUEUE_TASKS, is_paused, live_limit

# Runs that are named where others have every place.
_MOST_NAMED = 3
# A pause of ours is at most so long: the queue of others empties when it does.
_LONGEST_PAUSE_SECONDS = 600.0
# What a run would use is said again so often, and what it has in the bucket when that has changed.
_SAY_SECONDS = 20.0
_SAY_BYTES_SECONDS = 2.0
# Once the bucket was full, nothing goes there before so much of it is left.
LOW_SHARE = 0.8

# What a run waits for whose tasks are not handed over, where no other run has its place.
WORDS: Mapping[Shortage, str] = {
    Shortage.PAUSED: "Earth Engine asked for a pause: tasks are handed over when it is over",
    Shortage.QUEUE: f"Earth Engine's queue of {QUEUE_TASKS} tasks is full with those of others: waiting",
    Shortage.BYTES: "the bucket holds as much as it may ([gcs] max_bytes): waiting until parts are downloaded",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run has under way: tasks that wait to be handed over, and bytes in the bucket or on their way to it."""

    waiting: int
    bytes: float


@dataclass(frozen=True, slots=True)
class Limits:
    """
    One budget for every run of every process of a state; quotas belong to the project, not to the run.

    Attributes:
        live_tasks: Tasks with Earth Engine at once, over all runs; 0 is as many as the service's slots ask for.
        bucket_bytes: What lies, or may come to lie, in the bucket, over all runs.
        store: Where it is kept.
        clock: For pauses.
        chance: Spreads pauses.
        scope: What the names of limits end with where another service is asked than Google: `@sandbox`.
        low_share: Once the bucket was full, nothing is handed over before it is at or below this share of it.
    """

    live_tasks: int
    bucket_bytes: float
    store: SharedLimits
    clock: Clock
    chance: random.Random = field(default_factory=random.Random)
    low_share: float = LOW_SHARE
    scope: str = ""
    _said: dict[str, tuple[float, Usage]] = field(default_factory=dict)

    def within(self, usage: Usage, more: float) -> Within:
        """Return what the next task of a run, of `more` bytes, must fit into; `usage` is what the run has under way."""
        low = self.low_share * self.bucket_bytes
        names = (self._tasks, BYTES + self.scope)
        return Within(names[0], self.live_tasks, usage.waiting, names[1], usage.bytes, more, self.bucket_bytes, low)

    def shortage(self, run_id: str, usage: Usage, more: float) -> Shortage | None:
        """Return why a task of `more` bytes may not be handed over now, None where it may."""
        within = self.within(usage, more)
        short = self.store.shortage(run_id, within)
        if short is not None:
            self._say(run_id, usage, within, full=short is Shortage.BYTES)
        return short

    def report(self, run_id: str, usage: Usage) -> None:
        """Say what a run has under way, where that is news."""
        self._say(run_id, usage, self.within(usage, 0.0), full=False)

    def leave(self, run_id: str) -> None:
        """Wish nothing more for a run; what it has in the bucket stays counted until it ends."""
        if self._said.pop(run_id, None) is not None:
            with suppress(OrchestratorError):  # a wish ends by itself
                self.store.leave(self._tasks, run_id)

    def _say(self, run_id: str, usage: Usage, within: Within, *, full: bool) -> None:
        now = self.clock.monotonic()
        said_at, said = self._said.get(run_id, (float("-inf"), Usage(-1, 0.0)))
        news = full or usage.bytes != said.bytes or bool(usage.waiting) != bool(said.waiting)
        if now - said_at >= (_SAY_BYTES_SECONDS if news else _SAY_SECONDS):
            self.store.register(run_id, within, full=full)
            self._said[run_id] = (now, usage)

    def pause(self, seconds: float, why: str = "") -> None:
        """Hand nothing over for so long, or longer each time in a row: the service asks for that."""
        longest, chance = _LONGEST_PAUSE_SECONDS, self.chance.random()
        self.store.throttle(Complaint(self._tasks, QUEUE_TASKS, why, seconds, seconds, longest, chance, share=1.0))

    def handed_over(self) -> None:
        """A task was taken: the next pause is as short as the first."""
        if self._row().throttled:
            self.store.calm(self._tasks)

    def paused(self) -> tuple[float, str]:
        """Return for how many seconds more nothing is handed over, 0 for none, and what the service said."""
        row, now = self._row(), self.clock.now().timestamp()
        return (row.resume - now if is_paused(row, now) else 0.0), row.why

    def most_tasks(self) -> int:
        """Return how many tasks may be with the service at once now."""
        return live_limit(self.store.get(self._tasks), self.live_tasks)

    def _row(self) -> LimitRow:
        return self.store.get(self._tasks) or LimitRow(self._tasks, QUEUE_TASKS)

    @property
    def _tasks(self) -> str:
        return TASKS + self.scope


def taken_by_others(live: Mapping[str, int], run_id: str, most: int) -> Mapping[str, int]:
    """Return the live tasks of other runs where they leave this run no place; nothing where it has one."""
    others = {run: count for run, count in live.items() if run != run_id}
    return others if not live.get(run_id, 0) and sum(others.values()) >= most else {}


def no_place(others: Mapping[str, int], live_tasks: int) -> str:
    """Say which runs have every place that this installation takes in the service's queue."""
    named = ", ".join(f"{run_id} ({count})" for run_id, count in list(others.items())[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return f"all {live_tasks} places for tasks ([ee] live_tasks) are taken by other unfinished runs: {named}{more}"
