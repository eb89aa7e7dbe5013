"""What is told of runs: how they stand, why, what happened, and what became of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from orchestrator.app.verbs.endings import Cancelled, CleanReport
from orchestrator.app.verbs.reasons import Why
from orchestrator.app.verbs.reports import RunDetail, RunReport
from orchestrator.app.verbs.results import ResultReport
from orchestrator.engine.stores.records import EventRow, Head
from orchestrator.faces.objects import JsonObject
from orchestrator.model.states import RunState, TaskState


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """
    An export.

    Attributes:
        key: What it is called within its run.
        state: See `TaskState`.
        attempt: Which try this is, from 1.
        error: What the service said of the last one that failed; empty where none did.
    """

    key: str
    state: TaskState
    attempt: int
    error: str


@dataclass(frozen=True, slots=True)
class DetailFacts:
    """
    What is told of one run alone.

    Attributes:
        part_states: How many parts are in which state.
        request_states: How many requests are.
        tasks_share: How much of the exports Earth Engine has done, 0 to 1.
        eecu_seconds: What it has cost, as far as Earth Engine has said.
        tasks: Its exports.
    """

    part_states: Mapping[str, int]
    request_states: Mapping[str, int]
    tasks_share: float
    eecu_seconds: float
    tasks: list[TaskFacts]


@dataclass(frozen=True, slots=True)
class StateFacts:
    """A run that something was done to. `run` is its id."""

    run: str
    state: RunState


@dataclass(frozen=True, slots=True)
class PriorityFacts(StateFacts):
    """A run whose place in the queue was changed: the higher number goes first."""

    priority: int


@dataclass(frozen=True, slots=True)
class WhyFacts:
    """
    Why a run, or a piece of it, is where it is.

    Attributes:
        run: Its id.
        state: See `RunState`.
        unit: The piece that was asked for; empty is the run itself.
        because: Sentences.
    """

    run: str
    state: RunState
    unit: str
    because: list[str]


@dataclass(frozen=True, slots=True)
class EventFacts:
    """
    Something that happened to a run, with its own facts beside these.

    Attributes:
        event: Its name; docs/reference/json.md lists them.
        run: The run's id.
        at: RFC 3339, UTC.
        sequence: Grows from event to event: those after it come next.
    """

    event: str
    run: str
    at: str
    sequence: int


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """
    What a run has delivered, with what its product tells beside these; docs/reference/results.md has it.

    Attributes:
        run: Its id.
        state: CLEANED.
        path: Of the result.
        bytes: Of it.
        sha256: Of it.
        proof: Path of what says where every pixel came from, JSON.
        picture: Path of the picture; empty where there is none.
    """

    run: str
    state: RunState
    path: str
    bytes: int
    sha256: str
    proof: str
    picture: str


@dataclass(frozen=True, slots=True)
class NoResultFacts:
    """A run that has no result now. `reason` says why, where it is held or has ended."""

    run: str
    state: RunState
    reason: str


@dataclass(frozen=True, slots=True)
class CleanedFacts:
    """
    What a clean-up of a run did.

    Attributes:
        run: Its id.
        deleted: Objects that were deleted.
        foreign: Names of those that are not ours, and were kept.
    """

    run: str
    deleted: int
    foreign: list[str]


@dataclass(frozen=True, slots=True)
class SubmittedFacts(StateFacts):
    """A run that the daemon carries. `base_name` is what its files are called."""

    base_name: str


def run_facts(report: RunReport) -> JsonObject:
    """Return how a run stands, as in a list."""
    return asdict(report)


def run_detail_facts(detail: RunDetail) -> JsonObject:
    """Return how a run stands, with its exports and how far they are."""
    seen = detail.seen
    tasks = [TaskFacts(task.key, task.state, task.attempt, task.error) for task in detail.tasks]
    own = DetailFacts(dict(seen.parts), dict(seen.units), seen.tasks_share, round(seen.eecu_seconds, 3), tasks)
    return run_facts(detail.report) | asdict(own)


def run_state_facts(head: Head) -> JsonObject:
    """Return what became of a run that something was done to."""
    return asdict(StateFacts(head.id, head.state))


def cancelled_facts(ended: Cancelled) -> JsonObject:
    """Return what became of a wish to end a run."""
    return asdict(StateFacts(ended.run, ended.state))


def priority_facts(head: Head) -> JsonObject:
    """Return the place in the queue that a run was given."""
    return asdict(PriorityFacts(head.id, head.state, head.priority))


def why_facts(told: Why, unit: str = "") -> JsonObject:
    """Return why a run is where it is, or its piece `unit`."""
    return asdict(WhyFacts(told.run, told.state, unit, list(told.because)))


def event_facts(row: EventRow, run_id: str) -> JsonObject:
    """Return an event as it is stored, with its own facts."""
    own: JsonObject = json.loads(row.facts)
    return asdict(EventFacts(row.name, run_id, row.at, row.sequence)) | own


def result_facts(told: ResultReport) -> JsonObject:
    """Return what a run has delivered."""
    ends = {"proof": told.address_of(told.proof), "picture": told.address_of(told.picture)}
    return {"run": told.run, "state": told.state, **told.kept, **ends}


def no_result_facts(head: Head) -> JsonObject:
    """Return that a run has no result now, and why."""
    return asdict(NoResultFacts(head.id, head.state, head.reason))


def cleaned_facts(report: CleanReport) -> JsonObject:
    """Return what a clean-up did."""
    return asdict(CleanedFacts(report.run, report.deleted, list(report.foreign)))


def submitted_facts(head: Head) -> JsonObject:
    """Return a run that was handed to the daemon."""
    return asdict(SubmittedFacts(head.id, head.state, head.base_name))
