"""Threads of the run's holder, which do the units that it has claimed."""

from __future__ import annotations

import threading

from orchestrator.core import log
from orchestrator.engine.context import ProcessContext
from orchestrator.engine.executors import UnitEnded
from orchestrator.engine.steps import StepRunner
from orchestrator.model.unit import Unit


class ThreadExecutor:
    """See `engine.executors.UnitExecutor`: the usual one."""

    def __init__(self, runner: StepRunner, process: ProcessContext) -> None:
        self._runner, self._left = runner, process.requests
        self._lock = threading.Lock()
        self._pool = process.pool(process.requests, "unit")

    def room(self) -> int:
        with self._lock:
            return self._left

    def beginning(self) -> str:
        return ""

    def submit(self, unit: Unit, ended: UnitEnded) -> None:
        with self._lock:
            self._left -= 1
        self._pool.submit(log.carried(self._do), unit, ended)

    def _do(self, unit: Unit, ended: UnitEnded) -> None:
        error: Exception | None = None
        try:
            self._runner.do(unit)
        except Exception as raised:  # noqa: BLE001  the edge of a thread: the run's own thread decides
            error = raised
        finally:
            with self._lock:
                self._left += 1
        ended(error)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
