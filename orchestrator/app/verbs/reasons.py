"""`why`: what a run waits for, and what happens next."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from orchestrator.app.finding import find_head
from orchestrator.app.heartbeat import find_daemon
from orchestrator.app.records import Records
from orchestrator.app.verbs.pieces import about_piece
from orchestrator.app.verbs.places import place_of
from orchestrator.app.verbs.results import missing_words
from orchestrator.app.workers import lacking_workers
from orchestrator.core.errors import ConfigError
from orchestrator.core.units import format_count, format_seconds
from orchestrator.engine.limits import no_place, taken_by_others
from orchestrator.engine.request_limits import by_processes
from orchestrator.engine.standing import SESSIONS, TASKS
from orchestrator.engine.stores.records import Head, ProcessRow
from orchestrator.engine.stores.sharing import live_limit
from orchestrator.model.job import Job
from orchestrator.model.states import TASK_LIVE, RunState, TaskState, UnitState, Who
from orchestrator.products.registry import COPERNICUS, find_product

# What is done in a state; `EXPORTING` has more to say.
_NEXT: Mapping[RunState, str] = MappingProxyType(
    {
        RunState.ADMITTED: "area, grid and tasks are planned, and the service is asked for the scenes,",
        RunState.PLANNED: "its plan is stored, and its tasks are handed over",
        RunState.ASSEMBLING: "every part is placed; the file is completed, checked and published",
        RunState.PUBLISHED: "its result is there; what it was made from is taken away",
    }
)
_EVENTS = 200


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


def why(app: Records, name: str, unit: str = "") -> Why:
    """
    Return why the run that is called `name` is where it is; or a piece of it: a task, a part, a unit, by its key.

    Raises:
        UserError: No run is called so, or several are; or the run has no such piece.
    """
    run = find_head(app.store, name)
    sentences = about_piece(app.store, run, unit, app.clock.now()) if unit else because(app, run)
    return Why(run.id, run.state, tuple(sentences))


def because(app: Records, run: Head) -> list[str]:
    """Return why a run is where it is, in sentences."""
    if run.state is RunState.CLEANED:
        kept = json.loads(run.result)
        done = f"It is done: {kept['path']}."
        missing = missing_words(kept)
        return [done, f"{_whole(missing)} The command that began it asks for those alone."] if missing else [done]
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        return [f"It is {run.state}: {_whole(run.reason)}", _anew(run), f"That was {_ago(app, run.updated)}."]
    worked_on = is_worked_on(app, run.id)
    wanted = ["It is to be cancelled: whoever works on it next does that."] if run.request == "cancel" else []
    if run.state is RunState.HELD:
        return [f"It is held: {_whole(run.reason)}", *wanted, *_held(app, run, worked_on=worked_on)]
    sentences = wanted if worked_on else [*wanted, *nobody(app, run)]
    return sentences + _waiting(app, run, worked_on=worked_on)


def _held(app: Records, run: Head, *, worked_on: bool) -> list[str]:
    """Say since when a run is held, who must act, and what is next and when."""
    since = f"It is held since {_ago(app, held_since(app, run))}"
    if run.needs_person:
        return [f"{since}, and waits for a person.", *_after(run), *_then(app, worked_on=worked_on)]
    left = run.next_at - app.clock.now().timestamp()
    if left <= 0:
        return [f"{since}, and waits for time: it is looked at again now.", *([] if worked_on else nobody(app, run))]
    moment = _clock(datetime.fromtimestamp(run.next_at, UTC))
    by = "by the process that works on it" if worked_on else _by_daemon(app, run)
    return [f"{since}, and waits for time: it is looked at again at {moment}, in {format_seconds(left)}, {by}."]


def _by_daemon(app: Records, run: Head) -> str:
    row, _ = find_daemon(app.store, app.clock)
    if row is None:
        return "if `run` or `serve` is started again until then: no process works on it now"
    elsewhere = _elsewhere(row, Job.from_json(run.job).service)
    return f"but {elsewhere}" if elsewhere else f"by the daemon (process {row.pid} on {row.host})"


def _then(app: Records, *, worked_on: bool) -> list[str]:
    """Say who goes on with a run once a person has acted."""
    if worked_on or find_daemon(app.store, app.clock)[0] is not None:
        return []
    return ["Then start `run` or `serve` again: no process works on it now."]


def held_since(app: Records, run: Head) -> str:
    """Return when a run was held for this reason: looked at in vain, it is held on."""
    for event in reversed(app.store.events.latest(run.id, _EVENTS)):
        if event.name == "run.held" and json.loads(event.facts).get("reason") == run.reason:
            return event.at
    return run.updated


def _ago(app: Records, at: str) -> str:
    """Write a time and how long ago that is."""
    moment = datetime.fromisoformat(at)
    return f"{_clock(moment)}, {format_seconds(max(0.0, (app.clock.now() - moment).total_seconds()))} ago"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _anew(run: Head) -> str:
    """Say what can be done about a run that has ended without a result."""
    clears = f"`orchestrator clean {run.id}` clears up"
    if run.who is Who.PERSON:
        return (
            "As declared it fails again: correct the job and give it to `orchestrator run`, which begins another. "
            f"`orchestrator retry {run.id}` is of use only where what is wrong lies outside the job; {clears}."
        )
    return f"`orchestrator retry {run.id}` goes on from {run.resume}; {clears}."


def _after(run: Head) -> list[str]:
    """Say what takes a held run up again, where its reason does not."""
    return [] if "`orchestrator retry " in run.reason else [f"After that, `orchestrator retry {run.id}`."]


def _whole(sentence: str) -> str:
    """Return a sentence with one full stop at its end, whether a service's or ours."""
    return f"{sentence.rstrip('. ')}."


