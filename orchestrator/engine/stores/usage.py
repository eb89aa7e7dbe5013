"""What runs have cost and may still cost, in EECU-seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, select, update

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_and_add, insert_or_update
from orchestrator.engine.stores.rows import OPEN_STATES
from orchestrator.engine.stores.schema import attempts, runs, usage
from orchestrator.engine.stores.work_records import MonthUse, UsageRow

BATCH, RESERVED = "batch", "reserved"
_KEY = ("run_id", "month", "kind")
_ADD = insert_and_add(usage, _KEY, ["eecu_seconds"])
_RESERVE = insert_or_update(usage, _KEY, ["eecu_seconds"])
_AT_ONCE = 500  # descriptions in one query; SQLite takes 32,766 variables
_COUNTED = usage.c.kind != RESERVED
_OF_ATTEMPT = update(attempts).where(
    attempts.c.run_id == bindparam("of_run"),
    attempts.c.task == bindparam("of_task"),
    attempts.c.number == bindparam("of_number"),
)


class SqlUsage:
    """See `contract_work.Costs`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def count(self, spent: Mapping[str, float], month: str) -> None:
        for some in _chunks(sorted(spent)):
            if any(self._news(some, spent)):
                with self._db.write() as db:
                    _count(db, some, spent, month)

    def _news(self, some: Sequence[str], spent: Mapping[str, float]) -> Iterator[bool]:
        """Tell of each attempt whether it has cost more than is counted: most looks bring nothing new."""
        with self._db.read() as db:
            known = db.execute(_known(some)).all()
        return (spent[row.description] > row.eecu_seconds for row in known)

    def of(self, run_ids: Sequence[str]) -> Mapping[str, float]:
        query = select(usage.c.run_id, func.sum(usage.c.eecu_seconds)).group_by(usage.c.run_id)
        with self._db.read() as db:
            rows = db.execute(query.where(usage.c.run_id.in_(run_ids), _COUNTED)).all()
        return {row[0]: row[1] for row in rows}

    def months(self, month: str = "", limit: int = 1000) -> list[UsageRow]:
        query = select(usage, runs.c.job_name).join(runs, runs.c.id == usage.c.run_id).where(_COUNTED)
        query = query.where(usage.c.month == month) if month else query
        newest = query.order_by(usage.c.month.desc(), usage.c.eecu_seconds.desc(), usage.c.run_id).limit(limit)
        with self._db.read() as db:
            return [UsageRow(r.run_id, r.job_name, r.month, r.kind, r.eecu_seconds) for r in db.execute(newest)]

    def in_month(self, month: str, but: str = "") -> MonthUse:
        with self._db.read() as db:
            return _in_month(db, month, but)

    def reserve(self, run_id: str, seconds: float, *, month: str, limit: float) -> MonthUse | None:
        with self._db.write() as db:
            found = _in_month(db, month, run_id)
            if limit and found.used + found.reserved + seconds > limit:
                return found
            row = {"run_id": run_id, "month": "", "kind": RESERVED, "eecu_seconds": seconds}
            db.execute(_RESERVE, row)
        return None

    def release(self, run_id: str) -> None:
        with self._db.write() as db:
            db.execute(delete(usage).where(usage.c.run_id == run_id, usage.c.kind == RESERVED))


def _known(some: Sequence[str]) -> Select[Any]:
    return select(attempts).where(attempts.c.description.in_(some))


def _count(db: Connection, some: Sequence[str], spent: Mapping[str, float], month: str) -> None:
    for row in db.execute(_known(some)).all():
        more = spent[row.description] - row.eecu_seconds
        if more > 0:
            this = {"of_run": row.run_id, "of_task": row.task, "of_number": row.number}
            db.execute(_OF_ATTEMPT.values(eecu_seconds=spent[row.description]), this)
            db.execute(_ADD, {"run_id": row.run_id, "month": month, "kind": BATCH, "eecu_seconds": more})


def _in_month(db: Connection, month: str, but: str) -> MonthUse:
    total = func.coalesce(func.sum(usage.c.eecu_seconds), 0.0)
    used = db.execute(select(total).where(usage.c.month == month, _COUNTED)).scalar_one()
    # What an ended run had reserved is nobody's any more.
    open_ = select(total).join(runs, runs.c.id == usage.c.run_id).where(runs.c.state.in_(OPEN_STATES))
    reserved = db.execute(open_.where(usage.c.kind == RESERVED, usage.c.run_id != but)).scalar_one()
    return MonthUse(float(used), float(reserved))


def _chunks(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE))
