"""A run with very many parts, as it is while they are exported, downloaded and placed; for tests and benchmarks."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.app.application import Application
from orchestrator.config import load
from orchestrator.core.clock import SystemClock
from orchestrator.engine.admission import admit
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, GridRequest, Job
from orchestrator.model.plan_json import plan_to_json
from orchestrator.model.states import PartState, RunState, TaskState

SIDE = 200  # parts along each side of the area
# What each hundred of parts is doing, as in the middle of a long run.
SHARES = {"CLEANED": 30, "MERGED": 20, "VERIFIED": 5, "DOWNLOADING": 5, "EXPORTED": 10, "EMPTY": 5, "WAITING": 25}
_STATES = [state for state, count in SHARES.items() for _ in range(count)]


def make(folder: Path, side: int = SIDE) -> str:
    """Write the state of a run of `side` × `side` parts of 256 × 256 pixels; return its id. Nobody works on it."""
    settings = load(None, environment={}, overrides={"local": {"state_dir": str(folder / "state")}}).settings
    app = Application(settings, stop=threading.Event())
    job = _job(folder, side)
    plan = app.planner("gcs").local(job).plan
    assert plan.part_count == side * side, plan.part_count
    run = admit(app.store, "large", job, datetime.now(UTC).date())
    app.store.runs.save_plan(run.id, plan_to_json(plan), "{}", "{}", plan.tasks)
    app.store.runs.set_state(run.id, RunState.EXPORTING)
    app.store.close()
    _scatter(app.database, run.id)
    return run.id


def _job(folder: Path, side: int) -> Job:
    west, south, metres = 400_000, 5_000_000, side * 2560
    area = AreaSource(f"{west},{south},{west + metres},{south + metres};EPSG:32633")
    return Job(
        base_name="large",
        output=str(folder / "out"),
        area=area,
        start_date="2024-05-01",
        end_date="2024-06-01",
        bands=("B4",),
        grid=GridRequest(scale=10, crs="EPSG:32633"),
        max_part_bytes=420 * 1024,
    )


def _scatter(database: Path, run_id: str) -> None:
    """Give each part a state, and keep the counts; one transaction, where the program needs thousands."""
    with closing(sqlite3.connect(database)) as opened, opened:
        keys = opened.execute('SELECT "row", col FROM parts WHERE run_id = ? ORDER BY "row", col', [run_id]).fetchall()
        given = [(_STATES[(number * 37) % 100], run_id, *key) for number, key in enumerate(keys)]
        opened.executemany('UPDATE parts SET state = ? WHERE run_id = ? AND "row" = ? AND col = ?', given)
        opened.execute("DELETE FROM part_counts WHERE run_id = ?", [run_id])
        opened.execute(
            "INSERT INTO part_counts (run_id, state, parts, listed, bytes) "
            "SELECT run_id, state, count(*), 0, 0 FROM parts WHERE run_id = ? GROUP BY state",
            [run_id],
        )
        opened.execute("UPDATE tasks SET state = ? WHERE run_id = ?", [TaskState.RUNNING, run_id])


class Worker:
    """Goes on with the run as the program does: parts that are on disk are placed, some at each turn."""

    def __init__(self, folder: Path, run_id: str) -> None:
        """Open the state."""
        self._store = SqlStore(f"sqlite:///{folder / 'state' / 'state.db'}", SystemClock())
        self._run_id = run_id
        self._verified = [part.window for part in self._store.parts.of(run_id, [PartState.VERIFIED])]

    def turn(self, count: int = 50, events: int = 1) -> list[Window]:
        """Place some of the parts, and say so in events; return their windows."""
        windows, self._verified = self._verified[:count], self._verified[count:]
        self._store.parts.move_all(self._run_id, windows, PartState.MERGED)
        for _ in range(events):
            self._store.events.record(self._run_id, "parts.placed", {"parts": len(windows)})
        return windows

    def close(self) -> None:
        """Let go of the state."""
        self._store.close()
