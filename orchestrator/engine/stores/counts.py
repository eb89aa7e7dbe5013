"""How much there is of everything, for whoever watches from outside: counted in one transaction that only reads."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, func, select

from orchestrator.engine.stores.contract_watch import Census
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.rows import OPEN_STATES
from orchestrator.engine.stores.schema import (
    outbox,
    part_counts,
    runs,
    tasks,
    unit_counts,
    units,
)
from orchestrator.model.states import RunState, UnitState

_OPEN = select(runs.c.id).where(runs.c.state.in_(OPEN_STATES)).scalar_subquery()
_BY_STATE = select(runs.c.state, func.count()).group_by(runs.c.state)
_HELD = select(runs.c.who, func.count()).where(runs.c.state == RunState.HELD).group_by(runs.c.who)
_TASKS = select(tasks.c.state, func.count()).group_by(tasks.c.state)
_PARTS = select(part_counts.c.state, func.sum(part_counts.c.parts), func.sum(part_counts.c.bytes)).group_by(
    part_counts.c.state
)
_UNITS = select(unit_counts.c.kind, unit_counts.c.state, func.sum(unit_counts.c.units)).group_by(
    unit_counts.c.kind, unit_counts.c.state
)
_TASK_FAILURES = (
    select(tasks.c.failure, func.count())
    .where(tasks.c.run_id.in_(_OPEN), tasks.c.failure != "")
    .group_by(tasks.c.failure)
)
_UNIT_FAILURES = (
    select(units.c.failure, func.count())
    .where(units.c.run_id.in_(_OPEN), units.c.state == UnitState.FAILED)
    .group_by(units.c.failure)
)
_SUCCEEDED = (
    select(runs.c.job_name, func.max(runs.c.updated)).where(runs.c.state == RunState.CLEANED).group_by(runs.c.job_name)
)
_LEASE = select(func.min(runs.c.lease_until)).where(
    runs.c.state.in_(OPEN_STATES), runs.c.worker != "", runs.c.lease_until > 0
)
_PENDING = select(func.count(), func.min(outbox.c.at)).where(outbox.c.outcome == "")
_GIVEN_UP = select(func.count()).where(outbox.c.outcome.not_in(["", "sent", "begun"]))


class SqlCounts:
    """See `contract_watch.Censuses`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def census(self) -> Census:
        with self._db.read() as db:
            parts = db.execute(_PARTS).all()
            pending, oldest = db.execute(_PENDING).one()
            return Census(
                runs=_counted(db, _BY_STATE),
                held=_counted(db, _HELD),
                tasks=_counted(db, _TASKS),
                parts={row[0]: int(row[1]) for row in parts},
                part_bytes={row[0]: int(row[2]) for row in parts},
                units={(row[0], row[1]): int(row[2]) for row in db.execute(_UNITS)},
                failures=Counter(_counted(db, _TASK_FAILURES)) + Counter(_counted(db, _UNIT_FAILURES)),
                oldest_lease=db.execute(_LEASE).scalar(),
                succeeded={row[0]: row[1] for row in db.execute(_SUCCEEDED)},
                messages={"pending": pending, "failed": db.execute(_GIVEN_UP).scalar_one()},
                oldest_message=oldest or "",
            )


def _counted(db: Connection, query: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in db.execute(query)}
