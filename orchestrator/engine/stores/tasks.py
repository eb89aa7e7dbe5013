"""The export tasks of a run and every attempt at one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.stores.contract_work import TaskChange
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_or_update
from orchestrator.engine.stores.limit_records import Shortage, Within
from orchestrator.engine.stores.parts import bring_again, drop_parts, insert_parts, pass_on
from orchestrator.engine.stores.room import claim, live_tasks, shortage
from orchestrator.engine.stores.rows import task_of, task_update
from orchestrator.engine.stores.schema import attempts, parts, tasks
from orchestrator.engine.stores.work_records import Attempt, Task
from orchestrator.model.grid import Window
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import (
    TASK_LIVE,
    TASK_TRANSITIONS,
    Failure,
    PartState,
    TaskState,
    check_transition,
)

# A step of a task that begins has not been tried.
_FRESH: Mapping[str, Any] = {"tries": 0, "next_at": 0.0}
# What is asked at every look; building a statement costs more than running it.
_ONE = select(tasks).where(tasks.c.run_id == bindparam("of_run"), tasks.c.key == bindparam("of_key"))
_OF_RUN = select(tasks).where(tasks.c.run_id == bindparam("of_run")).order_by(tasks.c.key)
_ATTEMPTS = (
    select(attempts).where(attempts.c.run_id == bindparam("of_run")).order_by(attempts.c.task, attempts.c.number)
)
_OPERATIONS = select(tasks.c.operation).where(tasks.c.state.in_(TASK_LIVE), tasks.c.operation != "")
_ENTER = insert_or_update(attempts, ["run_id", "task", "number"], ["operation", "description"])
# The way to a new attempt, of a task at which time has passed by.
_SENT_AGAIN = (TaskState.PLANNED, TaskState.SUBMITTING)
_OVERTAKEN: Mapping[TaskState, tuple[TaskState, ...]] = {
    TaskState.PLANNED: (TaskState.SUBMITTING,),
    TaskState.SUBMITTING: (),
    TaskState.QUEUED: (TaskState.FAILED, *_SENT_AGAIN),
    TaskState.RUNNING: (TaskState.FAILED, *_SENT_AGAIN),
    TaskState.SUCCEEDED: _SENT_AGAIN,
    TaskState.FAILED: _SENT_AGAIN,
    TaskState.CANCELLED: _SENT_AGAIN,
}


class SqlTasks:
    """See `contract.Tasks`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._last: tuple[Sequence[Row[Any]], Sequence[Task]] = (), ()  # what `of` returned, and the rows that it was

    def of(self, run_id: str) -> list[Task]:
        with self._db.read() as db:
            rows = db.execute(_OF_RUN, {"of_run": run_id}).all()
        before, known = self._last
        # Whoever works on a run asks again and again for thousands of tasks of which few have changed.
        found = [known[n] if n < len(known) and before[n] == row else task_of(row) for n, row in enumerate(rows)]
        self._last = rows, found
        return list(found)

    def change(self, run_id: str, changes: Mapping[str, TaskChange]) -> None:
        with self._db.write() as db:
            for key, change in changes.items():
                if change.state is not None:
                    _check(db, run_id, key, change.state)
                db.execute(task_update(run_id, key).values(_values(change)))

    def intend(self, run_id: str, attempt: Attempt, within: Within | None = None) -> Shortage | None:
        begun = {"state": TaskState.SUBMITTING, "attempt": attempt.number, "progress": 0.0, "eecu_seconds": 0.0}
        unknown = {"operation": "", "collected": False, "known": False}
        with self._db.write() as db:
            if within is not None:
                if short := shortage(db, run_id, within, self._db.seconds()):
                    return short
                claim(db, run_id, within, self._db.seconds())
            _check(db, run_id, attempt.task, TaskState.SUBMITTING)
            db.execute(insert(attempts).values(run_id=run_id, **asdict(attempt)))
            db.execute(task_update(run_id, attempt.task).values(**begun, **unknown, **_FRESH))
        return None

    def identify(self, run_id: str, task: str, operation: str, state: TaskState) -> None:
        this = (tasks.c.run_id == run_id, tasks.c.key == task)
        with self._db.write() as db:
            _check(db, run_id, task, state)
            number = db.execute(select(tasks.c.attempt).where(*this)).scalar_one()
            db.execute(
                update(attempts)
                .where(attempts.c.run_id == run_id, attempts.c.task == task, attempts.c.number == number)
                .values(operation=operation)
            )
            db.execute(task_update(run_id, task).values(operation=operation, state=state, **_FRESH))

    def adopt(self, run_id: str, attempt: Attempt, plan: TaskPlan, rung: int, state: TaskState) -> None:
        key, shape = attempt.task, {"part_height": plan.part_height, "part_width": plan.part_width}
        with self._db.write() as db:
            was = task_of(db.execute(_ONE, {"of_run": run_id, "of_key": key}).one())
            if was.state is TaskState.SPLIT:
                raise IntegrityError(f"task {key} was cut; attempt {attempt.number} at it is overtaken")
            if was.plan.parts() == plan.parts():
                bring_again(db, run_id, key)
            else:
                drop_parts(db, run_id, key)
                insert_parts(db, run_id, key, plan.parts())
            db.execute(_ENTER, {"run_id": run_id, **asdict(attempt)})
            now = {"attempt": attempt.number, "operation": attempt.operation, "rung": rung, **shape}
            db.execute(task_update(run_id, key).values(**now, collected=False, known=False, progress=0.0, **_FRESH))
            for step in (*_OVERTAKEN[was.state], state):
                _check(db, run_id, key, step)
                db.execute(task_update(run_id, key).values(state=step))

    def attempts(self, run_id: str) -> list[Attempt]:
        with self._db.read() as db:
            return [
                Attempt(
                    r.task, r.number, r.request_id, r.description, r.prefix, r.operation, r.first_posted, r.eecu_seconds
                )
                for r in db.execute(_ATTEMPTS, {"of_run": run_id})
            ]

    def split(
        self, run_id: str, task: str, children: Sequence[tuple[str, TaskPlan, int]], failure: Failure | None = None
    ) -> None:
        with self._db.write() as db:
            _check(db, run_id, task, TaskState.SPLIT)
            db.execute(task_update(run_id, task).values(state=TaskState.SPLIT))
            known = frozenset(_plan(db, run_id, task).parts())
            inherited = {w: key for key, plan, _ in children for w in plan.parts() if w in known}
            pass_on(db, run_id, inherited)
            drop_parts(db, run_id, task)
            for key, plan, rung in children:
                insert_task(db, run_id, key, plan, rung, without=frozenset(inherited))
                db.execute(task_update(run_id, key).values(failure=failure or ""))
                lacking = (parts.c.run_id == run_id, parts.c.task == key, parts.c.state == PartState.WAITING)
                if db.execute(select(parts.c.task).where(*lacking).limit(1)).first() is None:
                    db.execute(task_update(run_id, key).values(state=TaskState.SUCCEEDED, collected=True))

    def reshape(self, run_id: str, task: str, plan: TaskPlan) -> None:
        with self._db.write() as db:
            state = _state(db, run_id, task)
            if state is not TaskState.PLANNED:
                raise IntegrityError(f"task {task} is {state}; only a PLANNED task can be given other parts")
            drop_parts(db, run_id, task)
            db.execute(task_update(run_id, task).values(part_height=plan.part_height, part_width=plan.part_width))
            insert_parts(db, run_id, task, plan.parts())

    def reset(self, run_id: str, task: str, change: TaskChange) -> None:
        values = {"operation": "", "collected": False, "known": False, **_FRESH} | _values(change)
        with self._db.write() as db:
            _check(db, run_id, task, TaskState.PLANNED)
            db.execute(task_update(run_id, task).values(values | {"state": TaskState.PLANNED}))
            bring_again(db, run_id, task)

    def forgive(self, run_id: str) -> None:
        with self._db.write() as db:
            db.execute(update(tasks).where(tasks.c.run_id == run_id).values(forgiven=tasks.c.attempt, **_FRESH))

    def under_way(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[TaskState, tuple[int, float]]]:
        c = tasks.c
        query = select(c.run_id, c.state, func.count(), func.sum(c.progress)).group_by(c.run_id, c.state)
        live = query.where(c.run_id.in_(run_ids), c.state.in_(TASK_LIVE))
        found: dict[str, dict[TaskState, tuple[int, float]]] = {}
        with self._db.read() as db:
            for run_id, state, count, progress in db.execute(live):
                found.setdefault(run_id, {})[TaskState(state)] = (count, progress)
        return found

    def live(self) -> Mapping[str, int]:
        with self._db.read() as db:
            return live_tasks(db)

    def operations(self) -> frozenset[str]:
        with self._db.read() as db:
            return frozenset(db.execute(_OPERATIONS).scalars())


def insert_task(
    db: Connection, run_id: str, key: str, plan: TaskPlan, rung: int, without: frozenset[Window] = frozenset()
) -> None:
    """Enter a PLANNED task with its parts, but for those that are there already."""
    shape = asdict(plan.window) | {"part_height": plan.part_height, "part_width": plan.part_width}
    db.execute(insert(tasks).values(run_id=run_id, key=key, state=TaskState.PLANNED, rung=rung, **shape))
    insert_parts(db, run_id, key, [window for window in plan.parts() if window not in without])


def _values(change: TaskChange) -> dict[str, Any]:
    """Return the columns that a change names."""
    return {name: value for name, value in asdict(change).items() if value is not None}


def _plan(db: Connection, run_id: str, key: str) -> TaskPlan:
    return task_of(db.execute(_ONE, {"of_run": run_id, "of_key": key}).one()).plan


def _state(db: Connection, run_id: str, key: str) -> TaskState:
    return TaskState(db.execute(_ONE, {"of_run": run_id, "of_key": key}).one().state)


def _check(db: Connection, run_id: str, key: str, new: TaskState) -> None:
    check_transition(TASK_TRANSITIONS, _state(db, run_id, key), new)
