"""
A process that does units of whatever run, and joins by lease: it claims, does, commits, and decides about no run.

What it must leave to the run's holder it writes on the unit (`StepRunner.do_for_holder`). What is wrong with itself,
its disk or its credentials, it says, and leaves the run to others for a while.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.core import log
from orchestrator.core.clock import Clock
from orchestrator.core.errors import OrchestratorError, Stopped
from orchestrator.engine.claims import Claims
from orchestrator.engine.kept_pieces import NotYetSharedError
from orchestrator.engine.steps import StepRunner
from orchestrator.engine.stores.contract import Units
from orchestrator.engine.stores.work_records import OpenKind
from orchestrator.engine.trouble import StoreTrouble
from orchestrator.model.ports import Stop
from orchestrator.model.unit import Unit

# Whoever has nothing to do looks again after so long, twice as long each time.
FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.25, 5.0
# A run of which this process cannot do units is left alone for so long, twice as long each time.
REST_SECONDS, LONGEST_REST_SECONDS = 5.0, 300.0
# A run's holder makes its folder after its units can be claimed; so long a run without one is merely looked at again,
# also where the folder comes late over a file system that machines share.
YOUNG_SECONDS = 20.0
# So many pieces of a kind wait for the run's holder at the most before more are brought.
MOST_BROUGHT = 64
_SLICE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Duty:
    """
    What this process can do of one run.

    Attributes:
        kinds: Of units.
        runner: Does them.
        check: Raises `SpaceError` where a disk of the run has too little room.
        close: Gives up idle connections.
    """

    kinds: frozenset[str]
    runner: StepRunner
    check: Callable[[], None]
    close: Callable[[], None]


class Duties(Protocol):
    """What this process can do of each run."""

    def of(self, run_id: str, fence: int) -> Duty:
        """
        Return what it can do of a run that was claimed under this number last; made once.

        Raises:
            OrchestratorError, OSError: It can do nothing of it; the sentence says why.
        """

    def keep(self, run_ids: frozenset[str]) -> None:
        """Forget all runs but these."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """
    How a worker works.

    Attributes:
        name: Of this process among all that claim units: begins with `FREE_WORKER`.
        at_once: Units at once.
        kinds: Kinds of units that it does; none named is all.
        lease_seconds: How long a claim is good without a word.
        drain_seconds: How long what is under way may go on after it is asked to end.
    """

    name: str
    at_once: int
    kinds: frozenset[str] = frozenset()
    lease_seconds: float = 60.0
    drain_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class WorkerStanding:
    """
    How a worker stands.

    Attributes:
        busy: Units that it does now.
        done: Units that it has brought to an end, whichever.
        left: Runs that it leaves alone, and why.
        draining: Whether it was asked to end.
    """

    busy: int = 0
    done: int = 0
    left: Mapping[str, str] = field(default_factory=dict)
    draining: bool = False


@dataclass(slots=True)
class _Rest:
    """Until when a run is left alone, by the clock that only grows, and why."""

    until: float
    seconds: float
    why: str


class UnitWorker:
    """See the module. `work` is called once, by one thread; its own threads do the units."""

    def __init__(
        self,
        options: WorkerOptions,
        *,
        units: Units,
        duties: Duties,
        clock: Clock,
        drain: Stop,
        stop: threading.Event,
        notify: Callable[[str, str, Mapping[str, Any]], None],
        looked: Callable[[WorkerStanding], None] = lambda _standing: None,
    ) -> None:
        """
        Take where units are, and what this process can do of each run.

        `drain` asks for a clean end, `stop` ends steps that are under way, and is set when they have had their time.
        """
        self._options, self._units, self._duties, self._clock = options, units, duties, clock
        self._drain, self._stop, self._notify, self._looked = drain, stop, notify, looked
        self._claims = Claims(units, clock, worker=options.name, lease_seconds=options.lease_seconds)
        self._trouble = StoreTrouble(clock, notify)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._rests: dict[str, _Rest] = {}
        self._young: dict[tuple[str, int], float] = {}  # claims of runs whose folder was not seen, since when
        self._duty: dict[str, Duty] = {}  # of runs of which units were claimed
        self._done = 0

    def work(self, *, until_idle: bool = False) -> WorkerStanding:
        """
        Go on until `drain` or `stop` is set; with `until_idle`, end too when no run that is worked on has units left.

        On return everything that was claimed is committed or given back.
        """
        pause = FIRST_LOOK_SECONDS
        with self._claims, ThreadPoolExecutor(self._options.at_once, thread_name_prefix="unit") as pool:
            try:
                while not self._is_ending():
                    found = self._look()
                    begun = self._begin(found, pool)
                    self._looked(self._standing())
                    if until_idle and not begun and self._is_idle(found):
                        break
                    pause = FIRST_LOOK_SECONDS if begun else min(2 * pause, LONGEST_LOOK_SECONDS)
                    self._rest(max(pause, self._trouble.left()))
                self._finish_what_has_begun()
            finally:
                self._stop_steps()
        return self._standing()

    # ---------------------------------------------------------------- the loop

    def _look(self) -> Sequence[OpenKind] | None:
        """Return what there is to do; None where the store cannot say so now."""
        try:
            found = self._units.open_kinds()
        except OrchestratorError as error:
            self._trouble.begin(error)
            return None
        self._trouble.end()
        runs = frozenset(kind.run_id for kind in found)
        self._duties.keep(runs)
        had = runs | self._claims.runs
        self._duty = {run_id: duty for run_id, duty in self._duty.items() if run_id in had}
        with self._lock:
            self._rests = {run_id: rest for run_id, rest in self._rests.items() if run_id in runs}
        claims = {(kind.run_id, kind.fence) for kind in found}
        self._young = {claim: since for claim, since in self._young.items() if claim in claims}
        return found

    def _begin(self, found: Sequence[OpenKind] | None, pool: ThreadPoolExecutor) -> int:
        begun = self._begin_claimed(pool)
        for kind in found or ():
            if self._is_ending() or (room := self._options.at_once - self._claims.under_way) <= 0:
                break
            begun += self._begin_some(kind, room, pool)
        return begun

    def _begin_some(self, kind: OpenKind, room: int, pool: ThreadPoolExecutor) -> int:
        if not self._is_wanted(kind) or self._is_resting(kind.run_id):
            return 0
        try:
            duty = self._duties.of(kind.run_id, kind.fence)
            if kind.kind not in duty.kinds or not self._units.is_due(kind.run_id, kind.kind, self._now()):
                return 0
            duty.check()
            self._claims.claim(kind.run_id, kind.kind, room)
            self._duty[kind.run_id] = duty
        except NotYetSharedError as error:
            if not self._is_young(kind):
                self._leave_alone(kind.run_id, error)
            return 0
        except (OrchestratorError, OSError) as error:
            self._leave_alone(kind.run_id, error)
            return 0
        return self._begin_claimed(pool)

    def _is_young(self, kind: OpenKind) -> bool:
        """Tell whether a claim of a run was met so lately that its holder may not have made the folder yet."""
        now = self._clock.monotonic()
        return now - self._young.setdefault((kind.run_id, kind.fence), now) < YOUNG_SECONDS

    def _begin_claimed(self, pool: ThreadPoolExecutor) -> int:
        """Begin what is claimed and was too heavy until now, or has just been claimed."""
        begun = 0
        while (unit := self._claims.begin()) is not None:
            pool.submit(log.carried(self._do), self._duty[unit.run_id], unit)
            begun += 1
        return begun

    def _is_wanted(self, kind: OpenKind) -> bool:
        named = not self._options.kinds or kind.kind in self._options.kinds
        return named and kind.waiting + kind.claimed > 0 and kind.brought < MOST_BROUGHT

    def _is_idle(self, found: Sequence[OpenKind] | None) -> bool:
        if found is None or not self._claims.is_empty:
            return False
        return not any(self._is_wanted(kind) and not self._is_resting(kind.run_id) for kind in found)

    def _is_ending(self) -> bool:
        return self._drain.is_set() or self._stop.is_set()

    def _rest(self, seconds: float) -> None:
        """Wait until a unit ends, or so long, in slices: a wish to end is heeded."""
        while seconds > 0 and not self._is_ending() and not self._wake.wait(min(seconds, _SLICE_SECONDS)):
            seconds -= _SLICE_SECONDS
        self._wake.clear()

    def _finish_what_has_begun(self) -> None:
        """Give back what has not begun, and let the rest have its time."""
        with suppress(OrchestratorError):  # those leases end by themselves, too
            self._claims.give_back_waiting()
        until = self._clock.monotonic() + self._options.drain_seconds
        while self._claims.under_way and not self._stop.is_set() and self._clock.monotonic() < until:
            self._looked(self._standing())
            self._wake.wait(_SLICE_SECONDS)
            self._wake.clear()

    def _stop_steps(self) -> None:
        if self._claims.under_way:
            self._stop.set()

    # ---------------------------------------------------------------- one unit

    def _do(self, duty: Duty, unit: Unit) -> None:
        with log.correlated(run=unit.run_id):
            try:
                duty.runner.do_for_holder(unit)
            except Stopped:
                self._give_back(unit)
            except Exception as error:  # noqa: BLE001  the edge of a thread
                self._give_back(unit)
                self._leave_alone(unit.run_id, error)
            else:
                with self._lock:
                    self._done += 1
                    self._rests.pop(unit.run_id, None)
            finally:
                self._claims.end(unit)
                self._wake.set()

    def _give_back(self, unit: Unit) -> None:
        with suppress(OrchestratorError):  # its lease ends by itself, too
            self._units.release(unit.run_id, [unit])

    # ---------------------------------------------------------------- what it leaves

    def _leave_alone(self, run_id: str, error: Exception) -> None:
        """Leave a run to others for a while, and say why where that is new."""
        sentence = str(error) if isinstance(error, (OrchestratorError, OSError)) else f"{type(error).__name__}: {error}"
        with self._lock:
            before = self._rests.get(run_id)
            seconds = min(LONGEST_REST_SECONDS, 2 * before.seconds) if before else REST_SECONDS
            self._rests[run_id] = _Rest(self._clock.monotonic() + seconds, seconds, sentence)
        if before is None or before.why != sentence:
            facts: dict[str, Any] = {"worker": self._options.name, "error": sentence}
            if not isinstance(error, (OrchestratorError, OSError)):
                facts["exc_info"] = error
            self._notify("worker.left_alone", run_id, facts)

    def _is_resting(self, run_id: str) -> bool:
        with self._lock:
            rest = self._rests.get(run_id)
            return rest is not None and self._clock.monotonic() < rest.until

    def _standing(self) -> WorkerStanding:
        with self._lock:
            left = {run_id: rest.why for run_id, rest in self._rests.items()}
            return WorkerStanding(self._claims.under_way, self._done, left, self._is_ending())

    def _now(self) -> float:
        return self._clock.now().timestamp()
