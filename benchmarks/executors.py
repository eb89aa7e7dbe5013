"""
What a unit costs that does nothing: by threads, processes, Dask and `orchestrator worker`; beside Dask alone, a pool.

    PYTHONPATH=. python benchmarks/executors.py FOLDER [--units 10000] [--processes 2] [--postgres]

A whole run each, from the first claim to the last unit that is DONE, with processes that are there already: claimed,
taken up, done, committed, each with the database's own durability. Beside it the same number of calls of an empty
function by `concurrent.futures.ProcessPoolExecutor` and by the very same Dask cluster alone, which write nothing down.
A table of Markdown.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from datetime import date
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])

import executors_product as empty  # noqa: E402  after the line that finds it

from orchestrator import __version__  # noqa: E402
from orchestrator.app.application import Application  # noqa: E402
from orchestrator.app.executors import CarriedUnits  # noqa: E402
from orchestrator.app.unit_processes import UnitProcesses, UnitProcessSettings  # noqa: E402
from orchestrator.clients.dask_cluster import DaskPlace, DaskWorkers  # noqa: E402
from orchestrator.config import load  # noqa: E402
from orchestrator.config.layers import as_environment  # noqa: E402
from orchestrator.engine.admission import admit  # noqa: E402
from orchestrator.model.job import AreaSource, Job  # noqa: E402
from orchestrator.model.states import RunState  # noqa: E402


class Bench:
    """One state, and runs of empty units in it."""

    def __init__(self, folder: Path, url: str, processes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.processes, self.number = folder, processes, 0
        told = {"ORCHESTRATOR_LOCAL__STATE_DIR": str(folder / "state"), "ORCHESTRATOR_LOG__LEVEL": "error"}
        told |= {"ORCHESTRATOR_PIXELS__AT_ONCE": str(4 * processes)} | ({"ORCHESTRATOR_STORE__URL": url} if url else {})
        os.environ.update(told)

    def app(self, **engine: str) -> Application:
        told = {f"ORCHESTRATOR_ENGINE__{key.upper()}": value for key, value in engine.items()}
        return Application(load(environment=os.environ | told).settings, stop=threading.Event())

    def run(self, app: Application, units: int) -> float:
        """Do a run; return the seconds from its first claim to its last unit."""
        self.number += 1
        name = f"{os.getpid()}-{self.number}"
        (self.folder / "out").mkdir(exist_ok=True)
        out = str(self.folder / "out")
        job = Job(
            name,
            out,
            AreaSource("x"),
            "2024-01-01",
            "2024-02-01",
            product="empty",
            service="here",
            route="local",
            keys={"units": units},
        )
        run = admit(app.store, name, job, date(2024, 6, 1), installation="bench")
        empty.MARKS.clear()
        with app.lock(run.id):
            ended = app.execution(run).follow()
        if ended.state is not RunState.CLEANED:
            raise SystemExit(f"{ended.state}: {ended.reason}")
        return empty.MARKS["ended"] - empty.MARKS["began"]

    # ------------------------------------------------------------------ who does them

    def threads(self, units: int) -> float:
        return self.run(self.app(), units)

    def by_processes(self, units: int) -> float:
        app = self.app()
        given = UnitProcessSettings(app.settings, Path.cwd(), "executors_product:begin", 4)
        pool = UnitProcesses(given, self.processes, most_units=units * 2)
        app.unit_executor = CarriedUnits(pool, lambda: app.store.units, app.clock)
        try:
            self.run(app, 8 * self.processes)  # they are there now
            return self.run(app, units)
        finally:
            pool.close()

    def by_dask(self, units: int) -> tuple[float, float]:
        """Return the seconds of ours, and of Dask alone."""
        app = self.app()
        place = DaskPlace(local=self.processes, threads=4, environment=as_environment(app.settings))
        workers = DaskWorkers(place, empty.do_in_dask, __version__)
        app.unit_executor = CarriedUnits(workers, lambda: app.store.units, app.clock)
        try:
            self.run(app, 8 * self.processes)
            ours = self.run(app, units)
            client = workers._client  # noqa: SLF001  the very same cluster
            began = time.perf_counter()
            client.gather(client.map(empty.noop, range(units), pure=False))
            return ours, time.perf_counter() - began
        finally:
            workers.close()

    def by_workers(self, units: int) -> float:
        """`orchestrator worker`, that many of them; the holder does none."""
        told = os.environ | {"ORCHESTRATOR_WORKER__AT_ONCE": "4"}
        command = [sys.executable, str(HERE / "executors_product.py"), "worker"]
        with ExitStack() as stack:
            for _ in range(self.processes):
                worker = subprocess.Popen(command, env=told, cwd=self.folder)
                stack.callback(worker.wait)
                stack.callback(worker.send_signal, signal.SIGTERM)
            app = self.app(executor="workers")
            self.run(app, 8 * self.processes)
            return self.run(app, units)


def pool_alone(units: int, processes: int) -> float:
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        list(pool.map(empty.noop, range(processes * 8)))
        began = time.perf_counter()
        list(pool.map(empty.noop, range(units)))
        return time.perf_counter() - began


def row(database: str, who: str, units: int, seconds: float) -> None:
    line = f"| {database} | {who} | {seconds:.1f} | {1000 * seconds / units:.2f} | {units / seconds:,.0f} |"
    print(line, flush=True)


def main() -> None:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("folder", type=Path)
    about.add_argument("--units", type=int, default=10_000)
    about.add_argument("--processes", type=int, default=2)
    about.add_argument("--postgres", action="store_true", help="beside SQLite, a server of the system's programs")
    given = about.parse_args()
    empty.register()
    print("| database | who | seconds | ms a unit | units/s |\n|---|---|---|---|---|")
    row(
        "none",
        f"ProcessPoolExecutor alone, {given.processes} processes",
        given.units,
        pool_alone(given.units, given.processes),
    )
    with ExitStack() as stack:
        databases = {"SQLite": ""}
        if given.postgres:
            from postgres_kit import PostgresServer  # noqa: PLC0415  an extra

            server = PostgresServer()
            stack.callback(server.close)
            databases["PostgreSQL"] = server.empty()
        for name, url in databases.items():
            bench = Bench(given.folder.resolve() / name, url, given.processes)
            row(name, "threads", given.units, bench.threads(given.units))
            row(name, f"processes, {given.processes}", given.units, bench.by_processes(given.units))
            ours, alone = bench.by_dask(given.units)
            row(name, f"Dask, {given.processes} workers", given.units, ours)
            row("none", f"Dask alone, the same {given.processes} workers", given.units, alone)
            row(name, f"`orchestrator worker`, {given.processes}", given.units, bench.by_workers(given.units))


if __name__ == "__main__":
    main()
