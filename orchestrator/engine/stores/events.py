"""What happened to each run, for people, and how fast it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import whole_sum
from orchestrator.engine.stores.group_commit import GroupCommit
from orchestrator.engine.stores.records import EventRow
from orchestrator.engine.stores.schema import events
from orchestrator.engine.stores.work_records import Pace

_RECORD = insert(events)
_WRITE_FACTS = json.JSONEncoder(default=str).encode
_ARRIVALS = ("part.downloaded", "request.answered")  # each brought one piece of a result, and says its bytes


RunEvent = tuple[str, str, Mapping[str, Any]]  # a run, what happened to it, and its facts


def record_events(db: Connection, at: str, told: Sequence[RunEvent]) -> None:
    """Write down what happened at one moment, RFC 3339."""
    rows = [
        {"run_id": run_id, "at": at, "name": name, "facts": _WRITE_FACTS(dict(facts)), "bytes": facts.get("bytes", 0)}
        for run_id, name, facts in told
    ]
    if rows:
        db.execute(_RECORD, rows)


@dataclass(slots=True, eq=False)
class _Told:
    """What is to be written down, and whether it was."""

    event: RunEvent
    is_written: bool = False


class SqlEvents:
    """See `contract.Events`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._together: GroupCommit[_Told] = GroupCommit()

    def record(self, run_id: str, name: str, facts: Mapping[str, Any]) -> None:
        event = _Told((run_id, name, facts))
        while not event.is_written:  # where another's transaction failed that had it, too, it is tried again
            for batch in self._together.batches(run_id, event):
                with self._db.write() as db:
                    record_events(db, self._db.now(), [each.event for each in batch])
                for each in batch:
                    each.is_written = True

    def latest(self, run_id: str, limit: int = 50, *, after: int = 0) -> list[EventRow]:
        here = (events.c.run_id == run_id, events.c.sequence > after)
        query = select(events).where(*here).order_by(events.c.sequence.desc()).limit(limit)
        with self._db.read() as db:
            rows = [EventRow(r.sequence, r.at, r.name, r.facts) for r in db.execute(query)]
        return rows[::-1]

    def since(self, run_id: str, after: int, limit: int) -> list[EventRow]:
        here = (events.c.run_id == run_id, events.c.sequence > after)
        query = select(events).where(*here).order_by(events.c.sequence).limit(limit)
        with self._db.read() as db:
            return [EventRow(r.sequence, r.at, r.name, r.facts) for r in db.execute(query)]

    def paces(self, run_ids: Sequence[str], since: str) -> Mapping[str, Pace]:
        weight = whole_sum(events.c.bytes)
        query = select(events.c.run_id, func.count(), weight, func.min(events.c.at), func.max(events.c.at)).where(
            events.c.run_id.in_(run_ids), events.c.name.in_(_ARRIVALS), events.c.at >= since
        )
        with self._db.read() as db:
            return {row[0]: Pace(*row[1:]) for row in db.execute(query.group_by(events.c.run_id))}
