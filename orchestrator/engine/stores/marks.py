"""What a map and a course of a run are drawn from, in few queries however many pieces there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, literal, select, union_all

from orchestrator.engine.stores.contract_marks import PART, TASK, CourseCount, How, Mark, Sentence, Unplaced
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import number_in, seconds_after, whole, whole_sum
from orchestrator.engine.stores.rows import part_of
from orchestrator.engine.stores.schema import events, parts, tasks, units
from orchestrator.engine.stores.unit_rows import unit_of
from orchestrator.engine.stores.work_records import Part
from orchestrator.model.states import TaskState, UnitState
from orchestrator.model.strip import STRIP
from orchestrator.model.unit import Unit

_LIVELY = (TaskState.SPLIT, TaskState.SUCCEEDED)  # tasks whose last error is over
_OVER = (UnitState.DONE, UnitState.SPLIT)


class SqlMarks:
    """See `contract_marks.Marks`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, run_id: str) -> Sequence[Mark]:
        p, u, t = parts.c, units.c, tasks.c
        files = select(p.grid, p.row, p.col, p.height, p.width, p.state, p.task).where(p.run_id == run_id)
        asked = select(u.grid, u.row, u.col, u.height, u.width, u.kind, u.state, (u.error != "") & (u.attempt > 0))
        asked = asked.where(u.run_id == run_id, u.height > 0, u.state != UnitState.SPLIT)
        asked = asked.where(u.kind != STRIP)  # its pixels are those of its parts
        exports = select(t.key, t.state, t.error != "").where(t.run_id == run_id)
        with self._db.read() as db:
            # Joined here: parts come in the order of their key, and a join in SQL takes twice as long. Of many thousand
            # parts few stand in ways of their own.
            states = {key: (state, failed) for key, state, failed in db.execute(exports)}
            hows: dict[tuple[str, str], How] = {}

            def seen(state: str, task: str) -> How:
                return hows.setdefault((state, task), How(PART, state, *states[task]))

            found: list[Mark] = [
                ((grid, row, col, height, width), hows.get((state, task)) or seen(state, task))
                for grid, row, col, height, width, state, task in db.execute(files.order_by(p.grid, p.row, p.col)).all()
            ]
            requests: list[Mark] = [
                ((grid, row, col, height, width), How(kind, state, "", bool(failed)))
                for grid, row, col, height, width, kind, state, failed in db.execute(asked).all()
            ]
        return sorted([*found, *requests], key=lambda mark: mark[0]) if requests else found

    def unplaced(self, run_id: str) -> list[Unplaced]:
        u = units.c
        query = select(u.kind, u.key, u.state, (u.error != "") & (u.attempt > 0)).order_by(u.kind, u.key)
        with self._db.read() as db:
            rows = db.execute(query.where(u.run_id == run_id, u.height == 0, u.state != UnitState.SPLIT))
            return [Unplaced(key, How(kind, state, "", bool(failed))) for kind, key, state, failed in rows]

    def at(self, run_id: str, grid: int, row: int, col: int) -> tuple[list[Part], list[Unit]]:
        def here(c: Any) -> tuple[Any, ...]:
            inside = (c.row <= row, row < c.row + c.height, c.col <= col, col < c.col + c.width)
            return (c.run_id == run_id, c.grid == grid, *inside)

        with self._db.read() as db:
            found = [part_of(each) for each in db.execute(select(parts).where(*here(parts.c)))]
            asked = db.execute(select(units).where(*here(units.c)).order_by(units.c.kind, units.c.key))
            return found, [unit_of(each, ()) for each in asked]

    def keys(self, run_id: str, of: Sentence) -> list[str]:
        c = tasks.c if of.kind == TASK else units.c
        alike = (c.run_id == run_id, c.error == of.error, c.failure == of.failure, c.state == of.state)
        kind = () if of.kind == TASK else (units.c.kind == of.kind,)
        with self._db.read() as db:
            return list(db.execute(select(c.key).where(*alike, *kind).order_by(c.key)).scalars())

    def span(self, run_id: str) -> tuple[str, str]:
        ends = select(func.min(events.c.at), func.max(events.c.at)).where(events.c.run_id == run_id)
        with self._db.read() as db:
            first, last = db.execute(ends).one()
        return first or "", last or ""

    def course(self, run_id: str, names: Sequence[str], since: str, seconds: float) -> list[CourseCount]:
        e = events.c
        slot = whole(seconds_after(e.at, since) / seconds)
        query = (
            select(e.name, slot.label("slot"), func.count(), whole_sum(number_in(e.facts, "parts")), whole_sum(e.bytes))
            .where(e.run_id == run_id, e.name.in_(names))
            .group_by(e.name, "slot")
            .order_by("slot")
        )
        with self._db.read() as db:
            return [CourseCount(name, max(0, at), *counts) for name, at, *counts in db.execute(query)]

    def sentences(self, run_id: str) -> list[Sentence]:
        t, u = tasks.c, units.c
        next_at = func.max(t.next_at), func.max(u.next_at)
        exports = (
            select(
                literal(TASK),
                t.error,
                t.failure,
                t.state,
                func.count(),
                func.max(t.attempt),
                next_at[0],
                func.min(t.key),
            )
            .where(t.run_id == run_id, t.error != "", t.state.not_in(_LIVELY))
            .group_by(t.error, t.failure, t.state)
        )
        requests = (
            select(u.kind, u.error, u.failure, u.state, func.count(), func.max(u.attempt), next_at[1], func.min(u.key))
            .where(u.run_id == run_id, u.error != "", u.state.not_in(_OVER))
            .group_by(u.kind, u.error, u.failure, u.state)
        )
        with self._db.read() as db:
            found = [Sentence(*row) for row in db.execute(union_all(exports, requests))]
        return sorted(found, key=lambda each: (-each.count, each.kind, each.first))
