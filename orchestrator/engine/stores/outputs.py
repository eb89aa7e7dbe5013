"""Who owns which final path."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.records import OutputRow
from orchestrator.engine.stores.schema import outputs


class SqlOutputs:
    """See `contract.Outputs`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def claim(self, path: str, run_id: str, declaration: str) -> None:
        mine = {"run_id": run_id, "declaration": declaration}
        statement = insert(outputs).values(path=path, **mine)
        with self._db.write() as db:
            db.execute(statement.on_conflict_do_update(index_elements=["path"], set_=mine))

    def publish(self, path: str, run_id: str, sha256: str, size: int) -> None:
        mine = (outputs.c.path == path, outputs.c.run_id == run_id)
        with self._db.write() as db:
            db.execute(update(outputs).where(*mine).values(sha256=sha256, bytes=size))

    def at(self, path: str) -> OutputRow | None:
        with self._db.read() as db:
            row = db.execute(select(outputs).where(outputs.c.path == path)).first()
        return OutputRow(row.path, row.run_id, row.declaration, row.sha256, row.bytes) if row else None
