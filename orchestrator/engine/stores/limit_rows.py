"""Single rows of limits and grants, for those who read and write them in a transaction of their own."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from orchestrator.core.process import is_gone
from orchestrator.engine.stores.dialect import insert_or_update
from orchestrator.engine.stores.limit_records import Grant, LimitRow
from orchestrator.engine.stores.schema import grants, limits

_PUT_LIMIT = insert_or_update(limits, ["name"], ["allowed", "resume", "why", "throttled", "facts", "updated"])
_PUT_GRANT = insert_or_update(grants, ["name", "holder"], ["amount", "wanted", "until"])


def read_limit(db: Connection, name: str) -> LimitRow | None:
    """Return a limit, None where nothing was written of it."""
    row = db.execute(select(limits).where(limits.c.name == name)).first()
    return limit_of(row) if row else None


def write_limit(db: Connection, row: LimitRow) -> None:
    """Write a limit down."""
    db.execute(_PUT_LIMIT, asdict(replace(row, facts={})) | {"facts": json.dumps(dict(row.facts))})


def living(db: Connection, name: str, now: float) -> list[Grant]:
    """Return what is granted of a limit to holders whose time is not over and who have not ended."""
    held = [grant_of(row) for row in db.execute(select(grants).where(grants.c.name == name, grants.c.until > now))]
    return [grant for grant in held if not is_gone(grant.holder)]


def bury(db: Connection, name: str, alive: list[Grant]) -> None:
    """Take back what the dead had of a limit."""
    holders = [grant.holder for grant in alive]
    db.execute(delete(grants).where(grants.c.name == name, grants.c.holder.not_in(holders)))


def put_grant(db: Connection, grant: Grant) -> None:
    """Write down what a holder has."""
    db.execute(_PUT_GRANT, asdict(grant))


def limit_of(row: Row[Any]) -> LimitRow:
    """Return the limit that a row is."""
    return LimitRow(**row._asdict() | {"facts": json.loads(row.facts)})


def grant_of(row: Row[Any]) -> Grant:
    """Return the grant that a row is."""
    return Grant(row.name, row.holder, row.amount, row.wanted, row.until)
