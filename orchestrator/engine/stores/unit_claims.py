"""How units are claimed: the first ones that may be, each by one claimer, whoever else claims at the same moment."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, select, tuple_, union_all, update
from sqlalchemy.sql.dml import ReturningUpdate

from orchestrator.engine.stores.dialect import locks_rows
from orchestrator.engine.stores.schema import units
from orchestrator.engine.stores.unit_rows import count_units, move_unit, needs_of, row_of_unit, unit_of
from orchestrator.model.states import UnitState
from orchestrator.model.unit import Unit

_OF_KIND = and_(units.c.run_id == bindparam("of_run"), units.c.kind == bindparam("of_kind"))
# What a unit needs may have been lost while somebody had it: it is claimed by nobody until it is there again.
_FRESH = and_(_OF_KIND, units.c.state == UnitState.WAITING, units.c.lacking == 0, units.c.next_at <= bindparam("now"))
_LAPSED = and_(
    _OF_KIND, units.c.state == UnitState.CLAIMED, units.c.lacking == 0, units.c.claimed_until <= bindparam("now")
)
_DUE, _OVER = (select(units).where(here).order_by(units.c.key).limit(bindparam("most")) for here in (_FRESH, _LAPSED))


def _claim_at_once() -> ReturningUpdate[Any]:
    """
    Return the one statement that claims beside others, at the same moment: what they have taken is passed over.

    Each half reads the index in its order; both together as one condition would sort all that waits.
    """
    names = (units.c.run_id, units.c.kind, units.c.key, units.c.state)
    fresh, lapsed = (
        select(*names)
        .where(here)
        .order_by(units.c.key)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte(name)
        for here, name in ((_FRESH, "fresh"), (_LAPSED, "lapsed"))
    )
    both = union_all(select(fresh), select(lapsed)).subquery()
    due = select(both).order_by(both.c.key).limit(bindparam("most")).cte("due")
    same = tuple_(units.c.run_id, units.c.kind, units.c.key) == tuple_(due.c.run_id, due.c.kind, due.c.key)
    taken = {"state": UnitState.CLAIMED, "attempt": units.c.attempt + 1, "fence": units.c.fence + 1}
    claimed = update(units).where(same).values(**taken, claimed_until=bindparam("until"))
    return claimed.returning(*units.c, due.c.state.label("was"))


_CLAIM = _claim_at_once()


def claim_units(db: Connection, run_id: str, kind: str, limit: int, *, now: float, until: float) -> list[Unit]:
    """Take the first units that may be claimed: see `contract_work.Units.claim`."""
    which = {"of_run": run_id, "of_kind": kind, "now": now, "most": limit}
    claim = _claim_beside if locks_rows(db) else _claim_alone
    taken = claim(db, which, until)
    needs = needs_of(db, run_id, [kind], [row.key for row in taken])
    return [unit_of(row, needs.get((kind, row.key), ())) for row in taken]


def _claim_beside(db: Connection, which: dict[str, Any], until: float) -> list[Row[Any]]:
    rows = sorted(db.execute(_CLAIM, which | {"until": until}), key=lambda row: row.key)
    if fresh := sum(row.was == UnitState.WAITING for row in rows):
        count_units(db, which["of_run"], which["of_kind"], {UnitState.WAITING: -fresh, UnitState.CLAIMED: fresh})
    return rows


def _claim_alone(db: Connection, which: dict[str, Any], until: float) -> list[Row[Any]]:
    found = sorted([*db.execute(_DUE, which), *db.execute(_OVER, which)], key=lambda row: row.key)[: which["most"]]
    for row in found:
        move_unit(db, row, UnitState.CLAIMED, attempt=row.attempt + 1, fence=row.fence + 1, claimed_until=until)
    return [row_of_unit(db, row.run_id, row.kind, row.key) for row in found]
