"""Workers among the processes of a state: what each says of itself, and who was heard of lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.app.heartbeat import FRESH_SECONDS
from orchestrator.app.records import Records
from orchestrator.engine.stores.contract_work import FREE_WORKER
from orchestrator.engine.stores.records import ProcessRow


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

    @property
    def is_fresh(self) -> bool:
        """Whether it was heard of lately."""
        return abs(self.age_seconds) <= FRESH_SECONDS


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
    )
