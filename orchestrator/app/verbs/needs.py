"""What needs a person: each with the reason in words, since when, and what may be done about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from orchestrator.app.heartbeat import DAEMON, find_daemon
from orchestrator.app.records import Records
from orchestrator.app.verbs.acting import RunAct, acts_for
from orchestrator.app.verbs.figures import disks_of
from orchestrator.app.verbs.jobs import wrong_jobs
from orchestrator.app.verbs.reasons import because, held_since, passed_over
from orchestrator.core.units import format_bytes, format_count
from orchestrator.engine.stores.listing_records import RunOrder, RunQuery
from orchestrator.engine.stores.records import Head, Waiting
from orchestrator.model.job import Job
from orchestrator.model.states import RunState, Who

# A run that failed longer ago is found in the list of runs.
FAILED_DAYS = 7
_MOST = 200  # runs of each kind


class NeedKind(StrEnum):
    """What is wrong, the most urgent first."""

    DAEMON = "daemon"  # nobody works, and there is work
    DISK = "disk"  # too full for anything to be brought
    HELD = "held"  # runs wait for a person
    STRANGE = "strange"  # runs for a service that the daemon does not work on
    FAILED = "failed"
    JOB = "job"  # of config.toml, which cannot be used


@dataclass(frozen=True, slots=True)
class NeedyRun:
    """A run that something is the matter with: its id, the name of its job, the day it is for."""

    run: str
    name: str
    logical_date: str


@dataclass(frozen=True, slots=True)
class Need:
    """
    Something that a person must look at; runs with which the same is the matter are one.

    Attributes:
        kind: What it is.
        name: Of the job, of the folder, or what it is.
        because: Why, in sentences.
        since: When that began, of the first of them, RFC 3339; empty where it is not known.
        runs: Those that it is about, the latest first; none where it is no run's.
        acts: What may be done about them here.
    """

    kind: NeedKind
    name: str
    because: tuple[str, ...]
    since: str = ""
    runs: tuple[NeedyRun, ...] = ()
    acts: tuple[RunAct, ...] = ()


def find_needs(app: Records, idle: Sequence[Waiting], failed_since: str = "") -> list[Need]:
    """
    Return what needs a person, the most urgent first.

    Args:
        app: The state.
        idle: The runs that have not ended, and that no process works on.
        failed_since: Runs that failed before this time are known already, RFC 3339; empty is the last seven days.
    """
    held, failed = list(_held(app)), list(_failed(app, failed_since))
    return [
        *_daemon(app, idle),
        *_disks(app),
        *_grouped(app, NeedKind.HELD, [(head, held_since(app, head)) for head in held]),
        *_strange(app, idle),
        *_grouped(app, NeedKind.FAILED, [(head, head.updated) for head in failed]),
        *_jobs(app),
    ]


def needs_person(run: Waiting) -> bool:
    """Tell whether a run is held for something that will not pass by itself."""
    return run.state is RunState.HELD and run.who is Who.PERSON


def _daemon(app: Records, idle: Sequence[Waiting]) -> Iterator[Need]:
    """Yield that no daemon works here, where there is something for one to do."""
    found, sentence = find_daemon(app.store, app.clock)
    if found is not None:
        return
    row = next(iter(app.store.processes.of(DAEMON)), None)
    undone = [run for run in idle if not needs_person(run)]
    scheduled = [name for name, table in app.settings.jobs.items() if table.cron or table.every]
    if row is None and not undone and not scheduled:
        return
    said = [f"{sentence[0].upper()}{sentence[1:]}."]
    if undone:
        said.append(
            f"{format_count(len(undone), 'run')} that nobody works on {'waits' if len(undone) == 1 else 'wait'}."
        )
    if scheduled:
        said.append(f"Dates of {format_count(len(scheduled), 'scheduled job')} are not begun.")
    if row is not None:
        said.append("Start `orchestrator serve` again: it goes on where the last one was.")
    since = datetime.fromtimestamp(row.beat, UTC).isoformat(timespec="seconds") if row else ""
    yield Need(NeedKind.DAEMON, "no daemon", tuple(said), since)


def _disks(app: Records) -> Iterator[Need]:
    marks = app.settings.limits
    for folder, room in disks_of(app):
        if room.free < marks.disk_stop:
            little = f"{format_bytes(room.free)} of {format_bytes(room.size)} are free"
            marked = f"less than {format_bytes(marks.disk_stop)} ([limits] disk_stop): nothing is brought."
            mend = f"Free some; it goes on by itself at {format_bytes(max(marks.disk_resume, marks.disk_stop))}."
            said = (f"{little}, {marked}", mend)
            yield Need(NeedKind.DISK, str(Path(folder)), said)


def _held(app: Records) -> Sequence[Head]:
    asked = RunQuery((RunState.HELD,), Who.PERSON, order=RunOrder.UPDATED, limit=_MOST)
    return app.store.runs.page(asked).heads


def _failed(app: Records, since: str) -> Iterator[Head]:
    """Yield runs that failed lately, but for those whose job was done again since."""
    oldest = since or (app.clock.now() - timedelta(days=FAILED_DAYS)).isoformat(timespec="milliseconds")
    asked = RunQuery((RunState.FAILED,), order=RunOrder.UPDATED, limit=_MOST)
    for head in app.store.runs.page(asked).heads:
        if head.updated > oldest and not _was_followed(app, head):
            yield head


def _was_followed(app: Records, head: Head) -> bool:
    """Tell whether the same was asked for again after a run failed."""
    newest = app.store.runs.find([head.fingerprint])
    return newest is not None and newest.id != head.id and newest.logical_date == head.logical_date


def _strange(app: Records, idle: Sequence[Waiting]) -> Iterator[Need]:
    """Yield runs that the daemon never takes up, by the sentence that says why."""
    alone = [run for run in idle if not needs_person(run)][:_MOST]
    heads = {run.id: app.store.runs.head(run.id) for run in alone}
    told = passed_over(app, {run_id: Job.from_json(head.job).service for run_id, head in heads.items()})
    for sentence in dict.fromkeys(told.values()):
        runs = tuple(_needy(heads[run_id]) for run_id, said in told.items() if said == sentence)
        whole = f"{sentence[0].upper()}{sentence[1:]}."
        since = min(heads[run.run].created for run in runs)
        yield Need(NeedKind.STRANGE, "runs of another service", (whole,), since, runs, (RunAct.CANCEL,))


def _grouped(app: Records, kind: NeedKind, found: Sequence[tuple[Head, str]]) -> Iterator[Need]:
    """Yield runs by their reason; of one alone all is said, of several what holds for each."""
    by_reason: defaultdict[tuple[str, Who], list[tuple[Head, str]]] = defaultdict(list)
    for head, since in found:
        by_reason[head.reason, head.who].append((head, since))
    for same in by_reason.values():
        first, _ = same[0]
        said = tuple(because(app, first))
        runs = tuple(_needy(head) for head, _ in same)
        since = min(since for _, since in same)
        yield Need(kind, runs[0].name, said if len(same) == 1 else said[:1], since, runs, acts_for(first.state))


def _needy(head: Head) -> NeedyRun:
    return NeedyRun(head.id, head.job_name or head.base_name, head.logical_date)


def _jobs(app: Records) -> Iterator[Need]:
    for name, sentence in wrong_jobs(app).items():
        yield Need(NeedKind.JOB, name, (f"It is left out: {sentence.removeprefix(f'job {name}: ')}",))
