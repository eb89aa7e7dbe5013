"""The limits that all processes of a state share, and who has how much of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, select

from orchestrator.engine.stores import room
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.limit_records import Ask, Complaint, Grant, LimitRow, LimitShare, Shortage, Within
from orchestrator.engine.stores.limit_rows import bury, grant_of, limit_of, living, put_grant, read_limit, write_limit
from orchestrator.engine.stores.rows import OPEN_STATES
from orchestrator.engine.stores.schema import grants, limits, runs
from orchestrator.engine.stores.sharing import grown, shares, slowed

# Beginnings a second are granted beside things at once, under this name.
RATE = "@second"


class SqlLimits:
    """See `contract_limits.SharedLimits`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, name: str) -> LimitRow | None:
        with self._db.read() as db:
            return read_limit(db, name)

    def all(self) -> tuple[Sequence[LimitRow], Sequence[Grant]]:
        with self._db.read() as db:
            rows = [limit_of(row) for row in db.execute(select(limits).order_by(limits.c.name))]
            # What an ended run had is taken back when another leaves; until then it counts no more than in `room`.
            ended = select(runs.c.id).where(runs.c.state.not_in(OPEN_STATES))
            lasting = select(grants).where(grants.c.holder.not_in(ended))
            held = [grant_of(row) for row in db.execute(lasting.order_by(grants.c.name, grants.c.holder))]
        now = self._db.seconds()
        return rows, [grant for grant in held if grant.until > now]

    def share(self, ask: Ask) -> LimitShare:
        now = self._db.seconds()
        with self._db.write() as db:
            kept = read_limit(db, ask.name)
            row = kept or LimitRow(ask.name, float(ask.most))
            row = grown(row, ask.most, ask.successes if now >= row.resume else 0)
            others = _others(db, ask.name, ask.holder, now)
            rates = _others(db, ask.name + RATE, ask.holder, now)
            wanted = {grant.holder: int(grant.wanted) for grant in others} | {ask.holder: ask.wanted}
            total = max(1, int(min(row.allowed, ask.most)))
            free = max(0, total - int(_sum(others)))
            amount = min(shares(total, wanted, now)[ask.holder], free)
            wanting = sum(grant.wanted > 0 for grant in others) + 1
            per_second = max(0.0, min(ask.per_second / wanting, ask.per_second - _sum(rates)))
            if kept != row:
                write_limit(db, replace(row, updated=now))
            until = now + ask.lease_seconds
            # What is under way stays granted until it ends; nothing begins in its place.
            put_grant(db, Grant(ask.name, ask.holder, max(amount, ask.in_use), ask.wanted, until))
            if ask.per_second < float("inf"):
                put_grant(db, Grant(ask.name + RATE, ask.holder, per_second, ask.wanted, until))
        return LimitShare(amount, per_second, row, {grant.holder: grant.amount for grant in others})

    def throttle(self, complaint: Complaint) -> LimitRow:
        now = self._db.seconds()
        with self._db.write() as db:
            row = read_limit(db, complaint.name) or LimitRow(complaint.name, complaint.most)
            after = slowed(row, complaint, now)
            if after != row:
                write_limit(db, replace(after, updated=now))
        return after

    def observe(self, name: str, allowed: float, facts: Mapping[str, Any]) -> None:
        with self._db.write() as db:
            row = read_limit(db, name) or LimitRow(name, allowed)
            write_limit(db, replace(row, allowed=allowed, facts={**row.facts, **facts}, updated=self._db.seconds()))

    def granted(self, name: str, holder: str) -> Grant | None:
        with self._db.read() as db:
            row = db.execute(select(grants).where(grants.c.name == name, grants.c.holder == holder)).first()
        return grant_of(row) if row else None

    def hold(self, grant: Grant) -> None:
        with self._db.write() as db:
            put_grant(db, grant)

    def give_up(self, name: str, holder: str) -> None:
        with self._db.write() as db:
            db.execute(delete(grants).where(grants.c.name.in_([name, name + RATE]), grants.c.holder == holder))

    def shortage(self, run_id: str, within: Within) -> Shortage | None:
        now = self._db.seconds()
        with self._db.read() as db:
            return room.shortage(db, run_id, within, now)

    def register(self, run_id: str, within: Within, *, full: bool) -> None:
        now = self._db.seconds()
        with self._db.write() as db:
            room.register(db, run_id, within, now)
            if full:
                room.set_full(db, within, full=True, now=now)

    def leave(self, name: str, run_id: str) -> None:
        with self._db.write() as db:
            room.leave(db, name, run_id)

    def calm(self, name: str) -> None:
        with self._db.write() as db:
            row = read_limit(db, name)
            if row is not None and row.throttled:
                write_limit(db, replace(row, throttled=0, why=""))


def _others(db: Connection, name: str, holder: str, now: float) -> list[Grant]:
    """Return what other holders have of a limit; what the dead had is taken back."""
    alive = living(db, name, now)
    bury(db, name, [*alive, Grant(name, holder, 0.0, 0.0, now)])
    return [grant for grant in alive if grant.holder != holder]


def _sum(held: Iterable[Grant]) -> float:
    return sum(grant.amount for grant in held)
