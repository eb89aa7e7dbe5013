"""Tasks as values, the table of their states, and the place where they are kept."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from orchestrator.sandbox.clock import EPOCH, Clock, rfc3339
from orchestrator.sandbox.records import Records
from orchestrator.sandbox.web import ApiError

TRANSITIONS: dict[str, frozenset[str]] = {
    "PENDING": frozenset({"RUNNING", "CANCELLED"}),
    "RUNNING": frozenset({"SUCCEEDED", "FAILED", "CANCELLING", "CANCELLED", "PENDING"}),  # PENDING: the service repeats
    "CANCELLING": frozenset({"CANCELLED", "SUCCEEDED", "FAILED"}),
    "SUCCEEDED": frozenset(),
    "FAILED": frozenset(),
    "CANCELLED": frozenset(),
}
TERMINAL = frozenset(state for state, onward in TRANSITIONS.items() if not onward)
CANCELLED_CODE = 1  # google.rpc.Code
ID_LENGTH = 24
IMAGE, TABLE = "EXPORT_IMAGE", "EXPORT_FEATURES"
_ALPHABET = string.ascii_uppercase + string.digits
_METADATA = "type.googleapis.com/google.earthengine.v1.OperationMetadata"


@dataclass(frozen=True, slots=True)
class Task:
    """
    One export.

    Attributes:
        order: Grows with each submission; ties of priority go to the lower.
        request: The JSON that was submitted.
        kind: What is exported, in the word that the API has for the type of an operation.
        progress: Share of the pixels written, 0 to 1.
        eecu_seconds: Processor seconds spent, which stand for Earth Engine's compute units.
    """

    id: str
    project: str
    order: int
    description: str
    priority: int
    request_id: str
    request: Mapping[str, Any]
    created: str
    updated: str
    state: str = "PENDING"
    attempt: int = 1
    started: str | None = None
    ended: str | None = None
    progress: float = 0.0
    eecu_seconds: float = 0.0
    uris: tuple[str, ...] = ()
    error: tuple[int, str] | None = None
    stages: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    kind: str = IMAGE

    @property
    def name(self) -> str:
        return f"projects/{self.project}/operations/{self.id}"

    @property
    def done(self) -> bool:
        return self.state in TERMINAL


def operation(task: Task) -> dict[str, Any]:
    """Show `task` as the REST API's Operation."""
    metadata: dict[str, Any] = {
        "@type": _METADATA,
        "state": task.state,
        "description": task.description,
        "priority": task.priority,
        "createTime": task.created,
        "updateTime": task.updated,
        # A task that has not begun carries the epoch, not nothing.
        "startTime": task.started or rfc3339(EPOCH),
        "type": task.kind,
        "attempt": task.attempt,
        "progress": task.progress,
    }
    if task.stages:
        metadata["stages"] = [dict(each) for each in task.stages]
    if task.ended:
        metadata["endTime"] = task.ended
    if task.ended or task.eecu_seconds:  # also while it runs: Google's guide to cost controls reads it of running ones
        metadata["batchEecuUsageSeconds"] = round(task.eecu_seconds, 3)
    if task.uris:
        metadata["destinationUris"] = list(task.uris)
    shown: dict[str, Any] = {"name": task.name, "metadata": metadata, "done": task.done}
    if task.error is not None:
        shown["error"] = {"code": task.error[0], "message": task.error[1]}
    elif task.done:
        shown["response"] = {"@type": "type.googleapis.com/google.protobuf.Empty"}
    return shown


