"""
One claimed unit: its step is done, its errors are answered by what must be done about them, and that is committed.

Whoever does it, a thread of the run's holder or another process, does it by `StepRunner`, and needs nothing but the
claim, the store and the settings. A step may be done any number of times with one effect: a claim that was lost
commits nothing, and what it brought has a name of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from orchestrator.core import crash, log
from orchestrator.core.errors import (
    ConfigError,
    CredentialError,
    ExtraError,
    FencedError,
    IntegrityError,
    OrchestratorError,
    QuotaError,
    SpaceError,
    StateError,
    Stopped,
    ThrottleError,
    TransientError,
)
from orchestrator.engine.claims import BYTES, MEMORY_BYTES
from orchestrator.engine.context import ProcessContext
from orchestrator.engine.kept_pieces import PieceKeeper, UnsharedError
from orchestrator.engine.progress import Progress
from orchestrator.engine.stores.contract import Units
from orchestrator.engine.trouble import WAITED_FOR
from orchestrator.engine.work import HoldError
from orchestrator.model.ports import Stop
from orchestrator.model.product import RunSnapshot, Step
from orchestrator.model.states import Failure, UnitState, Who
from orchestrator.model.unit import Again, BroughtPiece, Cell, Done, Empty, Hold, Lost, Outcome, Split, Unit

# A service that has only been busy for so long is waited for without a thread.
_BUSY_SECONDS = 900.0
# ... and so is one that asks for a pause longer than any of ours: the run says what it waits for.
_LONG_PAUSE_SECONDS = 60.0
# A database that is away is waited for so long, and looked at so often.
_AWAY_SECONDS, _LOOK_SECONDS = 120.0, 1.0
_MET = (UnitState.DONE, UnitState.BROUGHT)
# What is wrong with the process, its settings, its disk or its way to the state: with the unit nothing is.
_OWN = (ConfigError, CredentialError, ExtraError, OSError, SpaceError, StateError, TransientError, UnsharedError)


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
        run: What was settled of it.
        steps: What is done to each kind of unit.
        units: Where they are written down.
        process: What every run of the process shares.
        folder: The run's own.
        sink_folder: Of its sink, in the former.
        record: Writes an event of the run: its name, its facts.
        progress: Counters for whoever watches.
        placer: Where pieces go; None where there is no sink, or another process has it.
        kept: Where pieces go that another process is to place; None where this one has the sink, or there is none.
        pieces: Where this process, which has the sink, finds those; None is in `folder`.
        shared: Kinds of units that any process may do.
        fence: The number of the claim on the run that is at work.
        wake: Ends the pause of the run's own thread.
        memory_bytes: What units under way may hold together, by their own word; one that is heavier goes alone.
    """

    run: RunSnapshot
    steps: Mapping[str, Step]
    units: Units
    process: ProcessContext
    folder: Path
    sink_folder: Path
    record: Callable[[str, Mapping[str, Any]], None]
    progress: Progress = field(default_factory=Progress)
    placer: Placer | None = None
    kept: PieceKeeper | None = None
    pieces: PieceKeeper | None = None
    shared: frozenset[str] = frozenset()
    fence: int = 0
    wake: threading.Event = field(default_factory=threading.Event)
    memory_bytes: int = MEMORY_BYTES

    def now(self) -> float:
        """Return the time of day, seconds since 1970."""
        return self.process.clock.now().timestamp()


