"""How far a run is, counted in memory while it works, for whoever shows it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from orchestrator.engine.stores.work_records import Tally, Task
from orchestrator.model.states import UNIT_DONE, PartState, RunState, TaskState, UnitState

_PLACED = (PartState.MERGED, PartState.EMPTY, PartState.CLEANED)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    One look at a run.

    Attributes:
        state: Of the run.
        detail: What is being done, in a few words; empty where the state says it.
        seconds: How long that has been done.
        parts: How many parts are in each state.
        tasks: How many tasks are in each state; those that were cut in two are not counted.
        tasks_share: How much of the tasks Earth Engine has done, 0 to 1.
        running_share: How far those are that run now, 0 to 1.
        bytes_done: Bytes received in this process.
        bytes_expected: Bytes of all parts whose objects are listed.
        bytes_listed_parts: How many parts these are.
        eecu_seconds: What Earth Engine has counted so far.
        units: How many units are in each state; those that were cut are not counted.
        units_called: What the units are, in the plural.
        doing: What is done to them; empty where the state says it.
        given_up: How many of the units failed for good, while the others go on: they count as FAILED.
        before: Where units are to come of which none is known yet: how many of those before them are done, of how many.
    """

    state: RunState = RunState.ADMITTED
    detail: str = ""
    seconds: float = 0.0
    parts: Mapping[str, int] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    tasks_share: float = 0.0
    running_share: float = 0.0
    bytes_done: int = 0
    bytes_expected: int = 0
    bytes_listed_parts: int = 0
    eecu_seconds: float = 0.0
    units: Mapping[str, int] = field(default_factory=dict)
    units_called: str = "requests"
    doing: str = ""
    given_up: int = 0
    before: tuple[int, int] = (0, 0)

    @property
    def total_units(self) -> int:
        return sum(self.units.values())

    @property
    def done_units(self) -> int:
        return sum(self.units.get(state, 0) for state in (UnitState.DONE, UnitState.EMPTY)) + self.given_up

    @property
    def total_parts(self) -> int:
        return sum(self.parts.values())

    @property
    def merged_parts(self) -> int:
        return sum(self.parts.get(state, 0) for state in _PLACED)

    @property
    def total_tasks(self) -> int:
        return sum(self.tasks.values())


def counted(seen: Snapshot, tally: Mapping[PartState, Tally], tasks: Sequence[Task]) -> Snapshot:
    """Return `seen` with the parts and tasks of the store in it."""
    whole = [task for task in tasks if task.state is not TaskState.SPLIT]
    running = [task.progress for task in whole if task.state is TaskState.RUNNING]
    done = sum(task.state is TaskState.SUCCEEDED for task in whole) + sum(running)
    return replace(
        seen,
        parts={state: held.parts for state, held in tally.items()},
        tasks=Counter(task.state for task in whole),
        tasks_share=done / len(whole) if whole else 0.0,
        running_share=sum(running) / len(running) if running else 0.0,
        bytes_expected=sum(held.bytes for held in tally.values()),
        bytes_listed_parts=sum(held.listed for held in tally.values()),
        eecu_seconds=sum(task.eecu_seconds for task in tasks),
    )


def with_units(
    seen: Snapshot,
    tally: Mapping[str, Mapping[UnitState, int]],
    given_up: Mapping[str, int],
    kinds: Collection[str] = (),
) -> Snapshot:
    """Return `seen` with units in it, of these kinds where any is named; those given up are FAILED, not EMPTY."""
    found: Counter[str] = Counter()
    counted_kinds = [kind for kind in tally if not kinds or kind in kinds]
    for kind in counted_kinds:
        found.update({state: count for state, count in tally[kind].items() if state is not UnitState.SPLIT})
    lost = sum(given_up.get(kind, 0) for kind in counted_kinds)
    if lost:
        found.update({UnitState.EMPTY: -lost, UnitState.FAILED: lost})
    before = (0, 0) if counted_kinds else _done_of(tally)
    return replace(seen, units={state: count for state, count in found.items() if count}, given_up=lost, before=before)


def _done_of(tally: Mapping[str, Mapping[UnitState, int]]) -> tuple[int, int]:
    """Return how many units of all kinds are done, and how many there are."""
    whole: Counter[UnitState] = Counter()
    for counts in tally.values():
        whole.update({state: count for state, count in counts.items() if state is not UnitState.SPLIT})
    return sum(whole[state] for state in UNIT_DONE), sum(whole.values())


class Progress:
    """Counters of one run; every method may be called from any thread."""

    def __init__(self, detail: str = "", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen = Snapshot(detail=detail)
        self._since = monotonic()
        self._kinds: frozenset[str] = frozenset()

    def received(self, count: int) -> None:
        """Count bytes of a download."""
        with self._lock:
            self._seen = replace(self._seen, bytes_done=self._seen.bytes_done + count)

    def expect(self, count: int) -> None:
        """Say how many bytes will arrive in this process, as far as is known."""
        with self._lock:
            self._seen = replace(self._seen, bytes_expected=count)

    def call(self, units: str, doing: str, kinds: Collection[str] = ()) -> None:
        """Say what the units are, and what is done to them; where kinds are named, only those are counted."""
        self._kinds = frozenset(kinds)
        with self._lock:
            self._seen = replace(self._seen, units_called=units, doing=doing)

    def set(self, *, state: RunState | None = None, detail: str | None = None) -> None:
        """Replace what is given; when that changes what is being done, its seconds begin anew."""
        with self._lock:
            before = self._seen
            self._seen = replace(
                before,
                state=state or before.state,
                detail=before.detail if detail is None else detail,
            )
            if (before.state, before.detail) != (self._seen.state, self._seen.detail):
                self._since = self._monotonic()

    def count(self, tally: Mapping[PartState, Tally], tasks: Sequence[Task], eecu_seconds: float | None = None) -> None:
        """Take over parts and tasks as they are in the store; and what the run has cost, earlier attempts included."""
        with self._lock:
            seen = counted(self._seen, tally, tasks)
            self._seen = seen if eecu_seconds is None else replace(seen, eecu_seconds=eecu_seconds)

    def count_units(
        self, tally: Mapping[str, Mapping[UnitState, int]], given_up: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """Take over the units, by kind and state, as they are in the store, and how many of each kind were given up."""
        with self._lock:
            self._seen = with_units(self._seen, tally, given_up, self._kinds)

    def snapshot(self) -> Snapshot:
        with self._lock:
            return replace(self._seen, seconds=self._monotonic() - self._since)
