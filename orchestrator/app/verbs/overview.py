"""Everything at a glance: what needs a person, what runs, what waits, what holds it back, what is due next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from orchestrator.app.heartbeat import DAEMON, FRESH_SECONDS, Health, health_of
from orchestrator.app.records import Records
from orchestrator.app.verbs.acting import RunAct, acts_for
from orchestrator.app.verbs.allowances import Disk, LimitUse, file_systems, limits_of
from orchestrator.app.verbs.listing import ListedRun, list_runs
from orchestrator.app.verbs.needs import Need, NeedKind, find_needs, needs_person
from orchestrator.app.verbs.places import is_ready, order
from orchestrator.app.verbs.reports import RunReport, progress_of, report_heads
from orchestrator.app.verbs.schedule import NextTime, next_of_each
from orchestrator.engine.progress import Snapshot
from orchestrator.engine.stores.listing_records import RunOrder, RunQuery
from orchestrator.engine.stores.records import Head, Waiting
from orchestrator.model.states import PART_DONE, PartState, RunState, UnitState
from orchestrator.products.registry import find_product

MOST_RUNNING, MOST_WAITING, MOST_DONE, MOST_NEXT = 20, 20, 5, 8
_NOBODY = Health(alive=False, ready=False, because="nothing was ever run with this state folder")


@dataclass(frozen=True, slots=True)
class Pieces:
    """
    The pieces of a run by state: its parts, or what it does otherwise.

    Attributes:
        called: What they are, in the plural: parts, requests, chips, files.
        all: How many there are.
        done: How many of them are placed, empty ones among them.
        empty: How many turned out to hold nothing.
        states: How many are in each state that occurs, those that are furthest first.
    """

    called: str
    all: int
    done: int
    empty: int
    states: tuple[tuple[PartState | UnitState, int], ...]


@dataclass(frozen=True, slots=True)
class RunningRun:
    """
    A run that a process works on.

    Attributes:
        report: How it stands.
        product: What it delivers.
        doing: What is done just now, where its state does not say it.
        worker: Which process works on it.
        pieces: Its parts and other pieces, those kinds that it has.
        ending: Whether somebody asked for its end.
        acts: What a person may do about it.
    """

    report: RunReport
    product: str
    doing: str
    worker: str
    pieces: tuple[Pieces, ...]
    ending: bool
    acts: tuple[RunAct, ...]


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """
    A run that waits: for time, or for a slot of the daemon.

    Attributes:
        run: Its id.
        name: Of its job.
        logical_date: The day it is for.
        state: See `RunState`.
        reason: Why it is held; empty where it only waits for its turn.
        place: Its place among those that may go on now, from 1; 0 where it may not.
        until: When it is looked at again, RFC 3339; empty where it may go on now.
        priority: The higher number goes first.
        finish_by: When it should have ended, RFC 3339; empty is whenever.
        acts: What a person may do about it.
    """

    run: str
    name: str
    logical_date: str
    state: RunState
    reason: str
    place: int
    until: str
    priority: int
    finish_by: str
    acts: tuple[RunAct, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """
    Everything at a glance.

    Attributes:
        at: When it was looked at, RFC 3339, UTC.
        needs: What needs a person, the most urgent first.
        running: Runs that processes work on, those begun first first, at most 20.
        running_count: How many there are.
        waiting: Runs that wait, by their turn, then by when they are looked at again, at most 20.
        waiting_count: How many there are.
        slots: How many runs the daemons work on at once; 0 where none lives.
        daemon: How the daemon is.
        heard: When it was last heard of, RFC 3339; empty where there is none.
        limits: What all runs share.
        restricted: Whether the project is in restricted mode.
        sentences: What holds tasks and requests back, for people.
        next: The next time of each job, the soonest first, after them paused ones, at most 8.
        next_count: How many jobs have one.
        done: The results that came last.
        disks: Where state, work and results are.
        database: Which database the state is in; empty where it is the state folder's file.
        bucket: Where exports go; empty where none is set.
        is_empty: Whether there has never been a run, nor is there a job.
    """

    at: str
    needs: tuple[Need, ...] = ()
    running: tuple[RunningRun, ...] = ()
    running_count: int = 0
    waiting: tuple[WaitingRun, ...] = ()
    waiting_count: int = 0
    slots: int = 0
    daemon: Health = field(default_factory=lambda: _NOBODY)
    heard: str = ""
    limits: tuple[LimitUse, ...] = ()
    restricted: bool = False
    sentences: tuple[str, ...] = ()
    next: tuple[NextTime, ...] = ()
    next_count: int = 0
    done: tuple[ListedRun, ...] = ()
    disks: tuple[Disk, ...] = ()
    database: str = ""
    bucket: str = ""
    is_empty: bool = True


def overview(app: Records, failed_since: str = "") -> Overview:
    """
    Return everything at a glance; nothing is made where nothing is, no cloud is asked, and nobody waits for it.

    Args:
        app: The state.
        failed_since: Runs that failed before are known already, RFC 3339; empty shows those of the last seven days.
    """
    now, settings = app.clock.now(), app.settings
    due = next_of_each(app)
    here = Overview(
        now.isoformat(timespec="seconds"),
        next=tuple(due[:MOST_NEXT]),
        next_count=len(due),
        disks=tuple(file_systems(app)),
        bucket=settings.gcs.bucket,
        is_empty=not settings.jobs and not app.refused_jobs,
    )
    if not app.has_state():
        return here
    waiting = app.store.queue.waiting()
    working = {run_id: pid for run_id in app.store.leases.kept() if (pid := app.worker(run_id))}
    alone = [run for run in waiting if run.id not in working]
    needs = find_needs(app, alone, failed_since)
    strange = {run.run for need in needs if need.kind is NeedKind.STRANGE for run in need.runs}
    idle = [run for run in alone if not needs_person(run) and run.id not in strange]
    busy = [run for run in waiting if run.id in working]
    standing = app.standing()
    return replace(
        here,
        needs=tuple(needs),
        running=tuple(_running(app, busy[:MOST_RUNNING], working)),
        running_count=len(busy),
        waiting=tuple(_waiting(app, idle, now.timestamp())),
        waiting_count=len(idle),
        slots=_slots(app, now.timestamp()),
        daemon=(daemon := health_of(app.store, app.clock)),
        heard=_moment(now.timestamp() - daemon.age_seconds) if daemon.age_seconds is not None else "",
        limits=tuple(limits_of(app, standing)),
        database="" if app.is_file else str(app.store.database()),
        restricted=standing.restricted,
        sentences=tuple(standing.sentences(now.timestamp())),
        done=list_runs(app, RunQuery((RunState.CLEANED,), order=RunOrder.UPDATED, limit=MOST_DONE)).runs,
        is_empty=here.is_empty and not app.store.runs.count(),
    )


def _slots(app: Records, now: float) -> int:
    rows = [row for row in app.store.processes.of(DAEMON) if abs(now - row.beat) <= FRESH_SECONDS]
    return sum(int(row.facts.get("slots", 0)) for row in rows)


# ---------------------------------------------------------------- runs


def _reported(app: Records, runs: Sequence[Waiting]) -> Iterator[tuple[Head, RunReport]]:
    heads = [app.store.runs.head(run.id) for run in runs]
    reports = report_heads(app.store, heads, app.clock.now(), app.settings.budget.eecu_hours)
    return zip(heads, reports, strict=True)


def _running(app: Records, busy: Sequence[Waiting], workers: Mapping[str, str]) -> Iterator[RunningRun]:
    for head, report in _reported(app, busy):
        entry = find_product(head.product)
        pieces = tuple(_pieces(progress_of(app.store, head, ()), entry.units))
        doing = entry.doing if head.state is RunState.EXPORTING else ""
        ending = head.request == "cancel"
        yield RunningRun(report, head.product, doing, workers[head.id], pieces, ending, acts_for(head.state))


# Those that are furthest first, as a bar fills from the left.
_PARTS = (
    *(PartState.CLEANED, PartState.MERGED, PartState.EMPTY, PartState.VERIFIED, PartState.DOWNLOADING),
    *(PartState.EXPORTED, PartState.LOST, PartState.WAITING),
)
_UNITS = (
    *(UnitState.DONE, UnitState.EMPTY, UnitState.FAILED, UnitState.BROUGHT, UnitState.CLAIMED),
    *(UnitState.LOST, UnitState.HELD, UnitState.WAITING),
)


def _pieces(seen: Snapshot, units: str) -> Iterator[Pieces]:
    if seen.total_parts:
        found = tuple((state, count) for state in _PARTS if (count := seen.parts.get(state, 0)))
        done = sum(count for state, count in found if state in PART_DONE)
        yield Pieces("parts", seen.total_parts, done, seen.parts.get(PartState.EMPTY, 0), found)
    if seen.total_units:
        told = tuple((state, count) for state in _UNITS if (count := seen.units.get(state, 0)))
        yield Pieces(units, seen.total_units, seen.done_units, seen.units.get(UnitState.EMPTY, 0), told)


def _waiting(app: Records, idle: Sequence[Waiting], now: float) -> Iterator[WaitingRun]:
    """Yield those that may go on now, by their turn, then those that wait for time, the soonest first."""
    ready = sorted((run for run in idle if is_ready(run, now)), key=order)
    later = sorted((run for run in idle if not is_ready(run, now)), key=lambda run: run.next_at)
    shown = [*((run, place) for place, run in enumerate(ready, 1)), *((run, 0) for run in later)][:MOST_WAITING]
    for run, place in shown:
        head = app.store.runs.head(run.id)
        yield WaitingRun(
            run.id,
            head.job_name or head.base_name,
            head.logical_date,
            head.state,
            head.reason,
            place,
            "" if place else _moment(run.next_at),
            run.priority,
            _moment(run.finish_by),
            acts_for(head.state),
        )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""
