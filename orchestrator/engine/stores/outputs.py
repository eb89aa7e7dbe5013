"""Who owns which final path."""

from __future__ import annotations

import json

from sqlalchemy import bindparam, select, update

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import contains, insert_or_update
from orchestrator.engine.stores.records import RESULT, OutputRow
from orchestrator.engine.stores.schema import documents, outputs

_AT = select(outputs).where(outputs.c.path == bindparam("at_path"))
_CLAIM = insert_or_update(outputs, ["path"], ["run_id", "declaration"])


class SqlOutputs:
    """See `contract.Outputs`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def claim(self, path: str, run_id: str, declaration: str) -> None:
        with self._db.write() as db:
            db.execute(_CLAIM, {"path": path, "run_id": run_id, "declaration": declaration})

    def publish(self, path: str, run_id: str, sha256: str, size: int) -> None:
        mine = (outputs.c.path == path, outputs.c.run_id == run_id)
        with self._db.write() as db:
            db.execute(update(outputs).where(*mine).values(sha256=sha256, bytes=size))

    def at(self, path: str) -> OutputRow | None:
        with self._db.read() as db:
            row = db.execute(_AT, {"at_path": path}).first()
        return OutputRow(row.path, row.run_id, row.declaration, row.sha256, row.bytes) if row else None

    def results(self, path: str) -> list[str]:
        named = contains(documents.c.content, json.dumps(path))
        with self._db.read() as db:
            found = db.execute(select(documents.c.content).where(documents.c.name == RESULT, named)).scalars().all()
        return [text for text in found if json.loads(text).get("path") == path]
