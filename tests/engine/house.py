"""A store, runs in it, and a service over them whose executions a test names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace

from model_product import WorldProduct
from model_world import BLOCK, FakeClock, NoStop, World, WorldRoute, the_plan
from run_process import BACKOFF, BUCKET_BYTES, LIVE_TASKS

from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import PlanError
from orchestrator.core.locks import LockedError
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.context import Clients, ProcessContext, unleased
from orchestrator.engine.execution import Execution
from orchestrator.engine.limits import Limits
from orchestrator.engine.service import Service, Summary
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import TaskPlan
from orchestrator.model.product import Settled
from orchestrator.model.states import Failure, RunState, Who

QUICK = replace(BACKOFF, poll_min_seconds=0.001, poll_max_seconds=0.002, collect_seconds=0.001)
ONE_PART = (TaskPlan(0, Window(0, 0, BLOCK, BLOCK), BLOCK, BLOCK),)


class OnePart(WorldProduct):
    """Plans one task of one part."""

    def prepare(self, job: Job) -> Settled:
        if job.base_name.startswith("bad"):
            raise PlanError("its grid is larger than the world")
        return super().prepare(job)


class Lively(WorldRoute):
    """Every look at the operations moves them on; those of a run that is to be held are cancelled by somebody."""

    def operations(self):
        for name in self.world.live():
            if self.world.ends_badly:
                self.world.fail(name, Failure.CANCELLED, leaving=0)
            else:
                self.world.advance(name)
        return super().operations()


class Tick(NoStop):
    """Time passes while the slots are empty; while they are not, the threads in them get their turn."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.waits: list[float] = []
        self.left = 100_000
        self.busy = 0

    def looked(self, busy: int, _waiting: int) -> None:
        self.busy = busy

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0

    def wait(self, timeout: float | None = None) -> bool:
        if self.busy:
            return threading.Event().wait(0.001)
        self.waits.append(timeout or 0.0)
        return super().wait(timeout)


class Until(Tick):
    """A loop that looks once and then never by itself: what happens next, the slots bring about."""

    def __init__(self, clock: FakeClock, happened: threading.Event) -> None:
        super().__init__(clock)
        self._happened = happened

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        assert self._happened.wait(900)
        return threading.Event().wait(0.001)


class House:
    """A store, runs in it, and a service whose executions a test names."""

    def __init__(self, folder, url: str = "") -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.store = SqlStore(url or f"sqlite:///{folder / 'state.db'}", self.clock)
        self.stop = Tick(self.clock)
        self.told: list[tuple[str, str]] = []
        self.acts: dict[str, Callable[[str], None]] = {}
        self.joins: dict[str, Exception] = {}
        self.locked: set[str] = set()
        self.order: list[str] = []
        self.names: dict[str, str] = {}

    def admit(self, name: str, declaration: str = "") -> str:
        job = Job(name, str(self.folder), AreaSource("0,0,1,1"), "2024-01-01", "2024-02-01")
        self.clock.seconds += 0.01
        run = self.store.runs.admit(Admission(name, "", job.fingerprints(), job.to_json(), declaration))
        self.names[run.id] = name
        return run.id

    def finish(self, run_id: str) -> None:
        for state in ("PLANNED", "EXPORTING", "ASSEMBLING", "PUBLISHED", "CLEANED"):
            self.store.runs.set_state(run_id, RunState(state))

    def hold(self, run_id: str, seconds: float, who: Who = Who.TIME) -> None:
        until = self.clock.now().timestamp() + seconds
        self.store.runs.set_state(run_id, RunState.HELD, "it waits", who=who, next_at=until)

    def execute(self, run):
        house = self
        if error := self.joins.get(self.names[run.id]):
            raise error

        class Acting:
            def work(self):
                name = house.names[run.id]
                house.order.append(name)
                house.acts.get(name, house.finish)(run.id)
                return house.store.runs.get(run.id)

        return Acting()

    @contextmanager
    def lock(self, run_id):
        if self.names[run_id] in self.locked:
            raise LockedError("another process has it")
        yield

    def service(self, **changes) -> Service:
        given = {
            "store": self.store,
            "execute": self.execute,
            "lock": self.lock,
            "slots": 2,
            "stop": self.stop,
            "clock": self.clock,
            "looked": self.stop.looked,
            "notify": lambda name, run, _facts: self.told.append((name, self.names.get(run, ""))),
        }
        return Service(**{**given, **changes})

    def work(self, **changes) -> Summary:
        return self.service(**changes).work(until_idle=True)

    def states(self) -> dict[str, str]:
        return {run.job_name: str(run.state) for run in self.store.runs.latest(None, 10_000)}


def real_execution(house: House, run, check_lease=unleased, store=None, check_prefix=unleased, **more) -> Execution:
    """An execution in a world of the run's own."""
    world = World()
    world.known = lambda _description: True
    world.in_ledger = lambda _source: True
    world.ends_badly = house.names[run.id].startswith("held")
    route = Lively(world)
    clock = SystemClock()
    return Execution(
        run.id,
        store=store or house.store,
        clients=Clients(OnePart(replace(the_plan(), tasks=ONE_PART)), route, route.operations),
        process=ProcessContext(
            "me",
            None,
            True,
            2,
            QUICK,
            Limits(LIVE_TASKS, BUCKET_BYTES, house.store.limits, clock),
            clock,
            threading.Event(),
            **more,
        ),
        watch=OperationsWatch(route.operations, clock, 0.0, 0.0),
        cut=lambda _task: None,
        refit=lambda task, _plan, _heaviest: task,
        check_lease=check_lease,
        check_prefix=check_prefix,
    )
