"""Workers among the processes of a state: what each says of itself, and who was heard of lately."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.app.heartbeat import FRESH_SECONDS, Health
from orchestrator.app.records import Records
from orchestrator.core.units import format_count
from orchestrator.engine.stores.contract_work import FREE_WORKER
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.products.registry import SHARED_KINDS


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """
    A worker of this state.

    Attributes:
        name: As in the column `worker` of units.
        host: Of the machine or container.
        pid: Its process id there.
        started: When it began, RFC 3339.
        age_seconds: Since it was heard of.
        at_once: Units that it does at once.
        busy: Units that it does now.
        done: Units that it has brought to an end.
        draining: Whether it is to end, and takes no more.
        left: Runs that it leaves alone, and why.
        is_gone: Whether it is known to have been ended without a word, as on this machine.
    """

    name: str
    host: str
    pid: int
    started: str
    age_seconds: float
    at_once: int
    busy: int
    done: int
    draining: bool
    left: Mapping[str, str]
    is_gone: bool = False

    @property
    def is_fresh(self) -> bool:
        """Whether it was heard of lately, and is not known to have ended since."""
        return abs(self.age_seconds) <= FRESH_SECONDS and not self.is_gone

    def told(self) -> str:
        """Return what a person is told of it."""
        return f"the worker of process {self.pid} on {self.host}"


def workers_of(app: Records) -> Sequence[WorkerSeen]:
    """Return every worker that has not ended by its own word, the one heard of last first."""
    now = app.clock.now().timestamp()
    return [_seen(row, now) for row in app.store.processes.of(FREE_WORKER)]


def _seen(row: ProcessRow, now: float) -> WorkerSeen:
    facts: Mapping[str, Any] = row.facts
    return WorkerSeen(
        row.name,
        row.host,
        row.pid,
        row.started,
        now - row.beat,
        int(facts.get("at_once", 0)),
        int(facts.get("busy", 0)),
        int(facts.get("done", 0)),
        bool(facts.get("draining")),
        dict(facts.get("left", {})),
        row.is_known_dead,
    )


def forget_ended(app: Records) -> None:
    """Forget workers that have ended without a word: those that this machine knows of, others after a day."""
    app.store.processes.forget(FREE_WORKER, app.clock.now().timestamp() - FORGOTTEN_SECONDS)
    for worker in workers_of(app):
        if worker.is_gone:
            app.store.processes.end(worker.name, worker.pid)


# A worker that was killed is told of for so long, then only counted, and forgotten when another begins after so long.
_TOLD_SECONDS = 3600.0
FORGOTTEN_SECONDS = 86_400.0
_NONE = (
    "no worker was heard of lately, and `[engine] executor` leaves units to workers alone: start `orchestrator "
    "worker`, or take that setting away"
)


def worker_sentences(app: Records) -> Iterator[str]:
    """Yield how the workers of a state are: how many, which hang or are gone, and which runs they leave alone."""
    seen = workers_of(app)
    fresh = [worker for worker in seen if worker.is_fresh]
    if fresh:
        busy, places = sum(worker.busy for worker in fresh), sum(worker.at_once for worker in fresh)
        yield f"{format_count(len(fresh), 'worker')}: {busy} of {format_count(places, 'place')} for units taken"
    for worker in seen:
        if worker.is_fresh:
            for run_id, why in sorted(worker.left.items()):
                yield f"{worker.told()} leaves run {run_id} alone: {why}"
        elif worker.age_seconds <= _TOLD_SECONDS:
            ago, what = f"{worker.age_seconds:.0f} s ago", "hangs or is gone"
            if worker.is_gone:
                what = "was ended without a word"
            yield f"{worker.told()} was last heard of {ago}: it {what}, and others do its units"
    if silent := sum(worker.age_seconds > _TOLD_SECONDS and not worker.is_gone for worker in seen):
        yield f"{format_count(silent, 'worker')} not heard of for more than an hour: others do their units"
    yield from lacking_workers(app, seen)


def health_of_worker(app: Records, max_age_seconds: float = FRESH_SECONDS) -> Health:
    """Return how the worker of this machine or container is; of several, the one that was heard of last."""
    host = socket.gethostname()
    here = sorted((worker for worker in workers_of(app) if worker.host == host), key=lambda worker: worker.is_gone)
    worker = next(iter(here), None)
    if worker is None:
        return Health(alive=False, ready=False, because=f"no worker works on {host}; start `orchestrator worker`")
    if worker.is_gone:
        ended = f"{worker.told()} was ended without a word, and is gone; start `orchestrator worker`"
        return Health(alive=False, ready=False, because=ended)
    if abs(worker.age_seconds) > max_age_seconds:
        gone = f"{worker.told()} was last heard of {worker.age_seconds:.0f} s ago, more than {max_age_seconds:.0f} s"
        return Health(alive=False, ready=False, because=f"{gone}: it hangs or is gone")
    age = max(0.0, worker.age_seconds)
    because = f"{worker.told()} was heard of {age:.0f} s ago: {format_count(worker.busy, 'unit')} of {worker.at_once}"
    if worker.draining:
        because += "; it is to end, and takes no more"
    return Health(alive=True, ready=not worker.draining, because=because, age_seconds=age)


def lacking_workers(app: Records, seen: Sequence[WorkerSeen] | None = None) -> Iterator[str]:
    """Yield a sentence where units wait for workers, and there is none."""
    seen = workers_of(app) if seen is None else seen
    left = app.settings.engine.executor == "workers" and not any(worker.is_fresh for worker in seen)
    if left and any(kind.waiting and kind.kind in SHARED_KINDS for kind in app.store.units.open_kinds()):
        yield _NONE
