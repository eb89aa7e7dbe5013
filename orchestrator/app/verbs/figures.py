"""`metrics`: how everything stands, in numbers, for whoever watches from outside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from orchestrator.app.heartbeat import DAEMON, standbys_of
from orchestrator.app.records import Records
from orchestrator.app.scheduled import scheduled
from orchestrator.app.verbs.jobs import wrong_jobs
from orchestrator.app.workers import workers_of
from orchestrator.core.clock import quota_month
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.scheduler import Schedule
from orchestrator.engine.standing import Standing
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.contract_watch import Census
from orchestrator.engine.stores.records import DatabaseFacts
from orchestrator.engine.stores.work_records import MonthUse
from orchestrator.model.address import is_address


@dataclass(frozen=True, slots=True)
class DiskRoom:
    """A file system that results, work or the state are on: bytes free to us, and in all."""

    free: int
    size: int


@dataclass(frozen=True, slots=True)
class Figures:
    """
    How everything stands.

    Attributes:
        trouble: Why the state cannot be read; empty where it can. The census is then empty.
        census: What the state holds.
        disks: By the folder as it is set.
        database_bytes: The state database with its log.
        database: Which it is, and how quickly it answers; None where there is none, or it cannot be read.
        standing: The limits of the project; None where the state cannot be read, or there is none.
        used: EECU-seconds of this month (Pacific time): counted, and reserved for what is under way.
        heartbeat: When the daemon was last heard of, seconds since 1970; 0 where none works on this state.
        lateness: For each scheduled job that is not paused, how many seconds its earliest date that has neither run nor
            reason is late.
        refused_jobs: How many jobs of config.toml cannot be used.
        workers: How many workers were heard of lately.
        worker_units: How many units they do now.
        standbys: How many daemons that stand by were heard of lately.
    """

    trouble: str = ""
    census: Census = field(default_factory=Census)
    disks: Mapping[str, DiskRoom] = field(default_factory=dict)
    database_bytes: int = 0
    standing: Standing | None = None
    database: DatabaseFacts | None = None
    used: MonthUse = field(default_factory=lambda: MonthUse(0.0, 0.0))
    heartbeat: float = 0.0
    lateness: Mapping[str, float] = field(default_factory=dict)
    refused_jobs: int = 0
    workers: int = 0
    worker_units: int = 0
    standbys: int = 0


def figures(app: Records) -> Figures:
    """Return how everything stands now; nothing is made where nothing is, and nobody waits for it."""
    here = Figures(disks=dict(disks_of(app)))
    now = app.clock.now()
    try:
        if not app.has_state():
            return here
        census, standing = app.store.counts.census(), app.standing()
        used, size = app.store.usage.in_month(quota_month(now)), app.store.pruning.size()
        daemon = next(iter(app.store.processes.of(DAEMON)), None)
        standbys = len(standbys_of(app.store, app.clock))
        workers = [worker for worker in workers_of(app) if worker.is_fresh]
        entries, refused = scheduled(app)
        wrong = {*refused, *wrong_jobs(app)}  # and what the daemon met when it read their areas
        paused = {name for name, state in app.store.job_states.all().items() if state.paused}
        going = [entry for entry in entries if entry.name not in paused]
        lateness = {entry.name: _lateness(app.store, entry.name, entry.schedule, now) for entry in going}
    except OrchestratorError as error:
        return replace(here, trouble=str(error))
    beat = daemon.beat if daemon else 0.0
    return replace(
        here,
        census=census,
        standing=standing,
        used=used,
        database_bytes=size,
        database=app.store.database(),
        heartbeat=beat,
        lateness=lateness,
        refused_jobs=len(wrong),
        workers=len(workers),
        worker_units=sum(worker.busy for worker in workers),
        standbys=standbys,
    )


def _lateness(store: Store, name: str, schedule: Schedule, now: datetime) -> float:
    """Return how late the first date after the last one that has a row is, seconds; 0 where none is due."""
    until = now.replace(tzinfo=None).isoformat(timespec="minutes") + "~"  # after each name of that minute
    settled = [at for known in store.dates.last(name, until, 3) if (at := schedule.when(known)) <= now]
    if not settled:
        return 0.0
    return max(0.0, (now - schedule.next(max(settled)).at).total_seconds())


def disks_of(app: Records) -> Iterator[tuple[str, DiskRoom]]:
    """Yield the folders as they are set that the state, work and results of jobs are in, with the room there."""
    local = app.settings.local
    folders = [str(app.settings.state_dir), local.work_dir]
    outputs = [table.output for table in app.settings.jobs.values() if not is_address(table.output)]
    folders += [str(app.config_dir / Path(output).expanduser()) for output in outputs]
    for folder in dict.fromkeys(filter(None, folders)):
        there = nearest(Path(folder).expanduser())
        try:
            room = shutil.disk_usage(there)
        except OSError:  # a network folder that does not answer: its absence is told by its row's
            continue
        yield folder, DiskRoom(room.free, room.total)


def nearest(path: Path) -> Path:
    """Return the folder itself, or the nearest one above it that is there."""
    return next((one for one in (path, *path.parents) if one.exists()), path)
