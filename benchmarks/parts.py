"""
What the engine itself costs for each part, from its row in the plan to the deletion of its object; and a restart.

    PYTHONPATH=. python benchmarks/parts.py [FOLDER] [--parts 10000] [--restart 50000] [--quick] [--profile] [--json F]

The engine's own execution over its own store (SQLite, every commit synced) in this process, a cloud of plain values
beside it (`parts_cloud.py`): exports are done at once, objects have no bytes, the output is a set. What is left is what
the engine does for each part: rows, looks, threads, events, log lines. Processor time is that of the whole process, of
all its threads, the cloud's few microseconds included; statements count one for each call of the database, whatever
number of rows it has; commits are transactions that wrote. The restart is of a run of which half of the parts are
placed and half listed and not yet brought, from the first statement until every part has been taken up.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent)]
from parts_cloud import CellsProduct, CloudRoute  # noqa: E402  after the line that finds it
from sqlalchemy import event  # noqa: E402
from waiting import a_plan  # noqa: E402

from orchestrator.core import log  # noqa: E402
from orchestrator.core.clock import SystemClock  # noqa: E402
from orchestrator.core.errors import Stopped  # noqa: E402
from orchestrator.engine.batch.collecting import Collecting  # noqa: E402
from orchestrator.engine.batch.handing import Handing  # noqa: E402
from orchestrator.engine.batch.moves import PartMoves  # noqa: E402
from orchestrator.engine.batch.polling import Polling  # noqa: E402
from orchestrator.engine.batch.transfers import Transfers  # noqa: E402
from orchestrator.engine.batch.watch import OperationsWatch  # noqa: E402
from orchestrator.engine.batch.work import BatchWork  # noqa: E402
from orchestrator.engine.context import Backoff, Clients, ProcessContext  # noqa: E402
from orchestrator.engine.execution import Execution  # noqa: E402
from orchestrator.engine.limits import Limits  # noqa: E402
from orchestrator.engine.placing import Placing  # noqa: E402
from orchestrator.engine.stores.records import Admission  # noqa: E402
from orchestrator.engine.stores.sql import SqlStore  # noqa: E402
from orchestrator.model.job import AreaSource, Job  # noqa: E402
from orchestrator.model.states import PartState, RunState, TaskState  # noqa: E402
from orchestrator.model.unit import Cell  # noqa: E402

PARTS_OF_TASK = 100
DOWNLOADS = 8
STATES = {
    RunState.ADMITTED: "rows at the plan",
    RunState.PLANNED: "rows at the plan",
    RunState.EXPORTING: "exported, brought, placed",
    RunState.ASSEMBLING: "published",
    RunState.PUBLISHED: "deleted, settled",
}
# Where the threads of the third stage spend it.
INSIDE = (
    (Handing, "hand_over", "  tasks handed over"),
    (Polling, "poll", "  operations listed"),
    (Collecting, "collect", "  objects listed and owned"),
    (BatchWork, "_offer", "  parts offered"),
    (Transfers, "_guard", "  downloads begun and ended"),
    (Placing, "_place_waiting", "  pieces placed"),
    (PartMoves, "_commit_told", "  moves committed"),
    (BatchWork, "round", "  the rest of a round"),
)


class Seen:
    """Statements, commits and seconds of processor time, by stage."""

    def __init__(self) -> None:
        self.stage = ""
        self.seconds: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        self.statements: Counter[str] = Counter()
        self.commits: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._nested = threading.local()

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        began, self.stage = time.process_time(), stage
        try:
            yield
        finally:
            self.seconds[stage] += time.process_time() - began

    def watch(self, store: SqlStore) -> None:
        engine = store._db._backend.engine  # noqa: SLF001  nothing else has the connections

        @event.listens_for(engine, "before_cursor_execute")
        def _count(_db: Any, _cursor: Any, text: str, *_more: Any) -> None:
            if text.startswith("BEGIN IMMEDIATE"):
                self.commits[self.stage] += 1
            else:
                self.statements[self.stage] += 1

    def timed(self, act: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Return what does the same, and counts the processor time of its thread, without what is timed inside."""

        @wraps(act)
        def timed(*words: Any, **more: Any) -> Any:
            outer = getattr(self._nested, "inner", 0.0)
            self._nested.inner = 0.0
            began = time.thread_time()
            try:
                return act(*words, **more)
            finally:
                whole = time.thread_time() - began
                with self._lock:
                    self.inside[name] += whole - self._nested.inner
                self._nested.inner = outer + whole

        return timed


