"""What needs a person: each with the reason in words, since when, and what may be done about it."""

from __future__ import annotations

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
from orchestrator.app.verbs.reasons import because, held_since
from orchestrator.core.units import format_bytes, format_count
from orchestrator.engine.stores.listing_records import RunOrder, RunQuery
from orchestrator.engine.stores.records import Head, Waiting
from orchestrator.model.states import RunState, Who

# A run that failed longer ago is found in the list of runs.
FAILED_DAYS = 7
_MOST = 50  # of each kind


class Kind(StrEnum):
    """What is wrong, the most urgent first."""

    DAEMON = "daemon"  # nobody works, and there is work
    DISK = "disk"  # too full for anything to be brought
    HELD = "held"  # a run waits for a person
    FAILED = "failed"
    JOB = "job"  # of config.toml, which cannot be used


@dataclass(frozen=True, slots=True)
class Need:
    """
    Something that a person must look at.

    Attributes:
        kind: What it is.
        name: Of the job, of the folder, or what it is.
        because: Why, in sentences.
        since: When that began, RFC 3339; empty where it is not known.
        run: The run's id; empty where it is no run's.
        logical_date: The day that run is for.
        state: That run's; None likewise.
        acts: What may be done about it here.
    """

    kind: Kind
    name: str
    because: tuple[str, ...]
    since: str = ""
    run: str = ""
    logical_date: str = ""
    state: RunState | None = None
    acts: tuple[RunAct, ...] = ()


def find_needs(app: Records, waiting: Sequence[Waiting], working: Sequence[str], failed_since: str = "") -> list[Need]:
    """
    Return what needs a person, the most urgent first.

    Args:
        app: The state.
        waiting: The runs that have not ended.
        working: The ids of those that a process works on.
        failed_since: Runs that failed before this time are known already, RFC 3339; empty is the last seven days.
    """
    idle = [run for run in waiting if run.id not in set(working)]
    return [*_daemon(app, idle), *_disks(app), *_held(app), *_failed(app, failed_since), *_jobs(app)]


def _daemon(app: Records, idle: Sequence[Waiting]) -> Iterator[Need]:
    """Yield that no daemon works here, where there is something for one to do."""
    found, sentence = find_daemon(app.store, app.clock)
    if found is not None:
        return
    row = next(iter(app.store.processes.of(DAEMON)), None)
    undone = [run for run in idle if not (run.state is RunState.HELD and run.who is Who.PERSON)]
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
    yield Need(Kind.DAEMON, "no daemon", tuple(said), since)


def _disks(app: Records) -> Iterator[Need]:
    marks = app.settings.limits
    for folder, room in disks_of(app):
        if room.free < marks.disk_stop:
            little = f"{format_bytes(room.free)} of {format_bytes(room.size)} are free"
            marked = f"less than {format_bytes(marks.disk_stop)} ([limits] disk_stop): nothing is brought."
            mend = f"Free some; it goes on by itself at {format_bytes(max(marks.disk_resume, marks.disk_stop))}."
            said = (f"{little}, {marked}", mend)
            yield Need(Kind.DISK, str(Path(folder)), said)


def _held(app: Records) -> Iterator[Need]:
    asked = RunQuery((RunState.HELD,), Who.PERSON, order=RunOrder.UPDATED, limit=_MOST)
    for head in app.store.runs.page(asked).heads:
        yield _of_run(app, Kind.HELD, head, held_since(app, head))


def _failed(app: Records, since: str) -> Iterator[Need]:
    """Yield runs that failed lately, but for those whose job was done again since."""
    oldest = since or (app.clock.now() - timedelta(days=FAILED_DAYS)).isoformat(timespec="milliseconds")
    asked = RunQuery((RunState.FAILED,), order=RunOrder.UPDATED, limit=_MOST)
    for head in app.store.runs.page(asked).heads:
        if head.updated > oldest and not _was_followed(app, head):
            yield _of_run(app, Kind.FAILED, head, head.updated)


def _was_followed(app: Records, head: Head) -> bool:
    """Tell whether the same was asked for again after a run failed."""
    newest = app.store.runs.find([head.fingerprint])
    return newest is not None and newest.id != head.id and newest.logical_date == head.logical_date


def _of_run(app: Records, kind: Kind, head: Head, since: str) -> Need:
    name, acts = head.job_name or head.base_name, acts_for(head.state)
    return Need(kind, name, tuple(because(app, head)), since, head.id, head.logical_date, head.state, acts)


def _jobs(app: Records) -> Iterator[Need]:
    for name, sentence in wrong_jobs(app).items():
        yield Need(Kind.JOB, name, (f"It is left out: {sentence.removeprefix(f'job {name}: ')}",))
