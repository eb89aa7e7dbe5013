"""A piece of a run: where it lies, how it stands, what was tried, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.pieces import about_part, about_task, about_unit
from orchestrator.app.verbs.run_map import WORDS, Stage, stage_of
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.contract_marks import PART, TASK, How
from orchestrator.engine.stores.records import Head
from orchestrator.engine.stores.work_records import Part, Task
from orchestrator.model.grid import Window
from orchestrator.model.states import TASK_LIVE, PartState, TaskState, UnitState
from orchestrator.model.unit import Unit

NOW, SPLIT = "now", "split"
# Tasks that are not with the service: these may be cut.
CUTTABLE = frozenset({TaskState.PLANNED, TaskState.FAILED, TaskState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt at a task: when it was handed over (RFC 3339), under which operation, and what it cost."""

    number: int
    at: str
    operation: str
    eecu_seconds: float


@dataclass(frozen=True, slots=True)
class RunPiece:
    """
    A part, a task or a unit of a run.

    Attributes:
        run: Its id.
        kind: `part`, `task`, or a unit's kind.
        key: Of the task or unit; a part's is `ROW,COL`.
        task: Key of the task that brings it; empty of units.
        window: Its pixels; None where it has none.
        stage: See `run_map.Stage`.
        words: The stage in words.
        attempt: Number of the present attempt, 0 before the first.
        tried: What was handed over, oldest first.
        failure: How the attempt before failed, a `Failure`; empty where none did.
        error: The service's last sentence.
        next_at: When it is tried next, RFC 3339; empty where no time is waited for.
        file: Name of its object in the bucket; empty where there is none.
        bytes: What that weighs.
        because: What it waits for, sentences.
        acts: What a person can do: `now` tries at once, `split` cuts its task in two.
    """

    run: str
    kind: str
    key: str
    task: str
    window: Window | None
    stage: Stage
    words: str
    attempt: int
    tried: tuple[Tried, ...]
    failure: str
    error: str
    next_at: str
    file: str
    bytes: int
    because: tuple[str, ...]
    acts: tuple[str, ...]

    @property
    def line(self) -> str:
        """Attempt, last failure and next try, in one line."""
        said = [f"attempt {self.attempt}" if self.attempt else "not tried yet"]
        said += [f"last failure {self.failure}"] if self.failure else []
        return ", ".join(said)


def pieces_at(app: Records, name: str, grid: int, row: int, col: int) -> list[RunPiece]:
    """
    Return what a run brings for a pixel: a part, or the units there, such as one for each date.

    Raises:
        UserError: No run is called so, or nothing of it is there.
    """
    run, now = find_head(app.store, name), app.clock.now().timestamp()
    parts, units = app.store.marks.at(run.id, grid, row, col)
    found = [*_of_parts(app, run, parts, now), *(_of_unit(run, unit, now) for unit in units)]
    if not found:
        raise UserError(f"no piece of run {run.id} lies at row {row}, column {col}; it may have been cut into others")
    return found


def piece_called(app: Records, name: str, kind: str, key: str) -> RunPiece:
    """
    Return a task or a unit by its key.

    Raises:
        UserError: No run is called so, or it has no such piece.
    """
    run, now = find_head(app.store, name), app.clock.now().timestamp()
    if kind != TASK:
        for unit in app.store.units.of(run.id, [kind]):
            if unit.key == key:
                return _of_unit(run, unit, now)
    for task in app.store.tasks.of(run.id) if kind == TASK else ():
        if task.key == key:
            return _of_task(app, run, task, now)
    raise UserError(f"run {run.id} has no {kind} {key}; `orchestrator why {run.id} KEY` names those that are near")


def _of_parts(app: Records, run: Head, parts: Sequence[Part], now: float) -> Iterator[RunPiece]:
    tasks = {task.key: task for task in app.store.tasks.of(run.id)} if parts else {}
    for part in parts:
        window, task = part.window, tasks[part.task]
        stage = stage_of(How(PART, part.state, task.state, bool(task.error)))
        yield RunPiece(
            run=run.id,
            kind=PART,
            key=f"{window.row},{window.col}",
            task=task.key,
            window=window,
            stage=stage,
            words=WORDS[stage],
            attempt=task.attempt,
            tried=_tried(app, run, task),
            failure=task.failure or "",
            error=task.error,
            next_at=_when(task.next_at, now),
            file=part.source.name if part.source else "",
            bytes=part.source.size if part.source else 0,
            because=(about_part(part), *about_task(app.store, run, task, now)),
            acts=_acts(task, now),
        )


def _of_task(app: Records, run: Head, task: Task, now: float) -> RunPiece:
    how = How(PART, PartState.WAITING, task.state, bool(task.error))
    stage = stage_of(how) if task.state is not TaskState.SPLIT else Stage.WAITING
    return RunPiece(
        run=run.id,
        kind=TASK,
        key=task.key,
        task=task.key,
        window=task.plan.window,
        stage=stage,
        words=WORDS[stage],
        attempt=task.attempt,
        tried=_tried(app, run, task),
        failure=task.failure or "",
        error=task.error,
        next_at=_when(task.next_at, now),
        file="",
        bytes=0,
        because=tuple(about_task(app.store, run, task, now)),
        acts=_acts(task, now),
    )


def _of_unit(run: Head, unit: Unit, now: float) -> RunPiece:
    cell = unit.plan.cell
    window = cell.window if cell else None
    failed = bool(unit.error) and unit.attempt > 0
    state = unit.state if unit.state is not UnitState.SPLIT else UnitState.DONE
    stage = stage_of(How(unit.kind, state, "", failed))
    waits = unit.state is UnitState.WAITING and unit.next_at > now
    return RunPiece(
        run=run.id,
        kind=unit.kind,
        key=unit.key,
        task="",
        window=window,
        stage=stage,
        words=WORDS[stage],
        attempt=unit.attempt,
        tried=(),
        failure=unit.failure or "",
        error=unit.error if unit.state is not UnitState.DONE else "",
        next_at=_when(unit.next_at, now) if waits else "",
        file="",
        bytes=0,
        because=tuple(about_unit(unit, now)),
        acts=(NOW,) if waits else (),
    )


def _tried(app: Records, run: Head, task: Task) -> tuple[Tried, ...]:
    return tuple(
        Tried(each.number, _rfc3339(each.first_posted), each.operation, each.eecu_seconds)
        for each in app.store.tasks.attempts(run.id)
        if each.task == task.key
    )


def _acts(task: Task, now: float) -> tuple[str, ...]:
    waits = task.state is TaskState.PLANNED and task.next_at > now
    cuttable = task.state in CUTTABLE and task.state not in TASK_LIVE
    return (*((NOW,) if waits else ()), *((SPLIT,) if cuttable else ()))


def _when(at: float, now: float) -> str:
    return _rfc3339(at) if at > now else ""


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
