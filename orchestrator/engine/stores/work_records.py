"""The rows of a run's work, as frozen values: tasks and their attempts, parts, objects, what was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import Failure, PartState, TaskState, UnitState
from orchestrator.model.unit import Cell


@dataclass(frozen=True, slots=True)
class Pace:
    """
    What a run has lately received.

    Attributes:
        parts: Parts downloaded.
        bytes: What they weigh.
        first: When the first of them was here, RFC 3339.
        last: When the last one was.
    """

    parts: int
    bytes: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Task:
    """
    One export of a run and its current attempt.

    Attributes:
        key: `0007`; the halves of a task that was cut are `0007.0` and `0007.1`.
        plan: Window and part size.
        state: See `TaskState`.
        attempt: Number of the current attempt, 0 before the first.
        rung: How many steps of the memory ladder have been climbed.
        operation: Earth Engine's name of the current attempt, empty before it is known.
        collected: Whether its objects have been listed and matched with its parts.
        progress: 0 to 1, as Earth Engine says.
        eecu_seconds: Of the current attempt.
        error: Earth Engine's last sentence.
        tries: How often the present step (submission, collection) was tried without success.
        next_at: Not to be tried again before, seconds since 1970; 0 is at once.
        known: Whether the service said that it knows the request id of the current attempt.
        failure: How the attempt before the current one failed.
        forgiven: Attempts that count no more, since a person asked for another try.
    """

    key: str
    plan: TaskPlan
    state: TaskState
    attempt: int
    rung: int
    operation: str
    collected: bool
    progress: float
    eecu_seconds: float
    error: str
    tries: int
    next_at: float
    known: bool = False
    failure: Failure | None = None
    forgiven: int = 0

    @property
    def counted(self) -> int:
        """Attempts that count against the limit of attempts."""
        return self.attempt - self.forgiven

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be exported for it any more, unless it is begun anew."""
        return self.state is TaskState.SPLIT or (self.state is TaskState.SUCCEEDED and self.collected)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a task: written before Earth Engine is asked."""

    task: str
    number: int
    request_id: str
    description: str
    prefix: str
    operation: str
    first_posted: float  # seconds since 1970
    eecu_seconds: float = 0.0  # what it has cost so far


@dataclass(frozen=True, slots=True)
class UsageRow:
    """
    What a run has used in a month.

    Attributes:
        run_id: Of the run.
        job_name: What people call its job.
        month: Such as 2026-11, by the calendar of the service's quotas.
        kind: `batch` or `online`.
        eecu_seconds: As Earth Engine says.
    """

    run_id: str
    job_name: str
    month: str
    kind: str
    eecu_seconds: float


@dataclass(frozen=True, slots=True)
class MonthUse:
    """
    EECU-seconds of a month, over all runs.

    Attributes:
        used: What has been counted.
        reserved: What tasks under way may use beyond that, of the other runs.
    """

    used: float
    reserved: float


@dataclass(frozen=True, slots=True)
class Part:
    """
    One file of a task.

    Attributes:
        task: Key of the task it belongs to now.
        window: On the plan's grid.
        state: See `PartState`.
        source: The object it is, once listed.
        attempt: Of the task that wrote the object.
        grid: Index of the grid in the plan.
        time: Index of the moment in the plan.
    """

    task: str
    window: Window
    state: PartState
    source: StoredObject | None
    attempt: int
    grid: int = 0
    time: int = 0

    @property
    def cell(self) -> Cell:
        """The address of its pixels."""
        return Cell(self.window, self.grid, self.time)


@dataclass(frozen=True, slots=True)
class PartMove:
    """
    A part further on its way to the output, as whoever brings it knows it.

    Attributes:
        window: Of the part.
        source: The object that was brought.
        since: The state that the part is in, as far as is known.
        to: The state that it has come to, of `PART_WAY`.
        event: The name and the facts of what is told of it; none where it is empty.
    """

    window: Window
    source: StoredObject
    since: PartState
    to: PartState
    event: tuple[str, Mapping[str, Any]] | tuple[()] = ()


@dataclass(frozen=True, slots=True)
class OpenKind:
    """
    Units of one kind of a run that are to be done.

    Attributes:
        run_id: Of the run.
        fence: Of the lease on the run that was claimed last.
        product: Of the run.
        kind: Of the units.
        waiting: How many wait, some of them for a time or for others.
        claimed: How many somebody has.
        brought: How many pieces wait to be placed.
    """

    run_id: str
    fence: int
    product: str
    kind: str
    waiting: int = 0
    claimed: int = 0
    brought: int = 0

    def with_units(self, state: UnitState, count: int) -> OpenKind:
        """Return the same with so many units in a state."""
        match state:
            case UnitState.WAITING:
                return replace(self, waiting=count)
            case UnitState.CLAIMED:
                return replace(self, claimed=count)
            case UnitState.BROUGHT:
                return replace(self, brought=count)
            case _:
                return self


@dataclass(frozen=True, slots=True)
class Tally:
    """
    Parts of one state.

    Attributes:
        parts: How many.
        listed: How many of them have an object.
        bytes: What these objects weigh together.
    """

    parts: int
    listed: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Owned:
    """An object we own, with the generation we may delete. `outcome` is empty until it was."""

    id: int
    source: StoredObject
    outcome: str
