"""
What 1, 2 and 4 processes make of the same work: seconds, speed-up, efficiency.

    PYTHONPATH=. python benchmarks/scaling.py FOLDER [--processes 1 2 4] [--quick] [--only WORD ...]

Bound by the processor, one thread a process: scenes made ready for training (units of the engine, by
`executor = "processes"`), and one strip of a mosaic made again and again, with blocks that are copied (splice) and
with every block decoded and encoded (encode). Bound by waiting: chips by requests for pixels, each of which the
sandbox, a process of its own on the same machine, holds for 50 or 150 ms; one request a process at a time. Then what
the engine itself costs: units that do nothing, by processes, and units that are only claimed and ended in the store,
on SQLite and on PostgreSQL (`executors.py` and `store.py`, which tell more). Processes are there already; seconds are
those from the first claim to the last end. Efficiency is the speed-up over the number of processes; of work that is
bound by the processor no more than the machine's processors can help. Ends within eight minutes on two of them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "products" / "preprocess")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(ROOT), os.environ.get("PYTHONPATH", "")])

import executors  # noqa: E402  after the line that finds it
import store as store_benchmark  # noqa: E402

import orchestrator as orc  # noqa: E402
from orchestrator.engine.execution import Execution  # noqa: E402

CUT_SIDE = 240  # pixels of 60 m of a scene's side: 14.4 km
IMAGE = """
import ee


class DatasetDefinition:
    def __init__(self, name):
        self.name = name

    def get_dataset_name(self):
        return "places"

    def get_dtype(self):
        return "int32"

    def get_gee_image(self, **_):
        place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(20))
        return place.select("x").addBands(place.select("y")).toInt32()
"""


@dataclass(frozen=True)
class Work:
    """
    One kind of work.

    `prepare` makes what it needs, and returns what gives the seconds that so many processes take for all of its units.
    """

    name: str
    bound: str
    units: int
    prepare: Callable[[], Callable[[int], float]]


# --------------------------------------------------------------- units of the engine


@contextmanager
def carried(folder: Path, processes: int, url: str = "") -> Iterator[orc.Connection]:
    """Lend a connection whose runs have their units done by processes that stay from one run to the next."""
    told = {"ORCHESTRATOR_ENGINE__EXECUTOR": "processes", "ORCHESTRATOR_ENGINE__PROCESSES": str(processes)}
    told |= {"ORCHESTRATOR_PIXELS__AT_ONCE": str(processes), "ORCHESTRATOR_ASSEMBLE__THREADS": "1"}
    told |= {"ORCHESTRATOR_LOG__LEVEL": "error", "ORCHESTRATOR_SERVE__ALLOW_CODE": "true"}
    told |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with mock.patch.dict(os.environ, told):
        connection = orc.connect(sandbox_url=url, state_dir=folder) if url else orc.connect(state_dir=folder)
        with connection, connection.lent() as app:
            connection.lent = lambda: nullcontext(app)  # type: ignore[method-assign]  # one application, one pool
            yield connection
            if (pool := app.unit_executor) is not None:
                pool.close()


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Keep the seconds from a run's first claim to its last unit, of each run in the block."""
    found: list[float] = []
    work = Execution._export  # noqa: SLF001  nothing but the units lies in it

    def timed(execution: Execution, run: Any) -> None:
        began = time.perf_counter()
        work(execution, run)
        found.append(time.perf_counter() - began)

    with mock.patch.object(Execution, "_export", timed):
        yield found


class Scenes:
    """Invented scenes of Sentinel-2, made once, to be made ready for training."""

    def __init__(self, folder: Path, count: int) -> None:
        import preprocess_kit as kit  # noqa: PLC0415  it needs pytest

        self._folder, self._count, self._runs = folder, count, 0
        days = [f"2024-06-{day:02}" for day in range(3, 3 + 5 * count, 5)] if count <= 5 else _days(count)
        with mock.patch.object(kit, "CUT", (640, 1400, CUT_SIDE, CUT_SIDE)):
            products = kit.synthetic(folder / "products", days, bands=("B01", "B02", "B03", "B04", "B05"))
        self._every = kit.laid(folder / "all", products)
        self._few = {n: kit.laid(folder / f"first-{n}", products[: 2 * n]) for n in (1, 2, 4)}

    def __call__(self, processes: int) -> float:
        self._runs += 1
        folder = self._folder / f"run-{self._runs}"
        with carried(folder / "state", processes) as connection, stopwatch() as seconds:
            for index in (self._few[min(n for n in self._few if n >= processes)], self._every):
                out = folder / f"out-{len(seconds)}"
                orc.copernicus.preprocess(
                    index, out, target_grid="B02", bands=["B02", "B03", "B04", "B05", "B01"], connection=connection
                )
        return seconds[-1]


