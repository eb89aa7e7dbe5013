"""`why RUN UNIT`: what a piece of a run waits for: a task, a part, or a unit such as a request, a chip, a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import near_ones
from orchestrator.core.units import format_bytes, format_count, format_seconds
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head
from orchestrator.engine.stores.work_records import Part, Task
from orchestrator.model.states import TASK_LIVE, PartState, RunState, TaskState, UnitState
from orchestrator.model.unit import Unit

_PLACE = re.compile(r"(\d+),(\d+)")
_TASK: Mapping[TaskState, str] = MappingProxyType(
    {
        TaskState.PLANNED: "waits to be handed over to Earth Engine",
        TaskState.SUBMITTING: "is being handed over: whether Earth Engine has it is not known yet, and is looked up",
        TaskState.QUEUED: "waits in Earth Engine's queue",
        TaskState.RUNNING: "runs in Earth Engine",
        TaskState.SUCCEEDED: "is done in Earth Engine",
        TaskState.FAILED: "has failed in Earth Engine, which is answered next",
        TaskState.CANCELLED: "was cancelled in Earth Engine",
        TaskState.SPLIT: "was cut in two, which are done in its place",
    }
)
_PART: Mapping[PartState, str] = MappingProxyType(
    {
        PartState.WAITING: "waits for its task to write it",
        PartState.EXPORTED: "is written, and waits to be downloaded",
        PartState.DOWNLOADING: "is being downloaded",
        PartState.VERIFIED: "is here and whole, and waits to be placed in the result",
        PartState.MERGED: "is placed in the result",
        PartState.CLEANED: "is in the result, and was taken away from the bucket",
        PartState.EMPTY: "holds no data: Earth Engine found only masked pixels, and wrote no file",
        PartState.LOST: "was lost, and is made again",
    }
)
_UNIT: Mapping[UnitState, str] = MappingProxyType(
    {
        UnitState.WAITING: "waits for its turn",
        UnitState.CLAIMED: "is being done",
        UnitState.BROUGHT: "was brought by another process, and waits to be placed in the result",
        UnitState.HELD: "waits for what holds the run",
        UnitState.DONE: "is done",
        UnitState.EMPTY: "holds nothing",
        UnitState.FAILED: "has failed",
        UnitState.SPLIT: "was cut into others, which are done in its place",
        UnitState.LOST: "was lost, and is brought again",
    }
)


def about_piece(store: Store, run: Head, key: str, now: datetime) -> list[str]:
    """
    Return what a piece of a run waits for, in sentences.

    Raises:
        UserError: The run has none of that key; the nearest that it has are named.
    """
    tasks = store.tasks.of(run.id)
    over = [f"Its run is {run.state}; `orchestrator why {run.id}` says why."] if run.state in _STANDING else []
    for task in tasks:
        if task.key == key:
            return [*about_task(store, run, task, now.timestamp()), *over]
    if found := [unit for unit in store.units.of(run.id) if unit.key == key]:
        return [sentence for unit in found for sentence in about_unit(unit, now.timestamp())] + over
    if match := _PLACE.fullmatch(key):
        row, col = int(match[1]), int(match[2])
        for part in store.parts.of(run.id):
            window = part.window
            if window.row <= row < window.row + window.height and window.col <= col < window.col + window.width:
                return [about_part(part), *over]
    keys = [task.key for task in tasks] + [unit.key for unit in store.units.of(run.id)]
    if not keys:
        raise UserError(f"run {run.id} has no pieces yet: it is {run.state}")
    near = near_ones(key, keys) or f"they are called {', '.join(keys[:_SHOWN])}{', ...' if keys[_SHOWN:] else ''}"
    raise UserError(f"run {run.id} has no task, unit or part {key!r}; {near}")


_STANDING = frozenset({RunState.HELD, RunState.FAILED, RunState.CANCELLED})
_SHOWN = 3


def about_task(store: Store, run: Head, task: Task, now: float) -> Iterator[str]:
    window = task.plan.window
    attempt = f", attempt {task.attempt}" if task.attempt else ""
    percent = f", {task.progress:.0%} of it" if task.state is TaskState.RUNNING else ""
    yield (
        f"Task {task.key} ({window.height} × {window.width} pixels at row {window.row}, column {window.col}) "
        f"{_TASK[task.state]}{percent}{attempt}."
    )
    if task.operation and task.state in TASK_LIVE:
        yield f"Its operation is {task.operation}."
    if task.error:
        yield f"Earth Engine said: {task.error.rstrip('. ')}."
    if task.next_at > now and task.state in (TaskState.PLANNED, TaskState.SUBMITTING):
        yield f"It is tried again {_at(task.next_at, now)}."
    if task.state is TaskState.SUCCEEDED and not task.collected:
        yield "Its files have not all been listed yet."
    parts = store.parts.tally_of(run.id, task.key)
    if parts and task.collected:
        words = ", ".join(f"{count} {state}" for state, count in sorted(parts.items()))
        yield f"Of its {format_count(sum(parts.values()), 'part')}: {words}."


def about_part(part: Part) -> str:
    window = part.window
    file = f"; its file is {part.source.name}, {format_bytes(part.source.size)}" if part.source else ""
    return f"The part at row {window.row}, column {window.col} of task {part.task} {_PART[part.state]}{file}."


def about_unit(unit: Unit, now: float) -> Iterator[str]:
    tried = f", try {unit.attempt}" if unit.attempt > 1 else ""
    if unit.state is UnitState.EMPTY and unit.error:
        yield f"{unit.kind} {unit.key} was given up: {unit.error.rstrip('. ')}. The others go on without it."
        return
    yield f"{unit.kind} {unit.key} {_UNIT[unit.state]}{tried}."
    if unit.error and unit.state is not UnitState.DONE:
        yield f"What went wrong last: {unit.error.rstrip('. ')}."
    if unit.next_at > now and unit.state is UnitState.WAITING:
        yield f"It is tried again {_at(unit.next_at, now)}."
    if unit.plan.needs and unit.state is UnitState.WAITING:
        yield f"It needs {format_count(len(unit.plan.needs), 'other unit')} to be done first."


def _at(seconds: float, now: float) -> str:
    return f"at {datetime.fromtimestamp(seconds, UTC):%H:%M:%S} UTC, in {format_seconds(seconds - now)}"
