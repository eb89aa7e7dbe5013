"""Notifications on their way: written from what happened, sent at least once, forgotten after a while."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, insert, not_, select, update

from orchestrator.core import crash
from orchestrator.engine.stores.contract_watch import Draft, Happening, Message
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_where_absent
from orchestrator.engine.stores.rows import OPEN_STATES
from orchestrator.engine.stores.schema import events, outbox, runs
from orchestrator.model.states import RunState

# The row of no target: what happened up to its sequence is told to nobody.
_BEGUN = {"event": "begun", "target": "", "content": "{}", "outcome": "begun"}
_LAST = select(func.coalesce(func.max(events.c.sequence), 0))
_HEARD = select(func.coalesce(func.max(outbox.c.sequence), 0))
_WRITE = insert_where_absent(outbox, ["sequence", "target"])
_PENDING = outbox.c.outcome == ""
_IS_ENDED = outbox.c.outcome.not_in(["", "begun"])


class SqlOutbox:
    """See `contract_watch.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(self) -> None:
        with self._db.write() as db:
            if db.execute(select(outbox.c.id).limit(1)).first() is None:
                row = {**_BEGUN, "sequence": db.execute(_LAST).scalar_one(), "at": self._db.now()}
                db.execute(insert(outbox).values(row))

    def heard(self) -> int:
        return self._number(_HEARD)

    def last(self) -> int:
        return self._number(_LAST)

    def _number(self, query: Any) -> int:
        with self._db.read() as db:
            return int(db.execute(query).scalar_one())

    def happened(self, after: int, names: Collection[str], limit: int = 1000) -> list[Happening]:
        columns = (events.c.sequence, events.c.run_id, events.c.at, events.c.name, events.c.facts)
        here = (events.c.sequence > after, events.c.name.in_(names))
        with self._db.read() as db:
            found = db.execute(select(*columns).where(*here).order_by(events.c.sequence).limit(limit))
            return [Happening(*row) for row in found]

    def write(self, drafts: Sequence[Draft]) -> int:
        if not drafts:
            return 0
        with self._db.write() as db:
            before = _count(db)
            db.execute(_WRITE, [asdict(draft) for draft in drafts])
            crash.point("outbox.written")
            return _count(db) - before

    def claim(self, limit: int, until: float) -> list[Message]:
        with self._db.write() as db:
            due = (_PENDING, outbox.c.next_at <= self._db.seconds())
            rows = db.execute(select(outbox).where(*due).order_by(outbox.c.id).limit(limit)).all()
            ids = [row.id for row in rows]
            db.execute(update(outbox).where(outbox.c.id.in_(ids)).values(next_at=until))
            return [_message(row) for row in rows]

    def again(self, message_id: int, next_at: float, why: str) -> None:
        with self._db.write() as db:
            tried = {"tries": outbox.c.tries + 1, "next_at": next_at, "error": why}
            db.execute(update(outbox).where(outbox.c.id == message_id, _PENDING).values(**tried))

    def end(self, message_id: int, outcome: str) -> None:
        with self._db.write() as db:
            db.execute(update(outbox).where(outbox.c.id == message_id, _PENDING).values(outcome=outcome))

    def latest(self, limit: int = 50, *, run_id: str = "") -> list[Message]:
        here = outbox.c.run_id == run_id if run_id else outbox.c.target != ""
        query = select(outbox).where(here).order_by(outbox.c.id.desc()).limit(limit)
        with self._db.read() as db:
            return [_message(row) for row in db.execute(query)]

    def was_said(self, run_id: str, name: str, since: str = "") -> bool:
        here = (events.c.run_id == run_id, events.c.name == name, events.c.at >= since)
        query = select(events.c.sequence).where(*here).limit(1)
        with self._db.read() as db:
            return db.execute(query).first() is not None

    def going_on(self, held: Collection[str], after: str, progress: Collection[str]) -> list[Message]:
        open_ids = select(runs.c.id).where(runs.c.state.in_(OPEN_STATES), runs.c.state != RunState.HELD)
        last = select(func.max(outbox.c.id)).where(outbox.c.run_id.in_(open_ids)).group_by(outbox.c.run_id)
        since = (events.c.run_id == outbox.c.run_id, events.c.sequence > outbox.c.sequence)
        query = select(outbox).where(
            outbox.c.id.in_(last),
            outbox.c.event.in_(held),
            exists().where(*since, events.c.name.in_(progress)),
            not_(exists().where(*since, events.c.name == after)),
        )
        with self._db.read() as db:
            return [_message(row) for row in db.execute(query)]

    def bound(self, pending: int, ended: int, since: str) -> int:
        with self._db.write() as db:
            too_many = _beyond(_PENDING, pending)
            given_up = db.execute(
                update(outbox).where(_PENDING, too_many).values(outcome=f"given up: more than {pending} waited")
            ).rowcount
            old = (_IS_ENDED, (outbox.c.at < since) | _beyond(_IS_ENDED, ended))
            # The newest one says what was heard of: see `heard`.
            db.execute(delete(outbox).where(*old, outbox.c.sequence < _HEARD.scalar_subquery()))
            return given_up


def _beyond(here: ColumnElement[bool], newest: int) -> ColumnElement[bool]:
    """Tell which rows are not among the newest of their kind."""
    oldest_kept = select(outbox.c.id).where(here).order_by(outbox.c.id.desc()).limit(1).offset(newest)
    return outbox.c.id <= func.coalesce(oldest_kept.scalar_subquery(), 0)


def _count(db: Connection) -> int:
    return db.execute(select(func.count()).select_from(outbox)).scalar_one()


def _message(row: Row[Any]) -> Message:
    return Message(
        row.id,
        row.sequence,
        row.event,
        row.run_id,
        row.at,
        row.target,
        row.content,
        row.tries,
        row.next_at,
        row.outcome,
        row.error,
    )