class Held(Executor):
    """Takes what is to be brought and does nothing: a restart ends where all of it is taken up."""

    def __init__(self, *_: object) -> None:
        self.count = 0

    def submit(self, _fn: Callable[..., Any], /, *_args: Any, **_kwargs: Any) -> Future[Any]:
        self.count += 1
        return Future()


def the_job(folder: Path) -> Job:
    area = AreaSource("500000,5100000,500100,5100100;EPSG:32633")
    # Not in blocks: the pilots of a run that learns its part sizes would hold the others back.
    return Job("parts", str(folder), area, "2024-01-01", "2024-02-01", split="square", service="sandbox")


def admitted(store: SqlStore, folder: Path) -> str:
    job = the_job(folder)
    (folder / "out").mkdir(parents=True, exist_ok=True)
    return store.runs.admit(Admission(job.base_name, "", job.fingerprints(), job.to_json())).id


def an_execution(
    store: SqlStore, run_id: str, route: CloudRoute, product: CellsProduct, stop: threading.Event, **more: Any
) -> Execution:
    """Join a run as the application does, with a lease, and with a log that nobody reads."""
    clock, backoff = SystemClock(), Backoff(poll_min_seconds=0.2, poll_max_seconds=1.0)
    logger = log.get("run")

    def notify(name: str, run: str, facts: Any) -> None:
        logger.info(name, run=run, **facts)

    process = ProcessContext(
        owner="benchmark",
        work_dir=None,
        keep_parts=True,
        downloads=DOWNLOADS,
        backoff=backoff,
        limits=Limits(1000, 1e18, store.limits, clock),
        clock=clock,
        stop=stop,
        notify=notify,
        **more,
    )
    lease = store.leases.claim(run_id, "benchmark", seconds=3600.0, is_gone=lambda _worker: True)
    if lease is None:
        raise SystemExit("somebody else has the run")
    return Execution(
        run_id,
        store=store.under(run_id, lease.fence),
        clients=Clients(product, route, route.operations),
        process=process,
        watch=OperationsWatch(route.operations, clock, backoff.poll_min_seconds, backoff.poll_max_seconds),
        cut=lambda _task: None,
        refit=lambda task, _plan, _heaviest: task,
    )


