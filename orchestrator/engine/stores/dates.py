"""What became of the dates that schedules named: fired, or skipped and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_where_absent
from orchestrator.engine.stores.records import DateRow, PreviousRun
from orchestrator.engine.stores.rows import OPEN_STATES
from orchestrator.engine.stores.schema import fires, runs
from orchestrator.model.states import RunState


class SqlDates:
    """See `contract.Dates`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def known(self, job_name: str, names: Collection[str]) -> frozenset[str]:
        if not names:
            return frozenset()
        mine = (fires.c.job_name == job_name, fires.c.logical_date.between(min(names), max(names)))
        with self._db.read() as db:
            return frozenset(db.execute(select(fires.c.logical_date).where(*mine)).scalars()) & frozenset(names)

    def last(self, job_name: str, until: str, limit: int) -> list[str]:
        mine = (fires.c.job_name == job_name, fires.c.logical_date < until)
        query = select(fires.c.logical_date).where(*mine).order_by(fires.c.logical_date.desc()).limit(limit)
        with self._db.read() as db:
            return list(db.execute(query).scalars())

    def skip(self, job_name: str, reasons: Mapping[str, str]) -> None:
        self._insert([{"job_name": job_name, "logical_date": name, "skipped": why} for name, why in reasons.items()])

    def settle(self, job_name: str, name: str) -> None:
        self._insert([{"job_name": job_name, "logical_date": name, "skipped": ""}])

    def unfinished(self, job_name: str) -> list[PreviousRun]:
        query = (
            select(runs.c.id, runs.c.logical_date, runs.c.state)
            .join(fires, fires.c.run_id == runs.c.id)
            .where(fires.c.job_name == job_name, runs.c.state.in_(OPEN_STATES))
            .order_by(runs.c.created)
        )
        with self._db.read() as db:
            return [PreviousRun(row.id, row.logical_date, RunState(row.state)) for row in db.execute(query)]

    def latest(self, limit: int = 50, *, skipped_since: str = "") -> list[DateRow]:
        query = select(fires).order_by(fires.c.at.desc(), fires.c.logical_date.desc()).limit(limit)
        if skipped_since:
            query = query.where(fires.c.skipped != "", fires.c.at >= skipped_since)
        with self._db.read() as db:
            return [DateRow(r.job_name, r.logical_date, r.run_id, r.at, r.skipped) for r in db.execute(query)]

    def _insert(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Write rows where there are none: the first word about a date is the last."""
        if not rows:
            return
        now = self._db.now()
        with self._db.write() as db:
            db.execute(insert_where_absent(fires), [{**row, "run_id": "", "at": now} for row in rows])