def _waiting(app: Records, run: Head, *, worked_on: bool) -> list[str]:
    if run.state is not RunState.EXPORTING:
        return [f"It is {run.state}: {_NEXT[run.state]} {'now' if worked_on else 'next'}."]
    tasks, now = app.store.tasks.of(run.id), app.clock.now().timestamp()
    live = Counter(task.state for task in tasks if task.state in TASK_LIVE)
    planned = [task for task in tasks if task.state is TaskState.PLANNED]
    unsent = [task for task in tasks if task.state in (TaskState.PLANNED, TaskState.SUBMITTING) and task.error]
    cooling = [task for task in unsent if task.next_at > now]
    found = [f"{_are(count, 'task')} {state} in Earth Engine." for state, count in sorted(live.items())]
    if planned:
        wait = "waits" if len(planned) == 1 else "wait"
        found.append(f"{format_count(len(planned), 'task')} {wait} for a place in Earth Engine's queue.")
        found += _taken(app, run)
    if cooling:
        soonest = min(cooling, key=lambda task: task.next_at)
        wait = format_seconds(soonest.next_at - now)
        found.append(f"Task {soonest.key} is tried again in {wait}; Earth Engine said: {_whole(soonest.error)}")
    uncollected = [t for t in tasks if t.state is TaskState.SUCCEEDED and not t.collected]
    if uncollected:
        have = "has not shown all its" if len(uncollected) == 1 else "have not shown all their"
        found.append(f"{format_count(len(uncollected), 'finished task')} {have} files yet.")
    what = "being downloaded and placed" if worked_on else "still to be downloaded and placed"
    return [*found, *_requests(app, run, now, worked_on=worked_on)] or [f"Its parts are {what}."]


def _are(count: int, noun: str) -> str:
    return f"{format_count(count, noun)} {'is' if count == 1 else 'are'}"


def _requests(app: Records, run: Head, now: float, *, worked_on: bool) -> list[str]:
    """Say how many requests are open, and which is tried again when."""
    open_ = app.store.units.of(run.id, states=(UnitState.WAITING, UnitState.CLAIMED))
    if not open_:
        return []
    what = "under way or waiting for a turn" if worked_on else "still to be answered"
    found = [f"{_are(len(open_), 'request')} {what}."]
    cooling = [unit for unit in open_ if unit.next_at > now]
    if cooling:
        soonest = min(cooling, key=lambda unit: unit.next_at)
        wait = format_seconds(soonest.next_at - now)
        who = "Copernicus" if _asks_copernicus(run) else "Earth Engine"
        found.append(f"Request {soonest.key} is sent again in {wait}; {who} said: {_whole(soonest.error)}")
    lacking = (f"{sentence[0].upper()}{sentence[1:]}." for sentence in lacking_workers(app))
    return [*found, *(_sessions(app, run) if _asks_copernicus(run) else ()), *lacking]