def _days(count: int) -> list[str]:
    """Return days on which a satellite passes, every five days from 3 June 2024."""
    first = time.mktime((2024, 6, 3, 12, 0, 0, 0, 0, 0))
    return [time.strftime("%Y-%m-%d", time.localtime(first + 5 * 86400 * n)) for n in range(count)]


class Requests:
    """Chips of cells of 1,000 m, whose pixels a sandbox holds back for a while."""

    def __init__(self, folder: Path, url: str, count: int, seconds: float) -> None:
        import geopandas  # noqa: PLC0415
        import shapely  # noqa: PLC0415

        from orchestrator.tiling.file import name_tiles, write_tiles  # noqa: PLC0415

        self._folder, self._url, self._seconds, self._runs = folder, url, seconds, 0
        folder.mkdir(parents=True)
        boxes = [shapely.box(x, 5_100_000, x + 1000, 5_101_000) for x in range(300_000, 300_000 + 1000 * count, 1000)]
        frame = geopandas.GeoDataFrame(geometry=boxes, crs="EPSG:32633")
        about = {"kind": "grid", "cover": "full", "size": 1000, "crs": "EPSG:32633"}
        self._tiles = write_tiles(name_tiles(frame, "row", "cells", about), folder, ".parquet").path
        (folder / "places.py").write_text(IMAGE)

    def __call__(self, processes: int) -> float:
        self._runs += 1
        folder = self._folder / f"run-{self._runs}"
        _order(self._url, self._seconds)
        with carried(folder, processes, self._url) as connection, stopwatch() as seconds:
            for first in (4 * processes, 0):
                name = f"chips-{self._runs}-{first}"
                orc.chips(
                    self._tiles,
                    self._folder / "places.py",
                    name=name,
                    pixels=50,
                    first=first,
                    progress=False,
                    connection=connection,
                )
        return seconds[-1]


