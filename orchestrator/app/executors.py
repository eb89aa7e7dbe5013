"""Who does the units of this process's runs, by the setting: threads of each run, processes, a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orchestrator.core import log
from orchestrator.core.clock import Clock
from orchestrator.core.errors import FencedError, OrchestratorError, Stopped, TransientError
from orchestrator.engine.executors import Ended, UnitLostError
from orchestrator.engine.stores.contract import Units
from orchestrator.engine.work import HoldError
from orchestrator.model.carriers import Unanswered, UnitCarrier
from orchestrator.model.unit import Unit

# Who does units may be away for a moment, such as a scheduler that is begun anew; then the run waits without a slot.
PATIENCE_SECONDS = 30.0


class CarriedUnits:
    """
    See `engine.executors.UnitExecutor`: units are done by another process, which takes up the claim as its own.

    From then on that process keeps the claim good, and this one's number of it is old: whatever is lost on the way,
    here or there, the unit comes back when nobody says any more that it is being done.
    """

    def __init__(self, carrier: UnitCarrier, units: Callable[[], Units], clock: Clock) -> None:
        """Take who brings claims to where they are done, the store's units, and a clock."""
        self._carrier, self._units, self._clock = carrier, units, clock
        self._trouble_since: float | None = None

    def room(self) -> int:
        """
        See there.

        Raises:
            HoldError: Nobody has been there to do any unit for some time; it says why.
        """
        room = self._carrier.room()
        trouble = "" if room else self._carrier.trouble()
        now = self._clock.monotonic()
        if not trouble:
            self._trouble_since = None
            return room
        if self._trouble_since is None:
            self._trouble_since = now
        if now - self._trouble_since > PATIENCE_SECONDS:
            self._trouble_since = None
            raise HoldError(trouble, alone=True)
        return 0

    def submit(self, unit: Unit, ended: Ended) -> None:
        try:
            self._carrier.begin(unit.claim, lambda unanswered: ended(self._error_of(unit, unanswered)))
        except TransientError as error:  # nobody is there: `room` says so from now on
            ended(Stopped(str(error)))
        except OrchestratorError as error:
            ended(error)

    def close(self) -> None:
        self._carrier.close()

    def _error_of(self, unit: Unit, unanswered: Unanswered | None) -> Exception | None:
        """Return what the run's holder is told of a unit that has ended somewhere else."""
        if unanswered is None:
            return None
        log.get("unit").warning("unit.unanswered", kind=unit.kind, unit=unit.key, why=unanswered.why)
        if not unanswered.counted:  # perhaps it is being done all the same, under the claim of who took it up
            return Stopped(unanswered.why)
        try:
            # Who took it up is dead: its claim ends now, and the next one counts that.
            self._units().renew(replace(unit, fence=unit.fence + 1), self._clock.now().timestamp())
        except FencedError:  # nobody has taken it up
            return UnitLostError(unanswered.why)
        except OrchestratorError as error:
            return error
        return None
