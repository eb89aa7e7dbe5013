"""`status`: how runs stand, by what is stored; no cloud is asked and nothing is changed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.results import missing_words
from orchestrator.engine.batch.budget import EECU_HOURS
from orchestrator.engine.progress import Snapshot, counted, with_units
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import EventRow, Head
from orchestrator.engine.stores.work_records import Pace, Task
from orchestrator.model.eecu import HOUR
from orchestrator.model.job import Job
from orchestrator.model.states import PART_DONE, RUN_FINAL, UNIT_DONE, PartState, RunState, TaskState, UnitState
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
        eta_low_seconds: At the least: nine of ten times, where parts come by chance at that pace.
        eta_high_seconds: At the most, likewise.
        elapsed_seconds: Since it was begun, until it ended.
        tasks_queued: Export tasks that wait in Earth Engine.
        tasks_running: Those that run there.
        running_share: How far these are, 0 to 1.
        eecu_seconds: What it has cost, as far as Earth Engine has said.
        eecu_budget_seconds: What it may cost; 0 is no limit.
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
    eta_low_seconds: int | None = None
    eta_high_seconds: int | None = None
    elapsed_seconds: int = 0
    tasks_queued: int = 0
    tasks_running: int = 0
    running_share: float = 0.0
    eecu_seconds: float = 0.0
    eecu_budget_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with its tasks, its latest events and how far it is."""

    report: RunReport
    seen: Snapshot
    tasks: tuple[Task, ...]
    events: tuple[EventRow, ...]


def report_runs(store: Store, limit: int, now: datetime, budget_hours: float = 0.0) -> list[RunReport]:
    """
    Return how the latest runs stand, newest first, in seven queries however many they are.

    `budget_hours` is what a run may cost whose job says nothing of it.
    """
    return report_heads(store, store.runs.heads(limit), now, budget_hours)


def report_named(store: Store, name: str, limit: int, now: datetime) -> list[RunReport]:
    """Return how the runs stand whose job or base name is `name`, or whose id begins with it; newest first."""
    return report_heads(store, store.runs.named(name, limit), now)


def report_run(store: Store, run_id: str, now: datetime, budget_hours: float = 0.0) -> RunReport:
    """Return how the run of exactly this id stands."""
    return report_heads(store, store.runs.heads(run_id=run_id), now, budget_hours)[0]


def report_heads(store: Store, heads: Sequence[Head], now: datetime, budget_hours: float = 0.0) -> list[RunReport]:
    """Return how these runs stand, in their order, in six queries however many they are."""
    ids = [head.id for head in heads]
    exporting = [head.id for head in heads if head.state is RunState.EXPORTING]
    tallies, spent, said = _tallies(store, ids), store.usage.of(ids), store.lessons.values(EECU_HOURS, ids)
    since = (now - timedelta(minutes=PACE_MINUTES)).isoformat(timespec="milliseconds")
    paces, under_way = store.events.paces(exporting, since), store.tasks.under_way(exporting)
    return [
        _report(
            head,
            _Around(
                pieces=tallies.get(head.id, _Pieces()),
                pace=paces.get(head.id),
                under_way=under_way.get(head.id, {}),
                spent=spent.get(head.id, 0.0),
                budget=_budget(head, said.get(head.id), budget_hours),
            ),
            now,
        )
        for head in heads
    ]


def _budget(head: Head, said: float | None, budget_hours: float) -> float:
    """Return what a run may cost, EECU-seconds: a person's word, else its job's, else the settings'."""
    if said is not None:
        return said * HOUR
    return (float(json.loads(head.job).get("max_eecu_hours", 0.0)) or budget_hours) * HOUR


@dataclass(frozen=True, slots=True)
class _Pieces:
    """How many pieces a run is made of, parts and units, and how many are there."""

    all: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known of a run beside its row."""

    pieces: _Pieces
    pace: Pace | None
    under_way: Mapping[TaskState, tuple[int, float]]
    spent: float
    budget: float


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
    report = report_run(store, head.id, now, app.settings.budget.eecu_hours)
    return RunDetail(report, seen, tasks, tuple(store.events.latest(head.id, _EVENTS)))


def progress_of(store: Store, head: Head, tasks: Sequence[Task]) -> Snapshot:
    """Return how far a run is by what is stored."""
    detail = head.reason if head.state in (RunState.HELD, RunState.FAILED, RunState.CANCELLED) else ""
    seen = with_units(
        Snapshot(state=head.state, detail=detail), store.units.tally(head.id), store.units.given_up(head.id)
    )
    spent = store.usage.of([head.id]).get(head.id, 0.0)
    return replace(counted(seen, store.parts.tally(head.id), tasks), eecu_seconds=spent)


def _report(head: Head, around: _Around, now: datetime) -> RunReport:
    job: dict[str, Any] = json.loads(head.job)
    result: dict[str, Any] = json.loads(head.result) if head.result else {}
    area = job["area"]
    pieces = around.pieces
    pace = _pace(around.pace, pieces.all - pieces.done, now)
    running, progress = around.under_way.get(TaskState.RUNNING, (0, 0.0))
    queued = sum(count for state, (count, _) in around.under_way.items() if state is not TaskState.RUNNING)
    end = datetime.fromisoformat(head.updated) if head.state in RUN_FINAL else now
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
        bytes_per_second=pace.rate,
        eta_seconds=pace.eta,
        created=head.created,
        updated=head.updated,
        path=result.get("path", ""),
        sha256=result.get("sha256", ""),
        valid=result.get("valid", {}),
        missing=missing_words(result),
        eta_low_seconds=pace.low,
        eta_high_seconds=pace.high,
        elapsed_seconds=round(max(0.0, (end - datetime.fromisoformat(head.created)).total_seconds())),
        tasks_queued=queued,
        tasks_running=running,
        running_share=round(progress / running, 4) if running else 0.0,
        eecu_seconds=round(around.spent, 3),
        eecu_budget_seconds=around.budget,
    )


def _to_come(head: Head) -> str:
    """Return where the result of a run will be."""
    job = Job.from_json(head.job)
    return str(find_product(job.product).files(job)[-1])


@dataclass(frozen=True, slots=True)
class _Left:
    """Bytes a second, and seconds left: usually, at the least and at the most; None where nothing tells them."""

    rate: int | None = None
    eta: int | None = None
    low: int | None = None
    high: int | None = None


def _pace(pace: Pace | None, left: int, now: datetime) -> _Left:
    """
    Return how fast a run is by what came in the last minutes.

    Parts that come by chance, n of them, tell their pace to within 1.645 √n in nine of ten times (Poisson, by its
    normal approximation); below a fifth of it nothing is promised.
    """
    if pace is None or pace.parts < 2:
        return _Left()
    seconds = max(1.0, (now - datetime.fromisoformat(pace.first)).total_seconds())
    spread = 1.645 * math.sqrt(pace.parts)
    ends = (pace.parts, pace.parts + spread, max(pace.parts - spread, pace.parts / 5))
    usual, low, high = (round(left * seconds / parts) for parts in ends)
    return _Left(round(pace.bytes / seconds), usual, low, high)
