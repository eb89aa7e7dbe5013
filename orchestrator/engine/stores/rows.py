"""Rows and the values they are, and the statements that several families of tables make on one row."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, update

from orchestrator.engine.stores.records import Head, Part, Run, Task
from orchestrator.engine.stores.schema import runs, tasks
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import Failure, PartState, RunState, TaskState, Who

RUN_COLUMNS = tuple(runs.c)
HEAD_COLUMNS: tuple[ColumnElement[Any], ...] = (
    runs.c.id,
    runs.c.job_name,
    runs.c.logical_date,
    runs.c.turn,
    runs.c.fingerprint,
    runs.c.job,
    runs.c.state,
    runs.c.reason,
    runs.c.who,
    runs.c.result,
    runs.c.created,
    runs.c.updated,
)


def run_of(row: Row[Any]) -> Run:
    """Return the run that a row of `RUN_COLUMNS` is."""
    values = {column.key: getattr(row, column.key) for column in RUN_COLUMNS}
    values["state"] = RunState(row.state)
    values["resume"] = RunState(row.resume) if row.resume else None
    values["who"] = Who(row.who)
    return Run(**values)


def head_of(row: Row[Any]) -> Head:
    """Return the head that a row of `HEAD_COLUMNS` is."""
    return Head(**row._asdict() | {"state": RunState(row.state), "who": Who(row.who)})


def task_of(row: Row[Any]) -> Task:
    """Return the task that a row is."""
    index = int(row.key.split(".", 1)[0])
    return Task(
        key=row.key,
        plan=TaskPlan(index, window_of(row), row.part_height, row.part_width),
        state=TaskState(row.state),
        attempt=row.attempt,
        rung=row.rung,
        operation=row.operation,
        collected=row.collected,
        progress=row.progress,
        eecu_seconds=row.eecu_seconds,
        error=row.error,
        tries=row.tries,
        next_at=row.next_at,
        known=row.known,
        failure=Failure(row.failure) if row.failure else None,
        forgiven=row.forgiven,
    )


def part_of(row: Row[Any]) -> Part:
    """Return the part that a row is."""
    source = object_of(row.object) if row.object else None
    return Part(row.task, window_of(row), PartState(row.state), source, row.attempt)


def window_of(row: Row[Any]) -> Window:
    """Return the window that a row is about."""
    return Window(row.row, row.col, row.height, row.width)


def object_text(source: StoredObject) -> str:
    """Return how an object is written down."""
    return json.dumps(asdict(source), sort_keys=True)


def object_of(text: str) -> StoredObject:
    """Return the object that was written down."""
    return StoredObject(**json.loads(text))


def task_update(run_id: str, key: str) -> Update:
    """Begin a change of one task."""
    return update(tasks).where(tasks.c.run_id == run_id, tasks.c.key == key)
