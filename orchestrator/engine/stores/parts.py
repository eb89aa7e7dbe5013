"""The parts of a run: each a file on its way to the output."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_and_add, insert_many
from orchestrator.engine.stores.events import record_events
from orchestrator.engine.stores.ledger import enter
from orchestrator.engine.stores.rows import object_of, object_text, part_of, task_update, window_of
from orchestrator.engine.stores.schema import part_counts, parts
from orchestrator.engine.stores.work_records import Part, PartMove, Tally
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.states import PART_DONE, PART_TRANSITIONS, PART_WAY, PartState, check_transition

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
# One that is as it is thought to be: how many rows were met tells whether all were.
_ADVANCE = _MOVE.where(
    parts.c.height == bindparam("of_height"),
    parts.c.width == bindparam("of_width"),
    parts.c.state == bindparam("since"),
    parts.c.object == bindparam("of_object"),
)
_OF_STATE = update(parts).where(parts.c.run_id == bindparam("of_run"), parts.c.state == bindparam("since"))
_CLEAN = _OF_STATE.values(state=bindparam("to_state"))
_COUNT = insert_and_add(part_counts, ["run_id", "state"], ["parts", "listed", "bytes"])
_TALLY = select(part_counts).where(part_counts.c.run_id == bindparam("of_run"), part_counts.c.parts > 0)
_PASS_ON = update(parts).where(*_HERE).values(task=bindparam("to_task"))
_OF_RUN = select(parts).where(parts.c.run_id == bindparam("of_run")).order_by(parts.c.row, parts.c.col)
_WINDOWS = select(parts.c.row, parts.c.col, parts.c.height, parts.c.width).where(parts.c.run_id == bindparam("of_run"))
_OF_TASK = select(parts).where(parts.c.run_id == bindparam("of_run"), parts.c.task == bindparam("of_task"))


class SqlParts:
    """See `contract.Parts`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, run_id: str, states: Collection[PartState] | None = None, task: str = "") -> list[Part]:
        query = _OF_RUN if states is None else _OF_RUN.where(parts.c.state.in_(states))
        query = query.where(parts.c.task == task) if task else query
        with self._db.read() as db:
            return [part_of(row) for row in db.execute(query, {"of_run": run_id})]

    def windows(self, run_id: str, states: Collection[PartState]) -> list[Window]:
        query = _WINDOWS.where(parts.c.state.in_(states))
        with self._db.read() as db:
            return [Window(*row) for row in db.execute(query, {"of_run": run_id})]

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

    def advance(self, run_id: str, moves: Sequence[PartMove]) -> Sequence[IntegrityError | None]:
        for move in moves:
            _check_way(move)
        with suppress(_OtherwiseError), self._db.write() as db:
            _advance_all(db, run_id, moves)
            record_events(db, self._db.now(), [(run_id, *move.event) for move in moves if move.event])
            return [None] * len(moves)
        # One of them is not as it was thought to be: each goes for itself.
        with self._db.write() as db:
            found = [_advance(db, run_id, move) for move in moves]
            done = [move for move, error in zip(moves, found, strict=True) if error is None]
            record_events(db, self._db.now(), [(run_id, *move.event) for move in done if move.event])
            return found

    def move_all(self, run_id: str, windows: Sequence[Window], state: PartState) -> None:
        with self._db.write() as db:
            there = {window_of(row): row for row in db.execute(_OF_RUN, {"of_run": run_id})}
            moved = [there[window] for window in dict.fromkeys(windows)]
            for row in moved:
                check_transition(PART_TRANSITIONS, PartState(row.state), state)
            if moved:
                db.execute(_MOVE, [_key(run_id, window_of(row)) | {"to_state": state} for row in moved])
                _count(db, run_id, [change for row in moved for change in _moved(row, state)])

    def clean(self, run_id: str) -> None:
        with self._db.write() as db:
            held = {PartState(row.state): row for row in db.execute(_TALLY, {"of_run": run_id}).all()}
            for state in (held.keys() & PART_DONE) - {PartState.CLEANED}:
                check_transition(PART_TRANSITIONS, state, PartState.CLEANED)
                db.execute(_CLEAN, {"of_run": run_id, "since": state, "to_state": PartState.CLEANED})
                whole = Tally(held[state].parts, held[state].listed, held[state].bytes)
                _add(db, run_id, {state: _times(whole, -1)})
                _add(db, run_id, {PartState.CLEANED: whole})

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
            waiting = {w: source for w, source in found.items() if there[w].state == PartState.WAITING}
            brought = [
                _key(run_id, window)
                | {"to_state": PartState.EXPORTED, "to_object": object_text(source), "to_attempt": attempt}
                for window, source in waiting.items()
            ]
            if brought:
                db.execute(_FILL, brought)
                _count(db, run_id, [(PartState.WAITING, -len(brought), None)])
                _count(db, run_id, [(PartState.EXPORTED, 1, source.size) for source in waiting.values()])
            db.execute(task_update(run_id, task).values(collected=True, tries=0, next_at=0.0))

    def empty(self, run_id: str, task: str) -> None:
        waiting = (parts.c.run_id == run_id, parts.c.task == task, parts.c.state == PartState.WAITING)
        with self._db.write() as db:
            check_transition(PART_TRANSITIONS, PartState.WAITING, PartState.EMPTY)
            count = db.execute(update(parts).where(*waiting).values(state=PartState.EMPTY)).rowcount
            _count(db, run_id, [(PartState.WAITING, -count, None), (PartState.EMPTY, count, None)])
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
        _count(db, run_id, [(PartState.WAITING, len(rows), None)])


