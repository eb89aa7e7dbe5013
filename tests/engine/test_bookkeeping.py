"""What a process keeps in memory does not grow with the runs that have ended: a daemon lives for months."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Sized

from house import real_execution

from orchestrator.core.errors import PlanError, TransientError
from orchestrator.engine.interrupts import Interrupts
from orchestrator.model.states import RUN_FINAL, RunState

# One run of each: how it comes to its end.
ENDS = ("done", "failed", "in-trouble", "unjoined", "elsewhere", "interrupted")
LOOKS = 50  # after which somebody ends what is left


def kept() -> Counter[str]:
    """Count the program's objects that live, by type, and what the containers in their attributes hold."""
    gc.collect()
    counted: Counter[str] = Counter()
    for each in gc.get_objects():
        kind = type(each)
        if str(kind.__module__).startswith("orchestrator."):
            counted[kind.__qualname__] += 1
            counted.update(_contents(each))
    return counted


def _contents(each) -> dict[str, int]:
    names = [*vars(each)] if hasattr(each, "__dict__") else list(getattr(type(each), "__slots__", ()))
    held = {name: getattr(each, name, None) for name in names}
    return {
        f"{type(each).__qualname__}.{name}": len(value)
        for name, value in held.items()
        if isinstance(value, Sized) and not isinstance(value, (str, bytes, tuple))
    }


def test_a_service_remembers_nothing_of_runs_that_have_ended(house):
    """Whatever their end was: no more is kept after three of each than after one."""
    life = Life(house)

    house.service(looked=life.looked, interrupts=life.interrupts, stop=life).work()

    assert life.after[-1] - life.after[0] == Counter()


class Life:
    """Gives a service one run of each end after the other, until that was done `BATCHES` times."""

    BATCHES = 3

    def __init__(self, house) -> None:
        self.house, self.interrupts = house, Interrupts()
        self.after: list[Counter[str]] = []
        self.looks = 0
        self._admit()

    def _admit(self) -> None:
        self.batch = {}
        for end in ENDS:
            name = f"{end}-{len(self.after)}"
            self.batch[self.house.admit(name)] = end
            self.house.acts[name] = getattr(self, f"_{end.replace('-', '_')}", self.house.finish)
            if end == "unjoined":
                self.house.joins[name] = PlanError("no such recipe")
            if end == "elsewhere":
                self.house.locked.add(name)
        self.tried = set()

    def _failed(self, run_id: str) -> None:
        self.house.store.runs.set_state(run_id, RunState.FAILED, "no")

    def _in_trouble(self, run_id: str) -> None:
        if run_id not in self.tried:
            self.tried.add(run_id)
            raise TransientError("no route to host")
        self.house.finish(run_id)

    def _interrupted(self, run_id: str) -> None:
        self.interrupts.ask(run_id, "a test", "it shall leave", 1.0)
        self.interrupts.withdraw(run_id, "a test")
        self.house.finish(run_id)

    def looked(self, busy: int, waiting: int) -> None:
        self.busy = busy
        self.looks += 1
        left = [run_id for run_id in self.batch if self.house.store.runs.head(run_id).state not in RUN_FINAL]
        if left and self.looks > LOOKS and not busy:
            for run_id in left:
                self.house.store.runs.set_state(run_id, RunState.CANCELLED)
        elif not left and not busy and not waiting:
            self._next()

    def _next(self) -> None:
        for told in (self.house.order, self.house.names, self.house.acts, self.house.joins, self.house.locked):
            told.clear()
        self.after.append(kept())
        self.looks = 0
        if not self.is_set():
            self._admit()

    # ------------------------------------------------------------- the stop

    def is_set(self) -> bool:
        return len(self.after) >= self.BATCHES

    def wait(self, timeout: float | None = None) -> bool:
        self.house.stop.busy = self.busy
        return self.house.stop.wait(timeout)


def test_an_execution_leaves_nothing_in_memory(house):
    """Three more runs leave what the first leaves: whatever belongs to a run goes with it."""
    after = []
    for batch in range(2):
        for number in range(1 + 2 * batch):
            run = house.store.runs.get(house.admit(f"run-{batch}-{number}"))
            real_execution(house, run).follow()
            del run
        after.append(kept())

    assert after[1] - after[0] == Counter()
