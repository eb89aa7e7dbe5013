"""What looking at a store costs: no plan is read for a list, and no large table is gone through."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.grid import Window
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import PartState, RunState

TASKS = (TaskPlan(0, Window(0, 0, 512, 512), 256, 256),)


class StillClock:
    def now(self) -> datetime:
        return datetime(2024, 6, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def store(path):
    opened = SqlStore(f"sqlite:///{path}", StillClock())
    yield opened
    opened.close()


@pytest.fixture
def planned(store) -> str:
    run = store.runs.admit(Admission("night", "2024-06-01", ("f" * 64,), "{}"))
    store.runs.save_plan(run.id, "plan", "image", "{}", TASKS)
    store.runs.set_state(run.id, RunState.EXPORTING)
    return run.id


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda store, _run: store.runs.heads(), id="heads"),
        pytest.param(lambda store, _run: store.runs.latest([RunState.EXPORTING]), id="latest"),
        pytest.param(lambda store, run: store.runs.head(run), id="head"),
        pytest.param(lambda store, _run: store.runs.named("night"), id="named"),
        pytest.param(lambda store, run: store.runs.requested(run), id="requested"),
        pytest.param(lambda store, _run: store.queue.waiting(), id="queue"),
    ],
)
def test_a_look_at_runs_holds_no_plan_in_memory(store, look):
    """Plans and images weigh megabytes; of a thousand runs, gigabytes."""
    run, weight = store.runs.admit(Admission("night", "", ("f",), "{}")).id, 3_000_000
    store.runs.save_plan(run, "p" * weight, "i" * weight, "{}", TASKS)
    store.runs.set_state(run, RunState.EXPORTING)
    look(store, run)  # what is made once is made

    tracemalloc.start()
    look(store, run)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < weight / 10


LARGE = ("runs", "documents", "tasks", "attempts", "parts", "ledger", "units", "unit_needs", "events", "fires")
IN_ORDER = "SCAN runs USING INDEX ix_runs_created"  # only as far as the limit


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda store, _run: store.runs.heads(20), id="a list"),
        pytest.param(lambda store, run: store.runs.named(run[:8]), id="a name"),
        pytest.param(lambda store, _run: store.runs.find(["f"]), id="a fingerprint"),
        pytest.param(lambda store, run: store.parts.tallies([run, "x"]), id="tallies"),
        pytest.param(lambda store, run: store.parts.tally(run), id="tally"),
        pytest.param(lambda store, run: store.parts.of(run, [PartState.EXPORTED]), id="parts of some states"),
        pytest.param(lambda store, run: store.events.paces([run], "2024-01-01"), id="paces"),
        pytest.param(lambda store, run: store.events.latest(run, 10, after=3), id="events"),
        pytest.param(lambda store, _run: store.queue.waiting(), id="queue"),
        pytest.param(lambda store, _run: store.dates.unfinished("night"), id="unfinished"),
        pytest.param(lambda store, _run: store.dates.last("night", "2030-01-01", 9), id="last dates"),
        pytest.param(lambda store, _run: store.tasks.live(), id="live tasks"),
        pytest.param(lambda store, run: store.units.claim(run, "fetch", 4, now=0.0, seconds=1.0), id="claim"),
        pytest.param(lambda store, run: store.units.next_due(run, ["fetch"], 0.0), id="next due"),
        pytest.param(lambda store, run: store.units.tallies([run]), id="unit tallies"),
        pytest.param(lambda store, run: store.ledger.of(run), id="ledger"),
    ],
)
def test_a_look_goes_through_no_large_table(store, path, planned, look):
    """Whatever there are: thousands of runs, millions of parts; SQLite says how it would look."""
    asked = []
    event.listen(store._db._engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))

    look(store, planned)

    with closing(sqlite3.connect(path)) as database:
        plans = [database.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall() for sql, values in asked if values]
    steps = [step[3] for plan in plans for step in plan]
    assert steps
    assert [s for s in steps if s.startswith("SCAN") and s.split()[1] in LARGE and s != IN_ORDER] == []
