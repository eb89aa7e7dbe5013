"""What finished runs tell of what their steps take: from their events, tasks and parts."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from orchestrator.app.records import Records
from orchestrator.app.simulation.costs import KnownCosts
from orchestrator.core.errors import UserError
from orchestrator.engine.standing import TASKS
from orchestrator.engine.stores.records import Head
from orchestrator.engine.stores.sharing import SLOTS, USUAL_SLOTS
from orchestrator.model.plan_json import plan_from_json
from orchestrator.model.states import RunState, TaskState

# The latest finished runs of a product are looked at, and so many of their events at a time.
_RUNS = 20
_EVENTS = 10_000
# Submissions nearer to one another than this followed one another without a wait.
_BURST_SECONDS = 10.0
# Compute time that differs by less than this factor between tasks does not tell what of their time it is.
_SPREAD = 1.5
_TINY_SECONDS = 1e-6
# What the end of a run takes is told by its bytes where they are so many; of a small one it is the same for any.
_HEAVY_BYTES = 1e9


@dataclass(frozen=True, slots=True)
class _Event:
    at: float
    name: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Course:
    """One finished run: what happened to it, and when, seconds since 1970."""

    head: Head
    created: float
    events: tuple[_Event, ...]

    def of(self, name: str) -> list[_Event]:
        return [event for event in self.events if event.name == name]

    def first(self, name: str) -> float | None:
        return next((event.at for event in self.events if event.name == name), None)

    def last(self, *names: str) -> float | None:
        return max((event.at for event in self.events if event.name in names), default=None)


def learn_costs(app: Records, known: KnownCosts, *, products: Sequence[str]) -> KnownCosts:
    """
    Return costs as the latest finished runs of some products tell them; what they do not tell stays as it is.

    Raises:
        UserError: There is no finished run of them.
    """
    runs = _finished(app, products)
    if not runs:
        raise UserError(
            f"there is no finished run of {' or '.join(products)} in {app.settings.state_dir} to learn from; finish "
            "one, or give --costs FILE"
        )
    source = f"measured: {', '.join(run.head.id for run in runs[:3])}{' and others' if len(runs) > 3 else ''}"
    told: dict[str, float | None] = {}
    for run in reversed(runs):  # the newest last, which counts
        told |= {name: value for name, value in _told(app, run).items() if value is not None}
    return known.but(source, **told)


def _finished(app: Records, products: Sequence[str]) -> list[_Course]:
    if not app.has_state():
        return []
    heads = [head for head in app.store.runs.latest([RunState.CLEANED], 10 * _RUNS) if head.product in products]
    return [course for head in heads[:_RUNS] if (course := _course(app, head)).events]


def _course(app: Records, head: Head) -> _Course:
    events: list[_Event] = []
    after = 0
    while rows := app.store.events.since(head.id, after, _EVENTS):
        events += [_Event(_seconds(row.at), row.name, json.loads(row.facts)) for row in rows]
        after = rows[-1].sequence
    return _Course(head, _seconds(head.created), tuple(events))


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _told(app: Records, run: _Course) -> dict[str, float | None]:
    """Return what one run tells."""
    planned = run.first("run.planned")
    told: dict[str, float | None] = {"begin_seconds": None if planned is None else planned - run.created}
    if run.of("task.exported"):
        told |= _of_exports(app, run)
    if answered := run.of("request.answered"):
        told |= _of_requests(app, run, answered)
    return told | _of_the_end(run)


def _of_exports(app: Records, run: _Course) -> dict[str, float | None]:
    tasks = {task.key: task for task in app.store.tasks.of(run.head.id) if task.state is TaskState.SUCCEEDED}
    submitted = {str(event.facts["task"]): event.at for event in run.of("task.submitted")}
    exported = {str(event.facts["task"]): event for event in run.of("task.exported")}
    both = sorted((key for key in exported if key in submitted and key in tasks), key=lambda key: submitted[key])
    if not both:
        return {}
    slots = _slots(app)
    times = _slot_seconds([(submitted[key], exported[key].at) for key in both], slots)
    spent = [tasks[key].eecu_seconds for key in both]
    pixels = sum(tasks[key].plan.window.pixels for key in both)
    # Of those that waited for a slot both ends were seen, each as late as the other; of the first ones only the end.
    # Where one was seen in the same look as the one before it in its slot, looks are too rare to tell one by one.
    told_apart = len(both) > slots and min(times[slots:]) > _TINY_SECONDS
    waited = slots if told_apart else 0
    fixed, per_eecu = _line(spent[waited:], times[waited:])
    apart = _apart(sorted(submitted.values()))
    plan = plan_from_json(app.store.runs.get(run.head.id).plan)
    weight = sum(float(exported[key].facts["bytes"]) for key in both) / (pixels * plan.pixels.bytes_per_pixel)
    return {
        "begin_seconds": _begun(run, min(submitted.values()), apart or 0.0),
        "submit_seconds": apart,
        "task_seconds": fixed,
        "task_eecu_per_second": 1 / per_eecu if per_eecu > 0 else 1e9,
        "task_eecu_per_pixel": sum(spent) / pixels if sum(spent) else None,
        "file_share": weight or None,
        "bandwidth": _bandwidth(run, exported),
        "download_seconds": 0.0,
    }


def _begun(run: _Course, submitted: float, apart: float) -> float:
    """Return how long it took until the first task was handed over: planned, its output opened, what it may cost."""
    return max(run.first("run.planned") or run.created, submitted - apart) - run.created


def _slots(app: Records) -> int:
    """Return how many exports the service runs at once, as it said."""
    for scope in app.scopes.values():
        row = app.store.limits.get(TASKS + scope)
        if row is not None and row.facts.get(SLOTS):
            return int(row.facts[SLOTS])
    return USUAL_SLOTS


def _slot_seconds(spans: Sequence[tuple[float, float]], slots: int) -> list[float]:
    """Return how long each export had its slot: from when it was there and a slot was free, to when it was seen."""
    free = [float("-inf")] * slots
    found = []
    for there, seen in spans:
        start = max(there, heapq.heappop(free))
        heapq.heappush(free, seen)
        found.append(max(_TINY_SECONDS, seen - start))
    return found


def _line(spent: Sequence[float], times: Sequence[float]) -> tuple[float, float]:
    """Return seconds of an export without computing and for each EECU-second, by least squares where that tells."""
    if len(spent) < 3 or min(spent) <= 0 or max(spent) < _SPREAD * min(spent):
        return fmean(times), 0.0  # the times of a slot's exports add up to how long it was busy, whenever that was seen
    mean_x, mean_y = sum(spent) / len(spent), sum(times) / len(times)
    spread = sum((x - mean_x) ** 2 for x in spent)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(spent, times, strict=True)) / spread
    fixed = mean_y - slope * mean_x
    if slope <= 0:
        return mean_y, 0.0
    return (fixed, slope) if fixed >= 0 else (0.0, mean_y / mean_x)


def _apart(moments: Sequence[float]) -> float | None:
    gaps = [after - before for before, after in pairwise(moments) if after - before < _BURST_SECONDS]
    return median(gaps) if gaps else None


def _bandwidth(run: _Course, exported: Mapping[str, _Event]) -> float | None:
    """Return bytes a second while the parts of an export came, of the quickest half of the exports."""
    brought = [(event.at, float(event.facts.get("bytes", 0))) for event in run.of("part.downloaded")]
    starts = sorted(event.at for event in exported.values())
    rates = []
    for start, end in zip(starts, [*starts[1:], float("inf")], strict=True):
        inside = [(at, size) for at, size in brought if start <= at < end]
        if inside and inside[-1][0] > start:
            rates.append(sum(size for _, size in inside) / (inside[-1][0] - start))
    return max(1.0, median(rates)) if rates else None


def _of_requests(app: Records, run: _Course, answered: Sequence[_Event]) -> dict[str, float | None]:
    """
    Return what a request takes: places × time over their number, from when as many have come as go at once.

    What was lost before that, of connections that are made first, counts to the beginning.
    """
    begun = run.first("run.planned") or run.created
    moments = sorted(event.at for event in answered)
    places = app.settings.pixels.at_once
    if len(moments) <= places:
        return {"request_seconds": moments[-1] - begun, "unit_seconds": 0.0}
    seconds = (moments[-1] - moments[places - 1]) * places / (len(moments) - places)
    late = max(0.0, moments[places - 1] - begun - seconds)
    return {"request_seconds": seconds, "unit_seconds": 0.0, "begin_seconds": begun - run.created + late}


def _of_the_end(run: _Course) -> dict[str, float | None]:
    published = run.last("output.published")
    arrived = run.last("part.downloaded", "request.answered")
    if published is None or arrived is None:
        return {}
    seconds = max(0.0, published - arrived)
    count = len(run.of("request.answered"))
    if run.head.product == "chips" and count:
        return {"finish_seconds": 0.0, "finish_seconds_per_unit": seconds / count}
    size = sum(float(event.facts.get("bytes", 0)) for event in run.of("output.published"))
    if size >= _HEAVY_BYTES:
        return {"finish_seconds": 0.0, "finish_seconds_per_gb": seconds / (size / 1e9)}
    return {"finish_seconds": seconds}