def drop_parts(db: Connection, run_id: str, task: str) -> None:
    """Forget a task's parts, to be replaced by others; a placed one cannot be forgotten."""
    mine = (parts.c.run_id == run_id, parts.c.task == task)
    there = db.execute(select(parts.c.state, parts.c.object).where(*mine)).all()
    if placed := sum(row.state in _SETTLED for row in there):
        raise IntegrityError(f"task {task} cannot be cut anew: {placed} of its parts are placed already")
    db.execute(delete(parts).where(*mine))
    _count(db, run_id, [(PartState(row.state), -1, _size(row.object)) for row in there])


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
    _count(db, run_id, [(PartState.WAITING, -1, _size(row.object)), (PartState.WAITING, 1, None)])


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


class _OtherwiseError(Exception):
    """A part is not as it was thought to be."""


def _check_way(move: PartMove) -> None:
    for before, after in pairwise(_steps(move.since, move.to)):
        check_transition(PART_TRANSITIONS, before, after)


def _steps(since: PartState, to: PartState) -> Sequence[PartState]:
    """Return the states from one to another: all between them where they lie on the way of a part, in its order."""
    if since in PART_WAY and to in PART_WAY and PART_WAY.index(since) <= PART_WAY.index(to):
        return PART_WAY[PART_WAY.index(since) : PART_WAY.index(to) + 1]
    return since, to


def _advance_all(db: Connection, run_id: str, moves: Sequence[PartMove]) -> None:
    """Move parts that are all as they are thought to be; `_OtherwiseError` where one is not."""
    rows = [
        _key(run_id, move.window)
        | {"of_height": move.window.height, "of_width": move.window.width, "of_object": object_text(move.source)}
        | {"since": move.since, "to_state": move.to}
        for move in moves
    ]
    if db.execute(_ADVANCE, rows).rowcount != len(rows):
        raise _OtherwiseError
    _count(db, run_id, [c for m in moves for c in ((m.since, -1, m.source.size), (m.to, 1, m.source.size))])


def _advance(db: Connection, run_id: str, move: PartMove) -> IntegrityError | None:
    """Move one part all steps that are left for it; return what stands against that."""
    try:
        for step in _steps(PartState(_row(db, run_id, move.window).state), move.to)[1:]:
            _move(db, run_id, move.window, step, move.source)
    except IntegrityError as error:
        return error
    return None


# A state, how many parts more, and what the object of each of them weighs; None: they have none.
_Change = tuple[PartState, int, int | None]


def _moved(row: Row[Any], new: PartState) -> list[_Change]:
    size = _size(row.object)
    return [(PartState(row.state), -1, size), (new, 1, size)]


def _size(text: str) -> int | None:
    """Return what the object weighs that was written down; None where there is none."""
    return object_of(text).size if text else None


def _count(db: Connection, run_id: str, changes: Iterable[_Change]) -> None:
    """Keep the counts of a run's parts."""
    sums: dict[PartState, Tally] = {}
    for state, count, size in changes:
        was = sums.get(state, Tally(0, 0, 0))
        listed, weight = was.listed + count * (size is not None), was.bytes + count * (size or 0)
        sums[state] = Tally(was.parts + count, listed, weight)
    _add(db, run_id, sums)


def _add(db: Connection, run_id: str, sums: Mapping[PartState, Tally]) -> None:
    rows = [{"run_id": run_id, "state": state, **asdict(tally)} for state, tally in sums.items()]
    if rows:
        db.execute(_COUNT, rows)


def _times(tally: Tally, count: int) -> Tally:
    return Tally(count * tally.parts, count * tally.listed, count * tally.bytes)


def _key(run_id: str, window: Window) -> dict[str, Any]:
    """Return what the statements on one part call it."""
    return {"of_run": run_id, "at_row": window.row, "at_col": window.col}
