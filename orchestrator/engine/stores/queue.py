"""The runs that have not ended, as little of each as choosing one needs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.records import Waiting
from orchestrator.engine.stores.rows import OPEN_STATES
from orchestrator.engine.stores.schema import runs
from orchestrator.model.states import RunState, Who

_C = runs.c
_QUERY = (
    select(_C.id, _C.declaration, _C.state, _C.who, _C.next_at, _C.created, _C.priority, _C.finish_by, _C.request)
    .where(runs.c.state.in_(OPEN_STATES))
    .order_by(runs.c.created, runs.c.id)
)


class SqlQueue:
    """See `contract.Queue`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def waiting(self) -> list[Waiting]:
        with self._db.read() as db:
            return [
                Waiting(
                    r.id,
                    r.declaration,
                    RunState(r.state),
                    Who(r.who),
                    r.next_at,
                    datetime.fromisoformat(r.created).timestamp(),
                    r.priority,
                    r.finish_by,
                    r.request,
                )
                for r in db.execute(_QUERY)
            ]