class Operations:
    """Keep tasks on disk; every change of state is checked against the table. Safe from several threads."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._lock = threading.RLock()
        loaded = sorted((_task_of(value) for value in records.all("task").values()), key=lambda each: each.order)
        self._tasks = {each.id: each for each in loaded}  # in the order of submission, oldest first
        self._requests = {each.request_id: each.id for each in loaded if each.request_id}
        # What a task was before a restart is forgotten: since its submission it was what it is.
        self._history = {each.id: [(moment(each.created), each)] for each in loaded}
        self._order = max((each.order for each in loaded), default=0)

    def add(self, *, project: str, request: Mapping[str, Any], priority: int, kind: str = IMAGE) -> Task:
        with self._lock:
            self._order += 1
            now = rfc3339(self._clock.now())
            made = Task(
                id="".join(secrets.choice(_ALPHABET) for _ in range(ID_LENGTH)),
                project=project,
                order=self._order,
                description=str(request.get("description", "")),
                priority=priority,
                request_id=str(request.get("requestId", "")),
                request=request,
                created=now,
                updated=now,
                kind=kind,
            )
            return self._keep(made)

    @property
    def submitted(self) -> int:
        """How many tasks were ever started in this folder, restarts of the sandbox included."""
        with self._lock:
            return self._order

    def get(self, project: str, number: str) -> Task:
        """
        Raises:
            ApiError: 404 if there is none.
        """
        with self._lock:
            found = self._tasks.get(number)
        if found is None or found.project != project:
            raise no_operation(project, number)
        return found

    def all(self, project: str | None = None) -> list[Task]:
        """Return the tasks, newest first."""
        with self._lock:
            return [each for each in reversed(self._tasks.values()) if project in (None, each.project)]

    def at(self, when: datetime, project: str) -> list[Task]:
        """Return the tasks as they were at `when`, newest first; progress within a state is not remembered."""
        with self._lock:
            then = [
                next((task for since, task in reversed(each) if since <= when), None) for each in self._history.values()
            ]
        return sorted((each for each in then if each and each.project == project), key=lambda each: -each.order)

    def by_request_id(self, request_id: str) -> Task | None:
        with self._lock:
            return self._tasks.get(self._requests.get(request_id, ""))

    def change(self, number: str, **changes: Any) -> Task:
        """
        Change a task; entering a state sets the times that belong to it.

        Raises:
            ValueError: If the table does not allow the new state.
        """
        with self._lock:
            old = self._tasks[number]
            state = changes.get("state", old.state)
            if state != old.state and state not in TRANSITIONS[old.state]:
                raise ValueError(f"a task cannot go from {old.state} to {state}")
            now = rfc3339(self._clock.now())
            if state == "RUNNING" and old.state != "RUNNING":
                changes["started"] = now
            if state in TERMINAL and old.state not in TERMINAL:
                changes["ended"] = now
            return self._keep(replace(old, **changes, updated=now))

    def advance(self, number: str, progress: float, eecu_seconds: float = 0.0) -> Task:
        """Note progress and cost in memory only: a restart begins the work again anyway."""
        with self._lock:
            made = replace(
                self._tasks[number], progress=progress, eecu_seconds=eecu_seconds, updated=rfc3339(self._clock.now())
            )
            self._tasks[number] = made
            return made

    def forget(self, number: str) -> None:
        """Drop a task from the history, as the service does after some days."""
        with self._lock:
            self._requests = {request: each for request, each in self._requests.items() if each != number}
            self._tasks.pop(number, None)
            self._history.pop(number, None)
            self._records.delete("task", number)

    def _keep(self, made: Task) -> Task:
        self._records.put("task", made.id, asdict(made))
        self._tasks[made.id] = made
        if made.request_id:
            self._requests[made.request_id] = made.id
        self._history.setdefault(made.id, []).append((self._clock.now(), made))
        return made


def no_operation(project: str, number: str) -> ApiError:
    return ApiError(404, f'Operation "projects/{project}/operations/{number}" not found.')


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def requeue_interrupted(operations: Operations) -> None:
    """After a restart, put what was running back into the queue with the next attempt; finish what was cancelled."""
    for task in operations.all():
        if task.state == "RUNNING":
            operations.change(task.id, state="PENDING", attempt=task.attempt + 1, progress=0.0, started=None)
        elif task.state == "CANCELLING":
            operations.change(task.id, state="CANCELLED", error=(CANCELLED_CODE, "Cancelled."))


def _task_of(value: dict[str, Any]) -> Task:
    error = tuple(value["error"]) if value["error"] else None
    return Task(**{**value, "uris": tuple(value["uris"]), "stages": tuple(value["stages"]), "error": error})
