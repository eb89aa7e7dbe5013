"""Who has a run: until when, and under which number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, select, update

from orchestrator.engine.stores.database import Database, check_fence
from orchestrator.engine.stores.records import LeaseRow
from orchestrator.engine.stores.schema import runs

_ROW = select(runs.c.worker, runs.c.fence, runs.c.lease_until).where(runs.c.id == bindparam("of_run"))
_KEPT = select(runs.c.id).where(runs.c.lease_until > 0)
_MINE = (runs.c.id == bindparam("of_run"), runs.c.fence == bindparam("of_fence"))
_RENEW = update(runs).where(*_MINE).values(lease_until=bindparam("until"))


class SqlLeases:
    """See `contract.Leases`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def claim(
        self, run_id: str, worker: str, *, now: float, until: float, is_gone: Callable[[str], bool]
    ) -> LeaseRow | None:
        with self._db.write() as db:
            row = db.execute(_ROW, {"of_run": run_id}).first()
            if row is None:
                return LeaseRow(worker, 0, until)
            if row.lease_until > now and not is_gone(row.worker):
                return None
            taken = {"worker": worker, "fence": row.fence + 1, "lease_until": until}
            db.execute(update(runs).where(runs.c.id == run_id).values(**taken))
            return LeaseRow(worker, row.fence + 1, until)

    def at(self, run_id: str) -> LeaseRow:
        with self._db.read() as db:
            row = db.execute(_ROW, {"of_run": run_id}).first()
        return LeaseRow(row.worker, row.fence, row.lease_until) if row else LeaseRow("", 0, 0.0)

    def kept(self) -> Sequence[str]:
        with self._db.read() as db:
            return list(db.scalars(_KEPT))

    def renew(self, run_id: str, fence: int, until: float) -> None:
        self._change(run_id, fence, until)

    def release(self, run_id: str, fence: int) -> None:
        self._change(run_id, fence, 0.0)

    def _change(self, run_id: str, fence: int, until: float) -> None:
        with self._db.write() as db:
            check_fence(db, run_id, fence)
            db.execute(_RENEW, {"of_run": run_id, "of_fence": fence, "until": until})