class StepRunner:
    """Does the claimed units of one run, each in the thread that asks."""

    def __init__(self, context: UnitContext, stop: Stop) -> None:
        """Take what units are given, and a wish to end that steps heed."""
        self._context, self._stop, self._is_holder = context, stop, context.kept is None
        self._busy_since: float | None = None

    def do(self, unit: Unit) -> None:
        """
        Do a claimed unit and commit what came of it; one that another has by now is left alone.

        Raises:
            Stopped: A stop was set.
            HoldError: Something outside must change first.
            Exception: What the step raised, where no repetition helps. In each case the unit is still claimed.
        """
        with suppress(FencedError):  # another has it now
            crash.point("unit.claimed")
            came = self._outcome(unit)
            self._written(lambda: self._commit(unit, came))

    def do_for_holder(self, unit: Unit) -> None:
        """
        As `do`, in a process that does not hold the run: what is for its holder to decide is written on the unit.

        Raises:
            Stopped: A stop was set.
            OrchestratorError, OSError: This process cannot do it, whatever others can; the unit is still claimed.
        """
        with suppress(FencedError):  # another has it now
            self._do_or_tell(unit)

    def _do_or_tell(self, unit: Unit) -> None:
        units = self._context.units
        try:
            self.do(unit)
        except (FencedError, Stopped):
            raise
        except HoldError as error:
            who, until = Who.TIME if error.alone else Who.PERSON, error.until
            self._written(partial(units.hold, unit, str(error), who, until))
            self._record("unit.held", unit, {"error": str(error)})
        except IntegrityError as error:  # some of them are transient, too
            self._fail(unit, str(error))
        except FileNotFoundError:
            if (folder := self._context.folder).is_dir():
                raise
            raise UnsharedError(f"{folder} is gone: the run has ended, or somebody took its folder away") from None
        except _OWN:
            raise
        except OrchestratorError as error:
            self._fail(unit, str(error))
        except Exception as error:  # noqa: BLE001  the edge of a unit: a fault of ours is the run's holder's to tell
            log.get("unit").error("unit.fault", kind=unit.kind, unit=unit.key, exc_info=error)
            self._fail(unit, f"{type(error).__name__}: {error}")

    def _fail(self, unit: Unit, sentence: str) -> None:
        failed = partial(self._context.units.finish, failure=Failure.PERMANENT, error=sentence)
        self._written(lambda: failed(unit, UnitState.FAILED))
        self._record("unit.failed", unit, {"error": sentence})

    def _written(self, commit: Callable[[], None]) -> None:
        """
        Commit; where the database is away for a moment, a worker does not throw away for that what it has done.

        One whose answer was lost is told the second time that it is over.
        """
        clock = self._context.process.clock
        give_up_at = clock.monotonic() + _AWAY_SECONDS
        while True:
            try:
                return commit()
            except WAITED_FOR:
                if self._is_holder or self._stop.is_set() or clock.monotonic() > give_up_at:
                    raise
                self._stop.wait(_LOOK_SECONDS)

    def again(self, unit: Unit, outcome: Again) -> None:
        """
        Let a unit wait.

        Raises:
            HoldError: It keeps failing, or the service stays busy.
            FencedError: Another has it by now.
        """
        backoff = self._context.process.backoff
        ceiling = min(backoff.unit_longest_seconds, backoff.unit_first_seconds * 2 ** min(30, max(0, unit.attempt - 1)))
        wait = max(outcome.wait_seconds, self._context.process.chance.uniform(ceiling / 2, ceiling))
        next_at = self._context.now() + wait
        why = self._holds_the_run(unit, outcome)
        if why and not self._is_holder:
            raise HoldError(why, alone=True)
        self._context.units.again(unit, next_at, outcome.failure, outcome.why, counted=outcome.counted)
        facts = {"failure": outcome.failure, "error": outcome.why, "seconds": round(wait, 3)}
        self._record("unit.again", unit, facts)
        if why:
            raise HoldError(why, alone=True)

    # ---------------------------------------------------------------- inside

    def _outcome(self, unit: Unit) -> tuple[Outcome, BroughtPiece | None]:
        """Do the step; what fails for a reason that passes is done again later."""
        step, given = self._context.steps[unit.kind], _Given(self._context, unit, self._stop)
        with log.correlated(unit=unit.key):
            return self._done(step, given, unit), given.brought

    def _done(self, step: Step, given: _Given, unit: Unit) -> Outcome:
        try:
            return step(given, unit)
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

    def _commit(self, unit: Unit, came: tuple[Outcome, BroughtPiece | None]) -> None:
        units, (outcome, piece) = self._context.units, came
        match outcome:
            case Done(result, more):
                if piece is not None:
                    units.bring(unit, piece, result=result or None, units=more)
                else:
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
                self.again(unit, outcome)

    def _holds_the_run(self, unit: Unit, outcome: Again) -> str:
        """Return why the run is held for a unit that does not get on; empty where it only waits."""
        if outcome.counted and unit.attempt >= self._context.process.backoff.unit_attempts:
            return f"{unit.kind} {unit.key} failed {unit.attempt} times: {outcome.why}"
        if not outcome.counted and self._is_busy_for_long():
            return f"the service stays busy: {outcome.why}"
        return ""

    def _is_busy_for_long(self) -> bool:
        now = self._context.process.clock.monotonic()
        if self._busy_since is None:
            self._busy_since = now
        return now - self._busy_since > _BUSY_SECONDS

    def _record(self, name: str, unit: Unit, facts: Mapping[str, Any]) -> None:
        self._context.record(name, {"kind": unit.kind, "unit": unit.key, "attempt": unit.attempt} | dict(facts))


class _Given:
    """See `model.product.StepContext`."""

    def __init__(self, context: UnitContext, unit: Unit, stop: Stop) -> None:
        self._context, self._unit, self.stop = context, unit, stop
        self.run, self.folder, self.sink_folder = context.run, context.folder, context.sink_folder
        self.brought: BroughtPiece | None = None

    def note(self, result: Mapping[str, Any]) -> None:
        self._context.units.note(self._unit, result)
        crash.point("unit.noted")

    def place(self, cell: Cell, content: Path | bytes) -> None:
        if self.stop.is_set():
            raise Stopped("stopped; the same command continues this run")
        if self._context.kept is not None:
            self._keep(cell, content)
            return
        if self._context.placer is None:
            raise IntegrityError(f"{self._unit.kind} {self._unit.key} brings pixels, and there is no place for them")
        self._context.placer.place(cell, content)
        crash.point("unit.placed")

    def _keep(self, cell: Cell, content: Path | bytes) -> None:
        """Let the run's holder place it, which knows of a unit only its own cell."""
        assert self._context.kept is not None  # noqa: S101  the caller has looked
        if cell != self._unit.plan.cell or self.brought is not None:
            raise IntegrityError(f"{self._unit.kind} {self._unit.key} brings another piece than that of {cell}")
        self.brought = self._context.kept.keep(self._unit, content)

    def is_placed(self, cell: Cell) -> bool:
        return self._context.placer is not None and cell in self._context.placer.placed

    def check(self) -> None:
        unit = self._unit
        there = self._context.units.get(unit.run_id, unit.kind, unit.key)
        if there.state is not UnitState.CLAIMED or there.fence != unit.fence:
            raise FencedError(
                f"{unit.kind} {unit.key} of run {unit.run_id} is no longer ours: claim {unit.fence} is over"
            )

    def has_done(self) -> bool:
        counts = self._context.units.tally(self._context.run.id).get(self._unit.kind, {})
        return any(counts.get(state, 0) for state in _MET)

    def expect(self, count: int) -> None:
        self._context.progress.expect(count)

    def received(self, count: int) -> None:
        crash.point("unit.fetched")
        self._context.progress.received(count)
