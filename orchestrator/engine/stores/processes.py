"""Which processes work on this state, and when they were last heard of."""

from __future__ import annotations

import json
from dataclasses import asdict

from sqlalchemy import delete, select

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_or_update
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.engine.stores.schema import processes

_BEAT = insert_or_update(processes, ["name"], ["host", "pid", "started", "beat", "facts"])


class SqlProcesses:
    """See `contract.Processes`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def beat(self, process: ProcessRow) -> None:
        row = asdict(process) | {"facts": json.dumps(dict(process.facts), default=str)}
        with self._db.write() as db:
            db.execute(_BEAT, row)

    def at(self, name: str) -> ProcessRow | None:
        with self._db.read() as db:
            row = db.execute(select(processes).where(processes.c.name == name)).first()
        return ProcessRow(row.name, row.host, row.pid, row.started, row.beat, json.loads(row.facts)) if row else None

    def end(self, name: str, pid: int) -> None:
        with self._db.write() as db:
            db.execute(delete(processes).where(processes.c.name == name, processes.c.pid == pid))
