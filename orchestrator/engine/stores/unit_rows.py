"""Rows of units: how one changes with whatever counts it and waits for it, and the value it is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, select, tuple_, update

from orchestrator.core.errors import FencedError, IntegrityError
from orchestrator.engine.stores.dialect import MANY, count_anew, insert_and_add, insert_many, insert_where_absent
from orchestrator.engine.stores.schema import unit_counts, unit_needs, units
from orchestrator.model.grid import Window
from orchestrator.model.states import UNIT_TRANSITIONS, Failure, UnitState, Who, check_transition
from orchestrator.model.unit import BroughtPiece, Cell, Unit, UnitClaim, UnitPlan

_MET = (UnitState.DONE, UnitState.EMPTY)
_HERE = and_(
    units.c.run_id == bindparam("of_run"), units.c.kind == bindparam("of_kind"), units.c.key == bindparam("of_key")
)
_ONE = select(units).where(_HERE)
_LOCKED = _ONE.with_for_update()  # where others write beside: nobody changes it before this transaction ends
_CHANGE = update(units).where(_HERE)
_COUNT = insert_and_add(unit_counts, ["run_id", "kind", "state"], ["units"])
_NEEDS_OF = select(unit_needs.c.need_kind, unit_needs.c.need_key).where(
    unit_needs.c.run_id == bindparam("of_run"),
    unit_needs.c.kind == bindparam("of_kind"),
    unit_needs.c.key == bindparam("of_key"),
)
_NEEDED = and_(
    unit_needs.c.run_id == bindparam("of_run"),
    unit_needs.c.need_kind == bindparam("of_kind"),
    unit_needs.c.need_key == bindparam("of_key"),
)
_WAIT_FOR_IT = select(unit_needs.c.kind, unit_needs.c.key).where(_NEEDED)
_IS_NEEDED = _WAIT_FOR_IT.limit(1)
_NEED = insert_where_absent(unit_needs)
_OF_KEYS = and_(
    units.c.run_id == bindparam("of_run"),
    units.c.kind == bindparam("of_kind"),
    units.c.key.in_(bindparam("of_keys", expanding=True)),
)
_STATES = select(units.c.key, units.c.state).where(_OF_KEYS)
_LOCKED_OF = select(units).where(_OF_KEYS).order_by(units.c.key).with_for_update()
_NEEDED_OF = select(unit_needs.c.need_key).where(
    unit_needs.c.run_id == bindparam("of_run"),
    unit_needs.c.need_kind == bindparam("of_kind"),
    unit_needs.c.need_key.in_(bindparam("of_keys", expanding=True)),
)
_END = _CHANGE.values(
    state=bindparam("to_state"),
    claimed_until=0.0,
    deaths=0,
    failure=bindparam("to_failure"),
    error=bindparam("to_error"),
    result=bindparam("to_result"),
)
_NAMED_AT_ONCE = 500  # SQLite takes 32,766 variables


def add_units(db: Connection, run_id: str, plans: Sequence[UnitPlan]) -> None:
    """Enter units that are not there; whatever waits for one of them goes on waiting."""
    there = _states(db, run_id, [(plan.kind, plan.key) for plan in plans]).keys()
    new = list({(p.kind, p.key): p for p in reversed(plans) if (p.kind, p.key) not in there}.values())[::-1]
    if not new:
        return
    insert_many(db, units, [_values(run_id, plan) for plan in new])
    if len(new) >= MANY:
        count_anew(db, units)
    _need(db, run_id, {(plan.kind, plan.key): plan.needs for plan in new if plan.needs})
    for kind in {plan.kind for plan in new}:
        count_units(db, run_id, kind, {UnitState.WAITING: sum(plan.kind == kind for plan in new)})


def move_unit(db: Connection, row: Row[Any], new: UnitState, **values: Any) -> None:
    """Change a unit as the table of states allows, and whatever counts it or waits for it."""
    old = UnitState(row.state)
    check_transition(UNIT_TRANSITIONS, old, new)
    here = _key(row.run_id, row.kind, row.key)
    db.execute(_CHANGE.values(state=new, **values), here)
    if step := (old in _MET) - (new in _MET):
        db.execute(
            update(units)
            .where(units.c.run_id == row.run_id, tuple_(units.c.kind, units.c.key).in_(_WAIT_FOR_IT))
            .values(lacking=units.c.lacking + step),
            here,
        )
    if old is not new:
        count_units(db, row.run_id, row.kind, {old: -1, new: 1})


@dataclass(slots=True, eq=False)
class UnitEnd:
    """
    How a unit is to end.

    Attributes:
        unit: As it was claimed.
        state: DONE, EMPTY or FAILED.
        result: What came of it, as text; None keeps what was noted.
        failure: How it failed.
        error: The sentence to it.
        is_committed: Whether it has ended so.
    """

    unit: Unit
    state: UnitState
    result: str | None
    failure: str
    error: str
    is_committed: bool = False


def end_units(db: Connection, run_id: str, ends: Sequence[UnitEnd]) -> list[UnitEnd]:
    """
    End units of a run for which nobody waits, by a handful of statements for each kind; return those that have ended.

    Whatever else is wrong with one, it is left as it is: its claim is over, or the table of states has no such end.
    """
    of_kind: dict[str, dict[str, UnitEnd]] = {}
    for end in ends:
        of_kind.setdefault(end.unit.kind, {})[end.unit.key] = end
    ended, counts = [], dict[str, Counter[UnitState]]()
    for kind, mine in sorted(of_kind.items()):  # as everybody locks them
        here = {"of_run": run_id, "of_kind": kind, "of_keys": list(mine)}
        rows = {row.key: row for row in db.execute(_LOCKED_OF, here) if _may_end(row, mine[row.key])}
        for needed in db.execute(_NEEDED_OF, here).scalars():
            rows.pop(needed, None)
        if rows:
            db.execute(_END, [_end_of(row, mine[row.key]) for row in rows.values()])
            counts[kind] = Counter({UnitState.CLAIMED: -len(rows)})
            counts[kind].update(mine[key].state for key in rows)
            ended += [mine[key] for key in rows]
    for kind, changes in counts.items():
        count_units(db, run_id, kind, changes)
    return ended


def _may_end(row: Row[Any], end: UnitEnd) -> bool:
    held = row.state == UnitState.CLAIMED and row.fence == end.unit.fence
    return held and end.state in UNIT_TRANSITIONS[UnitState.CLAIMED]


def _end_of(row: Row[Any], end: UnitEnd) -> dict[str, Any]:
    values = {"to_state": end.state, "to_failure": end.failure, "to_error": end.error}
    values["to_result"] = row.result if end.result is None else end.result
    return _key(row.run_id, row.kind, row.key) | values


def is_needed(db: Connection, unit: Unit) -> bool:
    """Tell whether another unit waits for this one, or has."""
    return db.execute(_IS_NEEDED, _key(unit.run_id, unit.kind, unit.key)).first() is not None


def lose_units(db: Connection, run_id: str, keys: Collection[tuple[str, str]]) -> None:
    """What was brought by these is gone. One that is to be done anyway needs nothing more."""
    for kind, key in keys:
        row = row_of_unit(db, run_id, kind, key)
        if row.state not in (UnitState.WAITING, UnitState.CLAIMED, UnitState.BROUGHT, UnitState.HELD):
            move_unit(db, row, UnitState.LOST, result="{}", next_at=0.0)
            move_unit(db, row_of_unit(db, run_id, kind, key), UnitState.WAITING)


def need_instead(db: Connection, parent: Row[Any], children: Sequence[UnitPlan]) -> None:
    """Make whatever waits for the parent wait for all its children."""
    here = _key(parent.run_id, parent.kind, parent.key)
    waiting = db.execute(_WAIT_FOR_IT, here).all()
    db.execute(delete(unit_needs).where(_NEEDED), here)
    needs = tuple((child.kind, child.key) for child in children)
    _need(db, parent.run_id, dict.fromkeys(waiting, needs))


def _need(db: Connection, run_id: str, needs: Mapping[tuple[str, str], Sequence[tuple[str, str]]]) -> None:
    """Write down what units need, beside what they needed before, and count what is lacking."""
    rows = [
        {"run_id": run_id, "kind": kind, "key": key, "need_kind": need_kind, "need_key": need_key}
        for (kind, key), needed in needs.items()
        for need_kind, need_key in needed
    ]
    if rows:
        db.execute(_NEED, rows)
    for kind, key in needs:
        here = _key(run_id, kind, key)
        needed = [(row.need_kind, row.need_key) for row in db.execute(_NEEDS_OF, here)]
        states = _states(db, run_id, needed)
        lacking = sum(states.get(need) not in _MET for need in needed)
        db.execute(_CHANGE.values(lacking=lacking), here)


def _states(db: Connection, run_id: str, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the states of those of a run's units, by kind and key, that are there."""
    found: dict[tuple[str, str], str] = {}
    for at in range(0, len(named), _NAMED_AT_ONCE):
        some: dict[str, list[str]] = {}
        for kind, key in named[at : at + _NAMED_AT_ONCE]:
            some.setdefault(kind, []).append(key)
        for kind, keys in some.items():
            rows = db.execute(_STATES, {"of_run": run_id, "of_kind": kind, "of_keys": keys})
            found |= {(kind, row.key): row.state for row in rows}
    return found


