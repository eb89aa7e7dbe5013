"""The parts of a run: each a file on its way to the output."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_and_add, insert_many
from orchestrator.engine.stores.ledger import enter
from orchestrator.engine.stores.rows import object_of, object_text, part_of, task_update, window_of
from orchestrator.engine.stores.schema import part_counts, parts
from orchestrator.engine.stores.work_records import Part, Tally
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.states import PART_TRANSITIONS, PartState, check_transition

_SETTLED = frozenset({PartState.MERGED, PartState.CLEANED})
# What a new attempt brings again. A part that is whole on disk is not among them: it needs no cloud any more.
_TO_BRING_AGAIN = frozenset({PartState.EXPORTED, PartState.DOWNLOADING, PartState.EMPTY})
# What is done for each of many thousand parts; building a statement costs more than running it.
_HERE = (
    parts.c.run_id == bindparam("of_run"),
    parts.c.row == bindparam("at_row"),
    parts.c.col == bindparam("at_col"),
)
_ONE = select(parts).where(*_HERE)
_MOVE = update(parts).where(*_HERE).values(state=bindparam("to_state"))
_FILL = _MOVE.values(object=bindparam("to_object"), attempt=bindparam("to_attempt"))
_CLEAR = update(parts).where(*_HERE).values(object="")
_COUNT = insert_and_add(part_counts, ["run_id", "state"], ["parts", "listed", "bytes"])
_TALLY = select(part_counts).where(part_counts.c.run_id == bindparam("of_run"), part_counts.c.parts > 0)
_PASS_ON = update(parts).where(*_HERE).values(task=bindparam("to_task"))
_OF_RUN = select(parts).where(parts.c.run_id == bindparam("of_run")).order_by(parts.c.row, parts.c.col)
_OF_TASK = select(parts).where(parts.c.run_id == bindparam("of_run"), parts.c.task == bindparam("of_task"))


class SqlParts:
    """See `contract.Parts`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, run_id: str, states: Collection[PartState] | None = None) -> list[Part]:
        query = _OF_RUN if states is None else _OF_RUN.where(parts.c.state.in_(states))
        with self._db.read() as db:
            return [part_of(row) for row in db.execute(query, {"of_run": run_id})]

    def tally(self, run_id: str) -> Mapping[PartState, Tally]:
        with self._db.read() as db:
            rows = db.execute(_TALLY, {"of_run": run_id}).all()
        return {PartState(row.state): Tally(row.parts, row.listed, row.bytes) for row in rows}

    def tally_of(self, run_id: str, task: str) -> Mapping[PartState, int]:
        here = (parts.c.run_id == run_id, parts.c.task == task)
        query = select(parts.c.state, func.count()).where(*here).group_by(parts.c.state)
        with self._db.read() as db:
            return {PartState(state): count for state, count in db.execute(query)}

    def tallies(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[PartState, int]]:
        query = select(part_counts.c.run_id, part_counts.c.state, part_counts.c.parts)
        here = (part_counts.c.run_id.in_(run_ids), part_counts.c.parts > 0)
        found: dict[str, dict[PartState, int]] = {}
        with self._db.read() as db:
            for run_id, state, count in db.execute(query.where(*here)):
                found.setdefault(run_id, {})[PartState(state)] = count
        return found

    def move(self, run_id: str, window: Window, state: PartState, source: StoredObject | None = None) -> None:
        with self._db.write() as db:
            _move(db, run_id, window, state, source)

    def move_all(self, run_id: str, windows: Sequence[Window], state: PartState) -> None:
        with self._db.write() as db:
            there = {window_of(row): row for row in db.execute(_OF_RUN, {"of_run": run_id})}
            moved = [there[window] for window in dict.fromkeys(windows)]
            for row in moved:
                check_transition(PART_TRANSITIONS, PartState(row.state), state)
            if moved:
                db.execute(_MOVE, [_key(run_id, window_of(row)) | {"to_state": state} for row in moved])
                _count(db, run_id, [change for row in moved for change in _moved(row, state)])

    def lose(self, run_id: str, window: Window) -> None:
        with self._db.write() as db:
            _lose(db, run_id, window)

    def collect(self, run_id: str, task: str, found: Mapping[Window, StoredObject], attempt: int) -> None:
        with self._db.write() as db:
            enter(db, run_id, list(found.values()))
            mine = db.execute(_OF_TASK, {"of_run": run_id, "of_task": task})
            there = {window_of(row): row for row in mine}
            if unknown := found.keys() - there.keys():
                raise IntegrityError(f"task {task} has no part {min(unknown)}; it was given other parts")
            brought = [
                _key(run_id, window)
                | {"to_state": PartState.EXPORTED, "to_object": object_text(source), "to_attempt": attempt}
                for window, source in found.items()
                if there[window].state == PartState.WAITING
            ]
            if brought:
                db.execute(_FILL, brought)
                _count(db, run_id, [(PartState.WAITING, -len(brought), "")])
                _count(db, run_id, [(PartState.EXPORTED, 1, row["to_object"]) for row in brought])
            db.execute(task_update(run_id, task).values(collected=True, tries=0, next_at=0.0))

    def empty(self, run_id: str, task: str) -> None:
        waiting = (parts.c.run_id == run_id, parts.c.task == task, parts.c.state == PartState.WAITING)
        with self._db.write() as db:
            check_transition(PART_TRANSITIONS, PartState.WAITING, PartState.EMPTY)
            count = db.execute(update(parts).where(*waiting).values(state=PartState.EMPTY)).rowcount
            _count(db, run_id, [(PartState.WAITING, -count, ""), (PartState.EMPTY, count, "")])
            db.execute(task_update(run_id, task).values(collected=True, tries=0, next_at=0.0))


