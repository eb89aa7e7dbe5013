"""Several runs at once in one process, each under its own lock; and the schedule that wakes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from orchestrator.core.errors import OrchestratorError, Stopped
from orchestrator.core.files import LockedError
from orchestrator.engine.execution import Execution
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Admission, Run
from orchestrator.model.job import Job
from orchestrator.model.ports import Stop
from orchestrator.model.states import RUN_FINAL, RUN_TRANSITIONS, RunState, Who

_UNFINISHED = tuple(state for state in RunState if state not in RUN_FINAL)
LOOK_SECONDS = 2.0
_ALL = 1_000_000  # the oldest must not wait for ever behind newer ones


@dataclass(frozen=True, slots=True)
class Service:
    """
    Works on whatever the store says is unfinished.

    Attributes:
        store: Where runs are.
        execute: Builds the execution of a run.
        lock: Holds a run's lock for the time of a block; raises `LockedError` when another process has it.
        slots: Runs at once.
        stop: Set to end the service.
        notify: Told the events of the service itself.
    """

    store: Store
    execute: Callable[[Run], Execution]
    lock: Callable[[str], AbstractContextManager[None]]
    slots: int
    stop: Stop
    notify: Callable[[str, str, Mapping[str, Any]], None]

    def work(self, *, until_idle: bool = False) -> None:
        """Go on until `stop` is set, or nothing is left to do; then let each run end its step and return."""
        busy: set[str] = set()
        guard = threading.Lock()
        with ThreadPoolExecutor(self.slots, thread_name_prefix="run") as pool:
            while not self.stop.is_set():
                ready = self.ready()
                if until_idle and not ready:
                    return
                for run in ready:
                    with guard:
                        if len(busy) >= self.slots or run.id in busy:
                            continue
                        busy.add(run.id)
                    pool.submit(self._carry, run.id, busy, guard)
                self.stop.wait(LOOK_SECONDS)

    def ready(self) -> list[Run]:
        """Return unfinished runs, oldest first, without those that wait for a person."""
        return [run for run in self.store.runs(_UNFINISHED, _ALL)[::-1] if not run.needs_person]

    def carry(self, run_id: str) -> Run:
        """Work on one run under its lock until it ends or is held for a person."""
        with self.lock(run_id):
            return self.execute(self.store.run(run_id)).work()

    def _carry(self, run_id: str, busy: set[str], guard: threading.Lock) -> None:
        try:
            self.carry(run_id)
        except LockedError:
            pass  # another process works on it
        except Stopped:
            self.notify("run.stopped", run_id, {})
        except OrchestratorError as error:
            self.notify("run.error", run_id, {"error": str(error)})
        except Exception as error:  # noqa: BLE001  the edge of a thread: one run's fault must not end the service
            self._fault(run_id, error)
        finally:
            with guard:
                busy.discard(run_id)

    def _fault(self, run_id: str, error: Exception) -> None:
        """A fault of ours: the run is failed with it, or held when its result is there, so that it does not loop."""
        sentence = f"{type(error).__name__}: {error}"
        self.notify("run.fault", run_id, {"error": sentence, "exc_info": error})
        may_fail = RunState.FAILED in RUN_TRANSITIONS[self.store.run(run_id).state]
        if may_fail:
            self.store.set_run(run_id, RunState.FAILED, sentence)
        else:
            self.store.set_run(run_id, RunState.HELD, sentence, who=Who.PERSON)


def admit(
    store: Store,
    name: str,
    job: Job,
    today: date,
    *,
    declaration: str = "",
    installation: str = "",
    again: bool = False,
    overwrite: bool = False,
) -> Run:
    """
    Admit a job for a day: the same declaration continues the run it has.

    `declaration` is the job's before its dates were settled, where that was done by the caller.
    """
    dated = job.dated(today)
    # The dates are settled, so a job that does not mention today is the same job tomorrow.
    logical = today.isoformat() if dated != job else ""
    declared = declaration or job.declaration()
    order = Admission(name, logical, dated.fingerprints(), dated.to_json(), declared, installation, overwrite=overwrite)
    return store.admit(order, again=again)


def fire(
    store: Store, name: str, job: Job, logical_date: str, *, installation: str = "", overwrite: bool = False
) -> Run | None:
    """Admit a scheduled job for a logical date (ISO 8601, a day or a minute), once; None when it had its run."""
    dated = job.dated(datetime.fromisoformat(logical_date).date())
    order = Admission(
        name, logical_date, dated.fingerprints(), dated.to_json(), f"job {name}", installation, overwrite=overwrite
    )
    return store.fire(order)
