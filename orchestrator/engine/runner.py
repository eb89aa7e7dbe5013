"""
The units of one run, done by a bounded pool: claimed, done, and committed with the state they lead to.

A step may be done any number of times with one effect; what it has noted and placed before a crash it finds again.
Its errors are answered here, by what must be done about them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from orchestrator.core import crash, log
from orchestrator.core.errors import (
    FencedError,
    IntegrityError,
    PermanentError,
    QuotaError,
    Stopped,
    ThrottleError,
    TransientError,
)
from orchestrator.core.files import make_folder
from orchestrator.engine.context import ProcessContext, RunContext
from orchestrator.engine.placing import EitherStop
from orchestrator.engine.stores.contract import Units
from orchestrator.engine.work import HoldError
from orchestrator.model.ports import Stop
from orchestrator.model.product import RunSnapshot, Step
from orchestrator.model.states import UNIT_DONE, Failure, UnitState, Who
from orchestrator.model.unit import Again, Cell, Done, Empty, Hold, Lost, Outcome, Split, Unit

# A lease is prolonged while its holder works; one of a process that died is over by then.
LEASE_SECONDS = 600.0
# The longest pause between two looks: a request to cancel is heeded.
_PAUSE_SECONDS = 0.5
# A service that has only been busy for so long is waited for without a thread.
_BUSY_SECONDS = 900.0
# ... and so is one that asks for a pause longer than any of ours: the run says what it waits for.
_LONG_PAUSE_SECONDS = 60.0
# What units under way may hold in memory, by their own word: three requests of 48 MiB.
MEMORY_BYTES = 144 << 20
BYTES = "bytes"  # a unit's word for it, in its spec


class Placer(Protocol):
    """Where steps put pieces, from any thread; see `engine.placing.Placing`."""

    @property
    def placed(self) -> frozenset[Cell]:
        """The cells that had their piece when this process began."""

    def place(self, cell: Cell, content: Path | bytes) -> None:
        """Put a piece where it belongs; on return it is durable there."""


@dataclass(frozen=True, slots=True)
class UnitContext:
    """
    What the units of a run are given.

    Attributes:
        context: What everything that works on the run is given.
        run: What was settled of it.
        steps: What is done to each kind of unit.
        placer: Where pieces go; None where there are none.
        folder: The run's own.
        memory_bytes: What units under way may hold together, by their own word; one that is heavier goes alone.
    """

    context: RunContext
    run: RunSnapshot
    steps: Mapping[str, Step]
    placer: Placer | None
    folder: Path
    memory_bytes: int = MEMORY_BYTES

    @property
    def units(self) -> Units:
        return self.context.store.units

    @property
    def process(self) -> ProcessContext:
        return self.context.process

    def record(self, name: str, facts: Mapping[str, Any]) -> None:
        """Write an event."""
        self.context.record(name, facts)

    def now(self) -> float:
        """Return the time of day, seconds since 1970."""
        return self.context.now()


class UnitWork:
    """See `engine.work.Work`. Used by one thread, which alone decides about the run; its own threads do the steps."""

    def __init__(self, context: UnitContext) -> None:
        self._context = context
        self._closing = threading.Event()
        self._stop = EitherStop(context.process.stop, self._closing)
        self._pool = context.process.pool(context.process.requests, "unit")
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, str], Unit] = {}
        self._claimed: list[Unit] = []  # with a lease, and too heavy to begin beside those under way
        self._troubles: queue.SimpleQueue[Exception] = queue.SimpleQueue()
        self._busy_since: float | None = None
        self._empty = -1
        self._given_up: Mapping[str, int] = {}

    def __enter__(self) -> Self:
        # The run's lock is held: whoever had a lease is dead, and what it began is none of our tries.
        self._context.units.release(self._context.run.id)
        make_folder(self._context.folder)
        self._bring_back()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        held = [*self._claimed, *self._under_way.values()]
        if held:
            self._context.units.release(self._context.run.id, held)

    def round(self) -> bool:
        """
        Begin what can be done now; tell whether nothing is left to do.

        Raises:
            HoldError: Something outside must change first.
            PermanentError, IntegrityError, SpaceError, OSError: The run cannot go on.
            Stopped: The process or the run was asked to stop.
        """
        if not self._troubles.empty():
            raise self._troubles.get()
        self._renew()
        self._begin_more()
        done = self._is_done()
        with self._lock:
            return done and not self._under_way and not self._claimed

    def pause_seconds(self) -> float:
        """Return how long nothing will change by itself; a wake-up ends the pause."""
        due = self._context.units.next_due(self._context.run.id, list(self._context.steps))
        with self._lock:
            busy = bool(self._under_way)
        if due is None or busy:
            return _PAUSE_SECONDS
        return min(_PAUSE_SECONDS, max(0.02, due - self._context.now()))

    # ------------------------------------------------------------ the run's thread

    def _is_done(self) -> bool:
        tally = self._context.units.tally(self._context.run.id)
        empty = sum(counts.get(UnitState.EMPTY, 0) for counts in tally.values())
        if empty != self._empty:  # which of them were given up is not looked at in each round
            self._empty, self._given_up = empty, self._context.units.given_up(self._context.run.id)
        self._context.context.progress.count_units(tally, self._given_up)
        if any(counts.get(UnitState.FAILED) for counts in tally.values()):
            failed = self._context.units.of(self._context.run.id, states=[UnitState.FAILED])
            raise PermanentError(f"{failed[0].kind} {failed[0].key} failed: {failed[0].error}")
        return all(state in UNIT_DONE for counts in tally.values() for state, count in counts.items() if count)

    def _bring_back(self) -> None:
        """Let units wait again whose pieces were placed in an output that is not there any more."""
        context = self._context
        if context.placer is None:
            return
        placed = context.placer.placed
        done = context.units.of(context.run.id, states=[UnitState.DONE])
        lacking = [(u.kind, u.key) for u in done if u.plan.cell is not None and u.plan.cell not in placed]
        if lacking:
            context.units.lose(context.run.id, lacking)
            context.record("units.again", {"units": len(lacking)})

    def _begin_more(self) -> None:
        context = self._context
        for kind in context.steps:
            with self._lock:
                room = context.process.requests - len(self._under_way) - len(self._claimed)
            if room > 0 and not self._claimed:
                until = context.now() + LEASE_SECONDS
                self._claimed += context.units.claim(context.run.id, kind, room, now=context.now(), until=until)
        while self._claimed and self._has_room(self._claimed[0]):
            self._begin(self._claimed.pop(0))

    def _has_room(self, unit: Unit) -> bool:
        with self._lock:
            held = sum(_weight(other) for other in self._under_way.values())
        return held == 0 or held + _weight(unit) <= self._context.memory_bytes

    def _begin(self, unit: Unit) -> None:
        with self._lock:
            self._under_way[unit.kind, unit.key] = unit
        self._pool.submit(log.carried(self._work), unit)

    def _renew(self) -> None:
        until = self._context.now() + LEASE_SECONDS
        with self._lock:
            held = [*self._under_way.values(), *self._claimed]
        for unit in held:
            if unit.claimed_until - self._context.now() < LEASE_SECONDS / 2:
                renewed = self._renewed(unit, until)
                with self._lock:
                    if (unit.kind, unit.key) in self._under_way:
                        self._under_way[unit.kind, unit.key] = renewed

    def _renewed(self, unit: Unit, until: float) -> Unit:
        try:
            self._context.units.renew(unit, until)
        except FencedError:  # it is over, or somebody else's: its own thread finds out
            return unit
        return self._context.units.get(unit.run_id, unit.kind, unit.key)

    # ------------------------------------------------------------ a unit's thread

    def _work(self, unit: Unit) -> None:
        try:
            crash.point("unit.claimed")
            self._commit(unit, self._outcome(unit))
        except Stopped:
            self._give_back(unit)
        except FencedError:  # another has it now
            pass
        except Exception as error:  # noqa: BLE001  the edge of a thread: the run's own thread decides
            self._give_back(unit)
            self._troubles.put(error)
        finally:
            with self._lock:
                self._under_way.pop((unit.kind, unit.key), None)
            self._context.context.wake.set()

    def _give_back(self, unit: Unit) -> None:
        """Let go of a lease; what a unit was committed to before it stays."""
        try:
            self._context.units.release(unit.run_id, [unit])
        except Exception as error:  # noqa: BLE001  the edge of a thread: the run's own thread decides
            self._troubles.put(error)

    def _outcome(self, unit: Unit) -> Outcome:
        """Do the step; what fails for a reason that passes is done again later."""
        step = self._context.steps[unit.kind]
        with log.correlated(unit=unit.key):
            return self._done(step, unit)

    def _done(self, step: Step, unit: Unit) -> Outcome:
        try:
            return step(_StepContext(self._context, unit, self._stop), unit)
        except FencedError:  # an IntegrityError, and none of the step's
            raise
        except QuotaError as error:
            return Hold(str(error), Who.TIME, error.again_at.timestamp())
        except ThrottleError as error:
            if error.wait_seconds > _LONG_PAUSE_SECONDS:
                return Hold(str(error), Who.TIME, self._context.now() + error.wait_seconds)
            return Again(str(error), Failure.THROTTLE, error.wait_seconds, counted=False)
        except TransientError as error:
            return Again(str(error))
        except IntegrityError as error:
            if unit.attempt >= self._context.process.backoff.unit_attempts:
                raise
            return Again(str(error))

    def _commit(self, unit: Unit, outcome: Outcome) -> None:
        units = self._context.units
        match outcome:
            case Done(result, more):
                units.finish(unit, UnitState.DONE, result=result or None, units=more)
                crash.point("unit.done")
                self._busy_since = None
                if BYTES in result:
                    self._record("request.answered", unit, {"bytes": result[BYTES]})
            case Empty(result, error):
                units.finish(unit, UnitState.EMPTY, result=result or None, error=error)
            case Split(pieces, why, failure):
                units.split(unit, pieces, failure, why)
                facts = {"pieces": len(pieces), "failure": failure, "error": why}
                self._record("unit.split", unit, facts)
            case Lost(keys, why):
                units.again(unit, 0.0, Failure.TRANSIENT, why, counted=False, lost=keys)
                self._record("unit.lost", unit, {"lost": [key for _, key in keys], "error": why})
            case Hold(why, who, until):
                raise HoldError(why, alone=who is not Who.PERSON, until=until)
            case Again():
                self._again(unit, outcome)

    def _again(self, unit: Unit, outcome: Again) -> None:
        """Let a unit wait; one that keeps failing, and a service that stays busy, hold the run."""
        backoff = self._context.process.backoff
        ceiling = min(backoff.unit_longest_seconds, backoff.unit_first_seconds * 2 ** min(30, max(0, unit.attempt - 1)))
        wait = max(outcome.wait_seconds, self._context.process.chance.uniform(ceiling / 2, ceiling))
        next_at = self._context.now() + wait
        self._context.units.again(unit, next_at, outcome.failure, outcome.why, counted=outcome.counted)
        facts = {"failure": outcome.failure, "error": outcome.why, "seconds": round(wait, 3)}
        self._record("unit.again", unit, facts)
        if outcome.counted and unit.attempt >= backoff.unit_attempts:
            raise HoldError(f"{unit.kind} {unit.key} failed {unit.attempt} times: {outcome.why}", alone=True)
        if not outcome.counted and self._is_busy_for_long():
            raise HoldError(f"the service stays busy: {outcome.why}", alone=True)

    def _is_busy_for_long(self) -> bool:
        now = self._context.process.clock.monotonic()
        if self._busy_since is None:
            self._busy_since = now
        return now - self._busy_since > _BUSY_SECONDS

    def _record(self, name: str, unit: Unit, facts: Mapping[str, Any]) -> None:
        self._context.record(name, {"kind": unit.kind, "unit": unit.key, "attempt": unit.attempt} | dict(facts))


class _StepContext:
    """See `model.product.StepContext`."""

    def __init__(self, context: UnitContext, unit: Unit, stop: Stop) -> None:
        self._context, self._unit, self.stop = context, unit, stop
        self.run, self.folder = context.run, context.folder

    def note(self, result: Mapping[str, Any]) -> None:
        self._context.units.note(self._unit, result)
        crash.point("unit.noted")

    def place(self, cell: Cell, content: Path | bytes) -> None:
        if self._context.placer is None:
            raise IntegrityError(f"{self._unit.kind} {self._unit.key} brings pixels, and there is no place for them")
        if self.stop.is_set():
            raise Stopped("stopped; the same command continues this run")
        self._context.placer.place(cell, content)
        crash.point("unit.placed")

    def is_placed(self, cell: Cell) -> bool:
        return self._context.placer is not None and cell in self._context.placer.placed

    def expect(self, count: int) -> None:
        self._context.context.progress.expect(count)

    def received(self, count: int) -> None:
        crash.point("unit.fetched")
        self._context.context.progress.received(count)


def _weight(unit: Unit) -> int:
    return int(unit.plan.spec.get(BYTES, 0))
