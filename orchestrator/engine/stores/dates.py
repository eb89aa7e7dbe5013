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

_WALL = len("2026-01-01T01:30")
_C = fires.c
_ROW = (_C.job_name, _C.logical_date, _C.run_id, _C.at, _C.skipped, _C.triggered)


class SqlDates:
    """See `contract.Dates`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def known(self, job_name: str, walls: Collection[str]) -> frozenset[str]:
        if not walls:
            return frozenset()
        # An offset behind it makes a name greater than its time on the wall, and less than the next minute's.
        mine = (fires.c.job_name == job_name, fires.c.logical_date.between(min(walls), f"{max(walls)}~"))
        with self._db.read() as db:
            found = frozenset(db.execute(select(fires.c.logical_date).where(*mine)).scalars())
        return frozenset(name for name in found if name[:_WALL] in walls)

    def last(self, job_name: str, until: str, limit: int) -> list[str]:
        mine = (fires.c.job_name == job_name, fires.c.logical_date < until, fires.c.triggered.is_(False))
        query = select(fires.c.logical_date).where(*mine).order_by(fires.c.logical_date.desc()).limit(limit)
        with self._db.read() as db:
            return list(db.execute(query).scalars())

    def skip(self, job_name: str, reasons: Mapping[str, str]) -> None:
        self._insert([{"job_name": job_name, "logical_date": name, "skipped": why} for name, why in reasons.items()])

    def settle(self, job_name: str, name: str) -> None:
        self._insert([{"job_name": job_name, "logical_date": name, "skipped": ""}])

    def unfinished(self, job_name: str) -> list[PreviousRun]:
        query = (
            select(runs.c.id, runs.c.logical_date, runs.c.state, runs.c.request)
            .join(fires, fires.c.run_id == runs.c.id)
            .where(fires.c.job_name == job_name, runs.c.state.in_(OPEN_STATES))
            .order_by(runs.c.created)
        )
        with self._db.read() as db:
            return [
                PreviousRun(row.id, row.logical_date, RunState(row.state), row.request) for row in db.execute(query)
            ]

    def latest(self, limit: int = 50, *, skipped_since: str = "", job_name: str = "") -> list[DateRow]:
        query = select(*_ROW).order_by(fires.c.at.desc(), fires.c.logical_date.desc()).limit(limit)
        if skipped_since:
            query = query.where(fires.c.skipped != "", fires.c.run_id == "", fires.c.at >= skipped_since)
        if job_name:
            query = query.where(fires.c.job_name == job_name)
        with self._db.read() as db:
            return [DateRow(*row) for row in db.execute(query)]

    def _insert(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Write rows where there are none: the first word about a date is the last."""
        if not rows:
            return
        now = self._db.now()
        with self._db.write() as db:
            db.execute(insert_where_absent(fires), [{**row, "run_id": "", "at": now} for row in rows])
