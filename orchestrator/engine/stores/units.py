"""
The units of work: who has a lease on which, and what came of it.

What is done for each of many thousand of them is of mode BESIDE: it goes on beside others where the database can.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import bindparam, func, literal, or_, select, update

from orchestrator.engine.stores.backend import TransactionMode
from orchestrator.engine.stores.contract_work import FREE_WORKER
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import database_now
from orchestrator.engine.stores.group_commit import GroupCommit
from orchestrator.engine.stores.schema import runs, unit_counts
from orchestrator.engine.stores.schema import units as table
from orchestrator.engine.stores.unit_claims import claim_units, is_any_due
from orchestrator.engine.stores.unit_rows import (
    UnitEnd,
    add_units,
    brought_row,
    end_units,
    held_row,
    held_row_or_none,
    is_needed,
    lose_units,
    move_unit,
    need_instead,
    needs_of,
    read_unit,
    row_of_unit,
    to_text,
    unit_of,
)
from orchestrator.engine.stores.work_records import OpenKind
from orchestrator.model.states import Failure, RunState, UnitState, Who
from orchestrator.model.unit import BroughtPiece, Unit, UnitClaim, UnitPlan

_GIVEN_UP = (
    select(table.c.kind, func.count())
    .where(table.c.run_id == bindparam("of_run"), table.c.state == UnitState.EMPTY, table.c.error != "")
    .group_by(table.c.kind)
)
_OPEN = (
    select(
        unit_counts.c.run_id, runs.c.fence, runs.c.product, unit_counts.c.kind, unit_counts.c.state, unit_counts.c.units
    )
    .join(runs, runs.c.id == unit_counts.c.run_id)
    .where(
        unit_counts.c.units > 0,
        unit_counts.c.state.in_((UnitState.WAITING, UnitState.CLAIMED, UnitState.BROUGHT)),
        runs.c.state == RunState.EXPORTING,
        runs.c.request == "",
    )
    .order_by(runs.c.priority.desc(), runs.c.created, runs.c.id, unit_counts.c.kind)
)
# Of a unit that nobody has any more.
_GIVEN_BACK: Mapping[str, Any] = {"claimed_until": 0.0, "deaths": 0}


class SqlUnits:
    """See `contract.Units`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._ends: GroupCommit[UnitEnd] = GroupCommit()

    # --------------------------------------------------------------- looking

    def of(
        self, run_id: str, kinds: Collection[str] | None = None, states: Collection[UnitState] | None = None
    ) -> list[Unit]:
        here = [table.c.run_id == run_id]
        here += [] if kinds is None else [table.c.kind.in_(kinds)]
        here += [] if states is None else [table.c.state.in_(states)]
        with self._db.read() as db:
            needs = needs_of(db, run_id, kinds)
            rows = db.execute(select(table).where(*here).order_by(table.c.kind, table.c.key))
            return [unit_of(row, needs.get((row.kind, row.key), ())) for row in rows]

    def get(self, run_id: str, kind: str, key: str) -> Unit:
        with self._db.read() as db:
            return read_unit(db, row_of_unit(db, run_id, kind, key))

    def tally(self, run_id: str) -> Mapping[str, Mapping[UnitState, int]]:
        return self.tallies([run_id]).get(run_id, {})

    def tallies(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[str, Mapping[UnitState, int]]]:
        found: dict[str, dict[str, dict[UnitState, int]]] = {}
        here = (unit_counts.c.run_id.in_(run_ids), unit_counts.c.units > 0)
        with self._db.read() as db:
            for run_id, kind, state, count in db.execute(select(unit_counts).where(*here)):
                found.setdefault(run_id, {}).setdefault(kind, {})[UnitState(state)] = count
        return found

    def given_up(self, run_id: str) -> Mapping[str, int]:
        with self._db.read() as db:
            return {row[0]: row[1] for row in db.execute(_GIVEN_UP, {"of_run": run_id})}

    def open_kinds(self) -> list[OpenKind]:
        found: dict[tuple[str, str], OpenKind] = {}
        with self._db.read() as db:
            for run_id, fence, product, kind, state, count in db.execute(_OPEN):
                known = found.get((run_id, kind), OpenKind(run_id, fence, product, kind))
                found[run_id, kind] = known.with_units(UnitState(state), count)
        return list(found.values())

    def is_due(self, run_id: str, kind: str, now: float) -> bool:
        with self._db.read() as db:
            return is_any_due(db, run_id, kind, now=now, here=self._db.seconds())

    def next_due(self, run_id: str, kinds: Collection[str], now: float) -> float | None:
        mine = (table.c.run_id == run_id, table.c.kind.in_(kinds))
        waiting = select(func.min(table.c.next_at) - now).where(
            *mine, table.c.state == UnitState.WAITING, table.c.lacking == 0
        )
        claimed = select(func.min(table.c.claimed_until) - database_now(literal(self._db.seconds()))).where(
            *mine, table.c.state == UnitState.CLAIMED, table.c.lacking == 0
        )
        with self._db.read() as db:
            times = [db.execute(query).scalar() for query in (waiting, claimed)]
        return min((time for time in times if time is not None), default=None)

    # --------------------------------------------------------------- working

    def add(self, run_id: str, units: Sequence[UnitPlan]) -> None:
        with self._db.write() as db:
            add_units(db, run_id, units)

    def claim(self, run_id: str, kind: str, limit: int, *, now: float, seconds: float, worker: str = "") -> list[Unit]:
        with self._db.write(TransactionMode.BESIDE) as db:
            times = {"now": now, "here": self._db.seconds(), "seconds": seconds}
            return claim_units(db, run_id, kind, limit, **times, worker=worker)

    def take_up(self, claim: UnitClaim, seconds: float, worker: str) -> Unit | None:
        with self._db.write(TransactionMode.BESIDE) as db:
            if (row := held_row_or_none(db, claim)) is None:
                return None
            until = self._db.server_seconds(db) + seconds
            move_unit(db, row, UnitState.CLAIMED, fence=row.fence + 1, claimed_until=until, worker=worker)
            return read_unit(db, row_of_unit(db, claim.run_id, claim.kind, claim.key))

    def renew(self, unit: Unit, seconds: float) -> None:
        with self._db.write(TransactionMode.BESIDE) as db:
            until = self._db.server_seconds(db) + seconds
            move_unit(db, held_row(db, unit), UnitState.CLAIMED, claimed_until=until)

    def note(self, unit: Unit, result: Mapping[str, Any]) -> None:
        with self._db.write(TransactionMode.BESIDE) as db:
            move_unit(db, held_row(db, unit), UnitState.CLAIMED, result=to_text(result))

    def finish(
        self,
        unit: Unit,
        state: UnitState,
        *,
        result: Mapping[str, Any] | None = None,
        units: Sequence[UnitPlan] = (),
        failure: Failure | None = None,
        error: str = "",
    ) -> None:
        text = None if result is None else to_text(result)
        end = UnitEnd(unit, state, text, failure or "", error)
        for ends in self._ends.batches(unit.run_id, end) if not units else ():
            with self._db.write(TransactionMode.BESIDE) as db:
                committed = end_units(db, unit.run_id, ends)
            for each in committed:
                each.is_committed = True
        if end.is_committed:
            return
        values: dict[str, Any] = {} if text is None else {"result": text}
        values |= {**_GIVEN_BACK, "failure": end.failure, "error": error}
        with self._db.write() as db:
            move_unit(db, held_row(db, unit), state, **values)
            add_units(db, unit.run_id, units)

    def bring(
        self,
        unit: Unit,
        piece: BroughtPiece,
        *,
        result: Mapping[str, Any] | None = None,
        units: Sequence[UnitPlan] = (),
    ) -> None:
        values: dict[str, Any] = {} if result is None else {"result": to_text(result)}
        values |= {**_GIVEN_BACK, "failure": "", "error": "", "piece": json.dumps(asdict(piece), sort_keys=True)}
        with self._db.write(TransactionMode.WRITE if units else TransactionMode.BESIDE) as db:
            move_unit(db, held_row(db, unit), UnitState.BROUGHT, **values)
            add_units(db, unit.run_id, units)

    def placed(self, unit: Unit) -> None:
        with self._db.write(TransactionMode.BESIDE) as db:
            row = brought_row(db, unit)
            if not is_needed(db, unit):
                move_unit(db, row, UnitState.DONE, piece="")
                return
        with self._db.write() as db:
            move_unit(db, brought_row(db, unit), UnitState.DONE, piece="")

    def refuse(self, unit: Unit, error: str) -> None:
        with self._db.write(TransactionMode.BESIDE) as db:
            move_unit(db, brought_row(db, unit), UnitState.WAITING, piece="", failure=Failure.TRANSIENT, error=error)

    def hold(self, unit: Unit, why: str, who: Who, until: float = 0.0) -> None:
        with self._db.write(TransactionMode.BESIDE) as db:
            row = held_row(db, unit)
            values = {"next_at": until, "error": why, "who": who, "attempt": row.attempt - 1}
            move_unit(db, row, UnitState.HELD, **_GIVEN_BACK, **values)

    def resume(self, run_id: str) -> int:
        held = (table.c.run_id == run_id, table.c.state == UnitState.HELD)
        with self._db.write() as db:
            rows = db.execute(select(table).where(*held)).all()
            for row in rows:
                move_unit(db, row, UnitState.WAITING, who="", next_at=0.0)
            return len(rows)

    def again(
        self,
        unit: Unit,
        next_at: float,
        failure: Failure,
        error: str,
        *,
        counted: bool = True,
        lost: Collection[tuple[str, str]] = (),
    ) -> None:
        with self._db.write(TransactionMode.WRITE if lost else TransactionMode.BESIDE) as db:
            row = held_row(db, unit)
            values = {"next_at": next_at, "failure": failure, "error": error, "attempt": row.attempt - (not counted)}
            move_unit(db, row, UnitState.WAITING, **_GIVEN_BACK, **values)
            lose_units(db, unit.run_id, lost)

    def split(self, unit: Unit, children: Sequence[UnitPlan], failure: Failure, error: str = "") -> None:
        with self._db.write() as db:
            row = held_row(db, unit)
            move_unit(db, row, UnitState.SPLIT, **_GIVEN_BACK, failure=failure, error=error)
            add_units(db, unit.run_id, children)
            need_instead(db, row, children)

    def lose(self, run_id: str, keys: Collection[tuple[str, str]]) -> None:
        with self._db.write() as db:
            lose_units(db, run_id, keys)

    def release(self, run_id: str, held: Iterable[Unit] | None = None) -> None:
        with self._db.write() as db:
            if held is None:
                claimed = (table.c.run_id == run_id, table.c.state == UnitState.CLAIMED)
                free = table.c.worker.startswith(f"{FREE_WORKER} ", autoescape=True)
                rows = db.execute(select(table).where(*claimed, ~free)).all()
            else:
                rows = [row for unit in held if (row := held_row_or_none(db, unit)) is not None]
            for row in rows:
                move_unit(db, row, UnitState.WAITING, **_GIVEN_BACK, attempt=row.attempt - 1)

    def forgive(self, run_id: str) -> None:
        mine = (table.c.run_id == run_id, table.c.state.in_((UnitState.FAILED, UnitState.HELD, UnitState.WAITING)))
        tried = or_(table.c.attempt > 0, table.c.next_at > 0, table.c.state != UnitState.WAITING)
        with self._db.write() as db:
            for row in db.execute(select(table).where(*mine, tried)).all():
                move_unit(db, row, UnitState.WAITING, attempt=0, next_at=0.0, deaths=0, who="")

    def hurry(self, run_id: str, kind: str, keys: Collection[str]) -> int:
        waiting = (table.c.run_id == run_id, table.c.kind == kind, table.c.state == UnitState.WAITING)
        due = update(table).where(*waiting, table.c.next_at > 0, table.c.key == bindparam("this")).values(next_at=0.0)
        with self._db.write() as db:
            return sum(db.execute(due, {"this": key}).rowcount for key in keys)
