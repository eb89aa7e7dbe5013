"""
Hands exports over while answers are lost, processes die and lists lag, and counts the operations that came of it.

    PYTHONPATH=. .venv/bin/python tests/soak/submissions.py            100,000 submissions in two processes
    PYTHONPATH=. .venv/bin/python tests/soak/submissions.py --count 2000 --block 500 --seed 7

The real handing over, polling and store, and the real client of Earth Engine over HTTP to a sandbox of this process;
time is the sandbox's, which is moved on instead of waited for. A block is a run of so many tasks, with a sandbox and a
database of its own. Of the request ids one in five is committed and answered 503 or by a broken connection, each time
it is sent; one in 85 is burnt without an operation; after one reply in twenty the process dies before it has written
the operation down. Lists are up to ten minutes old. Prints a line for each block, the sum so far; the exit code is 1
unless each task has exactly one operation.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import ee
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.earthengine import EarthEngine, serialise
from orchestrator.clients.gcs import connect_gcs
from orchestrator.core import crash
from orchestrator.core.retry import RetryPolicy
from orchestrator.engine.batch.exports import Exports
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.batch.work import BatchWork
from orchestrator.engine.context import Backoff, Clients, ProcessContext, RunContext
from orchestrator.engine.limits import Limits
from orchestrator.engine.placing import Placing
from orchestrator.engine.progress import Progress
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.waiting import Waits
from orchestrator.model.grid import Grid, Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.spec import PixelSpec
from orchestrator.model.states import RunState
from orchestrator.routes.gcs_export import gcs_export
from orchestrator.routes.names import Naming
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox
from orchestrator.transfer.store import CheckedStore

SIDE = 256
NAMING = Naming("soak", "soak")
MOST_LAG_SECONDS = 600
# By the first hexadecimal digits of a request id, which are as good as drawn: 52 and 3 of 256.
LOST = {"503": "[01]", "reset": "(?:2|3[0-3])"}
BURNT = "f[0-2]"
DIES = 0.05


class Killed(BaseException):
    """The process dies here."""


@dataclass(frozen=True)
class Count:
    """What came of a block, or of several."""

    tasks: int = 0
    operations: int = 0  # that the sandbox ever started
    served: int = 0  # tasks that have exactly one of them, and know it
    posts: int = 0
    lost: int = 0  # answers that were lost after the operation was started
    died: int = 0
    burnt: int = 0
    lists: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def right(self) -> bool:
        return self.tasks == self.operations == self.served


class SandboxTime:
    """The engine's clock: the sandbox's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._clock = sandbox.clock

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.now().timestamp()