@contextmanager
def sandbox(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent"]
    command += ["--project", "orchestrator-sandbox", "--data-dir", str(folder)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(server.stdout.readline())["url"]  # type: ignore[union-attr]  # a pipe
    finally:
        server.communicate(timeout=60)


def _order(url: str, seconds: float) -> None:
    """Let the sandbox hold every answer with pixels for so long."""
    held = {"action": "stall", "count": None, "seconds": seconds, "api": "image.computePixels"}
    for method, body in (("DELETE", None), ("POST", json.dumps(held).encode())):
        urllib.request.urlopen(urllib.request.Request(f"{url}/sandbox/faults", body, method=method)).close()  # noqa: S310


# ------------------------------------------------------------------------ strips


class Strips:
    """The upper strip of a mosaic, made so many times, each time from the same parts in a folder of its own."""

    def __init__(self, folder: Path, count: int, **options: str) -> None:
        from benchmarks.strips import data_set  # noqa: PLC0415

        self._folder, self._count, self._options = folder, count, options
        self._data = data_set(folder / "parts", 4096)
        self._runs = 0

    def __call__(self, processes: int) -> float:
        self._runs += 1
        context = multiprocessing.get_context("spawn")
        gate = context.Barrier(processes)
        make = partial(make_strip, self._data.folder / "dataset.json", self._options)
        targets = [self._folder / f"run-{self._runs}" / f"{n}" for n in range(self._count)]
        with ProcessPoolExecutor(processes, context, initializer=_all_there, initargs=(gate,)) as pool:
            for ready in [pool.submit(time.sleep, 0) for _ in range(processes)]:
                ready.result()
            began = time.perf_counter()
            list(pool.map(make, targets))
            return time.perf_counter() - began


def _all_there(gate: Any) -> None:
    """Wait, in a new process, until the others have imported what they need, too."""
    import benchmarks.strips  # noqa: F401, PLC0415  what takes long

    gate.wait()


def make_strip(description: Path, options: dict[str, str], folder: Path) -> int:
    """Make the strip in this process; return its bytes."""
    from dataclasses import replace  # noqa: PLC0415

    from benchmarks.assemble_data import DataSet  # noqa: PLC0415
    from benchmarks.strips import spec_of  # noqa: PLC0415
    from orchestrator.assemble.strip import StripMosaic  # noqa: PLC0415
    from orchestrator.model.mosaic import OutputOptions  # noqa: PLC0415
    from orchestrator.places.folder import FolderPlace  # noqa: PLC0415
    from orchestrator.plan.strips import cut_strips  # noqa: PLC0415

    data = DataSet.load(description)
    spec = replace(spec_of(data, threads=1), options=OutputOptions(**options))
    strip = cut_strips(data.grid, data.parts, 2)[0]
    made = StripMosaic.open(spec, strip, folder / "work", clear=0)
    made.place([(window, path) for window, path in data.parts.items() if strip.has(window)], lambda _window: None)
    return len(made.publish(FolderPlace(folder / "place"), "0/", threading.Event()).to_json())


# ------------------------------------------------------------------ the engine's own


def empty_units(folder: Path, url: str, units: int, processes: int) -> float:
    """Return the seconds of units that do nothing, by so many processes of four threads."""
    with mock.patch.dict(os.environ):
        bench = executors.Bench(folder / f"empty-{processes}", url, processes)
        return bench.by_processes(units)


def stored_units(url: str, units: int, processes: int) -> float:
    return store_benchmark.measure(url, processes, 8, units)[0]


# ----------------------------------------------------------------------- the table


def works(folder: Path, service: str, postgres: str, *, quick: bool) -> Iterator[Work]:
    """Yield what is measured."""
    some = 4 if quick else 1  # how many times fewer units
    cpu, wait, store = "processor", "waiting", "the store"
    copied, encoded = partial(Strips, folder / "splice"), partial(Strips, folder / "encode", compress="lzw")
    yield Work("preprocess: scenes", cpu, 8 // some, partial(Scenes, folder / "scenes", 8 // some))
    yield Work("splice: strips, blocks copied", cpu, 32 // some, partial(copied, 32 // some))
    yield Work("encode: strips, all blocks", cpu, 8 // some, partial(encoded, 8 // some))
    for milliseconds, count in ((50, 200 // some), (150, 120 // some)):
        chips = partial(Requests, folder / f"chips-{milliseconds}", service, count, milliseconds / 1000)
        yield Work(f"chips by requests of {milliseconds} ms", wait, count, chips)
    executors.empty.register()
    sqlite = f"sqlite:///{folder / 'benchmark.db'}"
    for name, url, stored in (("SQLite", "", sqlite), ("PostgreSQL", postgres, postgres)):
        empty = partial(partial, empty_units, folder / name, url, 1000 // some)
        yield Work(f"empty units by processes, {name}", store, 1000 // some, empty)
        claimed = partial(partial, stored_units, stored, 2000 // some)
        yield Work(f"claimed by eights and ended, {name}", store, 2000 // some, claimed)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path, help="of what is made; it stays")
    asked.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    asked.add_argument(
        "--quick", action="store_true", help="a quarter of the units: whether it works, no figure to keep"
    )
    asked.add_argument("--only", nargs="+", default=[], metavar="WORD", help="works whose names begin so")
    given = asked.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{os.cpu_count()} processors, load before {os.getloadavg()[0]:.1f}\n")
    print("| work | bound by | units | processes | seconds | ms a unit | units/s | speed-up | efficiency |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with sandbox(folder / "sandbox") as service, store_benchmark.server(folder) as postgres:
        for work in works(folder, service, postgres, quick=given.quick):
            if not given.only or any(work.name.startswith(word) for word in given.only):
                measured(work, given.processes)


def measured(work: Work, processes: list[int]) -> None:
    """Print a line for each number of processes; the first is what the others are compared with."""
    base, measure = 0.0, work.prepare()
    for count in processes:
        seconds = measure(count)
        base = base or seconds * count
        faster = base / seconds
        cells = [work.name, work.bound, work.units, count, f"{seconds:.2f}", f"{1000 * seconds / work.units:.1f}"]
        cells += [f"{work.units / seconds:.1f}", f"{faster:.2f}", f"{faster / count:.0%}"]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
