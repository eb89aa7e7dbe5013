"""Rows and the values they are, and the statements that several families of tables make on one row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select, Update, and_, select, update

from orchestrator.engine.stores.records import RESULT, Head, Run
from orchestrator.engine.stores.schema import documents, runs, tasks
from orchestrator.engine.stores.work_records import Part, Task
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RUN_FINAL, Failure, PartState, RunState, TaskState, Who

# Named one by one, so that an index finds them among thousands that have ended.
OPEN_STATES = tuple(state for state in RunState if state not in RUN_FINAL)
# What a head is made of: all columns of `runs`, and the `result`.
HEADS: Select[Any] = select(*runs.c, documents.c.content.label("result")).select_from(
    runs.outerjoin(documents, and_(documents.c.run_id == runs.c.id, documents.c.name == RESULT))
)


def head_of(row: Row[Any]) -> Head:
    """Return the head that a row of `HEADS` is."""
    return Head(**_head_values(row))


def run_of(row: Row[Any], documents: Mapping[str, str]) -> Run:
    """Return the run that a row as for `head_of` is, with its documents."""
    weights: dict[str, Any] = {name: documents.get(name, "") for name in ("image", "plan", "facts")}
    return Run(**_head_values(row), **weights)


def _head_values(row: Row[Any]) -> dict[str, Any]:
    return row._asdict() | {
        "state": RunState(row.state),
        "resume": RunState(row.resume) if row.resume else None,
        "who": Who(row.who),
        "result": row.result or "",
    }


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
    return Part(row.task, window_of(row), PartState(row.state), source, row.attempt, row.grid, row.time)


def window_of(row: Row[Any]) -> Window:
    """Return the window that a row is about."""
    return Window(row.row, row.col, row.height, row.width)


_READ_OBJECT = json.JSONDecoder().raw_decode
_WRITE_OBJECT = json.JSONEncoder(sort_keys=True).encode


def object_text(source: StoredObject) -> str:
    """Return how an object is written down."""
    return _WRITE_OBJECT(source.facts())


def object_of(text: str) -> StoredObject:
    """Return the object that was written down."""
    facts, _end = _READ_OBJECT(text)
    return StoredObject.of(facts)


def task_update(run_id: str, key: str) -> Update:
    """Begin a change of one task."""
    return update(tasks).where(tasks.c.run_id == run_id, tasks.c.key == key)
