"""Whether the next task of a run may be handed over: asked in the transaction that makes it live, one at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection, and_, delete, func, select

from orchestrator.engine.stores.limit_records import Grant, LimitRow, Shortage, Within
from orchestrator.engine.stores.limit_rows import living, put_grant, read_limit, write_limit
from orchestrator.engine.stores.rows import OPEN_STATES
from orchestrator.engine.stores.schema import grants, runs, tasks
from orchestrator.engine.stores.sharing import is_paused, live_limit
from orchestrator.model.states import TASK_LIVE, RunState, Who

# The wish of a run for places counts for so long after it was last said.
WANTED_SECONDS = 60.0
# Bytes lie in the bucket whoever lives: what a run has of it ends with the run.
FOR_EVER = 1e11
FULL = "full"  # a fact of the limit of bytes: it was too much, and is not little enough yet
# A run that has ended has cancelled its tasks, and one that waits for a person may wait for months; whatever their rows
# say of tasks, nobody asks for news of them, and they must not keep the others waiting.
_COUNTS = and_(runs.c.state.in_(OPEN_STATES), ~((runs.c.state == RunState.HELD) & (runs.c.who == Who.PERSON)))
_LIVE = (
    select(tasks.c.run_id, func.count())
    .join(runs, runs.c.id == tasks.c.run_id)
    .where(tasks.c.state.in_(TASK_LIVE), _COUNTS)
    .group_by(tasks.c.run_id)
)


def live_tasks(db: Connection) -> dict[str, int]:
    """Count the tasks that are, or may be, with the service, of each run that has not ended nor needs a person."""
    return {row[0]: row[1] for row in db.execute(_LIVE)}


def shortage(db: Connection, run_id: str, within: Within, now: float) -> Shortage | None:
    """Return why a task of a run is not handed over now, None where it may be."""
    row = read_limit(db, within.tasks)
    if is_paused(row, now):
        return Shortage.PAUSED
    live = live_tasks(db)
    limit = live_limit(row, within.live_tasks)
    if sum(live.values()) >= limit:
        return Shortage.QUEUE if row is not None and limit == int(row.allowed) else Shortage.TASKS
    wanting = {grant.holder for grant in living(db, within.tasks, now) if grant.wanted > 0} | {run_id}
    if live.get(run_id, 0) >= math.ceil(limit / len(wanting)):
        return Shortage.SHARE
    return _bytes(db, run_id, within)


def _bytes(db: Connection, run_id: str, within: Within) -> Shortage | None:
    """Look at the bucket: what is too heavy for it goes alone, when nothing else is there."""
    used = within.under_way + sum(amount for run, amount in _lying(db, within.bytes).items() if run != run_id)
    fits = within.high - within.more
    most = min(fits, within.low) if _is_full(read_limit(db, within.bytes)) else fits
    return Shortage.BYTES if used > 0 and used > most else None


def _lying(db: Connection, name: str) -> Mapping[str, float]:
    """Return the bytes that runs have in the bucket, or on their way to it."""
    query = select(grants.c.holder, grants.c.amount).join(runs, runs.c.id == grants.c.holder)
    return {row.holder: row.amount for row in db.execute(query.where(grants.c.name == name, _COUNTS))}


def _is_full(row: LimitRow | None) -> bool:
    return row is not None and bool(row.facts.get(FULL))


def claim(db: Connection, run_id: str, within: Within, now: float) -> None:
    """Write down what a run has under way with the task that it hands over now, and that it would hand over more."""
    register(db, run_id, within, now)
    put_grant(db, Grant(within.bytes, run_id, within.under_way + within.more, 0.0, FOR_EVER))
    set_full(db, within, full=False, now=now)


def register(db: Connection, run_id: str, within: Within, now: float) -> None:
    """Write down what a run has under way, and that it would hand over tasks."""
    put_grant(db, Grant(within.tasks, run_id, 0.0, within.waiting, now + WANTED_SECONDS))
    put_grant(db, Grant(within.bytes, run_id, within.under_way, 0.0, FOR_EVER))


def set_full(db: Connection, within: Within, *, full: bool, now: float) -> None:
    """Write down that the bucket is full, or is not any more; nothing where that is known."""
    row = read_limit(db, within.bytes)
    if _is_full(row) != full or row is None or row.allowed != within.high:
        write_limit(
            db,
            replace(row or LimitRow(within.bytes, within.high), allowed=within.high, facts={FULL: full}, updated=now),
        )


def leave(db: Connection, name: str, run_id: str) -> None:
    """Take back what ended runs have, and what a run that hands nothing over would have had."""
    ended = select(runs.c.id).where(runs.c.state.not_in(OPEN_STATES))
    db.execute(delete(grants).where(grants.c.holder.in_(ended)))
    db.execute(delete(grants).where(grants.c.name == name, grants.c.holder == run_id))
