"""How far a run is, counted in memory while it works, for whoever shows it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from orchestrator.model.states import PartState, RunState


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    One look at a run.

    Attributes:
        state: Of the run.
        parts: How many parts are in each state.
        tasks: How many tasks are in each state.
        bytes_done: Bytes received in this process.
        bytes_expected: Bytes of all parts whose objects are listed.
        bytes_listed_parts: How many parts these are.
        detail: What is being done, in a few words.
        eecu_seconds: What Earth Engine has counted so far.
    """

    state: RunState
    parts: dict[str, int]
    tasks: dict[str, int]
    bytes_done: int
    bytes_expected: int
    bytes_listed_parts: int
    detail: str
    eecu_seconds: float

    @property
    def total_parts(self) -> int:
        return sum(self.parts.values())

    @property
    def merged_parts(self) -> int:
        return sum(self.parts.get(state, 0) for state in (PartState.MERGED, PartState.EMPTY, PartState.CLEANED))


@dataclass(slots=True)
class Progress:
    """Counters of one run; every method may be called from any thread."""

    state: RunState = RunState.ADMITTED
    parts: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    bytes_done: int = 0
    bytes_expected: int = 0
    listed: int = 0
    detail: str = ""
    eecu_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def received(self, count: int) -> None:
        """Count bytes of a download."""
        with self._lock:
            self.bytes_done += count

    def set(
        self,
        *,
        state: RunState | None = None,
        detail: str | None = None,
        parts: Counter[str] | None = None,
        tasks: Counter[str] | None = None,
        expected: tuple[int, int] | None = None,
        eecu_seconds: float | None = None,
    ) -> None:
        """Replace what is given; `expected` is (bytes, parts) of the listed objects."""
        with self._lock:
            self.state = state or self.state
            self.detail = self.detail if detail is None else detail
            self.parts = self.parts if parts is None else parts
            self.tasks = self.tasks if tasks is None else tasks
            if expected is not None:
                self.bytes_expected, self.listed = expected
            self.eecu_seconds = self.eecu_seconds if eecu_seconds is None else eecu_seconds

    def snapshot(self) -> Snapshot:
        with self._lock:
            return Snapshot(
                state=self.state,
                parts=dict(self.parts),
                tasks=dict(self.tasks),
                bytes_done=self.bytes_done,
                bytes_expected=self.bytes_expected,
                bytes_listed_parts=self.listed,
                detail=self.detail,
                eecu_seconds=self.eecu_seconds,
            )
