"""A store of either kind with a planned run, whose counts are counted anew after each test."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from orchestrator.engine.stores.contract import Store, TaskChange
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState, TaskState


class StillClock:
    def now(self) -> datetime:
        return datetime(2024, 6, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def store(store_url: str):
    opened = SqlStore(store_url, StillClock())
    yield opened
    with opened._db.read() as db:
        assert counted(db) == recounted(opened, db), "whatever a test did, what is counted is what is there"
    opened.close()


def counted(db: Connection) -> dict[tuple[str, str], list[int]]:
    """Return the parts of each run and state as they are counted: how many, with an object, and its bytes."""
    rows = db.execute(text("SELECT run_id, state, parts, listed, bytes FROM part_counts WHERE parts <> 0"))
    return {(row.run_id, row.state): [row.parts, row.listed, row.bytes] for row in rows}


def recounted(store: Store, db: Connection) -> dict[tuple[str, str], list[int]]:
    """Return the same, one by one."""
    found: dict[tuple[str, str], list[int]] = {}
    for run_id in db.execute(text("SELECT id FROM runs")).scalars().all():
        for part in store.parts.of(run_id):
            sums = found.setdefault((run_id, part.state), [0, 0, 0])
            here = (1, int(part.source is not None), part.source.size if part.source else 0)
            sums[:] = [was + more for was, more in zip(sums, here, strict=True)]
    return found


TASKS = (TaskPlan(0, Window(0, 0, 512, 512), 256, 256), TaskPlan(1, Window(0, 512, 256, 256), 256, 256))


@pytest.fixture
def planned(store: Store) -> str:
    run = store.runs.admit(Admission("night", "2024-06-01", ("f" * 64,), "{}"))
    store.runs.save_plan(run.id, "plan", "image", "{}", TASKS)
    store.runs.set_state(run.id, RunState.EXPORTING)
    return run.id


def an_attempt(number: int = 1, task: str = "0000") -> Attempt:
    return Attempt(task, number, f"x{task}{number}", f"d{task}{number}", f"p/{task}/{number}", "", 0.0)


def an_object(name: str, generation: str = "1") -> StoredObject:
    return StoredObject(name, 100, generation, "AAAAAA==")


def submit(store: Store, run: str, task: str = "0000", number: int = 1) -> None:
    store.tasks.intend(run, an_attempt(number, task))
    store.tasks.identify(run, task, f"op/{task}/{number}", TaskState.QUEUED)


def collect_all(store: Store, run: str, task: TaskPlan, key: str = "0000") -> None:
    store.tasks.change(run, {key: TaskChange(state=TaskState.SUCCEEDED)})
    store.parts.collect(run, key, {w: an_object(f"{key}-{w.row}-{w.col}") for w in task.parts()}, 1)
