"""`status`: how runs stand, by what is stored; no cloud is asked and nothing is changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.results import missing_words
from orchestrator.engine.progress import Snapshot, counted
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import EventRow, Head, Pace, Task
from orchestrator.model.job import Job
from orchestrator.model.states import PART_DONE, UNIT_DONE, PartState, RunState, UnitState
from orchestrator.products.registry import find_product

# The pace of a run is that of its last minutes: what it was yesterday says nothing about when it ends.
PACE_MINUTES = 10
_EVENTS = 15
_CUT = frozenset({UnitState.SPLIT})


@dataclass(frozen=True, slots=True)
class RunReport:
    """
    How one run stands.

    Attributes:
        run: Its id.
        name: What people call its job.
        base_name: Of its result.
        logical_date: The day it is for, ISO 8601; empty where the dates of the job are fixed.
        state: See `RunState`.
        reason: Why it is held or failed, in a sentence.
        who: Who must act on a held run: `time`, `person`; empty otherwise.
        service: Which Earth Engine it was begun on.
        area: Where.
        output: Path of the result, there or to come.
        parts: How many pieces it is made of: files of exports, and requests.
        parts_done: How many of them are placed.
        bytes_per_second: What came in the last minutes; None where that tells nothing.
        eta_seconds: Seconds left at that pace, likewise.
        created: RFC 3339, UTC.
        updated: RFC 3339, UTC.
        path: Of the result, once it is complete.
        sha256: Of the result, likewise.
        valid: For each band the share of the area's pixels that hold data, likewise.
        missing: What of the result is missing and why, in words; empty where nothing is.
    """

    run: str
    name: str
    base_name: str
    logical_date: str
    state: RunState
    reason: str
    who: str
    service: str
    area: str
    output: str
    parts: int
    parts_done: int
    bytes_per_second: int | None
    eta_seconds: int | None
    created: str
    updated: str
    path: str
    sha256: str
    valid: Mapping[str, float]
    missing: str = ""


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with its tasks, its latest events and how far it is."""

    report: RunReport
    seen: Snapshot
    tasks: tuple[Task, ...]
    events: tuple[EventRow, ...]


def report_runs(store: Store, limit: int, now: datetime) -> list[RunReport]:
    """Return how the latest runs stand, newest first, in three queries however many they are."""
    return _reports(store, store.runs.heads(limit), now)


def report_named(store: Store, name: str, limit: int, now: datetime) -> list[RunReport]:
    """Return how the runs stand whose job or base name is `name`, or whose id begins with it; newest first."""
    return _reports(store, store.runs.named(name, limit), now)


def report_run(store: Store, run_id: str, now: datetime) -> RunReport:
    """Return how the run of exactly this id stands."""
    return _reports(store, store.runs.heads(run_id=run_id), now)[0]


def _reports(store: Store, heads: Sequence[Head], now: datetime) -> list[RunReport]:
    tallies = _tallies(store, [head.id for head in heads])
    since = (now - timedelta(minutes=PACE_MINUTES)).isoformat(timespec="milliseconds")
    paces = store.events.paces([head.id for head in heads if head.state is RunState.EXPORTING], since)
    return [_report(head, tallies.get(head.id, _Pieces()), paces.get(head.id), now) for head in heads]


@dataclass(frozen=True, slots=True)
class _Pieces:
    """How many pieces a run is made of, parts and units, and how many are there."""

    all: int = 0
    done: int = 0


def _tallies(store: Store, run_ids: Sequence[str]) -> Mapping[str, _Pieces]:
    parts, units = store.parts.tallies(run_ids), store.units.tallies(run_ids)
    return {
        run_id: _pieces(parts.get(run_id, {}), units.get(run_id, {}).values()) for run_id in parts.keys() | units.keys()
    }


def _pieces(parts: Mapping[PartState, int], units: Iterable[Mapping[UnitState, int]]) -> _Pieces:
    """Count; what was cut is counted by what it was cut into."""
    counts = [(state in UNIT_DONE, count) for kind in units for state, count in kind.items() if state not in _CUT]
    counts += [(state in PART_DONE, count) for state, count in parts.items()]
    return _Pieces(sum(count for _, count in counts), sum(count for done, count in counts if done))


def report_detail(app: Records, name: str) -> RunDetail:
    """
    Return the run that is called `name`, with its tasks and latest events.

    Raises:
        UserError: No run is called so, or several are.
    """
    store, now = app.store, app.clock.now()
    head = find_head(store, name)
    tasks = tuple(store.tasks.of(head.id))
    seen = progress_of(store, head, tasks)
    since = (now - timedelta(minutes=PACE_MINUTES)).isoformat(timespec="milliseconds")
    pace = store.events.paces([head.id], since).get(head.id) if head.state is RunState.EXPORTING else None
    pieces = _tallies(store, [head.id]).get(head.id, _Pieces())
    return RunDetail(_report(head, pieces, pace, now), seen, tasks, tuple(store.events.latest(head.id, _EVENTS)))


def progress_of(store: Store, head: Head, tasks: Sequence[Task]) -> Snapshot:
    """Return how far a run is by what is stored."""
    detail = head.reason if head.state in (RunState.HELD, RunState.FAILED, RunState.CANCELLED) else ""
    units: Counter[str] = Counter()
    for kind in store.units.tally(head.id).values():
        units.update({state: count for state, count in kind.items() if state not in _CUT})
    seen = Snapshot(state=head.state, detail=detail, units=units)
    return counted(seen, store.parts.tally(head.id), tasks)


def _report(head: Head, pieces: _Pieces, pace: Pace | None, now: datetime) -> RunReport:
    job: dict[str, Any] = json.loads(head.job)
    result: dict[str, Any] = json.loads(head.result) if head.result else {}
    area = job["area"]
    rate, eta = _pace(pace, pieces.all - pieces.done, now)
    return RunReport(
        run=head.id,
        name=head.job_name,
        base_name=job["base_name"],
        logical_date=head.logical_date,
        state=head.state,
        reason=head.reason,
        who=head.who if head.state is RunState.HELD else "",
        service=job.get("service", ""),
        area=" ".join(filter(None, [area["source"], area.get("piece", ""), area.get("where", "")])),
        output=result.get("path") or _to_come(head),
        parts=pieces.all,
        parts_done=pieces.done,
        bytes_per_second=rate,
        eta_seconds=eta,
        created=head.created,
        updated=head.updated,
        path=result.get("path", ""),
        sha256=result.get("sha256", ""),
        valid=result.get("valid", {}),
        missing=missing_words(result),
    )


def _to_come(head: Head) -> str:
    """Return where the result of a run will be."""
    job = Job.from_json(head.job)
    return str(find_product(job.product).files(job)[-1])


def _pace(pace: Pace | None, left: int, now: datetime) -> tuple[int | None, int | None]:
    """Return bytes a second and seconds left by what came in the last minutes; None where that tells nothing."""
    if pace is None or pace.parts < 2:
        return None, None
    seconds = max(1.0, (now - datetime.fromisoformat(pace.first)).total_seconds())
    return round(pace.bytes / seconds), round(left * seconds / pace.parts)
