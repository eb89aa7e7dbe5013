"""Which processes work on this state, and when they were last heard of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_or_update
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.engine.stores.schema import processes

_BEAT = insert_or_update(processes, ["name"], ["host", "pid", "started", "beat", "facts"])


class SqlProcesses:
    """See `contract.Processes`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(self, process: ProcessRow, is_in_the_way: Callable[[ProcessRow], bool]) -> ProcessRow | None:
        with self._db.write() as db:
            for other in _of(db, process.name.split(" ")[0]):
                if is_in_the_way(other):
                    return other
            db.execute(_BEAT, _written(process))
            return None

    def beat(self, process: ProcessRow) -> None:
        with self._db.write() as db:
            db.execute(_BEAT, _written(process))

    def at(self, name: str) -> ProcessRow | None:
        with self._db.read() as db:
            row = db.execute(select(processes).where(processes.c.name == name)).first()
        return process_of(row) if row else None

    def of(self, kind: str) -> list[ProcessRow]:
        with self._db.read() as db:
            return _of(db, kind)

    def forget(self, kind: str, before: float) -> None:
        with self._db.write() as db:
            old = and_(processes.c.name.startswith(f"{kind} ", autoescape=True), processes.c.beat < before)
            db.execute(delete(processes).where(old))

    def end(self, name: str, pid: int) -> None:
        with self._db.write() as db:
            db.execute(delete(processes).where(processes.c.name == name, processes.c.pid == pid))


def _of(db: Connection, kind: str) -> list[ProcessRow]:
    mine = or_(processes.c.name == kind, processes.c.name.startswith(f"{kind} ", autoescape=True))
    return [process_of(row) for row in db.execute(select(processes).where(mine).order_by(processes.c.beat.desc()))]


def process_of(row: Row[Any]) -> ProcessRow:
    """Return a row of the table as what it says."""
    return ProcessRow(row.name, row.host, row.pid, row.started, row.beat, json.loads(row.facts))


def _written(process: ProcessRow) -> dict[str, Any]:
    return asdict(process) | {"facts": json.dumps(dict(process.facts), default=str)}
