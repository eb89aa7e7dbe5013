"""`why`: what a run waits for, and what happens next."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from orchestrator.app.finding import find_run
from orchestrator.app.heartbeat import find_daemon
from orchestrator.app.records import Records
from orchestrator.core.files import LockedError
from orchestrator.core.units import format_seconds
from orchestrator.engine.stores.records import Run, Task
from orchestrator.model.states import TASK_LIVE, RunState, TaskState


@dataclass(frozen=True, slots=True)
class Why:
    """
    Why a run is where it is.

    Attributes:
        run: Its id.
        state: See `RunState`.
        because: Sentences.
    """

    run: str
    state: RunState
    because: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.because)


def why(app: Records, name: str) -> Why:
    """
    Return why the run that is called `name` is where it is.

    Raises:
        UserError: No run is called so, or several are.
    """
    run = find_run(app.store, name)
    return Why(run.id, run.state, tuple(_because(app, run)))


def _because(app: Records, run: Run) -> list[str]:
    if run.state is RunState.CLEANED:
        return [f"It is done: {json.loads(run.result)['path']}."]
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        return [
            f"It is {run.state}: {run.reason}.",
            f"`orchestrator retry {run.id}` goes on from {run.resume}; `orchestrator clean {run.id}` clears up.",
        ]
    sentences = [] if is_worked_on(app, run.id) else [nobody(app)]
    if run.state is RunState.HELD:
        person = (
            f"After that, `orchestrator retry {run.id}`." if run.needs_person else "It is looked at again by itself."
        )
        return [f"It is held: {run.reason}.", person, *sentences]
    return sentences + _waiting(app.store.tasks.of(run.id), run, app.clock.now().timestamp())


def _waiting(tasks: list[Task], run: Run, now: float) -> list[str]:
    if run.state is not RunState.EXPORTING:
        return [f"It is {run.state} and goes on by itself."]
    live = Counter(task.state for task in tasks if task.state in TASK_LIVE)
    planned = [task for task in tasks if task.state is TaskState.PLANNED]
    cooling = [task for task in planned if task.next_at > now]
    found = [f"{count} tasks are {state} in Earth Engine." for state, count in sorted(live.items())]
    if planned:
        found.append(f"{len(planned)} tasks wait for a place in Earth Engine's queue.")
    if cooling:
        soonest = min(cooling, key=lambda task: task.next_at)
        wait = format_seconds(soonest.next_at - now)
        found.append(f"Task {soonest.key} is tried again in {wait}; Earth Engine said: {soonest.error}.")
    uncollected = [t for t in tasks if t.state is TaskState.SUCCEEDED and not t.collected]
    if uncollected:
        found.append(f"{len(uncollected)} finished tasks have not shown all their files yet.")
    return found or ["Its parts are being downloaded and placed."]


def is_worked_on(app: Records, run_id: str) -> bool:
    """Tell whether a process works on a run."""
    try:
        with app.lock(run_id):
            return False
    except LockedError:
        return True


def nobody(app: Records) -> str:
    """Return what becomes of a run that no process works on now."""
    row, _ = find_daemon(app.store, app.clock)
    if row is None:
        return "No process works on it now: start `run` or `serve` again."
    slots, busy = row.facts.get("slots", 0), row.facts.get("busy", 0)
    return (
        f"No process works on it now; the daemon (process {row.pid} on {row.host}) goes on with it "
        f"when its turn comes: {busy} of {slots} slots are taken."
    )
