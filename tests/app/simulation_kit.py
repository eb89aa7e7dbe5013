"""Jobs of plain rectangles to simulate, and a state that needs no migration each time."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from orchestrator.app.simulation.costs import RunCosts
from orchestrator.app.simulation.simulator import SimulationSetting, simulate_run
from orchestrator.app.simulation.subject import SimulatedJob
from orchestrator.core.clock import SystemClock
from orchestrator.engine.context import Backoff
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.direct import DirectLimits
from orchestrator.model.eecu import CostRate, EecuLimits
from orchestrator.model.grid import Grid, Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.spec import PixelSpec
from orchestrator.model.unit import Cell, UnitPlan

MEMORY = "/dev/shm"  # noqa: S108 - a folder with a name of its own is made in it
SIDE = 256
PIXELS = PixelSpec(("B2",), "uint16", 0)
RATE = CostRate(0.001, 0.001, 0.001, "a test")
# Nothing takes time but what a test says.
FREE = RunCosts(
    begin_seconds=0.0,
    submit_seconds=0.0,
    task_seconds=0.0,
    task_eecu_per_second=1e9,
    file_share=1.0,
    request_seconds=0.0,
    download_seconds=0.0,
    bandwidth=1e15,
    place_seconds_per_gb=0.0,
    unit_seconds=0.0,
    finish_seconds=0.0,
    finish_seconds_per_gb=0.0,
    finish_seconds_per_unit=0.0,
)
EACH_SECOND = Backoff(poll_min_seconds=1.0, poll_max_seconds=1.0)


@cache
def _template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="simulation-", dir=_memory())) / "state.db"
    SqlStore(f"sqlite:///{path}", SystemClock()).close()
    return path


def _memory() -> str | None:
    return MEMORY if Path(MEMORY).is_dir() else None


def simulated(subject, costs=FREE, **around):
    """Simulate a run over a copy of an empty state in memory."""
    return simulated_again(subject, costs, setting(**around))


def simulated_again(subject, costs, around):
    """The same, as the program calls it."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:

        def open_store(clock):
            shutil.copy(_template(), Path(folder) / "state.db")
            return SqlStore(f"sqlite:///{folder}/state.db", clock)

        return simulate_run(subject, costs, around, open_store)


def setting(**given):
    usual = {
        "workers": 1,
        "slots": 2,
        "downloads": 4,
        "direct": DirectLimits(48 << 20, 32_768, 1024, 8, 1e6),
        "live_tasks": 0,
        "bucket_bytes": 1e15,
        "backoff": EACH_SECOND,
        "eecu": EecuLimits(),
        "cut": lambda _task: None,
        "refit": lambda task, _plan, _heaviest: task,
    }
    return SimulationSetting(**{**usual, **given})


def exports(heights, *, parts=1, hours=0.0, split="square"):
    """A job of exports one below the other, each so many blocks of 256 pixels high, in so many parts side by side."""
    tasks, row = [], 0
    for index, height in enumerate(heights):
        tasks.append(TaskPlan(index, Window(row, 0, height * SIDE, SIDE * parts), height * SIDE, SIDE))
        row += height * SIDE
    grid = Grid("EPSG:32633", (10.0, 0.0, 0.0, 0.0, -10.0, 0.0), max(row, SIDE), SIDE * parts)
    plan = Plan(grid, PIXELS, tuple(tasks), b"", grid.pixels, 1 << 30, 2 * grid.pixels, 0, 0)
    return SimulatedJob(_job(split=split, max_eecu_hours=hours), PIXELS, plan.tasks, (), plan, RATE)


def requests(count):
    """A job of so many requests of one block each."""
    windows = (Window(number * SIDE, 0, SIDE, SIDE) for number in range(count))
    units = tuple(UnitPlan("pixels", f"{number:05d}", Cell(window)) for number, window in enumerate(windows))
    return SimulatedJob(_job(product="chips"), PIXELS, (), units, None, RATE)


def _job(**more):
    return Job("small", "/nowhere", AreaSource("0,0,1,1"), "2024-01-01", "2024-02-01", **more)