def life(folder: Path, parts: int, profile: cProfile.Profile | None) -> Seen:
    """Carry a run of so many parts from its admission to its end."""
    seen = Seen()
    for owner, method, name in INSIDE:
        setattr(owner, method, seen.timed(getattr(owner, method), name))
    plan = a_plan(parts // PARTS_OF_TASK, PARTS_OF_TASK)
    with closing(SqlStore(f"sqlite:///{folder / 'state.db'}", SystemClock())) as store:
        seen.watch(store)
        run_id = admitted(store, folder)
        execution = an_execution(store, run_id, CloudRoute(), CellsProduct(plan), threading.Event())
        if profile is not None:
            profile.enable()
        while (run := store.runs.get(run_id)).state is not RunState.CLEANED:
            if run.state not in STATES:
                raise SystemExit(f"the run is {run.state}: {run.reason}")
            with seen.during(STATES[run.state]):
                execution.step(run)
        if profile is not None:
            profile.disable()
        execution.close()
        tally = store.parts.tally(run_id)
        if {state: held.parts for state, held in tally.items()} != {PartState.CLEANED: parts}:
            raise SystemExit(f"not every part was cleaned: {tally}")
        if any(not owned.outcome for owned in store.ledger.of(run_id)):
            raise SystemExit("not every object was settled")
    return seen


def print_life(seen: Seen, parts: int, rows: list[dict[str, Any]]) -> None:
    print(f"| {parts} parts | processor ms a part | statements a part | commits a part |\n|---|---|---|---|")
    for stage in dict.fromkeys(STATES.values()):
        figures = seen.seconds[stage] * 1e3, seen.statements[stage], seen.commits[stage]
        print(f"| {stage} | {figures[0] / parts:.3f} | {figures[1] / parts:.2f} | {figures[2] / parts:.3f} |")
        if stage == STATES[RunState.EXPORTING]:
            for _owner, _method, name in INSIDE:
                print(f"| {name} | {seen.inside[name] * 1e3 / parts:.3f} | | |")
    whole = sum(seen.seconds.values()) * 1e3 / parts
    counts = sum(seen.statements.values()) / parts, sum(seen.commits.values()) / parts
    print(f"| **a part's life** | **{whole:.3f}** | **{counts[0]:.2f}** | **{counts[1]:.3f}** |")
    rows += [
        a_row("a part's life", "processor time", whole, "ms", 0.3),
        a_row("a part's life", "statements", counts[0], "statements", None),
        a_row("a part's life", "commits", counts[1], "commits", None),
    ]


def a_row(line: str, case: str, figure: float, unit: str, limit: float | None) -> dict[str, Any]:
    return {"line": line, "case": case, "figure": round(figure, 4), "unit": unit, "floor": None, "limit": limit}


# ------------------------------------------------------------------------ a restart


def half_done(store: SqlStore, folder: Path, parts: int) -> tuple[str, CloudRoute, CellsProduct]:
    """Write a run of which every object is listed, and every second part is placed."""
    plan, route = a_plan(parts // PARTS_OF_TASK, PARTS_OF_TASK), CloudRoute()
    placed = [Cell(w) for task in plan.tasks for w in task.parts()[::2]]
    product = CellsProduct(plan, placed)
    run_id = admitted(store, folder)
    execution = an_execution(store, run_id, route, product, stop := threading.Event(), pool=Held)
    pauses = BatchWork.pause_seconds

    def until_all_are_listed(work: BatchWork) -> float:
        tasks = store.tasks.of(run_id)
        if all(task.state is TaskState.SUCCEEDED and task.collected for task in tasks):
            stop.set()
        return pauses(work)

    BatchWork.pause_seconds = until_all_are_listed  # type: ignore[method-assign]
    try:
        while not stop.is_set():
            execution.step(store.runs.get(run_id))
    except Stopped:
        pass
    finally:
        BatchWork.pause_seconds = pauses  # type: ignore[method-assign]
        execution.close()
    windows = [cell.window for cell in placed]
    for state in (PartState.DOWNLOADING, PartState.VERIFIED, PartState.MERGED):
        store.parts.move_all(run_id, windows, state)
    return run_id, route, product


def restart(folder: Path, parts: int, profile: cProfile.Profile | None) -> tuple[float, int]:
    """Return the processor time of a new start until every part is taken up, and statements."""
    with closing(SqlStore(f"sqlite:///{folder / 'state.db'}", SystemClock())) as store:
        run_id, route, product = half_done(store, folder, parts)
    held, stop, seen = Held(), threading.Event(), Seen()
    pauses = BatchWork.pause_seconds

    def after_the_first_round(_work: BatchWork) -> float:
        stop.set()
        return 0.0

    BatchWork.pause_seconds = after_the_first_round  # type: ignore[method-assign]
    if profile is not None:
        profile.enable()
    began = time.process_time()
    with closing(SqlStore(f"sqlite:///{folder / 'state.db'}", SystemClock())) as store:
        seen.watch(store)
        execution = an_execution(store, run_id, route, product, stop, pool=lambda *_: held)
        try:
            while True:
                execution.step(store.runs.get(run_id))
        except Stopped:
            pass
        seconds = time.process_time() - began
        if profile is not None:
            profile.disable()
        execution.close()
    BatchWork.pause_seconds = pauses  # type: ignore[method-assign]
    if held.count != parts - parts // 2:
        raise SystemExit(f"{held.count} of {parts - parts // 2} parts were taken up")
    return seconds, sum(seen.statements.values())


# ------------------------------------------------------------------------ the command


def show(profile: cProfile.Profile) -> None:
    pstats.Stats(profile).sort_stats("tottime").print_stats(40)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="Of a disk that syncs; a temporary one by default.")
    parser.add_argument("--parts", type=int, default=10_000)
    parser.add_argument("--restart", type=int, default=50_000)
    parser.add_argument("--quick", action="store_true", help="A tenth of everything.")
    parser.add_argument("--profile", action="store_true", help="Show where the run's own thread spends it.")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    parts, again = (n // (10 if given.quick else 1) for n in (given.parts, given.restart))
    rows: list[dict[str, Any]] = []
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="parts-", dir=given.folder))
    profile = cProfile.Profile() if given.profile else None
    try:
        with Path("/dev/null").open("w") as nowhere:
            log.configure("info", "json", nowhere)
            print_life(life(folder / "life", parts, profile) if make(folder / "life") else Seen(), parts, rows)
            if profile is not None:
                show(profile)
                profile = cProfile.Profile()
            make(folder / "restart")
            seconds, statements = restart(folder / "restart", again, profile)
            print(f"\nrestart of a run of {again} parts: {seconds:.2f} CPU s, {statements} statements")
            rows.append(a_row("restart", f"{again} parts", seconds, "s", 3.0 * again / 50_000))
            if profile is not None:
                show(profile)
    finally:
        shutil.rmtree(folder)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


def make(folder: Path) -> bool:
    folder.mkdir()
    return True


if __name__ == "__main__":
    main()
