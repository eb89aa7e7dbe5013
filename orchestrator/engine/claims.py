"""The units that a process has claimed: how heavy together, and kept its own while it lives."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from orchestrator.core.clock import Clock
from orchestrator.core.errors import FencedError, OrchestratorError
from orchestrator.engine.stores.contract import Units
from orchestrator.model.unit import Unit, UnitClaim

# A lease is prolonged while its holder works; another may have the unit when nothing was heard for so long.
LEASE_SECONDS = 60.0
BEATS = 3  # in the time of a lease: two may come late
# What units under way may hold in memory, by their own word: three requests of 48 MiB.
MEMORY_BYTES = 144 << 20
BYTES = "bytes"  # a unit's word for it, in its spec
# Of units that take no time, those of so long are claimed at once: a claim is a transaction.
AHEAD_SECONDS, MOST_AHEAD = 0.1, 64
_WEIGHT_OF_LAST = 0.2  # of what the last unit took, in what one takes usually


class Claims:
    """
    Units with a lease, of one run or of several. Safe to use from several threads; one thread claims.

    Its block is open while they are kept good, by a thread of its own: whoever claims may be busy elsewhere.
    """

    def __init__(
        self,
        units: Units,
        clock: Clock,
        *,
        worker: str,
        lease_seconds: float = LEASE_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """
        Take the store's units and a clock.

        Args:
            units: Where they are claimed.
            clock: See `core.clock`.
            worker: Who claims.
            lease_seconds: How long a lease is good.
            memory_bytes: What those under way may hold together, by their own word; one that is heavier goes alone.
        """
        self._units, self._clock, self._worker = units, clock, worker
        self._seconds, self._memory_bytes = lease_seconds, memory_bytes
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, str, str], Unit] = {}
        self._waiting: list[Unit] = []  # with a lease, and too heavy to begin beside those under way
        self._heavy: set[str] = set()  # kinds of which two do not fit
        self._renewed: dict[UnitClaim, float] = {}  # when the lease began, by the clock that only grows
        self._begun: dict[UnitClaim, float] = {}  # when, by the clock that only grows
        self._usual_seconds = 0.0  # that a unit takes; 0 where none has ended yet
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._keep, args=(self._ended,), name="claims", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is had."""
        with self._lock:
            return not self._under_way and not self._waiting

    @property
    def runs(self) -> frozenset[str]:
        """Of which runs something is had."""
        with self._lock:
            return frozenset(unit.run_id for unit in (*self._under_way.values(), *self._waiting))

    @property
    def under_way(self) -> int:
        """How many have begun."""
        with self._lock:
            return len(self._under_way)

    def claim(self, run_id: str, kind: str, most: int, *, ahead: bool = False) -> int:
        """
        Claim at most so many units of a kind, none while one waits to begin; return how many that were.

        Of a kind that fills more than half of the memory one is had at a time: others may do the next meanwhile. With
        `ahead` more are claimed than can begin, as many as will in a moment, where units take so little.
        """
        with self._lock:
            most = 0 if self._waiting else self._fitting(kind, most + self._soon(most) if ahead and most > 0 else most)
        if most <= 0:
            return 0
        now, began = self._clock.now().timestamp(), self._clock.monotonic()
        found = self._units.claim(run_id, kind, most, now=now, seconds=self._seconds, worker=self._worker)
        if any(_weight(unit) > self._memory_bytes // 2 for unit in found):
            with self._lock:
                self._heavy.add(kind)
            found, others = found[:1], found[1:]
            self._release(others)
        with self._lock:
            self._waiting += found
            self._renewed |= {unit.claim: began for unit in found}
        return len(found)

    def _fitting(self, kind: str, most: int) -> int:
        if kind not in self._heavy:
            return most
        return min(most, 1) if not any(unit.kind == kind for unit in self._under_way.values()) else 0

    def _soon(self, room: int) -> int:
        """Return how many units begin in the next moment after those for which there is room now."""
        if not self._usual_seconds:
            return 0
        return min(MOST_AHEAD, int((len(self._under_way) + room) * AHEAD_SECONDS / self._usual_seconds))

    def take_up(self, claim: UnitClaim) -> Unit | None:
        """Make a claim of another process this one's, as under way from now on; None where it is over or taken up."""
        began = self._clock.monotonic()
        unit = self._units.take_up(claim, self._seconds, self._worker)
        if unit is not None:
            with self._lock:
                self._renewed[unit.claim] = began
                self._under_way[_name(unit)] = unit
        return unit

    def begin(self) -> Unit | None:
        """Return the next unit that may begin, as under way from now on; None where there is none."""
        with self._lock:
            held = sum(map(_weight, self._under_way.values()))
            if not self._waiting or (held and held + _weight(self._waiting[0]) > self._memory_bytes):
                return None
            unit = self._waiting.pop(0)
            self._under_way[_name(unit)] = unit
            self._begun[unit.claim] = self._clock.monotonic()
            return unit

    def end(self, unit: Unit) -> None:
        """Take note that a unit is not had any more."""
        with self._lock:
            self._renewed.pop(unit.claim, None)
            held = self._under_way.get(_name(unit))
            if held is not None and held.fence == unit.fence:
                del self._under_way[_name(unit)]
            if (begun := self._begun.pop(unit.claim, None)) is not None:
                seconds = self._clock.monotonic() - begun
                self._usual_seconds += (seconds - self._usual_seconds) * (_WEIGHT_OF_LAST if self._usual_seconds else 1)

    def renew(self) -> None:
        """Prolong the leases of which a third is over, whatever this machine's time of day is."""
        now = self._clock.monotonic()
        for claimed in self._held():
            if now - self._renewed.get(claimed.claim, now) > self._seconds / BEATS:
                self._renew_one(claimed)

    def give_back_waiting(self) -> None:
        """Let others have what has not begun."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            for unit in waiting:
                self._renewed.pop(unit.claim, None)
        self._release(waiting)

    def give_back(self) -> None:
        """Let others have everything."""
        with self._lock:
            held, self._waiting, self._under_way = [*self._waiting, *self._under_way.values()], [], {}
            self._begun, self._renewed = {}, {}
        self._release(held)

    def _release(self, held: Sequence[Unit]) -> None:
        for run_id in {unit.run_id for unit in held}:
            self._units.release(run_id, [unit for unit in held if unit.run_id == run_id])

    def _renew_one(self, unit: Unit) -> None:
        began = self._clock.monotonic()
        try:
            self._units.renew(unit, self._seconds)
        except FencedError:  # it is over, or somebody else's: whoever does it finds out
            return
        with self._lock:
            if unit.claim in self._renewed:
                self._renewed[unit.claim] = began

    def _held(self) -> list[Unit]:
        with self._lock:
            return [*self._under_way.values(), *self._waiting]

    def _keep(self, ended: threading.Event) -> None:
        while not ended.wait(self._seconds / BEATS):
            with suppress(OrchestratorError):  # a database in trouble shows by itself
                self.renew()


def _name(unit: Unit) -> tuple[str, str, str]:
    return unit.run_id, unit.kind, unit.key


def _weight(unit: Unit) -> int:
    return int(unit.plan.spec.get(BYTES, 0))
