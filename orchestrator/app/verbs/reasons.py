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
from orchestrator.engine.batch.handing import no_place
from orchestrator.engine.limits import Limits
from orchestrator.engine.stores.records import Run
from orchestrator.model.states import TASK_LIVE, RunState, TaskState, UnitState


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
            f"It is {run.state}: {_whole(run.reason)}",
            f"`orchestrator retry {run.id}` goes on from {run.resume}; `orchestrator clean {run.id}` clears up.",
        ]
    sentences = [] if is_worked_on(app, run.id) else [nobody(app)]
    if run.state is RunState.HELD:
        person = (
            f"After that, `orchestrator retry {run.id}`." if run.needs_person else "It is looked at again by itself."
        )
        return [f"It is held: {_whole(run.reason)}", person, *sentences]
    return sentences + _waiting(app, run)


def _whole(sentence: str) -> str:
    """Return a sentence with one full stop at its end, whether a service's or ours."""
    return f"{sentence.rstrip('. ')}."


def _waiting(app: Records, run: Run) -> list[str]:
    if run.state is not RunState.EXPORTING:
        return [f"It is {run.state} and goes on by itself."]
    tasks, now = app.store.tasks.of(run.id), app.clock.now().timestamp()
    live = Counter(task.state for task in tasks if task.state in TASK_LIVE)
    planned = [task for task in tasks if task.state is TaskState.PLANNED]
    unsent = [task for task in tasks if task.state in (TaskState.PLANNED, TaskState.SUBMITTING) and task.error]
    cooling = [task for task in unsent if task.next_at > now]
    found = [f"{count} tasks are {state} in Earth Engine." for state, count in sorted(live.items())]
    if planned:
        found.append(f"{len(planned)} tasks wait for a place in Earth Engine's queue.")
        found += _taken(app, run)
    if cooling:
        soonest = min(cooling, key=lambda task: task.next_at)
        wait = format_seconds(soonest.next_at - now)
        found.append(f"Task {soonest.key} is tried again in {wait}; Earth Engine said: {_whole(soonest.error)}")
    uncollected = [t for t in tasks if t.state is TaskState.SUCCEEDED and not t.collected]
    if uncollected:
        found.append(f"{len(uncollected)} finished tasks have not shown all their files yet.")
    return [*found, *_requests(app, run, now)] or ["Its parts are being downloaded and placed."]


def _requests(app: Records, run: Run, now: float) -> list[str]:
    """Say how many requests are open, and which is tried again when."""
    open_ = app.store.units.of(run.id, states=(UnitState.WAITING, UnitState.CLAIMED))
    if not open_:
        return []
    found = [f"{len(open_)} requests for pixels are under way or wait for their turn."]
    cooling = [unit for unit in open_ if unit.next_at > now]
    if cooling:
        soonest = min(cooling, key=lambda unit: unit.next_at)
        wait = format_seconds(soonest.next_at - now)
        found.append(f"Request {soonest.key} is sent again in {wait}; Earth Engine said: {_whole(soonest.error)}")
    return found


def _taken(app: Records, run: Run) -> list[str]:
    """Say whose tasks leave a run no place, and what becomes of those runs."""
    live_tasks = app.settings.ee.live_tasks
    limits = Limits(live_tasks, 0, app.store.tasks.live, app.clock)
    others = limits.taken_by_others(run.id)
    if not others:
        return []
    left = [run_id for run_id in others if not is_worked_on(app, run_id)]
    alone = f"; nobody works on {', '.join(left)} now: go on with them, or `orchestrator cancel` them" if left else ""
    sentence = no_place(others, live_tasks)
    return [f"{sentence[0].upper()}{sentence[1:]}{alone}."]


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
