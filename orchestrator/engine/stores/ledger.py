"""The ledger: every object of ours in a cloud, and what became of it. Nothing is deleted that is not in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, select, update

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_where_absent
from orchestrator.engine.stores.rows import object_of, object_text
from orchestrator.engine.stores.schema import ledger
from orchestrator.engine.stores.work_records import Owned
from orchestrator.model.objects import StoredObject

_ENTER = insert_where_absent(ledger, ["run_id", "name", "generation"])
_SETTLE = update(ledger).where(ledger.c.id == bindparam("of")).values(outcome=bindparam("to_outcome"))


class SqlLedger:
    """See `contract.Ledger`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def own(self, run_id: str, objects: Sequence[StoredObject]) -> None:
        with self._db.write() as db:
            enter(db, run_id, objects)

    def of(self, run_id: str, name: str = "") -> list[Owned]:
        query = select(ledger).where(ledger.c.run_id == run_id).order_by(ledger.c.id)
        with self._db.read() as db:
            rows = db.execute(query.where(ledger.c.name == name) if name else query)
            return [Owned(r.id, object_of(r.object), r.outcome) for r in rows]

    def names(self, run_id: str) -> frozenset[str]:
        with self._db.read() as db:
            return frozenset(db.execute(select(ledger.c.name).where(ledger.c.run_id == run_id)).scalars())

    def settle(self, outcomes: Mapping[int, str]) -> None:
        if outcomes:
            with self._db.write() as db:
                db.execute(_SETTLE, [{"of": owned, "to_outcome": outcome} for owned, outcome in outcomes.items()])


def enter(db: Connection, run_id: str, objects: Sequence[StoredObject]) -> None:
    """Enter objects of ours; one that is there keeps its outcome."""
    rows = [
        {"run_id": run_id, "name": s.name, "generation": s.generation, "object": object_text(s), "outcome": ""}
        for s in objects
    ]
    if rows:
        db.execute(_ENTER, rows)
