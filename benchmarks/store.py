"""
Units a second through the store: claimed and ended by processes side by side, on SQLite and on PostgreSQL.

    PYTHONPATH=. python benchmarks/store.py FOLDER [--units 2000] [--processes 1 2 4] [--batch 1 8] [--postgres URL]

Each process claims `--batch` units, ends each by itself, and goes on until none is left; nothing is done in between, so
that what is measured is the store alone. Without `--postgres` a server of the system's programs is started in FOLDER,
on loopback, with fsync as it is by default: each commit waits for the disk, as SQLite's does. Counts are compared at
the end: each unit once. A table of Markdown.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from orchestrator.core.clock import SystemClock
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.states import UnitState
from orchestrator.model.unit import UnitPlan

LEASE_SECONDS = 3600.0


def fill(url: str, name: str, count: int) -> str:
    """Enter units of a new run; return its id."""
    with closing(SqlStore(url, SystemClock())) as store:
        run_id = store.runs.admit(Admission(name, "", (name,), "{}")).id
        store.units.add(run_id, [UnitPlan("empty", f"{n:06d}") for n in range(count)])
        return run_id


def work(url: str, run_id: str, batch: int, gate: Barrier, results: Any) -> None:
    """Claim and end units until none is left; send how many, and the processor time of this process."""
    with closing(SqlStore(url, SystemClock())) as store:
        store.units.tally(run_id)
        gate.wait()
        began, ended = time.process_time(), 0
        while taken := store.units.claim(run_id, "empty", batch, now=time.time(), seconds=LEASE_SECONDS):
            for unit in taken:
                store.units.finish(unit, UnitState.DONE)
            ended += len(taken)
        results.put((ended, time.process_time() - began))


def measure(url: str, processes: int, batch: int, units: int) -> tuple[float, float, list[int]]:
    """Return the seconds from the first claim to the last end, the processors' seconds, and units by process."""
    run_id = fill(url, f"{processes}-{batch}-{time.time()}", units)
    context = get_context("spawn")
    gate, results = context.Barrier(processes + 1), context.Queue()
    workers = [context.Process(target=work, args=(url, run_id, batch, gate, results)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    gate.wait()
    began = time.monotonic()
    found = [results.get() for _ in workers]
    seconds = time.monotonic() - began
    for worker in workers:
        worker.join()
    with closing(SqlStore(url, SystemClock())) as store:
        tally, each = store.units.tally(run_id), Counter(u.attempt for u in store.units.of(run_id))
    if tally != {"empty": {UnitState.DONE: units}} or each != Counter({1: units}):
        raise SystemExit(f"wrong counts: {tally}, attempts {each}")
    return seconds, sum(cpu for _, cpu in found), [count for count, _ in found]


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Start PostgreSQL on loopback and give its address."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from postgres_kit import PostgresServer  # noqa: PLC0415  after the line that finds it

    os.environ["TMPDIR"] = str(folder)
    started = PostgresServer()
    try:
        yield started.empty()
    finally:
        started.close()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--units", type=int, default=2000)
    asked.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    asked.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    asked.add_argument("--postgres", default="", metavar="URL")
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    print(f"{given.units} units, {os.cpu_count()} processors, load before {os.getloadavg()[0]:.1f}\n")
    print("| database | processes | claimed at once | units/s | ms a unit | processor ms a unit | units of each |")
    print("|---|---|---|---|---|---|---|")
    path = given.folder / "benchmark.db"
    path.unlink(missing_ok=True)
    table("SQLite", f"sqlite:///{path}", given)
    if given.postgres:
        table("PostgreSQL", given.postgres, given)
    else:
        with server(given.folder) as url:
            table("PostgreSQL", url, given)


def table(name: str, url: str, given: argparse.Namespace) -> None:
    for batch in given.batch:
        for processes in given.processes:
            seconds, cpu, counts = measure(url, processes, batch, given.units)
            rate, spread = given.units / seconds, f"{min(counts)} to {max(counts)}"
            each = f"{1000 * seconds / given.units:.2f} | {1000 * cpu / given.units:.2f}"
            print(f"| {name} | {processes} | {batch} | {rate:.0f} | {each} | {spread} |", flush=True)


if __name__ == "__main__":
    main()
