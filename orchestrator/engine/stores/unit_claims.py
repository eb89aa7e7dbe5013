"""How units are claimed: the first ones that may be, each by one claimer, whoever else claims at the same moment."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    and_,
    bindparam,
    case,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from orchestrator.engine.stores.contract_work import MOST_DEATHS
from orchestrator.engine.stores.dialect import database_now, locks_rows
from orchestrator.engine.stores.schema import units
from orchestrator.engine.stores.unit_rows import count_units, move_unit, needs_of, unit_of
from orchestrator.model.states import Failure, UnitState
from orchestrator.model.unit import Unit

_OF_KIND = and_(units.c.run_id == bindparam("of_run"), units.c.kind == bindparam("of_kind"))
# Leases are judged by the database's clock; when a unit is due is told by the one of whoever put it off.
_DATABASE_NOW = database_now(bindparam("here", type_=Float()))
# What a unit needs may have been lost while somebody had it: it is claimed by nobody until it is there again.
_FRESH = (UnitState.WAITING, and_(_OF_KIND, units.c.lacking == 0, units.c.next_at <= bindparam("now")))
_LAPSED = (UnitState.CLAIMED, and_(_OF_KIND, units.c.lacking == 0, units.c.claimed_until <= _DATABASE_NOW))


def _alone(state: UnitState, here: ColumnElement[bool]) -> Select[Any]:
    return select(units).where(here, units.c.state == state).order_by(units.c.key).limit(bindparam("most"))


def _beside(state: UnitState, here: ColumnElement[bool]) -> Select[Any]:
    """
    Select as `_alone`, in words that only the index of what may be claimed answers in order.

    PostgreSQL takes the primary key where it believes that most units wait, and would then go through all that are
    done, which come first, at each claim. A state that lies between itself and itself is no constant to it.
    """
    names = (units.c.run_id, units.c.kind, units.c.key, units.c.state, units.c.worker)
    chosen = select(*names).where(here, units.c.state.between(state, state)).order_by(units.c.state, units.c.key)
    return chosen.limit(bindparam("most"))


_DUE, _OVER = _alone(*_FRESH), _alone(*_LAPSED)
_DUE_BESIDE, _OVER_BESIDE = _beside(*_FRESH), _beside(*_LAPSED)


def _claim_at_once() -> ReturningUpdate[Any]:
    """
    Return the one statement that claims beside others, at the same moment: what they have taken is passed over.

    Each half reads the index in its order; both together as one condition would sort all that waits.
    """
    fresh = _DUE_BESIDE.with_for_update(skip_locked=True).cte("fresh")
    lapsed = _OVER_BESIDE.with_for_update(skip_locked=True).cte("lapsed")
    both = union_all(select(fresh), select(lapsed)).subquery()
    due = select(both).order_by(both.c.key).limit(bindparam("most")).cte("due")
    same = tuple_(units.c.run_id, units.c.kind, units.c.key) == tuple_(due.c.run_id, due.c.kind, due.c.key)
    taken = {"state": UnitState.CLAIMED, "attempt": units.c.attempt + 1, "fence": units.c.fence + 1}
    taken |= {"deaths": units.c.deaths + case((due.c.state == UnitState.CLAIMED, 1), else_=0)}
    until = _DATABASE_NOW + bindparam("seconds", type_=Float())
    claimed = update(units).where(same).values(**taken, claimed_until=until, worker=bindparam("by"))
    return claimed.returning(*units.c, due.c.state.label("was"), due.c.worker.label("before"))


_CLAIM = _claim_at_once()
# ... and those that claim alone what they have found.
_TAKE = (
    update(units)
    .where(_OF_KIND, units.c.key == bindparam("of_key"))
    .values(
        state=UnitState.CLAIMED,
        attempt=units.c.attempt + 1,
        fence=units.c.fence + 1,
        deaths=units.c.deaths + bindparam("lapsed"),
        claimed_until=bindparam("until"),
        worker=bindparam("by"),
    )
)
_TAKEN = select(units).where(_OF_KIND, units.c.key.in_(bindparam("of_keys", expanding=True))).order_by(units.c.key)

Claimed = tuple[Row[Any], str]  # as it is now, and who had it before


def claim_units(
    db: Connection, run_id: str, kind: str, limit: int, *, now: float, here: float, seconds: float, worker: str
) -> list[Unit]:
    """Take the first units that may be claimed: see `contract_work.Units.claim`; `here` as of `database_now`."""
    which = {"of_run": run_id, "of_kind": kind, "now": now, "here": here, "most": limit}
    claim = _claim_beside if locks_rows(db) else _claim_alone
    taken = _still_tried(db, claim(db, which, seconds, worker))
    needs = needs_of(db, run_id, [kind], [row.key for row in taken])
    return [unit_of(row, needs.get((kind, row.key), ())) for row in taken]


def is_any_due(db: Connection, run_id: str, kind: str, *, now: float, here: float) -> bool:
    """Tell whether a unit of a kind may be claimed; times as of `claim_units`."""
    which = {"of_run": run_id, "of_kind": kind, "now": now, "here": here, "most": 1}
    queries = (_DUE_BESIDE, _OVER_BESIDE) if locks_rows(db) else (_DUE, _OVER)
    return any(db.execute(query, which).first() is not None for query in queries)


def _claim_beside(db: Connection, which: dict[str, Any], seconds: float, worker: str) -> list[Claimed]:
    rows = sorted(db.execute(_CLAIM, which | {"seconds": seconds, "by": worker}), key=lambda row: row.key)
    if fresh := sum(row.was == UnitState.WAITING for row in rows):
        count_units(db, which["of_run"], which["of_kind"], {UnitState.WAITING: -fresh, UnitState.CLAIMED: fresh})
    return [(row, row.before) for row in rows]


def _claim_alone(db: Connection, which: dict[str, Any], seconds: float, worker: str) -> list[Claimed]:
    found = sorted([*db.execute(_DUE, which), *db.execute(_OVER, which)], key=lambda row: row.key)[: which["most"]]
    if not found:
        return []
    taken = which | {"until": which["here"] + seconds, "by": worker}
    db.execute(_TAKE, [taken | {"of_key": row.key, "lapsed": int(row.state == UnitState.CLAIMED)} for row in found])
    if fresh := sum(row.state == UnitState.WAITING for row in found):
        count_units(db, which["of_run"], which["of_kind"], {UnitState.WAITING: -fresh, UnitState.CLAIMED: fresh})
    rows = db.execute(_TAKEN, which | {"of_keys": [row.key for row in found]})
    return list(zip(rows, [row.worker for row in found], strict=True))


def _still_tried(db: Connection, claimed: list[Claimed]) -> list[Row[Any]]:
    """Return the rows of those that may be tried; one that ends whoever works on it is given up."""
    for row, before in claimed:
        if row.deaths >= MOST_DEATHS:
            error = (
                f"{row.deaths} processes in a row that worked on it ended without a word, the last one was "
                f"{before or 'unnamed'}; it may need more memory than they have, see their logs"
            )
            move_unit(db, row, UnitState.FAILED, claimed_until=0.0, failure=Failure.PERMANENT, error=error)
    return [row for row, _ in claimed if row.deaths < MOST_DEATHS]