def _asks_copernicus(run: Head) -> bool:
    """Tell whether a run brings files of Copernicus."""
    return find_product(Job.from_json(run.job).product).service == COPERNICUS


def _sessions(app: Records, run: Head) -> list[str]:
    """Say that transfers wait for a session, where all are taken: by others, or by what the run itself does."""
    stands, count = app.standing().limits.get(SESSIONS), app.settings.copernicus.sessions
    if stands is None or stands.used < min(count, stands.allowed):
        return []
    by = by_processes(stands.holders, app.worker(run.id), "its own process")
    taken = f"All {count} sessions of Copernicus are" if count > 1 else "The only session of Copernicus is"
    return [f"{taken} taken, by {by}: other files wait for one."]


def _taken(app: Records, run: Head) -> list[str]:
    """Say whose tasks leave a run no place, and what becomes of those runs."""
    now, stands = app.clock.now().timestamp(), app.standing()
    most = int(stands.limits[TASKS].allowed) if TASKS in stands.limits else live_limit(None, app.settings.ee.live_tasks)
    others = taken_by_others(stands.live, run.id, most)
    said = list(stands.sentences(now))
    if not others:
        return said
    left = [run_id for run_id in others if not is_worked_on(app, run_id)]
    alone = f"; nobody works on {', '.join(left)} now: go on with them, or `orchestrator cancel` them" if left else ""
    sentence = no_place(others, most)
    return [f"{sentence[0].upper()}{sentence[1:]}{alone}.", *said]


def is_worked_on(app: Records, run_id: str) -> bool:
    """Tell whether a process works on a run."""
    return bool(app.worker(run_id))


def nobody(app: Records, run: Head) -> list[str]:
    """Say what becomes of a run that no process works on now: its place among those that wait for the daemon."""
    row, _ = find_daemon(app.store, app.clock)
    if row is None:
        return ["No process works on it now: start `run` or `serve` again."]
    if sentence := _elsewhere(row, Job.from_json(run.job).service):
        return [f"No process works on it now: {sentence}."]
    goes_on = (
        f"No process works on it now; the daemon (process {row.pid} on {row.host}) goes on with it when its turn comes."
    )
    return [goes_on, *place_of(app, run, row)]


def passed_over(app: Records, services: Mapping[str, str]) -> Mapping[str, str]:
    """
    Return why the daemon never takes up runs that no process works on, by their ids; nothing of the others.

    `services` says which service each run is for, by its id; of runs that have not ended.
    """
    row, _ = find_daemon(app.store, app.clock) if services else (None, "")
    told = {run_id: _elsewhere(row, service) for run_id, service in services.items()} if row else {}
    return {run_id: sentence for run_id, sentence in told.items() if sentence and not is_worked_on(app, run_id)}


def check_served(app: Records, service: str) -> None:
    """
    Make sure that a run for a service would be worked on where a daemon works on this state; without one it waits.

    Raises:
        ConfigError: The daemon works on another service alone.
    """
    row, _ = find_daemon(app.store, app.clock) if app.has_state() else (None, "")
    if row is not None and (sentence := _elsewhere(row, service)):
        raise ConfigError(f"nobody would work on it, and nothing was submitted: {sentence}")


def _elsewhere(row: ProcessRow, service: str) -> str:
    works_on = row.facts.get("service", service)  # a daemon of an earlier version does not say
    if service in row.facts.get("services", [works_on]):
        return ""
    how = "with --sandbox or --sandbox-url" if service == "sandbox" else "without --sandbox and --sandbox-url"
    url = (row.facts.get("addresses") or {}).get("ee", "") if works_on == "sandbox" else ""
    meant = (
        f"where {works_on} is meant, `orchestrator submit` the same job with --sandbox-url {url}; else " if url else ""
    )
    return (
        f"the daemon (process {row.pid} on {row.host}) works on {works_on} and never continues a run for {service}; "
        f"{meant}end it and start `orchestrator serve` {how}, give the same job to `orchestrator run` {how}, or cancel "
        "the run"
    )
