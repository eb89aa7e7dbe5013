"""How units are claimed: the first ones that may be, each by one claimer, whoever else claims at the same moment."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, case, select, tuple_, union_all, update
from sqlalchemy.sql.dml import ReturningUpdate

from orchestrator.engine.stores.contract_work import MOST_DEATHS
from orchestrator.engine.stores.dialect import locks_rows
from orchestrator.engine.stores.schema import units
from orchestrator.engine.stores.unit_rows import count_units, move_unit, needs_of, row_of_unit, unit_of
from orchestrator.model.states import Failure, UnitState
from orchestrator.model.unit import Unit

_OF_KIND = and_(units.c.run_id == bindparam("of_run"), units.c.kind == bindparam("of_kind"))
# What a unit needs may have been lost while somebody had it: it is claimed by nobody until it is there again.
_FRESH = and_(_OF_KIND, units.c.state == UnitState.WAITING, units.c.lacking == 0, units.c.next_at <= bindparam("now"))
_UNHEARD = and_(
    _OF_KIND, units.c.state == UnitState.CLAIMED, units.c.lacking == 0, units.c.claimed_until <= bindparam("now")
)
_LAPSED = and_(_UNHEARD, units.c.deaths < MOST_DEATHS - 1)
_DEADLY = select(units).where(_UNHEARD, units.c.deaths >= MOST_DEATHS - 1).with_for_update(skip_locked=True)
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
    deaths = units.c.deaths + case((due.c.state == UnitState.CLAIMED, 1), else_=0)
    claimed = update(units).where(same).values(**taken, deaths=deaths)
    claimed = claimed.values(claimed_until=bindparam("until"), worker=bindparam("by"))
    return claimed.returning(*units.c, due.c.state.label("was"))


_CLAIM = _claim_at_once()


def may_claim(db: Connection, run_id: str, kind: str, now: float) -> bool:
    """Tell whether a unit of a kind can be claimed, or given up, now."""
    which = {"of_run": run_id, "of_kind": kind, "now": now, "most": 1}
    queries = (_DUE, select(units.c.key).where(_UNHEARD).limit(1))
    return any(db.execute(query, which).first() is not None for query in queries)


def claim_units(
    db: Connection, run_id: str, kind: str, limit: int, *, now: float, until: float, worker: str
) -> list[Unit]:
    """Take the first units that may be claimed: see `contract_work.Units.claim`."""
    which = {"of_run": run_id, "of_kind": kind, "now": now, "most": limit}
    _give_up_deadly(db, which)
    claim = _claim_beside if locks_rows(db) else _claim_alone
    taken = claim(db, which, {"until": until, "by": worker})
    needs = needs_of(db, run_id, [kind], [row.key for row in taken])
    return [unit_of(row, needs.get((kind, row.key), ())) for row in taken]


def _give_up_deadly(db: Connection, which: dict[str, Any]) -> None:
    """Give up units that end whoever works on them."""
    for row in db.execute(_DEADLY, which).all():
        error = (
            f"{row.deaths + 1} processes in a row that worked on it ended without a word, the last one was "
            f"{row.worker or 'unnamed'}; it may need more memory than they have, see their logs"
        )
        move_unit(db, row, UnitState.FAILED, claimed_until=0.0, failure=Failure.PERMANENT, error=error)


def _claim_beside(db: Connection, which: dict[str, Any], how: dict[str, Any]) -> list[Row[Any]]:
    rows = sorted(db.execute(_CLAIM, which | how), key=lambda row: row.key)
    if fresh := sum(row.was == UnitState.WAITING for row in rows):
        count_units(db, which["of_run"], which["of_kind"], {UnitState.WAITING: -fresh, UnitState.CLAIMED: fresh})
    return rows


def _claim_alone(db: Connection, which: dict[str, Any], how: dict[str, Any]) -> list[Row[Any]]:
    found = sorted([*db.execute(_DUE, which), *db.execute(_OVER, which)], key=lambda row: row.key)[: which["most"]]
    for row in found:
        taken = {"attempt": row.attempt + 1, "fence": row.fence + 1, "claimed_until": how["until"], "worker": how["by"]}
        deaths = row.deaths + (row.state == UnitState.CLAIMED)
        move_unit(db, row, UnitState.CLAIMED, **taken, deaths=deaths)
    return [row_of_unit(db, row.run_id, row.kind, row.key) for row in found]
