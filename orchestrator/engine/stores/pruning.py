"""
Takes away the rows of runs that ended long ago, and gives their room on the disk back.

Never a run that has not ended, nor one that is all that protects something: a file that was published and is still
there, an object in a bucket that was not deleted yet, an export that may still run, what a month has cost so far.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, select

from orchestrator.core import crash
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.retention import Doomed, Retention
from orchestrator.engine.stores.rows import OPEN_STATES
from orchestrator.engine.stores.schema import (
    attempts,
    documents,
    events,
    fires,
    ledger,
    lessons,
    outbox,
    outputs,
    part_counts,
    parts,
    runs,
    tasks,
    unit_counts,
    unit_needs,
    units,
    usage,
)
from orchestrator.model.states import TASK_LIVE, RunState

# What a run consists of, each before what it refers to. Of one that is done only this goes at first.
DETAILS = (unit_needs, units, unit_counts, part_counts, parts, attempts, tasks, ledger)
_BESIDE = (documents, events, usage)
# Of each schedule so many dates stay, whatever their age: the timetable reads back from the last ones.
KEPT_DATES = 500


class SqlPruning:
    """See `contract.Pruning`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def doomed(self, retention: Retention, now: float) -> Doomed:
        with self._db.read() as db:
            whole = _whole(db, retention, now, retention.keep)
            thin = _old(db, retention.details_before(now), retention.keep, _is_thick)
            here = _old_events(retention.events_before(now))
            count = db.execute(select(func.count()).select_from(events).where(here)).scalar_one()
        return Doomed(tuple(whole), tuple(run_id for run_id in thin if run_id not in set(whole)), count)

    def remove(self, run_id: str, retention: Retention, now: float) -> bool:
        with self._db.write() as db:
            doomed = bool(_whole(db, retention, now, 0, runs.c.id == run_id))
            if doomed:
                _remove(db, run_id)
        crash.point("run.pruned")
        return doomed

    def thin(self, run_id: str, retention: Retention, now: float) -> bool:
        with self._db.write() as db:
            doomed = bool(_old(db, retention.details_before(now), 0, _is_thick & (runs.c.id == run_id)))
            if doomed:
                _thin(db, run_id)
        crash.point("run.thinned")
        return doomed

    def remove_events(self, retention: Retention, now: float) -> None:
        before = retention.events_before(now)
        with self._db.write() as db:
            db.execute(delete(events).where(_old_events(before)))
            if before:
                db.execute(delete(outbox).where(outbox.c.outcome != "", outbox.c.at < before))
            _remove_dates(db, retention.runs_before(now))

    def reclaim(self) -> None:
        self._db.reclaim()

    def checkpoint(self) -> None:
        self._db.checkpoint()

    def size(self) -> int:
        return self._db.size()


def _whole(db: Connection, retention: Retention, now: float, keep: int, *here: ColumnElement[bool]) -> list[str]:
    """Return the runs that go with all their rows."""
    found = _old(db, retention.runs_before(now), keep, and_(_is_free(retention.month(now)), *here))
    return [run_id for run_id in found if not _protects(db, run_id)]


def _remove(db: Connection, run_id: str) -> None:
    _thin(db, run_id)
    for table in _BESIDE:
        db.execute(delete(table).where(table.c.run_id == run_id))
    db.execute(delete(lessons).where(lessons.c.subject == run_id))
    db.execute(delete(outputs).where(outputs.c.run_id == run_id))
    db.execute(delete(runs).where(runs.c.id == run_id))


def _thin(db: Connection, run_id: str) -> None:
    for table in DETAILS:
        db.execute(delete(table).where(table.c.run_id == run_id))


def _old(db: Connection, before: str, keep: int, here: ColumnElement[bool]) -> list[str]:
    """Return ended runs that were last changed before a time, without the newest `keep`; none where it is empty."""
    if not before:
        return []
    ended = runs.c.state.not_in(OPEN_STATES)
    newest = select(runs.c.id).where(ended).order_by(runs.c.updated.desc(), runs.c.id).limit(keep)
    query = select(runs.c.id).where(ended, runs.c.updated < before, runs.c.id.not_in(newest), here)
    return list(db.execute(query.order_by(runs.c.updated, runs.c.id)).scalars())


def _has(table: Table, *here: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(table.c.run_id == runs.c.id, *here)


def _is_free(month: str) -> ColumnElement[bool]:
    """Tell whether nothing in a cloud is a run's any more, and no month that is still counted has cost it something."""
    unsettled = _has(ledger, ledger.c.outcome == "")
    return ~(unsettled | _has(tasks, tasks.c.state.in_(TASK_LIVE)) | _has(usage, usage.c.month >= month))


_is_thick = (
    (runs.c.state == RunState.CLEANED)
    & ~_has(ledger, ledger.c.outcome == "")
    & (_has(parts) | _has(units) | _has(tasks) | _has(ledger))
)


def _protects(db: Connection, run_id: str) -> bool:
    """Tell whether files that a run has published are, or may be, still where it put them."""
    return any(map(_may_be_there, db.execute(select(outputs.c.path).where(outputs.c.run_id == run_id)).scalars()))


def _may_be_there(path: str) -> bool:
    # A folder that is gone may be on a disk that is not mounted now.
    return os.path.lexists(path) or not Path(path).parent.is_dir()


def _old_events(before: str) -> ColumnElement[bool]:
    unfinished = select(runs.c.id).where(runs.c.state.in_(OPEN_STATES))
    return (events.c.at < before) & events.c.run_id.not_in(unfinished)


def _remove_dates(db: Connection, before: str) -> None:
    """
    Forget old dates of schedules, but for the last ones of each and those whose run is there.

    Those that a person triggered are counted by themselves: the timetable looks on from the last of the others.
    """
    if not before:
        return
    for name, triggered in db.execute(select(fires.c.job_name, fires.c.triggered).distinct()).all():
        mine = and_(fires.c.job_name == name, fires.c.triggered.is_(triggered))
        last = select(fires.c.logical_date).where(mine).order_by(fires.c.logical_date.desc()).limit(KEPT_DATES)
        gone = fires.c.run_id.not_in(select(runs.c.id))
        db.execute(delete(fires).where(mine, fires.c.at < before, gone, fires.c.logical_date.not_in(last)))
