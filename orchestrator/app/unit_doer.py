"""Units that another process sends to this one, a claim at a time: it takes the claim up as its own, and does it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from orchestrator import __version__
from orchestrator.app.application import Application
from orchestrator.app.unit_duty import UnitDuties
from orchestrator.clients.dask_cluster import WorkerRefusedError, address_of_worker
from orchestrator.config import Settings, load
from orchestrator.core import log
from orchestrator.core.errors import FencedError, IntegrityError, OrchestratorError, Stopped, TransientError, UserError
from orchestrator.core.guard import seal
from orchestrator.core.process import process_name
from orchestrator.engine.claims import Claims
from orchestrator.engine.worker import Duty
from orchestrator.model.unit import Unit, UnitClaim

# What was read of so many runs is kept for their next unit.
_MOST_RUNS = 16


class UnitDoer:
    """Does claims of whatever runs, from any thread; leases are kept by a thread of its own while the process lives."""

    def __init__(self, settings: Settings, config_dir: Path, stop: threading.Event) -> None:
        """Take what an application is made of; units are done in threads of this process, whatever the settings say."""
        here = settings.engine.model_copy(update={"executor": "threads"})
        self._app = Application(settings.model_copy(update={"engine": here}), stop=stop, config_dir=config_dir)
        name = process_name()
        self._duties = UnitDuties(self._app, name)
        self._known: OrderedDict[str, None] = OrderedDict()  # runs, those of which a unit was done last at the end
        self._lock = threading.Lock()
        self._claims = Claims(self._app.store.units, self._app.clock, worker=name, lease_seconds=settings.engine.lease)
        self._claims.__enter__()

    def __call__(self, claim: UnitClaim) -> None:
        """
        Do a unit, and commit what came of it; one that another has by now, or has done, is left alone.

        Raises:
            Stopped: The process is to end.
            OrchestratorError, OSError: This process cannot do it; it was given back.
        """
        with log.correlated(run=claim.run_id, unit=claim.key):
            if (unit := self._taken_up(claim)) is None:
                return
            try:
                self._duty_of(unit).runner.do_for_holder(unit)
            except Exception:
                with suppress(OrchestratorError):  # its lease ends by itself, too
                    self._app.store.units.release(unit.run_id, [unit])
                raise
            finally:
                self._claims.end(unit)

    def _taken_up(self, claim: UnitClaim) -> Unit | None:
        try:
            return self._claims.take_up(claim)
        except FencedError:
            return None
        except IntegrityError as error:
            raise UserError(
                f"{error} in the state that this process has: its settings name another one than where the run is"
            ) from None

    def _duty_of(self, unit: Unit) -> Duty:
        """Return what this process can do of a unit's run, where it may do that unit now. Errors as `__call__`."""
        with self._lock:
            self._known[unit.run_id] = None
            self._known.move_to_end(unit.run_id)
            if len(self._known) > _MOST_RUNS:
                self._known.popitem(last=False)
            self._duties.keep(frozenset(self._known))
        duty = self._duties.of(unit.run_id, self._app.store.leases.at(unit.run_id).fence)
        if unit.kind not in duty.kinds:
            raise UserError(f"units of the kind {unit.kind} are done by the process that holds run {unit.run_id} alone")
        duty.check()
        return duty


def begin_in_process(settings: Settings, config_dir: Path, stop: threading.Event) -> Callable[[UnitClaim], None]:
    """Return what does units in a process of `app.unit_processes`: code of whose runs it was agreed to begin them."""
    agreed = settings.serve.model_copy(update={"allow_code": True})
    return UnitDoer(settings.model_copy(update={"serve": agreed}), config_dir, stop)


def do_for_dask(version: str, run_id: str, kind: str, key: str, fence: int) -> None:
    """
    Do a unit in a worker of a Dask cluster, with the settings of that worker: its file, its environment.

    Raises:
        WorkerRefusedError: This worker cannot do units of that program, or of that run; the sentence says why.
    """
    address = address_of_worker()
    if version != __version__:
        raise WorkerRefusedError(
            f"the Dask worker {address} has orchestrator {__version__}, and this is {version}: install the same there",
            address,
        )
    try:
        _doer_of_worker()(UnitClaim(run_id, kind, key, fence))
    except (Stopped, TransientError) as error:  # it was given back, and is sent again
        log.get("unit").warning("unit.given_back", run=run_id, kind=kind, unit=key, why=str(error))
    except (OrchestratorError, OSError) as error:
        raise WorkerRefusedError(f"the Dask worker {address} cannot do it: {error}", address) from None


_BEGINNING = threading.Lock()


def _doer_of_worker() -> UnitDoer:
    with _BEGINNING:  # threads of a worker begin at the same time
        return _made_once()


@cache
def _made_once() -> UnitDoer:
    seal()  # credentials are read now
    loaded = load()
    log.configure(loaded.settings.log.level, loaded.settings.log.style)
    config_dir = loaded.path.parent if loaded.path else Path.cwd()
    return UnitDoer(loaded.settings, config_dir, threading.Event())
