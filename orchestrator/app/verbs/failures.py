"""What failed in a run, grouped by the sentence that was said; trying it at once, and cutting a task in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.run_pieces import CUTTABLE
from orchestrator.core.errors import UserError
from orchestrator.core.units import format_count
from orchestrator.engine.batch.cutting import ask_to_cut
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.contract_marks import TASK, Sentence
from orchestrator.engine.stores.records import Head
from orchestrator.model.states import RUN_FINAL, RunState, TaskState, UnitState

_WAITS = frozenset({TaskState.PLANNED, TaskState.SUBMITTING, UnitState.WAITING})


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """
    Pieces of a run of which the same was said.

    Attributes:
        kind: `task`, or the units' kind.
        sentence: What was said, word by word.
        failure: How it was understood, a `Failure`; empty where nothing is known.
        state: What they are now, a `TaskState` or `UnitState`.
        count: How many they are.
        attempts: The most attempts that one of them has had.
        next_at: When the last of them is tried next, RFC 3339; empty where none waits for a time.
        keys: Of the first of them.
        waits: Whether they wait for a time, so that they may be tried at once.
    """

    kind: str
    sentence: str
    failure: str
    state: str
    count: int
    attempts: int
    next_at: str
    keys: tuple[str, ...]
    waits: bool


SHOWN_KEYS = 5


def failures_of(app: Records, name: str) -> list[FailureGroup]:
    """
    Return what failed in a run and is not over, grouped by sentence, the most frequent first.

    Raises:
        UserError: No run is called so, or several are.
    """
    run, now = find_head(app.store, name), app.clock.now().timestamp()
    return [_group(app, run, each, now) for each in app.store.marks.sentences(run.id)]


def try_now(app: Records, name: str, kind: str, *, sentence: str = "", key: str = "") -> int:
    """
    Let pieces that wait for a time be tried at once: all of one kind with a sentence, or the one of a key.

    Whoever works on the run takes them in its next round. Return how many they are.

    Raises:
        UserError: The run has ended or is held, which `retry` is for; or nothing of it waits so.
    """
    run = _going(app, name)
    groups = [each for each in app.store.marks.sentences(run.id) if each.kind == kind and each.state in _WAITS]
    alike = [each for each in groups if key or each.error == sentence]
    wanted = [found for each in alike for found in app.store.marks.keys(run.id, each) if key in ("", found)]
    hurried = _hurry_tasks(app, run, wanted) if kind == TASK else app.store.units.hurry(run.id, kind, wanted)
    if not hurried:
        what = f"{kind} {key}" if key else f"{kind} with this sentence"
        raise UserError(f"no {what} of run {run.id} waits for a time now; it may have been tried meanwhile")
    app.store.events.record(run.id, "pieces.hurried", {"kind": kind, "pieces": hurried, "keys": wanted[:SHOWN_KEYS]})
    return hurried


def split_task(app: Records, name: str, key: str) -> str:
    """
    Ask for a task to be cut in two; whoever works on the run does so before it is handed over again.

    Return what happens next, in a sentence.

    Raises:
        UserError: There is no such task, it is with the service now, or the run's result is there.
    """
    run = find_head(app.store, name)
    if run.state in (RunState.PUBLISHED, RunState.CLEANED):
        raise UserError(f"run {run.id} has its result already; there is nothing to cut")
    task = next((each for each in app.store.tasks.of(run.id) if each.key == key), None)
    if task is None:
        raise UserError(f"run {run.id} has no task {key}")
    if task.state not in CUTTABLE:
        raise UserError(
            f"task {key} is {task.state}: only one that is not with Earth Engine can be cut; wait until it fails, or "
            f"cancel the run"
        )
    ask_to_cut(app.store, run.id, key)
    app.store.events.record(run.id, "task.split_asked", {"task": key})
    if run.state in RUN_FINAL or run.state is RunState.HELD:
        return f"task {key} is cut in two when the run goes on: retry it"
    return f"task {key} is cut in two before it is handed over again"


def _group(app: Records, run: Head, each: Sentence, now: float) -> FailureGroup:
    waits = each.state in _WAITS and each.next_at > now
    at = datetime.fromtimestamp(each.next_at, UTC).isoformat(timespec="seconds") if waits else ""
    keys = tuple(app.store.marks.keys(run.id, each)[:SHOWN_KEYS])
    return FailureGroup(
        each.kind, each.error, each.failure, each.state, each.count, each.attempts, at, keys, waits and _goes(run)
    )


def _goes(run: Head) -> bool:
    return run.state not in RUN_FINAL and run.state is not RunState.HELD


def _going(app: Records, name: str) -> Head:
    run = find_head(app.store, name)
    if not _goes(run):
        raise UserError(f"run {run.id} is {run.state}; `orchestrator retry {run.id}` takes all of it up again")
    return run


def _hurry_tasks(app: Records, run: Head, keys: Sequence[str]) -> int:
    wanted, now = frozenset(keys), app.clock.now().timestamp()
    due = [
        task.key
        for task in app.store.tasks.of(run.id)
        if task.key in wanted and task.state in _WAITS and task.next_at > now
    ]
    app.store.tasks.change(run.id, {key: TaskChange(next_at=0.0) for key in due})
    return len(due)


def hurried_words(count: int, kind: str) -> str:
    """Say what trying at once came to."""
    return f"{format_count(count, kind)} will be tried at once"
