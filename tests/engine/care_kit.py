"""Runs of any size in a database, carried through their states without a service."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

from orchestrator.engine.stores.records import Admission
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState
from orchestrator.model.unit import UnitPlan

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ENDING = ("PLANNED", "EXPORTING", "ASSEMBLING", "PUBLISHED", "CLEANED")


class Clock:
    """A time of day that a test sets."""

    at = NOW - timedelta(days=100)

    def now(self):
        return self.at

    def monotonic(self):
        return 0.0


def a_run(store, name, folder, *, tasks=1, units=0, states=ENDING):
    """Carry a run through states, with tasks of one part each, units and an event."""
    job = Job(name, str(folder), AreaSource("0,0,1,1"), "2024-01-01", "2024-02-01")
    run = store.runs.admit(Admission(name, "", job.fingerprints(), job.to_json(), name))
    plans = [TaskPlan(n, Window(256 * n, 0, 256, 256), 256, 256) for n in range(tasks)]
    store.runs.save_plan(run.id, "{}", "", "{}", plans, [UnitPlan("pixels", f"{n:06d}") for n in range(units)])
    for state in states[1:]:
        store.runs.set_state(run.id, RunState(state))
    store.events.record(run.id, "run.done", {"n": 1})
    return run.id


def rows(path):
    """Return how many rows each table has, of those that have any."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # noqa: S608
    return {
        name: count for name, count in counts.items() if count and name not in ("alembic_version", "sqlite_sequence")
    }
