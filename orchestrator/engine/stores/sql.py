"""The store on SQLAlchemy Core: SQLite in WAL mode with synchronous=FULL by default."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, bindparam, func, or_, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from orchestrator.core.clock import Clock
from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dates import SqlDates
from orchestrator.engine.stores.outputs import SqlOutputs
from orchestrator.engine.stores.processes import SqlProcesses
from orchestrator.engine.stores.queue import SqlQueue
from orchestrator.engine.stores.records import Admission, Attempt, EventRow, Head, Owned, Pace, Part, Run, Tally, Task
from orchestrator.engine.stores.schema import attempts, events, fires, ledger, lessons, parts, runs, tasks
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import (
    PART_TRANSITIONS,
    RUN_FINAL,
    RUN_TRANSITIONS,
    TASK_LIVE,
    TASK_TRANSITIONS,
    Failure,
    PartState,
    RunState,
    TaskState,
    Who,
    check_transition,
)

_INTERRUPTIONS = frozenset({RunState.HELD, RunState.FAILED, RunState.CANCELLED})
_SETTLED = frozenset({PartState.MERGED, PartState.CLEANED})
# What a new attempt brings again. A part that is whole on disk is not among them: it needs no cloud any more.
_TO_BRING_AGAIN = frozenset({PartState.EXPORTED, PartState.DOWNLOADING, PartState.EMPTY})


# What is done for each of many thousand parts; building a statement costs more than running it.
_HERE = (
    parts.c.run_id == bindparam("of_run"),
    parts.c.row == bindparam("at_row"),
    parts.c.col == bindparam("at_col"),
)
_ONE_PART = select(parts).where(*_HERE)
_MOVE_PART = update(parts).where(*_HERE).values(state=bindparam("to_state"))
_FILL_PART = _MOVE_PART.values(object=bindparam("to_object"), attempt=bindparam("to_attempt"))
_OWN = sqlite_insert(ledger).on_conflict_do_nothing(index_elements=["run_id", "name", "generation"])
_SETTLE = update(ledger).where(ledger.c.id == bindparam("of")).values(outcome=bindparam("to_outcome"))
_RECORD = plain_insert(events)
_HEADS = select(
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
).order_by(runs.c.created.desc(), runs.c.id)


class SqlStore:
    """See `contract.Store`. One instance serves all threads of a process; several processes may share the file."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._db = Database(url, clock)
        self.outputs = SqlOutputs(self._db)
        self.dates = SqlDates(self._db)
        self.processes = SqlProcesses(self._db)
        self.queue = SqlQueue(self._db)

    # ------------------------------------------------------------------ runs

    def admit(self, order: Admission, *, again: bool = False) -> Run:
        with self._db.write() as db:
            latest = db.execute(
                select(runs)
                .where(runs.c.fingerprint.in_(order.fingerprints), runs.c.logical_date == order.logical_date)
                .order_by(runs.c.turn.desc())
                .limit(1)
            ).first()
            if latest is not None and not (again and latest.state in RUN_FINAL):
                if order.overwrite:
                    db.execute(update(runs).where(runs.c.id == latest.id).values(overwrite=True))
                return _run(latest)
            return self._begin(db, order, latest.turn + 1 if latest is not None else 1)

    def fire(self, order: Admission) -> Run | None:
        with self._db.write() as db:
            this_date = (fires.c.job_name == order.job_name, fires.c.logical_date == order.logical_date)
            if db.execute(select(fires.c.run_id).where(*this_date)).first() is not None:
                return None
            same = (runs.c.fingerprint.in_(order.fingerprints), runs.c.logical_date == order.logical_date)
            turn = 1 + db.execute(select(func.coalesce(func.max(runs.c.turn), 0)).where(*same)).scalar_one()
            run = self._begin(db, order, turn)
            facts = {"job_name": order.job_name, "logical_date": order.logical_date}
            db.execute(plain_insert(fires).values(**facts, run_id=run.id, at=self._db.now()))
            return run

    def run(self, run_id: str) -> Run:
        with self._db.read() as db:
            found = db.execute(select(runs).where(runs.c.id.startswith(run_id, autoescape=True)).limit(2)).all()
        if len(found) != 1 or not run_id:
            what = "begins more than one run" if len(found) > 1 else "is no run"
            raise UserError(f"{run_id!r} {what}; `orchestrator status` lists them")
        return _run(found[0])

    def find(self, fingerprints: Sequence[str]) -> Run | None:
        query = select(runs).where(runs.c.fingerprint.in_(fingerprints))
        with self._db.read() as db:
            row = db.execute(query.order_by(runs.c.created.desc(), runs.c.turn.desc()).limit(1)).first()
        return _run(row) if row else None

    def runs(self, states: Sequence[RunState] | None = None, limit: int = 100) -> list[Run]:
        query = select(runs).order_by(runs.c.created.desc(), runs.c.id).limit(limit)
        if states is not None:
            query = query.where(runs.c.state.in_(states))
        with self._db.read() as db:
            return [_run(row) for row in db.execute(query)]

    def heads(self, limit: int = 100, *, run_id: str = "") -> list[Head]:
        query = _HEADS.limit(limit)
        if run_id:
            query = query.where(runs.c.id == run_id)
        with self._db.read() as db:
            return [_head(row) for row in db.execute(query)]

    def named(self, name: str, limit: int = 100) -> list[Head]:
        here = or_(
            runs.c.job_name == name,
            func.json_extract(runs.c.job, "$.base_name") == name,
            runs.c.id.startswith(name, autoescape=True),
        )
        with self._db.read() as db:
            return [_head(row) for row in db.execute(_HEADS.where(here).limit(limit))]

    def tallies(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[PartState, int]]:
        query = select(parts.c.run_id, parts.c.state, func.count()).group_by(parts.c.run_id, parts.c.state)
        found: dict[str, dict[PartState, int]] = {}
        with self._db.read() as db:
            for run_id, state, count in db.execute(query.where(parts.c.run_id.in_(run_ids))):
                found.setdefault(run_id, {})[PartState(state)] = count
        return found

    def paces(self, run_ids: Sequence[str], since: str) -> Mapping[str, Pace]:
        weight = func.coalesce(func.sum(func.json_extract(events.c.facts, "$.bytes")), 0)
        query = select(events.c.run_id, func.count(), weight, func.min(events.c.at), func.max(events.c.at)).where(
            events.c.run_id.in_(run_ids), events.c.name == "part.downloaded", events.c.at >= since
        )
        with self._db.read() as db:
            return {row[0]: Pace(*row[1:]) for row in db.execute(query.group_by(events.c.run_id))}

    def set_run(
        self, run_id: str, state: RunState, reason: str = "", *, who: Who = Who.NOBODY, next_at: float = 0.0
    ) -> Run:
        with self._db.write() as db:
            row = db.execute(select(runs).where(runs.c.id == run_id)).one()
            old = RunState(row.state)
            check_transition(RUN_TRANSITIONS, old, state)
            resume = row.resume if old in _INTERRUPTIONS else old
            db.execute(
                update(runs)
                .where(runs.c.id == run_id)
                .values(
                    state=state,
                    reason=reason,
                    resume=resume if state in _INTERRUPTIONS else "",
                    who=who,
                    next_at=next_at,
                    updated=self._db.now(),
                )
            )
            return _run(db.execute(select(runs).where(runs.c.id == run_id)).one())

    def wish(self, run_id: str, wish: str) -> None:
        with self._db.write() as db:
            db.execute(update(runs).where(runs.c.id == run_id).values(wish=wish))

    def wished(self, run_id: str) -> str:
        with self._db.read() as db:
            found: str = db.execute(select(runs.c.wish).where(runs.c.id == run_id)).scalar_one()
        return found

    def save_plan(self, run_id: str, plan: str, image: str, facts: str, tasks_: Sequence[TaskPlan]) -> None:
        with self._db.write() as db:
            state = RunState(db.execute(select(runs.c.state).where(runs.c.id == run_id)).scalar_one())
            check_transition(RUN_TRANSITIONS, state, RunState.PLANNED)
            for task in tasks_:
                self._insert_task(db, run_id, f"{task.index:04d}", task, 0)
            db.execute(
                update(runs)
                .where(runs.c.id == run_id)
                .values(plan=plan, image=image, facts=facts, state=RunState.PLANNED, updated=self._db.now())
            )

    def save_result(self, run_id: str, result: str) -> None:
        with self._db.write() as db:
            db.execute(update(runs).where(runs.c.id == run_id).values(result=result, updated=self._db.now()))

    # ----------------------------------------------------------------- tasks

    def tasks(self, run_id: str) -> list[Task]:
        with self._db.read() as db:
            return [
                _task(row) for row in db.execute(select(tasks).where(tasks.c.run_id == run_id).order_by(tasks.c.key))
            ]

    def change_tasks(self, run_id: str, changes: Mapping[str, TaskChange]) -> None:
        with self._db.write() as db:
            for key, change in changes.items():
                if change.state is not None:
                    self._check_task(db, run_id, key, change.state)
                db.execute(_task_update(run_id, key).values(_values(change)))

    def intend(self, run_id: str, attempt: Attempt) -> None:
        with self._db.write() as db:
            self._check_task(db, run_id, attempt.task, TaskState.SUBMITTING)
            db.execute(plain_insert(attempts).values(run_id=run_id, **asdict(attempt)))
            db.execute(
                _task_update(run_id, attempt.task).values(
                    state=TaskState.SUBMITTING,
                    attempt=attempt.number,
                    operation="",
                    collected=False,
                    progress=0.0,
                    tries=0,
                    next_at=0.0,
                    known=False,
                )
            )

    def identify(self, run_id: str, task: str, operation: str, state: TaskState) -> None:
        with self._db.write() as db:
            self._check_task(db, run_id, task, state)
            number = db.execute(
                select(tasks.c.attempt).where(tasks.c.run_id == run_id, tasks.c.key == task)
            ).scalar_one()
            db.execute(
                update(attempts)
                .where(attempts.c.run_id == run_id, attempts.c.task == task, attempts.c.number == number)
                .values(operation=operation)
            )
            db.execute(_task_update(run_id, task).values(operation=operation, state=state, tries=0, next_at=0.0))

    def attempts(self, run_id: str) -> list[Attempt]:
        query = select(attempts).where(attempts.c.run_id == run_id).order_by(attempts.c.task, attempts.c.number)
        with self._db.read() as db:
            return [
                Attempt(r.task, r.number, r.request_id, r.description, r.prefix, r.operation, r.first_posted)
                for r in db.execute(query)
            ]

    def split(
        self, run_id: str, task: str, children: Sequence[tuple[str, TaskPlan, int]], failure: Failure | None = None
    ) -> None:
        with self._db.write() as db:
            self._check_task(db, run_id, task, TaskState.SPLIT)
            db.execute(_task_update(run_id, task).values(state=TaskState.SPLIT))
            known = frozenset(self._task_plan(db, run_id, task).parts())
            inherited = {w: key for key, plan, _ in children for w in plan.parts() if w in known}
            for window, key in inherited.items():
                db.execute(_part_update(run_id, window).values(task=key))
            self._drop_parts(db, run_id, task)
            for key, plan, rung in children:
                self._insert_task(db, run_id, key, plan, rung, without=frozenset(inherited))
                lacking = (parts.c.run_id == run_id, parts.c.task == key, parts.c.state == PartState.WAITING)
                db.execute(_task_update(run_id, key).values(failure=failure or ""))
                if db.execute(select(parts.c.task).where(*lacking).limit(1)).first() is None:
                    db.execute(_task_update(run_id, key).values(state=TaskState.SUCCEEDED, collected=True))

    def reshape(self, run_id: str, task: str, plan: TaskPlan) -> None:
        with self._db.write() as db:
            state = db.execute(select(tasks.c.state).where(tasks.c.run_id == run_id, tasks.c.key == task)).scalar_one()
            if state != TaskState.PLANNED:
                raise IntegrityError(f"task {task} is {state}; only a PLANNED task can be given other parts")
            self._drop_parts(db, run_id, task)
            db.execute(_task_update(run_id, task).values(part_height=plan.part_height, part_width=plan.part_width))
            self._insert_parts(db, run_id, task, plan.parts())

    def reset_task(self, run_id: str, task: str, change: TaskChange) -> None:
        with self._db.write() as db:
            self._check_task(db, run_id, task, TaskState.PLANNED)
            values: dict[str, Any] = {"operation": "", "collected": False, "tries": 0, "next_at": 0.0, "known": False}
            db.execute(_task_update(run_id, task).values(values | _values(change) | {"state": TaskState.PLANNED}))
            mine = select(parts).where(parts.c.run_id == run_id, parts.c.task == task)
            for part in db.execute(mine.where(parts.c.state.in_(_TO_BRING_AGAIN))).all():
                self._lose_part(db, run_id, Window(part.row, part.col, part.height, part.width))

    def forgive(self, run_id: str) -> None:
        with self._db.write() as db:
            db.execute(
                update(tasks).where(tasks.c.run_id == run_id).values(forgiven=tasks.c.attempt, tries=0, next_at=0.0)
            )

    def empty(self, run_id: str, task: str) -> None:
        waiting = (parts.c.run_id == run_id, parts.c.task == task, parts.c.state == PartState.WAITING)
        with self._db.write() as db:
            check_transition(PART_TRANSITIONS, PartState.WAITING, PartState.EMPTY)
            db.execute(update(parts).where(*waiting).values(state=PartState.EMPTY))
            db.execute(_task_update(run_id, task).values(collected=True, tries=0, next_at=0.0))

    def live_tasks(self) -> Mapping[str, int]:
        # A run that has ended has cancelled its tasks, and one that waits for a person may wait for months; whatever
        # their rows say of tasks, nobody asks for news of them, and they must not keep the others waiting.
        waits = (runs.c.state == RunState.HELD) & (runs.c.who == Who.PERSON)
        works = runs.c.state.not_in(RUN_FINAL) & ~waits
        live = select(tasks.c.run_id, func.count()).join(runs, runs.c.id == tasks.c.run_id)
        query = live.where(tasks.c.state.in_(TASK_LIVE), works).group_by(tasks.c.run_id)
        with self._db.read() as db:
            return {row[0]: row[1] for row in db.execute(query)}

    # ----------------------------------------------------------------- parts

    def parts(self, run_id: str, states: Collection[PartState] | None = None) -> list[Part]:
        query = _parts_of(run_id)
        if states is not None:
            query = query.where(parts.c.state.in_(states))
        with self._db.read() as db:
            return [_part(row) for row in db.execute(query)]

    def tally(self, run_id: str) -> Mapping[PartState, Tally]:
        text = func.nullif(parts.c.object, "")
        weight = func.coalesce(func.sum(func.json_extract(text, "$.size")), 0)
        query = select(parts.c.state, func.count(), func.count(text), weight).where(parts.c.run_id == run_id)
        with self._db.read() as db:
            rows = db.execute(query.group_by(parts.c.state)).all()
        return {PartState(state): Tally(count, listed, size) for state, count, listed, size in rows}

    def set_part(self, run_id: str, window: Window, state: PartState, source: StoredObject | None = None) -> None:
        with self._db.write() as db:
            self._move_part(db, run_id, window, state, source)

    def set_parts(self, run_id: str, windows: Sequence[Window], state: PartState) -> None:
        with self._db.write() as db:
            there = {Window(r.row, r.col, r.height, r.width): r.state for r in db.execute(_parts_of(run_id))}
            for window in windows:
                check_transition(PART_TRANSITIONS, PartState(there[window]), state)
            if windows:
                db.execute(_MOVE_PART, [_key(run_id, window) | {"to_state": state} for window in windows])

    def lose_part(self, run_id: str, window: Window) -> None:
        with self._db.write() as db:
            self._lose_part(db, run_id, window)

    def collect(self, run_id: str, task: str, found: Mapping[Window, StoredObject], attempt: int) -> None:
        with self._db.write() as db:
            self._own(db, run_id, list(found.values()))
            mine = select(parts).where(parts.c.run_id == run_id, parts.c.task == task)
            there = {Window(r.row, r.col, r.height, r.width): PartState(r.state) for r in db.execute(mine)}
            if unknown := found.keys() - there.keys():
                raise IntegrityError(f"task {task} has no part {min(unknown)}; it was given other parts")
            brought = [
                _key(run_id, window)
                | {"to_state": PartState.EXPORTED, "to_object": _object_text(source), "to_attempt": attempt}
                for window, source in found.items()
                if there[window] is PartState.WAITING
            ]
            if brought:
                db.execute(_FILL_PART, brought)
            db.execute(_task_update(run_id, task).values(collected=True, tries=0, next_at=0.0))

    # ---------------------------------------------------------------- ledger

    def own(self, run_id: str, objects: Sequence[StoredObject]) -> None:
        with self._db.write() as db:
            self._own(db, run_id, objects)

    def owned(self, run_id: str) -> list[Owned]:
        with self._db.read() as db:
            rows = db.execute(select(ledger).where(ledger.c.run_id == run_id).order_by(ledger.c.id))
            return [Owned(r.id, _object(r.object), r.outcome) for r in rows]

    def settle(self, owned_id: int, outcome: str) -> None:
        with self._db.write() as db:
            db.execute(_SETTLE, {"of": owned_id, "to_outcome": outcome})

    # ------------------------------------------------------ lessons and events

    def learn(self, subject: str, name: str, value: float) -> None:
        with self._db.write() as db:
            statement = sqlite_insert(lessons).values(subject=subject, name=name, value=value)
            db.execute(statement.on_conflict_do_update(index_elements=["subject", "name"], set_={"value": value}))

    def lesson(self, subject: str, name: str) -> float | None:
        query = select(lessons.c.value).where(lessons.c.subject == subject, lessons.c.name == name)
        with self._db.read() as db:
            return db.execute(query).scalar_one_or_none()

    def record(self, run_id: str, name: str, facts: Mapping[str, Any]) -> None:
        with self._db.write() as db:
            text = json.dumps(dict(facts), default=str)
            db.execute(_RECORD, {"run_id": run_id, "at": self._db.now(), "name": name, "facts": text})

    def events(self, run_id: str, limit: int = 50, *, after: int = 0) -> list[EventRow]:
        here = (events.c.run_id == run_id, events.c.sequence > after)
        query = select(events).where(*here).order_by(events.c.sequence.desc()).limit(limit)
        with self._db.read() as db:
            rows = [EventRow(r.sequence, r.at, r.name, r.facts) for r in db.execute(query)]
        return rows[::-1]

    def close(self) -> None:
        self._db.close()

    # ---------------------------------------------------------------- inside

    def _begin(self, db: Connection, order: Admission, turn: int) -> Run:
        db.execute(
            plain_insert(runs).values(
                id=order.run_id(turn),
                job_name=order.job_name,
                logical_date=order.logical_date,
                turn=turn,
                fingerprint=order.fingerprints[0],
                declaration=order.declaration,
                overwrite=order.overwrite,
                job=order.job,
                state=RunState.ADMITTED,
                created=self._db.now(),
                updated=self._db.now(),
            )
        )
        return _run(db.execute(select(runs).where(runs.c.id == order.run_id(turn))).one())

    def _task_plan(self, db: Connection, run_id: str, key: str) -> TaskPlan:
        return _task(db.execute(select(tasks).where(tasks.c.run_id == run_id, tasks.c.key == key)).one()).plan

    def _insert_task(
        self, db: Connection, run_id: str, key: str, plan: TaskPlan, rung: int, without: frozenset[Window] = frozenset()
    ) -> None:
        window = plan.window
        db.execute(
            plain_insert(tasks).values(
                run_id=run_id,
                key=key,
                row=window.row,
                col=window.col,
                height=window.height,
                width=window.width,
                part_height=plan.part_height,
                part_width=plan.part_width,
                state=TaskState.PLANNED,
                rung=rung,
            )
        )
        self._insert_parts(db, run_id, key, [w for w in plan.parts() if w not in without])

    def _insert_parts(self, db: Connection, run_id: str, task: str, windows: Sequence[Window]) -> None:
        rows = [
            {"run_id": run_id, "row": w.row, "col": w.col, "height": w.height, "width": w.width, "task": task}
            | {"state": PartState.WAITING}
            for w in windows
        ]
        if rows:
            db.execute(plain_insert(parts), rows)

    def _drop_parts(self, db: Connection, run_id: str, task: str) -> None:
        """Forget a task's parts, to be replaced by others; a placed one cannot be forgotten."""
        mine = (parts.c.run_id == run_id, parts.c.task == task)
        placed = [row for row in db.execute(select(parts.c.state).where(*mine)) if row.state in _SETTLED]
        if placed:
            raise IntegrityError(f"task {task} cannot be cut anew: {len(placed)} of its parts are placed already")
        db.execute(parts.delete().where(*mine))

    def _check_task(self, db: Connection, run_id: str, key: str, new: TaskState) -> None:
        old = db.execute(select(tasks.c.state).where(tasks.c.run_id == run_id, tasks.c.key == key)).scalar_one()
        check_transition(TASK_TRANSITIONS, TaskState(old), new)

    def _lose_part(self, db: Connection, run_id: str, window: Window) -> None:
        if self._part_row(db, run_id, window).state != PartState.EMPTY:
            self._move_part(db, run_id, window, PartState.LOST)
        self._move_part(db, run_id, window, PartState.WAITING)
        db.execute(_part_update(run_id, window).values(object=""))

    def _part_row(self, db: Connection, run_id: str, window: Window) -> Row[Any]:
        """Return the row of exactly this window; a part that was cut into others is gone."""
        found = db.execute(_ONE_PART, _key(run_id, window)).first()
        if found is None or (found.height, found.width) != (window.height, window.width):
            raise IntegrityError(f"there is no part {window} any more; its task was given other parts")
        return found

    def _move_part(
        self, db: Connection, run_id: str, window: Window, new: PartState, source: StoredObject | None = None
    ) -> None:
        row = self._part_row(db, run_id, window)
        if source is not None and (not row.object or _object(row.object) != source):
            raise IntegrityError(f"part {window} has another object by now than {source.name}")
        check_transition(PART_TRANSITIONS, PartState(row.state), new)
        if row.state != new:
            db.execute(_MOVE_PART, _key(run_id, window) | {"to_state": new})

    def _own(self, db: Connection, run_id: str, objects: Sequence[StoredObject]) -> None:
        rows = [
            {"run_id": run_id, "name": s.name, "generation": s.generation, "object": _object_text(s), "outcome": ""}
            for s in objects
        ]
        if rows:
            db.execute(_OWN, rows)