def held_row(db: Connection, unit: Unit) -> Row[Any]:
    """
    Return the row of a unit whose lease is this one.

    Raises:
        FencedError: It is somebody else's by now, or was given back.
    """
    if (row := held_row_or_none(db, unit)) is None:
        raise FencedError(f"{unit.kind} {unit.key} of run {unit.run_id} is no longer ours: claim {unit.fence} is over")
    return row


def held_row_or_none(db: Connection, unit: Unit | UnitClaim) -> Row[Any] | None:
    here = _key(unit.run_id, unit.kind, unit.key)
    if (row := db.execute(_LOCKED, here).first()) is None:
        raise _unknown(unit.run_id, unit.kind, unit.key)
    return row if row.state == UnitState.CLAIMED and row.fence == unit.fence else None


def brought_row(db: Connection, unit: Unit) -> Row[Any]:
    """
    Return the row of a unit whose piece waits, as it was brought under this claim.

    Raises:
        FencedError: It does not wait any more.
    """
    row = db.execute(_LOCKED, _key(unit.run_id, unit.kind, unit.key)).first()
    if row is None or row.state != UnitState.BROUGHT or row.fence != unit.fence:
        raise FencedError(f"the piece of {unit.kind} {unit.key} of run {unit.run_id} does not wait any more")
    return row


