"""Who has a run: until when, and under which number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Float, bindparam, select, update

from orchestrator.engine.stores.database import Database, check_fence
from orchestrator.engine.stores.dialect import database_now
from orchestrator.engine.stores.records import LeaseRow
from orchestrator.engine.stores.schema import runs

_LEFT = (runs.c.lease_until - database_now(bindparam("here", type_=Float()))).label("left_seconds")
_ROW = select(runs.c.worker, runs.c.fence, _LEFT).where(runs.c.id == bindparam("of_run"))
_KEPT = select(runs.c.id).where(runs.c.lease_until > 0)
_MINE = (runs.c.id == bindparam("of_run"), runs.c.fence == bindparam("of_fence"))
_RENEW = update(runs).where(*_MINE).values(lease_until=bindparam("until"))


class SqlLeases:
    """See `contract.Leases`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def claim(self, run_id: str, worker: str, *, seconds: float, is_gone: Callable[[str], bool]) -> LeaseRow | None:
        with self._db.write() as db:
            row = self._row(db, run_id)
            if row is None:
                return LeaseRow(worker, 0, seconds)
            if row.left_seconds > 0 and not is_gone(row.worker):
                return None
            until = self._db.server_seconds(db) + seconds
            taken = {"worker": worker, "fence": row.fence + 1, "lease_until": until}
            db.execute(update(runs).where(runs.c.id == run_id).values(**taken))
            return LeaseRow(worker, row.fence + 1, seconds)

    def at(self, run_id: str) -> LeaseRow:
        with self._db.read() as db:
            row = self._row(db, run_id)
        return LeaseRow(row.worker, row.fence, row.left_seconds) if row else LeaseRow("", 0, 0.0)

    def kept(self) -> Sequence[str]:
        with self._db.read() as db:
            return list(db.scalars(_KEPT))

    def renew(self, run_id: str, fence: int, seconds: float) -> None:
        self._change(run_id, fence, seconds)

    def release(self, run_id: str, fence: int) -> None:
        self._change(run_id, fence, None)

    def _change(self, run_id: str, fence: int, seconds: float | None) -> None:
        with self._db.write() as db:
            check_fence(db, run_id, fence)
            until = 0.0 if seconds is None else self._db.server_seconds(db) + seconds
            db.execute(_RENEW, {"of_run": run_id, "of_fence": fence, "until": until})

    def _row(self, db: Connection, run_id: str) -> Any:
        return db.execute(_ROW, {"of_run": run_id, "here": self._db.seconds()}).first()
