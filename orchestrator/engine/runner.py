"""
The units of one run, as its holder sees them: claimed for whoever does them here, and brought to their end.

Any other process may do some of them, too: what it brought is placed here, what it cannot decide is decided here.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from orchestrator.core import crash, log
from orchestrator.core.errors import FencedError, IntegrityError, PermanentError, Stopped
from orchestrator.core.files import make_folder
from orchestrator.engine.claims import Claims
from orchestrator.engine.executors import UnitExecutor, UnitLostError
from orchestrator.engine.kept_pieces import KeptPieces, PieceKeeper
from orchestrator.engine.placing import EitherStop
from orchestrator.engine.steps import StepRunner, UnitContext
from orchestrator.engine.unit_threads import ThreadExecutor
from orchestrator.engine.work import HoldError
from orchestrator.model.states import UNIT_DONE, UnitState, Who
from orchestrator.model.unit import Again, Unit, UnitClaim

# The longest pause between two looks: a request to cancel is heeded.
_PAUSE_SECONDS = 0.5
# While units of ours are under way, how all of the run's stand is looked at no more often than this.
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _Lane:
    """Kinds of units, who does them, and what is claimed of them."""

    kinds: tuple[str, ...]
    executor: UnitExecutor
    claims: Claims


class UnitWork:
    """See `engine.work.Work`. Used by one thread, which alone decides about the run."""

    def __init__(self, context: UnitContext, executor: UnitExecutor | None = None) -> None:
        """Take what units are given; an `executor` does those that any process may do, and threads of ours the rest."""
        self._context = context
        self._closing = threading.Event()
        self._runner = StepRunner(context, EitherStop(context.process.stop, self._closing))
        self._threads = ThreadExecutor(self._runner, context.process)
        elsewhere = [kind for kind in context.steps if executor is not None and kind in context.shared]
        here = [kind for kind in context.steps if kind not in elsewhere]
        self._lanes = [_Lane(tuple(here), self._threads, self._claims())]
        if executor is not None and elsewhere:
            self._lanes.append(_Lane(tuple(elsewhere), executor, self._claims()))
        self._kept: PieceKeeper = context.pieces or KeptPieces(context.folder)
        self._placing: ThreadPoolExecutor | None = None
        self._brought: dict[UnitClaim, int] = {}  # bytes of pieces that are on their way into the sink
        self._lock = threading.Lock()
        self._troubles: queue.SimpleQueue[Exception] = queue.SimpleQueue()
        self._empty, self._looked_at = -1, float("-inf")
        self._said = ""
        self._given_up: Mapping[str, int] = {}
        self._opened = ExitStack()

    def _claims(self) -> Claims:
        process = self._context.process
        return Claims(
            self._context.units,
            process.clock,
            worker=process.name,
            lease_seconds=process.unit_lease_seconds,
            memory_bytes=self._context.memory_bytes,
        )

    def __enter__(self) -> Self:
        # The run's lock is held: whoever held it before is dead, and what that began is none of our tries. Workers of
        # their own go on with what they have.
        context = self._context
        context.units.release(context.run.id)
        if any(counts.get(UnitState.HELD) for counts in context.units.tally(context.run.id).values()):
            context.units.resume(context.run.id)
        make_folder(context.folder)
        if context.shared:
            self._kept.begin(context.fence)
        self._bring_back()
        for lane in self._lanes:
            self._opened.enter_context(lane.claims)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._opened.close()
        self._threads.close()
        if self._placing is not None:
            self._placing.shutdown(wait=True, cancel_futures=True)
        for lane in self._lanes:
            lane.claims.give_back()

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
        for lane in self._lanes:
            lane.claims.renew()
            self._say_who_begins()
            self._begin_more(lane)
        self._say_who_begins()
        now = self._context.process.clock.monotonic()
        if any(lane.claims.under_way for lane in self._lanes) and now - self._looked_at < _LOOK_SECONDS:
            return False
        self._looked_at = now
        done = self._is_done()
        return done and self._is_idle()

    def pause_seconds(self) -> float:
        """Return how long nothing will change by itself; a wake-up ends the pause."""
        if any(lane.claims.under_way for lane in self._lanes):
            return _PAUSE_SECONDS
        kinds, now = list(self._context.steps), self._context.now()
        due = self._context.units.next_due(self._context.run.id, kinds, now)
        if due is None:
            return _PAUSE_SECONDS
        return min(_PAUSE_SECONDS, max(0.02, due))

    # ------------------------------------------------------------ the run's thread

    def _is_idle(self) -> bool:
        with self._lock:
            return not self._brought and all(lane.claims.is_empty for lane in self._lanes)

    def _is_done(self) -> bool:
        units, run_id = self._context.units, self._context.run.id
        tally = units.tally(run_id)
        empty = sum(counts.get(UnitState.EMPTY, 0) for counts in tally.values())
        if empty != self._empty:  # which of them were given up is not looked at in each round
            self._empty, self._given_up = empty, units.given_up(run_id)
        self._context.progress.count_units(tally, self._given_up)
        if any(counts.get(UnitState.FAILED) for counts in tally.values()):
            failed = units.of(run_id, states=[UnitState.FAILED])
            raise PermanentError(f"{failed[0].kind} {failed[0].key} failed: {failed[0].error}")
        if any(counts.get(UnitState.HELD) for counts in tally.values()):
            held = units.of(run_id, states=[UnitState.HELD])[0]
            raise HoldError(held.error, alone=held.who is not Who.PERSON, until=held.next_at)
        if brought := [kind for kind, counts in tally.items() if counts.get(UnitState.BROUGHT)]:
            self._place_brought(units.of(run_id, brought, [UnitState.BROUGHT]))
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

    def _say_who_begins(self) -> None:
        """Say what is waited for at first: a process or a cluster takes a while to be there."""
        said = ", ".join(filter(None, (lane.executor.beginning() for lane in self._lanes)))
        if said != self._said:
            self._said = said
            self._context.progress.set(detail=said)

    def _begin_more(self, lane: _Lane) -> None:
        room = lane.executor.room()
        for kind in lane.kinds if room else ():
            lane.claims.claim(self._context.run.id, kind, room, ahead=True)
        while room and (unit := lane.claims.begin()) is not None:
            lane.executor.submit(unit, self._ended(lane, unit))
            room -= 1

    # ------------------------------------------------------------ whoever did a unit

    def _ended(self, lane: _Lane, unit: Unit) -> Any:
        def ended(error: Exception | None) -> None:
            if error is not None:
                self._answer(unit, error)
            lane.claims.end(unit)
            self._context.wake.set()

        return ended

    def _answer(self, unit: Unit, error: Exception) -> None:
        try:
            if isinstance(error, UnitLostError):
                self._runner.again(unit, Again(str(error)))
                return
            # What the unit was committed to before it stays.
            self._context.units.release(unit.run_id, [unit])
        except FencedError:
            return
        except Exception as trouble:  # noqa: BLE001  the edge of a thread: the run's own thread decides
            self._troubles.put(trouble)
            return
        if not isinstance(error, Stopped):
            self._troubles.put(error)

    # ------------------------------------------------------------ what others brought

    def _place_brought(self, units: list[Unit]) -> None:
        """Put pieces into the sink that other processes brought; as many at once as share a sync of the disk."""
        if self._placing is None:
            self._placing = ThreadPoolExecutor(self._context.process.requests, thread_name_prefix="brought")
        for unit in units:
            weight = unit.piece.bytes if unit.piece is not None and unit.piece.as_bytes else 0
            with self._lock:
                full = self._brought and sum(self._brought.values()) + weight > self._context.memory_bytes
                if unit.claim in self._brought or full or len(self._brought) >= self._context.process.requests:
                    continue
                self._brought[unit.claim] = weight
            self._placing.submit(log.carried(self._place_one), unit)

    def _place_one(self, unit: Unit) -> None:
        try:
            self._settle(unit)
        except (FencedError, Stopped):
            pass
        except Exception as error:  # noqa: BLE001  the edge of a thread: the run's own thread decides
            self._troubles.put(error)
        finally:
            with self._lock:
                self._brought.pop(unit.claim, None)
            self._context.wake.set()

    def _settle(self, unit: Unit) -> None:
        """Place a piece; one that is gone, or that the sink refuses, is brought again."""
        placer, cell, piece = self._context.placer, unit.plan.cell, unit.piece
        if placer is None or cell is None or piece is None:
            raise IntegrityError(f"{unit.kind} {unit.key} brought a piece, and there is no place for it")
        try:
            placer.place(cell, self._kept.fetch(piece))
        except FencedError:
            raise
        except IntegrityError as error:
            if unit.attempt >= self._context.process.backoff.unit_attempts:
                raise
            self._context.units.refuse(unit, str(error))
            self._context.record("unit.again", {"kind": unit.kind, "unit": unit.key, "error": str(error)})
        else:
            crash.point("piece.placed")
            self._context.units.placed(unit)
        self._kept.drop(piece)
