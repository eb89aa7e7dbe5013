"""Who does the units of this process's runs, by the setting: threads of each run, processes, a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import __version__
from orchestrator.app.unit_processes import UnitProcesses, UnitProcessSettings
from orchestrator.config import Settings
from orchestrator.config.layers import as_environment, variable
from orchestrator.core import log
from orchestrator.core.clock import Clock
from orchestrator.core.errors import ConfigError, FencedError, OrchestratorError, Stopped, TransientError
from orchestrator.core.machine import processors
from orchestrator.core.units import parse_resources
from orchestrator.engine.executors import NobodyHere, UnitEnded, UnitExecutor, UnitLostError
from orchestrator.engine.stores.contract import Units
from orchestrator.engine.work import HoldError
from orchestrator.model.carriers import Unanswered, UnitCarrier
from orchestrator.model.unit import Unit

if TYPE_CHECKING:
    from orchestrator.clients.dask_cluster import DaskWorkers

# Who does units may be away for a moment, such as a scheduler that is begun anew; then the run waits without a slot.
LONGEST_ABSENCE_SECONDS = 30.0
_DOER = "orchestrator.app.unit_doer"  # what does them elsewhere; an application there, so that it is loaded when needed


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
        if now - self._trouble_since > LONGEST_ABSENCE_SECONDS:
            self._trouble_since = None
            raise HoldError(trouble, alone=True)
        return 0

    def beginning(self) -> str:
        return self._carrier.beginning()

    def submit(self, unit: Unit, ended: UnitEnded) -> None:
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
        if unanswered.refused:
            return HoldError(unanswered.why, alone=True)
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


def unit_executor(
    settings: Settings, config_dir: Path, units: Callable[[], Units], clock: Clock
) -> UnitExecutor | None:
    """
    Return who does units that any process may do, by `executor` under [engine]; None is threads of each run.

    Raises:
        ConfigError: No cluster is named.
        ExtraError: What it takes is not installed.
    """
    match settings.engine.executor:
        case "workers":
            return NobodyHere()
        case "processes":
            return CarriedUnits(_processes(settings, config_dir), units, clock)
        case "dask":
            return CarriedUnits(dask_workers(settings), units, clock)
        case _:
            return None


def _processes(settings: Settings, config_dir: Path) -> UnitCarrier:
    """Return processes that have the units of `at_once` among them."""
    count = settings.engine.processes or processors()
    threads = -(-settings.pixels.at_once // count)
    given = UnitProcessSettings(settings, config_dir, f"{_DOER}:begin_in_process", threads)
    return UnitProcesses(given, count)


def dask_workers(settings: Settings) -> DaskWorkers:
    """
    Return the Dask cluster that units are sent to, by [dask].

    Raises:
        ConfigError: No cluster is named.
        ExtraError: What it takes is not installed.
    """
    from orchestrator.clients.dask_cluster import DaskPlace, DaskWorkers  # noqa: PLC0415  an extra

    dask = settings.dask
    if not (dask.scheduler or dask.scheduler_file or dask.local):
        raise ConfigError(
            'no Dask cluster is named for `executor = "dask"`: set `scheduler` under [dask] to the address of one, '
            "such as tcp://10.0.0.5:8786, `scheduler_file` to a file that it writes, or `local` to a number of its own"
        )
    place = DaskPlace(
        dask.scheduler,
        dask.scheduler_file,
        dask.local,
        dask.threads,
        dask.ca_file,
        dask.cert_file,
        dask.key_file,
        parse_resources(dask.resources),
        as_environment(settings) | {variable("serve", "allow_code"): "true"}
        if dask.local
        else {},  # as they were begun
    )
    function = import_module(_DOER).do_for_dask
    return DaskWorkers(place, function, __version__, in_flight=dask.in_flight)
