"""
Pixels by batch export, as the engine sees it: an export is started, looked for by its name, and writes files somewhere.

How files are named, what the service calls its states and what it is asked for when less is asked for at once are the
route's. Every method may raise `TransientError` (try again), `PermanentError` (never again) or `IntegrityError`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from orchestrator.core.errors import TransientError
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.ports import Diagnosis, ObjectStore
from orchestrator.model.states import Failure


class OperationState(StrEnum):
    """What an operation is doing, in our words; a client translates the service's."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"  # it was asked to end, and has not yet
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"  # the service says a word we do not know


@dataclass(frozen=True, slots=True)
class Operation:
    """
    An export as the service reports it.

    Attributes:
        name: The service's own key.
        state: See `OperationState`.
        said: The service's word for the state, where it is none that we know.
        description: The description we gave it.
        error: The service's own sentence when it failed.
        progress: 0 to 1.
        attempt: The service's own count of its tries.
        eecu_seconds: What it has cost so far.
        created: RFC 3339, as sent.
        failure: What kind of failure `error` is, where there is one.
        diagnosis: `failure` with what else the sentence asks for; None where there is no failure.
    """

    name: str
    state: OperationState
    said: str = ""
    description: str = ""
    error: str = ""
    progress: float = 0.0
    attempt: int = 1
    eecu_seconds: float = 0.0
    created: str = ""
    failure: Failure | None = None
    diagnosis: Diagnosis | None = None

    @property
    def is_live(self) -> bool:
        """Whether it may be asked to end."""
        return self.state in (OperationState.QUEUED, OperationState.RUNNING)


# Lists every operation of the project, all pages. What was started a moment ago may be missing for minutes.
ListOperations = Callable[[], Sequence[Operation]]


@dataclass(frozen=True, slots=True)
class AttemptNames:
    """
    What one attempt of a task is called.

    Attributes:
        request_id: With the same one the service starts at most one operation.
        description: Unique to the attempt: what its operation is recognised by after a crash.
        prefix: What the names of its files start with, unique to the attempt.
    """

    request_id: str
    description: str
    prefix: str


@dataclass(frozen=True, slots=True)
class OrderShape:
    """
    What an attempt asks for that its names do not follow from: with these its task can be rebuilt from its operation.

    Attributes:
        part_height: Rows of a file.
        part_width: Columns of a file.
        rung: Step of the route's ladder.
    """

    part_height: int
    part_width: int
    rung: int = 0


@dataclass(frozen=True, slots=True)
class Described:
    """
    What the description of an operation of ours says.

    Attributes:
        run_id: Whose it is.
        task: Which task.
        number: Which attempt at it.
        asked: What it asked for; None where an earlier version wrote the description.
    """

    run_id: str
    task: str
    number: int
    asked: OrderShape | None = None


def known_above(task: str, known: Container[str]) -> str:
    """Return the task itself, or the one that it was cut from, whichever is known; empty where none is."""
    while task and task not in known:
        task = task.rpartition(".")[0]
    return task


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """
    What one attempt of a task asks of the service.

    Attributes:
        names: Of the attempt.
        window: The rectangle on the plan's grid.
        part_height: Rows of a file.
        part_width: Columns of a file.
        rung: Step of the route's ladder: the higher, the less is asked for at once. Beyond the last it stays there.
        bands: The bands to export, in order.
    """

    names: AttemptNames
    window: Window
    part_height: int
    part_width: int
    rung: int
    bands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """
    What lies under an attempt's prefix.

    Attributes:
        found: The object of each part that has exactly one.
        strange: Objects that are no part of the task: another place, older than the export, or two for one part.
    """

    found: Mapping[Window, StoredObject]
    strange: tuple[StoredObject, ...]


class AlreadyStartedError(TransientError):
    """The service knows the request id and does not say which operation it started."""


class BatchRoute(Protocol):
    """A way pixels come by batch export."""

    @property
    def name(self) -> str: ...

    @property
    def objects(self) -> ObjectStore:
        """Where the files lie."""

    @property
    def rungs(self) -> Sequence[Mapping[str, Any]]:
        """
        Return the steps in which the same rectangle can be asked for with less at once, the usual one first.

        Each says what is asked for, in the route's words, for people. After the last only a smaller rectangle helps.
        """

    def name_attempt(self, run_id: str, task: str, number: int, asked: OrderShape | None = None) -> AttemptNames:
        """
        Return what attempt `number` of a task is called; the same for the same, and no other's.

        What it asks for stands in the description alone: request id and prefix do not depend on it.
        """

    def described(self, description: str) -> Described | None:
        """Return what a description that this installation wrote says; None for any other text."""

    def start(self, image: str, plan: Plan, order: ExportOrder) -> Operation:
        """
        Start an export; with the same request id it starts at most once.

        Raises:
            AlreadyStartedError: The service knows the request id; the operation must be looked up.
            RefusedError: It says no.
        """

    def find(self, name: str) -> Operation | None:
        """
        Return the operation called `name`; None only when the service itself says that there is none.

        A list may lag minutes behind; this does not.
        """

    def cancel(self, name: str) -> None:
        """Ask for an operation to end; one that has ended or is unknown is left alone."""

    def files(self, task: TaskPlan, prefix: str, begun: float) -> Matched:
        """List what the attempt with `prefix`, begun at `begun` seconds since 1970, wrote of `task`."""

    def wrote(self, task: TaskPlan, prefix: str, begun: float, source: StoredObject) -> bool:
        """Tell whether that attempt may have written an object, whatever part sizes it was asked for."""

    def prefix_of(self, name: str) -> str:
        """Return the prefix of the attempt that a file of this name belongs to; empty when it is no such name."""

    def attempt_of(self, name: str) -> Described | None:
        """Return which attempt of this installation a file of this name is of; None where it is of none."""

    def run_prefix(self, run_id: str) -> str:
        """Return what the names of all files of a run start with; without a run, those of this installation."""

    def run_of(self, name: str) -> str:
        """Return the run that a file of this name lies under; empty when it lies under none of this installation."""

    def manifest_name(self, run_id: str) -> str:
        """Return the name of the file that tells what a run is."""

    def close(self) -> None:
        """Give up every idle connection; the next call would open new ones."""