def row_of_unit(db: Connection, run_id: str, kind: str, key: str) -> Row[Any]:
    if (row := _row_or_none(db, run_id, kind, key)) is None:
        raise _unknown(run_id, kind, key)
    return row


def _unknown(run_id: str, kind: str, key: str) -> IntegrityError:
    return IntegrityError(f"run {run_id} has no unit {kind} {key}")


def _row_or_none(db: Connection, run_id: str, kind: str, key: str) -> Row[Any] | None:
    return db.execute(_ONE, _key(run_id, kind, key)).first()


def count_units(db: Connection, run_id: str, kind: str, changes: Mapping[UnitState, int]) -> None:
    """Keep the counts of a run's units, always in one order: who counts beside others waits for none that waits."""
    rows = [{"run_id": run_id, "kind": kind, "state": state, "units": changes[state]} for state in sorted(changes)]
    db.execute(_COUNT, rows)


# ---------------------------------------------------------------------- values


def needs_of(
    db: Connection, run_id: str, kinds: Collection[str] | None, keys: Collection[str] | None = None
) -> Mapping[tuple[str, str], tuple[tuple[str, str], ...]]:
    """Return what units of a run need, of these kinds and keys, by kind and key."""
    query = select(unit_needs).where(unit_needs.c.run_id == run_id)
    if kinds is not None:
        query = query.where(unit_needs.c.kind.in_(kinds))
    if keys is not None:
        query = query.where(unit_needs.c.key.in_(keys))
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in db.execute(query.order_by(*unit_needs.primary_key.columns)):
        found.setdefault((row.kind, row.key), []).append((row.need_kind, row.need_key))
    return {unit: tuple(needs) for unit, needs in found.items()}


def read_unit(db: Connection, row: Row[Any]) -> Unit:
    needs = db.execute(_NEEDS_OF, _key(row.run_id, row.kind, row.key)).all()
    return unit_of(row, tuple((kind, key) for kind, key in needs))


def unit_of(row: Row[Any], needs: tuple[tuple[str, str], ...]) -> Unit:
    window = Window(row.row, row.col, row.height, row.width) if row.height else None
    cell = Cell(window, row.grid, row.time, row.group) if window else None
    return Unit(
        run_id=row.run_id,
        plan=UnitPlan(row.kind, row.key, cell, needs, json.loads(row.spec)),
        state=UnitState(row.state),
        attempt=row.attempt,
        next_at=row.next_at,
        claimed_until=row.claimed_until,
        fence=row.fence,
        failure=Failure(row.failure) if row.failure else None,
        error=row.error,
        result=json.loads(row.result),
        worker=row.worker,
        piece=BroughtPiece(**json.loads(row.piece)) if row.piece else None,
        who=Who(row.who),
    )


def _values(run_id: str, plan: UnitPlan) -> dict[str, Any]:
    values: dict[str, Any] = {"run_id": run_id, "kind": plan.kind, "key": plan.key, "state": UnitState.WAITING}
    values |= {"spec": to_text(plan.spec), "lacking": 0}
    cell, numbers = plan.cell, dict.fromkeys(("grid", "time", "group", "row", "col", "height", "width"), 0)
    if cell is not None:
        w = cell.window
        numbers = {"grid": cell.grid, "time": cell.time, "group": cell.group}
        numbers |= {"row": w.row, "col": w.col, "height": w.height, "width": w.width}
    return values | numbers


def _key(run_id: str, kind: str, key: str) -> dict[str, Any]:
    """Return what the statements on one unit call it."""
    return {"of_run": run_id, "of_kind": kind, "of_key": key}


def to_text(content: Mapping[str, Any]) -> str:
    return json.dumps(dict(content), sort_keys=True)
