"""Runs that are to end by a time of day: which cannot, by how fast they are, and when they go on instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orchestrator.core.units import format_seconds
from orchestrator.engine.scheduler import Schedule
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head
from orchestrator.model.states import PART_DONE, UNIT_DONE, RunState, UnitState

# How fast a run is: that of so many minutes, and never of fewer pieces than these.
PACE_MINUTES = 10
FEWEST_PIECES = 5
# How long a job takes: the shortest of so many runs that ended well, since waits and holds are in it, too.
EARLIER_RUNS = 5
# What is in these states is still to be brought; a run that is further is let end.
INTERRUPTIBLE = frozenset({RunState.ADMITTED, RunState.PLANNED, RunState.EXPORTING})


@dataclass(frozen=True, slots=True)
class Deferral:
    """
    A run that goes on in a later window of its job.

    Attributes:
        until: When that begins.
        finish_by: When that ends.
        why: A sentence.
        seconds_left: What is left to do, by an estimate; None where the time is over.
    """

    until: datetime
    finish_by: datetime
    why: str
    seconds_left: float | None = None


def deferral(
    schedule: Schedule,
    finish_by: datetime,
    now: datetime,
    seconds_left: float | None,
    words: str,
    *,
    begun: bool = True,
) -> Deferral | None:
    """
    Return what becomes of a run that cannot end by `finish_by`; None where it may.

    It cannot when that time has come, or when it is nearer than `seconds_left`. A run that would not fit into the next
    window either is worked on until its time is over, so that it ends after some windows, not never.

    Args:
        schedule: Of its job.
        finish_by: When it should have ended, UTC.
        now: UTC.
        seconds_left: How long it takes yet; None is unknown.
        words: How that is known.
        begun: Whether it had a slot already, for the sentence.
    """
    begin, end = schedule.next_window(now, finish_by)
    goes_on = f"it goes on at {schedule.name(begin)}"
    if now >= finish_by:
        return Deferral(
            begin,
            end,
            f"finish_by {schedule.finish_by} has come before it had {'ended' if begun else 'begun'}; {goes_on}",
        )
    remaining = (finish_by - now).total_seconds()
    if seconds_left is None or not remaining < seconds_left <= (end - begin).total_seconds():
        return None
    why = (
        f"it would not end by {schedule.finish_by}, in {format_seconds(remaining)}: about "
        f"{format_seconds(seconds_left)} are left by {words}; {goes_on}"
    )
    return Deferral(begin, end, why, seconds_left)


def seconds_left(store: Store, run: Head, now: datetime) -> tuple[float | None, str]:
    """Return how long a run takes yet, None where nothing tells, and how that is known, in words."""
    if run.state is RunState.EXPORTING:
        return _by_pace(store, run, now), f"its pace of the last {PACE_MINUTES} minutes"
    if run.state in (RunState.ADMITTED, RunState.PLANNED):
        return _by_earlier_runs(store, run), "the shortest of its job's last runs"
    return None, ""


def _by_pace(store: Store, run: Head, now: datetime) -> float | None:
    since = (now - timedelta(minutes=PACE_MINUTES)).isoformat(timespec="milliseconds")
    pace = store.events.paces([run.id], since).get(run.id)
    if pace is None or pace.parts < FEWEST_PIECES:
        return None
    parts = store.parts.tallies([run.id]).get(run.id, {})
    left = sum(count for state, count in parts.items() if state not in PART_DONE)
    done = UNIT_DONE | {UnitState.SPLIT}
    for units in store.units.tallies([run.id]).get(run.id, {}).values():
        left += sum(count for state, count in units.items() if state not in done)
    seconds = max(1.0, (now - datetime.fromisoformat(pace.first)).total_seconds())
    return left * seconds / pace.parts


def _by_earlier_runs(store: Store, run: Head) -> float | None:
    ended = [head for head in store.runs.named(run.job_name, 4 * EARLIER_RUNS) if head.state is RunState.CLEANED]
    return min(_took(ended[:EARLIER_RUNS]), default=None)


def _took(heads: Iterable[Head]) -> Iterable[float]:
    for head in heads:
        yield (datetime.fromisoformat(head.updated) - datetime.fromisoformat(head.created)).total_seconds()


def as_time(seconds: float) -> datetime:
    """Return a time of the state, seconds since 1970, as UTC."""
    return datetime.fromtimestamp(seconds, UTC)