def _values(change: TaskChange) -> dict[str, Any]:
    """Return the columns that a change names."""
    return {name: value for name, value in asdict(change).items() if value is not None}


def _task_update(run_id: str, key: str) -> Any:
    return update(tasks).where(tasks.c.run_id == run_id, tasks.c.key == key)


def _parts_of(run_id: str) -> Select[Any]:
    return select(parts).where(parts.c.run_id == run_id).order_by(parts.c.row, parts.c.col)


def _key(run_id: str, window: Window) -> dict[str, Any]:
    """Return what the statements on one part call it."""
    return {"of_run": run_id, "at_row": window.row, "at_col": window.col}


def _part_update(run_id: str, window: Window) -> Any:
    return update(parts).where(parts.c.run_id == run_id, parts.c.row == window.row, parts.c.col == window.col)


def _run(row: Row[Any]) -> Run:
    values = {column.name: getattr(row, column.name) for column in _columns(runs)}
    values["state"] = RunState(row.state)
    values["resume"] = RunState(row.resume) if row.resume else None
    values["who"] = Who(row.who)
    return Run(**values)


def _head(row: Any) -> Head:
    return Head(**row._asdict() | {"state": RunState(row.state), "who": Who(row.who)})


def _columns(table: Table) -> Any:
    return table.columns


def _task(row: Row[Any]) -> Task:
    index = int(row.key.split(".", 1)[0])
    window = Window(row.row, row.col, row.height, row.width)
    return Task(
        key=row.key,
        plan=TaskPlan(index, window, row.part_height, row.part_width),
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


def _part(row: Row[Any]) -> Part:
    source = _object(row.object) if row.object else None
    return Part(row.task, Window(row.row, row.col, row.height, row.width), PartState(row.state), source, row.attempt)


def _object_text(source: StoredObject) -> str:
    return json.dumps(asdict(source), sort_keys=True)


def _object(text: str) -> StoredObject:
    return StoredObject(**json.loads(text))