def insert_parts(db: Connection, run_id: str, task: str, windows: Sequence[Window]) -> None:
    """Enter WAITING parts of a task."""
    rows = [
        {"run_id": run_id, "row": w.row, "col": w.col, "height": w.height, "width": w.width, "task": task}
        | {"state": PartState.WAITING}
        for w in windows
    ]
    if rows:
        insert_many(db, parts, rows)
        _count(db, run_id, [(PartState.WAITING, len(rows), "")])


def drop_parts(db: Connection, run_id: str, task: str) -> None:
    """Forget a task's parts, to be replaced by others; a placed one cannot be forgotten."""
    mine = (parts.c.run_id == run_id, parts.c.task == task)
    there = db.execute(select(parts.c.state, parts.c.object).where(*mine)).all()
    if placed := sum(row.state in _SETTLED for row in there):
        raise IntegrityError(f"task {task} cannot be cut anew: {placed} of its parts are placed already")
    db.execute(delete(parts).where(*mine))
    _count(db, run_id, [(PartState(row.state), -1, row.object) for row in there])


def pass_on(db: Connection, run_id: str, heirs: Mapping[Window, str]) -> None:
    """Make parts those of other tasks, as they are."""
    if heirs:
        db.execute(_PASS_ON, [_key(run_id, window) | {"to_task": task} for window, task in heirs.items()])


def bring_again(db: Connection, run_id: str, task: str) -> None:
    """Lose those of a task's parts that a new attempt brings again."""
    query = _OF_TASK.where(parts.c.state.in_(_TO_BRING_AGAIN))
    for row in db.execute(query, {"of_run": run_id, "of_task": task}).all():
        _lose(db, run_id, window_of(row))


def _lose(db: Connection, run_id: str, window: Window) -> None:
    row = _row(db, run_id, window)
    if row.state != PartState.EMPTY:
        _move(db, run_id, window, PartState.LOST)
    _move(db, run_id, window, PartState.WAITING)
    db.execute(_CLEAR, _key(run_id, window))
    _count(db, run_id, [(PartState.WAITING, -1, row.object), (PartState.WAITING, 1, "")])


def _row(db: Connection, run_id: str, window: Window) -> Row[Any]:
    """Return the row of exactly this window; a part that was cut into others is gone."""
    found = db.execute(_ONE, _key(run_id, window)).first()
    if found is None or (found.height, found.width) != (window.height, window.width):
        raise IntegrityError(f"there is no part {window} any more; its task was given other parts")
    return found


def _move(db: Connection, run_id: str, window: Window, new: PartState, source: StoredObject | None = None) -> None:
    row = _row(db, run_id, window)
    if source is not None and (not row.object or object_of(row.object) != source):
        raise IntegrityError(f"part {window} has another object by now than {source.name}")
    check_transition(PART_TRANSITIONS, PartState(row.state), new)
    if row.state != new:
        db.execute(_MOVE, _key(run_id, window) | {"to_state": new})
        _count(db, run_id, _moved(row, new))


_Change = tuple[PartState, int, str]  # a state, how many parts more, and the object that each of them is


def _moved(row: Row[Any], new: PartState) -> list[_Change]:
    return [(PartState(row.state), -1, row.object), (new, 1, row.object)]


def _count(db: Connection, run_id: str, changes: Iterable[_Change]) -> None:
    """Keep the counts of a run's parts."""
    sums: dict[PartState, Tally] = {}
    for state, count, text in changes:
        was, size = sums.get(state, Tally(0, 0, 0)), object_of(text).size if text else 0
        sums[state] = Tally(was.parts + count, was.listed + count * bool(text), was.bytes + count * size)
    rows = [{"run_id": run_id, "state": state, **asdict(tally)} for state, tally in sums.items()]
    if rows:
        db.execute(_COUNT, rows)


def _key(run_id: str, window: Window) -> dict[str, Any]:
    """Return what the statements on one part call it."""
    return {"of_run": run_id, "at_row": window.row, "at_col": window.col}
