"""Whose turn it is: of the runs that have not ended, those that may go on now, by priority, the longest ready first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.clock import Clock
from orchestrator.engine.stores.records import Waiting
from orchestrator.model.states import RunState, Who

# No wait is meant to be longer. A time further away was written by a clock that was wrong, or has been set back since.
LONGEST_WAIT_SECONDS = 2 * 86_400.0
# A run that was looked at in vain stands so long behind whatever is due, whatever its priority: it will hardly go on.
BEHIND_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a row said when it was last seen changed, and when its run is ready, on the clock that only grows."""

    row: tuple[RunState, Who, float, str]
    ready_at: float


class Turns:
    """
    Which run is next.

    What is to be cancelled goes first: it makes room. Then the higher priority; and of one priority who became ready
    first, so that nobody waits for ever: neither the oldest behind newer ones, nor one that is held from time to time
    behind those that come in. One that was looked at in vain lets what is due go first for a while. Once seen, a wait
    passes by the monotonic clock. Not safe for several threads at a time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._resting: dict[str, float] = {}
        self._in_vain: set[str] = set()
        self._gave_way: dict[str, str] = {}  # who left a slot, to whom

    def ready(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """Return those that may go on now, in their order; `waiting` is all of them, and others are forgotten."""
        now = self._clock.monotonic()
        self._look(waiting)
        self._forget(waiting)
        return sorted((run for run in waiting if self._at(run) <= now), key=self._place)

    def soonest(self, waiting: Sequence[Waiting]) -> float | None:
        """Return how long it is until one of some may go on, seconds; None where time alone helps none of them."""
        self._look(waiting)
        times = [at for run in waiting if (at := self._at(run)) != float("inf")]
        return max(0.0, min(times) - self._clock.monotonic()) if times else None

    def looked_at(self, run_id: str, *, in_vain: bool) -> None:
        """Say whether a run came out of its slot as it went in."""
        (self._in_vain.add if in_vain else self._in_vain.discard)(run_id)

    def is_behind(self, run: Waiting) -> bool:
        """Tell whether a run of those last looked at lets what is due go first, since it was looked at in vain."""
        return run.id in self._in_vain and self._clock.monotonic() - self._at(run) < BEHIND_SECONDS

    def give_way(self, run_id: str, other_id: str) -> None:
        """Say that a run leaves its slot to another."""
        self._gave_way[run_id] = other_id

    def gave_way_to(self, run_id: str) -> str:
        """Return to whom a run left its slot, who has had none since; empty where to nobody."""
        return self._gave_way.get(run_id, "")

    def take(self, run_id: str) -> list[str]:
        """Say that a run has a slot, and return who was to leave one to it."""
        gave = [lower for lower, other in self._gave_way.items() if other == run_id]
        for one in (run_id, *gave):
            self._gave_way.pop(one, None)
        return gave

    def rest(self, run_id: str, seconds: float) -> None:
        """Leave a run alone for a while, whatever its row says."""
        self._resting[run_id] = self._clock.monotonic() + seconds

    def leave(self, run_id: str) -> None:
        """Leave a run alone as long as this process lives."""
        self._resting[run_id] = float("inf")

    def is_left(self, run_id: str) -> bool:
        """Tell whether a run was left alone for good."""
        return self._resting.get(run_id) == float("inf")

    def _place(self, run: Waiting) -> tuple[bool, bool, int, float]:
        return run.request != "cancel", self.is_behind(run), -run.priority, self._at(run)

    def _at(self, run: Waiting) -> float:
        return max(self._seen[run.id].ready_at, self._resting.get(run.id, 0.0))

    def _look(self, waiting: Sequence[Waiting]) -> None:
        for run in waiting:
            row = (run.state, run.who, run.next_at, run.request)
            seen = self._seen.get(run.id)
            if seen is None or seen.row != row:
                # Once: where it cannot be cancelled now, its row says when that is tried again.
                asked = run.request == "cancel" and (seen is None or seen.row[-1] != run.request)
                ready_at = self._clock.monotonic() if asked else self._ready_at(run)
                self._seen[run.id] = _Seen(row, ready_at)

    def _forget(self, waiting: Sequence[Waiting]) -> None:
        """Forget runs that have ended; one that is asked about with some others only keeps its rest."""
        there = {run.id for run in waiting}
        self._seen = {run_id: seen for run_id, seen in self._seen.items() if run_id in there}
        self._resting = {run_id: until for run_id, until in self._resting.items() if run_id in there}
        self._in_vain &= there
        self._gave_way = {run_id: other for run_id, other in self._gave_way.items() if {run_id, other} <= there}

    def _ready_at(self, run: Waiting) -> float:
        if run.state is RunState.HELD and run.who is Who.PERSON:
            return float("inf")
        held = run.state is RunState.HELD
        left = (max(run.next_at, run.created) if held else run.created) - self._clock.now().timestamp()
        if left > (LONGEST_WAIT_SECONDS if held else 0.0):
            left = 0.0
        return self._clock.monotonic() + left
