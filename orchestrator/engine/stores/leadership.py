"""Which daemon leads: until when, and under which number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from orchestrator.engine.stores.contract_leadership import LeadershipRow
from orchestrator.engine.stores.database import LEADER, Database, check_leadership
from orchestrator.engine.stores.dialect import insert_or_update
from orchestrator.engine.stores.schema import leadership

_ROW = select(leadership).where(leadership.c.name == LEADER)
_TAKE = insert_or_update(leadership, ["name"], ["worker", "fence", "lease_until"])
_KEEP = update(leadership).where(leadership.c.name == LEADER).values(lease_until=bindparam("until"))


class SqlLeadership:
    """See `contract_leadership.Leadership`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def at(self) -> LeadershipRow:
        with self._db.read() as db:
            return _told(db.execute(_ROW).first(), self._db.server_seconds(db))

    def claim(self, worker: str, seconds: float, is_gone: Callable[[str], bool]) -> LeadershipRow | None:
        with self._db.write() as db:
            now = self._db.server_seconds(db)
            before = _told(db.execute(_ROW).first(), now)
            if before.left_seconds > 0 and not is_gone(before.worker):
                return None
            fence = before.fence + 1
            db.execute(_TAKE, {"name": LEADER, "worker": worker, "fence": fence, "lease_until": now + seconds})
            return LeadershipRow(before.worker, fence, seconds, before.is_kept)

    def renew(self, fence: int, seconds: float) -> None:
        with self._db.write() as db:
            check_leadership(db, fence)
            db.execute(_KEEP, {"until": self._db.server_seconds(db) + seconds})

    def release(self, fence: int) -> None:
        with self._db.write() as db:
            check_leadership(db, fence)
            db.execute(_KEEP, {"until": 0.0})


def _told(row: Row[Any] | None, now: float) -> LeadershipRow:
    if row is None:
        return LeadershipRow("", 0, 0.0, is_kept=False)
    is_kept = row.lease_until > 0
    return LeadershipRow(row.worker, row.fence, row.lease_until - now if is_kept else 0.0, is_kept)