def plan_of(count: int) -> Plan:
    """Return a plan of so many tasks of one part."""
    tasks = tuple(TaskPlan(i, Window(i // 1000 * SIDE, i % 1000 * SIDE, SIDE, SIDE), SIDE, SIDE) for i in range(count))
    grid = Grid("EPSG:32633", (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0), -(-count // 1000) * SIDE, 1000 * SIDE)
    return Plan(grid, PixelSpec(("b",), "uint16", 0), tasks, b"", 1, 10**9, count, 0, 0)


class Nothing:
    """A sink that never gets anything: no export ever ends."""

    def placed(self) -> frozenset[Any]:
        return frozenset()


class Installation:
    """One run and what works on it; what lives in memory is dropped and made anew when the process dies."""

    def __init__(self, sandbox: Sandbox, folder: Path, count: int, seed: int) -> None:
        self._sandbox, self._folder = sandbox, folder
        self._chance = random.Random(seed)  # noqa: S311  faults to be drawn, nothing to guard
        self.clock = SandboxTime(sandbox)
        self._plan = plan_of(count)
        self._engine()
        self._image = serialise(ee.Image.constant(7).rename("b").toUint16())
        self.died = 0
        store = self.opened()
        job = Job(f"many{seed}", "nowhere", AreaSource("0,0,1,1"), "2024-01-01", "2024-02-01")
        self.run_id = store.runs.admit(Admission("many", "", job.fingerprints(), job.to_json())).id
        store.runs.save_plan(self.run_id, "{}", self._image, "{}", self._plan.tasks)
        store.runs.set_state(self.run_id, RunState.EXPORTING)
        store.close()
        self._begin()

    def opened(self) -> SqlStore:
        """Return the run's database, opened anew."""
        return SqlStore(f"sqlite:///{self._folder / 'state.db'}", self.clock)

    def request_ids(self) -> list[str]:
        """Return the ids of the first attempts of each task."""
        keys = [task.key for task in self.store.tasks.of(self.run_id)]
        return [NAMING.attempt(self.run_id, key, number).request_id for key in keys for number in (1, 2, 3)]

    def _engine(self) -> EarthEngine:
        project, policy = self._sandbox.options.project, RetryPolicy(attempts=2, first_wait_seconds=0.0)
        nobody, stop = AnonymousCredentials(), threading.Event()
        return EarthEngine(project=project, credentials=nobody, url=self._sandbox.url, stop=stop, policy=policy)

    def _begin(self) -> None:
        """Make what lives in memory."""
        stop, engine, project = threading.Event(), self._engine(), self._sandbox.options.project
        bucket = CheckedStore(connect_gcs(self._sandbox.url, project, AnonymousCredentials(), DEFAULT_BUCKET, 1, stop))
        route = gcs_export(engine, bucket, DEFAULT_BUCKET, NAMING)
        self.store = self.opened()
        limits = Limits(10**9, 1e18, self.store.limits, self.clock)
        process = ProcessContext("soak", None, True, 1, Backoff(), limits, self.clock, stop)
        context = RunContext(
            self.run_id,
            self.store,
            Clients(cast(Any, None), route, engine.operations),
            process,
            lambda _name, _facts: None,
            Waits(self.clock),
            Progress(),
        )
        exports = Exports(self._plan, self._image, "soak", lambda _task: None)
        self._watch = OperationsWatch(engine.operations, self.clock, 60, 300)
        self._work = BatchWork(context, exports, Placing(cast("Any", Nothing()), stop), self._watch, None)

    def work(self) -> None:
        """Go on until every task knows its operation."""
        while any(not task.operation for task in self.store.tasks.of(self.run_id)):
            try:
                self._work.round()
                if self._work.pause_seconds():
                    self._sandbox.clock.advance(max(1.0, self._watch.due_in()))
            except Killed:
                self.died += 1
                self.end()
                self._begin()
        self.end()

    def end(self) -> None:
        """Drop what lives in memory."""
        self._work.__exit__(None, None, None)
        self.store.close()

    def point(self, name: str) -> None:
        """Die after some replies, before they are written down."""
        if name == "task.posted" and self._chance.random() < DIES:
            raise Killed


@contextmanager
def dying(installation: Installation) -> Iterator[None]:
    kept, crash.point = crash.point, installation.point
    try:
        yield
    finally:
        crash.point = kept


def block(count: int, seed: int) -> Count:
    """Hand a block of tasks over, and count."""
    chance = random.Random(seed)  # noqa: S311  faults to be drawn, nothing to guard
    with Sandbox(SyntheticCatalogue(), Options(queue_limit=10**9)) as sandbox, tempfile.TemporaryDirectory() as folder:
        sandbox.faults.order(Rule.of({"action": "task_stuck", "count": None}))
        lag = chance.uniform(0.2, 1.0) * MOST_LAG_SECONDS
        sandbox.faults.order(Rule.of({"action": "operations_lag", "seconds": lag, "count": None}))
        spoilt = {"api": "image.export", "count": None}
        for then, digits in LOST.items():
            told = 503 if then == "503" else then
            wanted = {"action": "commit_then_fail", "text": f'"requestId": ?"x{digits}', "then": told}
            sandbox.faults.order(Rule.of(spoilt | wanted))
        installation = Installation(sandbox, Path(folder), count, seed)
        for request_id in installation.request_ids():
            if re.match(f"x{BURNT}", request_id):  # burnt once; from then on the service says that it knows it
                sandbox.faults.order(Rule.of({"action": "request_id_burnt", "api": "image.export", "text": request_id}))
        with dying(installation):
            installation.work()
        counted = count_of(sandbox, installation, count)
    ee.Reset()
    return counted


def count_of(sandbox: Sandbox, installation: Installation, count: int) -> Count:
    started = sandbox.operations.all()
    per_task = Counter(said.task for op in started if (said := NAMING.described(op.description)))
    store = installation.opened()
    known = {task.key: task.operation.rpartition("/")[2] for task in store.tasks.of(installation.run_id)}
    names = {said.task: op.id for op in started if (said := NAMING.described(op.description))}
    attempts = store.tasks.attempts(installation.run_id)
    store.close()
    calls = sandbox.journal.summary()["requests"]
    ids = [attempt.request_id[1:3] for attempt in attempts]
    return Count(
        tasks=count,
        operations=sandbox.operations.submitted,
        served=sum(per_task[key] == 1 and names[key] == name for key, name in known.items()),
        posts=calls.get("image.export", 0),
        lost=sum(each < "34" for each in ids),
        died=installation.died,
        burnt=sum("f0" <= each <= "f2" for each in ids),
        lists=calls.get("operations.list", 0),
    )


def main() -> int:
    """Hand over as many as are asked for; return 0 where each task has exactly one operation."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--count", type=int, default=100_000)
    asked.add_argument("--block", type=int, default=1_000)
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--seed", type=int, default=1)
    told = asked.parse_args()
    sizes = [min(told.block, told.count - begin) for begin in range(0, told.count, told.block)]
    began, total = time.monotonic(), Count()
    print("  tasks  operations  served   posts    lost    died   burnt   lists   seconds")  # noqa: T201
    with ProcessPoolExecutor(told.processes) as pool:
        for done in pool.map(block, sizes, range(told.seed, told.seed + len(sizes))):
            total += done
            print(_line(total, time.monotonic() - began), flush=True)  # noqa: T201
            if not done.right:
                print(f"WRONG: {done}", flush=True)  # noqa: T201
    return 0 if total.right else 1


def _line(count: Count, seconds: float) -> str:
    numbers = "  ".join(f"{getattr(count, f.name):>6}" for f in fields(count))
    return f"{numbers}  {seconds:>8.0f}"


if __name__ == "__main__":
    sys.exit(main())
