"""The rows of the state database, as frozen values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.process import is_gone
from orchestrator.model.states import RunState, Who

PROCESS = "process"  # a fact of a process: its name among all, `core.process`
RESULT = "result"  # the name of the document that is a run's manifest


@dataclass(frozen=True, slots=True)
class Admission:
    """
    A job that is to run.

    Attributes:
        job_name: What people call it.
        logical_date: What the run is for, ISO 8601; empty where the dates of the job are fixed.
        fingerprints: Of the job: today's first, then those that earlier versions of the program gave it.
        job: The job's frozen snapshot, JSON.
        declaration: What stays the same of a job from date to date.
        installation: Names this state, so that two never give two runs one name.
        overwrite: Whether the result may replace files that this job did not make.
        base_name: What the files of the result are called.
        product: What is delivered.
        priority: Which run is taken first: the higher number.
        finish_by: When a scheduled run should have ended, seconds since 1970; 0 is whenever.
    """

    job_name: str
    logical_date: str
    fingerprints: tuple[str, ...]
    job: str
    declaration: str = ""
    installation: str = ""
    overwrite: bool = False
    base_name: str = ""
    product: str = "mosaic"
    priority: int = 0
    finish_by: float = 0.0

    def run_id(self, turn: int) -> str:
        """Return the name of the run: the same declaration, date, turn and installation give the same."""
        words = [self.fingerprints[0], self.logical_date, str(turn), *filter(None, [self.installation])]
        return hashlib.sha256("|".join(words).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class OutputRow:
    """A final path, the run that owns it, and what was published there; `sha256` is empty before that."""

    path: str
    run_id: str
    declaration: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class DateRow:
    """
    A date that a schedule named, and what became of it.

    Attributes:
        job_name: Of the job.
        logical_date: ISO 8601.
        run_id: The run it got; empty when it was skipped, or made a run for each of several areas.
        at: When this was written, RFC 3339.
        skipped: Why it has no run; empty: it was fired. Of one that a person ran after all, why it had none before.
        triggered: Whether it was asked for by a person, not named by the schedule.
    """

    job_name: str
    logical_date: str
    run_id: str
    at: str
    skipped: str
    triggered: bool = False


@dataclass(frozen=True, slots=True)
class JobState:
    """
    What a person said of a scheduled job, last.

    Attributes:
        job_name: In the settings.
        paused: Whether its dates are not fired for now.
        why: In the person's words.
        at: When it was said, RFC 3339.
    """

    job_name: str
    paused: bool
    why: str
    at: str


@dataclass(frozen=True, slots=True)
class PreviousRun:
    """A run of an earlier date of a job, not ended yet; `request` is `cancel` where it is asked to end."""

    id: str
    logical_date: str
    state: RunState
    request: str = ""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """
    A lease on a run.

    Attributes:
        worker: Who has it, or had it last; see `engine.leases.Worker`.
        fence: Grows with each claim.
        left_seconds: What is left of it by the database's clock; 0 or less where it is over or was given back.
    """

    worker: str
    fence: int
    left_seconds: float


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """
    A process that works on this state.

    Attributes:
        name: What it is.
        host: Of the machine or container.
        pid: Its process id there.
        started: RFC 3339.
        beat: When it was last heard of, seconds since 1970.
        facts: Version, slots, what it does, which jobs are in trouble.
    """

    name: str
    host: str
    pid: int
    started: str
    beat: float
    facts: Mapping[str, Any]

    @property
    def is_known_dead(self) -> bool:
        """Whether it ended without a word: its own machine knows, no other one does, and of no earlier version."""
        return is_gone(str(self.facts.get(PROCESS, "")))


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    A run that has not ended, as little of it as choosing one needs.

    Attributes:
        id: Of the run.
        declaration: What stays the same of its job from date to date.
        state: See `RunState`.
        who: Who must act on it, where it is held.
        next_at: Where it is held for time: until when, seconds since 1970.
        created: Seconds since 1970.
        priority: The higher number goes first.
        finish_by: When it should have ended, seconds since 1970; 0 is whenever.
        request: What is asked of the process that works on it: `cancel`, or nothing.
    """

    id: str
    declaration: str
    state: RunState
    who: Who
    next_at: float
    created: float
    priority: int = 0
    finish_by: float = 0.0
    request: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """
    One execution of a job, without what weighs: for lists, and for whoever asks how it stands.

    Attributes:
        id: Content-addressed: the same declaration, date and turn give the same id.
        job_name: What people call it.
        base_name: What its files are called.
        product: What it delivers.
        logical_date: The day it is for, ISO 8601.
        turn: 1 for the first run of this job and date; grows when the same thing is asked for again.
        fingerprint: Of the job.
        declaration: What stays the same of its job from date to date; empty in runs of the first version.
        state: See `RunState`.
        reason: Why it is held or failed, in a sentence.
        resume: The state a held, failed or cancelled run goes on from.
        request: `cancel` when somebody asked for it; the process that works on the run obeys.
        who: Who must act on a held run.
        next_at: A run held for time is looked at again then, seconds since 1970.
        overwrite: Whether its result may replace files that its job did not make.
        priority: Higher goes first.
        finish_by: When it should have ended, seconds since 1970; 0 is whenever.
        worker: Which process has, or had last, its lease; empty for none.
        fence: A number that grows with each lease.
        lease_until: Until when, seconds since 1970 by the database's clock; 0 where it was given back.
        created: RFC 3339.
        updated: RFC 3339.
        job: The job's frozen snapshot, JSON.
        result: What was made, JSON; empty before it is complete.
    """

    id: str
    job_name: str
    base_name: str
    product: str
    logical_date: str
    turn: int
    fingerprint: str
    declaration: str
    state: RunState
    reason: str
    resume: RunState | None
    request: str
    who: Who
    next_at: float
    overwrite: bool
    priority: int
    finish_by: float
    worker: str
    fence: int
    lease_until: float
    created: str
    updated: str
    job: str
    result: str

    @property
    def needs_person(self) -> bool:
        """Whether the run is held for something that will not pass by itself."""
        return self.state is RunState.HELD and self.who is Who.PERSON


@dataclass(frozen=True, slots=True)
class Run(Head):
    """
    A run with all that was settled of it, which may weigh megabytes: for whoever works on it.

    Attributes:
        image: Earth Engine's expression, JSON; empty before planning.
        plan: The plan, JSON; empty before planning.
        facts: What the recipe found out, JSON.
    """

    image: str
    plan: str
    facts: str


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """
    Which database a state is in.

    Attributes:
        kind: `SQLite` or `PostgreSQL`.
        version: Its own.
        place: Its file, or its address without a password.
        latency_seconds: What one look that reads nothing took just now.
    """

    kind: str
    version: str
    place: str
    latency_seconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.version}, {self.place}, answers in {1000 * self.latency_seconds:.1f} ms"


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened to a run, for people."""

    sequence: int
    at: str
    name: str
    facts: str
