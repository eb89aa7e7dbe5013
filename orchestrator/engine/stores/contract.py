"""
What the engine asks of a store of state. Every method is one transaction, durable when it returns.

A change of state that the tables in `model/states` do not list raises `IntegrityError` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, Self

from orchestrator.engine.stores.contract_leadership import Installation, Leadership
from orchestrator.engine.stores.contract_limits import SharedLimits
from orchestrator.engine.stores.contract_marks import Marks
from orchestrator.engine.stores.contract_watch import Censuses, Outbox, Pruning
from orchestrator.engine.stores.contract_work import Costs, Ledger, Parts, TaskChange, Tasks, Units
from orchestrator.engine.stores.listing_records import RunPage, RunQuery
from orchestrator.engine.stores.records import (
    Admission,
    DatabaseFacts,
    DateRow,
    EventRow,
    Head,
    JobState,
    LeaseRow,
    OutputRow,
    PreviousRun,
    ProcessRow,
    Run,
    Waiting,
)
from orchestrator.engine.stores.work_records import Pace
from orchestrator.model.manifest import RunManifest
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState, Who
from orchestrator.model.unit import UnitPlan

__all__ = [
    "Censuses",
    "Costs",
    "Installation",
    "Leadership",
    "Ledger",
    "Marks",
    "Outbox",
    "Parts",
    "SharedLimits",
    "Store",
    "TaskChange",
    "Tasks",
    "Units",
]


class Runs(Protocol):
    """Executions of jobs. A run is named by its whole id; what a person typed is looked up elsewhere, by `named`."""

    def admit(self, order: Admission, *, again: bool = False) -> Run:
        """
        Return the run of this job and date, beginning one where there is none.

        With `again`, a run that has ended is followed by a new turn; one that has not is returned.
        """

    def fire(self, order: Admission, *, triggered: bool = False) -> Run | None:
        """
        Admit a scheduled run once for (job, logical date); None when that date was fired or skipped before.

        With `triggered`, by a person, a date that was skipped is fired after all.
        """

    def restore(self, manifest: RunManifest) -> Run:
        """
        Make the rows of a run that was planned, from what was written down beside its objects, and its date's.

        One that is there keeps its row; where it was not planned yet, it is.
        """

    def restore_lost(self, run_id: str, job: str) -> None:
        """Make the row of a run that nobody remembers, CANCELLED, so that what it left can be owned and deleted."""

    def restore_done(self, order: Admission, turn: int, result: str, *, scheduled: bool) -> Head:
        """Make the rows of a run that is CLEANED, with its result, and its date's; one that is there stays."""

    def get(self, run_id: str) -> Run:
        """Return the run of exactly this id; raises `UserError` where there is none."""

    def head(self, run_id: str) -> Head:
        """Return what a list shows of the run of exactly this id; raises `UserError` where there is none."""

    def find(self, fingerprints: Sequence[str]) -> Run | None:
        """Return the newest run of a job, by any of its fingerprints."""

    def latest(self, states: Sequence[RunState] | None = None, limit: int = 100) -> list[Head]:
        """Return runs, newest first, or those in `states`."""

    def heads(self, limit: int = 100, *, run_id: str = "") -> list[Head]:
        """Return what a list shows of runs, newest first, in one query; of one run where that is given."""

    def named(self, name: str, limit: int = 100) -> list[Head]:
        """Return runs, newest first, whose job or base name is `name`, or whose id begins with it."""

    def page(self, wanted: RunQuery) -> RunPage:
        """Return a page of the runs that are meant, and how many they are, of one state of the database."""

    def job_names(self) -> list[str]:
        """Return what the jobs of all runs are called, each once, sorted."""

    def count(self) -> int:
        """Return how many runs there are."""

    def set_state(
        self, run_id: str, state: RunState, reason: str = "", *, who: Who = Who.NOBODY, next_at: float = 0.0
    ) -> Run:
        """
        Change a run's state. HELD, FAILED and CANCELLED remember the state they interrupt.

        `who` must act on a held run; one that waits for time is looked at again at `next_at`, seconds since 1970.
        """

    def request(self, run_id: str, what: str) -> None:
        """Ask something (`cancel`) of the process that works on the run; empty takes it back."""

    def requested(self, run_id: str) -> str:
        """Return what is asked of the process that works on the run."""

    def prioritise(self, run_id: str, priority: int) -> None:
        """Say how early it is taken: the higher number first."""

    def set_deadline(self, run_id: str, finish_by: float) -> None:
        """Say when it should have ended, seconds since 1970; 0 is whenever."""

    def save_plan(
        self,
        run_id: str,
        plan: str,
        image: str,
        facts: str,
        tasks: Sequence[TaskPlan],
        units: Sequence[UnitPlan] = (),
    ) -> None:
        """Store the plan with its tasks, their parts and the first units, and make the run PLANNED, at once."""

    def save_job(self, run_id: str, job: str) -> None:
        """Store another snapshot of the same job: how patiently it is worked on changes nothing of what it is."""

    def save_result(self, run_id: str, result: str) -> None:
        """Store what the finished output is, before it gets its final name."""

    def amend_result(self, run_id: str, result: str) -> None:
        """Store that files beside a published output are others now; when the run ended stays as it is."""


class Leases(Protocol):
    """
    Which process has a run: a time, and a fence, a number that grows with each claim.

    Leases begin now and are told in seconds, and the database's clock says when one is over, as of units. A lease that
    is over is still good as long as nobody else claimed the run.
    """

    def claim(self, run_id: str, worker: str, *, seconds: float, is_gone: Callable[[str], bool]) -> LeaseRow | None:
        """
        Take a lease of so many seconds, where none is good or its worker `is_gone`; None where another has it.

        Of two callers at once one gets it. A run that has no row, of which only objects
        tell, has no lease either: the one that is returned has the number 0.
        """

    def at(self, run_id: str) -> LeaseRow:
        """Return the lease on a run as it is."""

    def kept(self) -> Sequence[str]:
        """Return the runs whose lease was not given back: somebody works on them, or was killed."""

    def renew(self, run_id: str, fence: int, seconds: float) -> None:
        """Prolong a lease, from now on; raises `FencedError` where the run was claimed by another meanwhile."""

    def release(self, run_id: str, fence: int) -> None:
        """Give a lease back; raises `FencedError` where the run was claimed by another meanwhile."""


class Lessons(Protocol):
    """What was learned from the services."""

    def learn(self, subject: str, name: str, value: float) -> None:
        """Write down a value; what was known of it is replaced."""

    def get(self, subject: str, name: str) -> float | None:
        """Return what was learned, None where nothing was."""

    def values(self, name: str, subjects: Sequence[str]) -> Mapping[str, float]:
        """Return what was learned under one name of several subjects, in one query."""


class Events(Protocol):
    """What happened to runs, for people."""

    def record(self, run_id: str, name: str, facts: Mapping[str, Any]) -> None:
        """Write an event."""

    def latest(self, run_id: str, limit: int = 50, *, after: int = 0) -> list[EventRow]:
        """Return the latest events whose sequence is greater than `after`, oldest first."""

    def since(self, run_id: str, after: int, limit: int) -> list[EventRow]:
        """Return the first events whose sequence is greater than `after`, oldest first."""

    def paces(self, run_ids: Sequence[str], since: str) -> Mapping[str, Pace]:
        """Return what several runs have received since a time (RFC 3339, UTC), in one query."""


class Outputs(Protocol):
    """Who owns which final path, so that a result replaces nothing but an earlier one of the same job."""

    def claim(self, path: str, run_id: str, declaration: str) -> None:
        """Make the path this run's; what was published there stays known."""

    def publish(self, path: str, run_id: str, sha256: str, size: int) -> None:
        """Write down what the owner published at its path."""

    def at(self, path: str) -> OutputRow | None:
        """Return what is known of a path."""

    def results(self, path: str) -> list[str]:
        """Return the manifests of every run that has made, or is about to publish, a result at a path."""


class Dates(Protocol):
    """The dates that schedules named: each has one row for good, fired or skipped with the reason."""

    def known(self, job_name: str, walls: Collection[str]) -> frozenset[str]:
        """Return the names of dates that have a row, of those at these times of a clock on the wall, to the minute."""

    def last(self, job_name: str, until: str, limit: int) -> list[str]:
        """Return the last names of dates before `until` that a schedule named, newest first by name."""

    def skip(self, job_name: str, reasons: Mapping[str, str]) -> None:
        """Write down why dates (name to reason) were not fired; one that has a row keeps it."""

    def settle(self, job_name: str, name: str) -> None:
        """Write down that a date was worked out, where no run bears the job's own name; one that has a row keeps it."""

    def unfinished(self, job_name: str) -> list[PreviousRun]:
        """Return the runs of earlier dates that have not ended, oldest first."""

    def latest(self, limit: int = 50, *, skipped_since: str = "", job_name: str = "") -> list[DateRow]:
        """Return what was written last, newest first: of one job, or only what was skipped since a time (RFC 3339)."""


class JobStates(Protocol):
    """What people said of scheduled jobs."""

    def pause(self, job_name: str, why: str) -> None:
        """Write down that dates of a job are not fired for now."""

    def resume(self, job_name: str) -> None:
        """Write down that they are again."""

    def all(self) -> Mapping[str, JobState]:
        """Return the last word about each job, by its name."""


class Processes(Protocol):
    """Which processes work on this state."""

    def beat(self, process: ProcessRow) -> None:
        """Write down that a process lives; one of each name."""

    def begin(self, process: ProcessRow, is_in_the_way: Callable[[ProcessRow], bool]) -> ProcessRow | None:
        """
        Enter a process, unless one of its kind is in the way: then that one is returned, and nothing is changed.

        Its kind is the first word of its name. Of two that begin at once, the second sees the first.
        """

    def at(self, name: str) -> ProcessRow | None:
        """Return the process of this name, dead or alive."""

    def of(self, kind: str) -> list[ProcessRow]:
        """Return the processes whose names are this word, or begin with it, the last heard of first."""

    def forget(self, kind: str, before: float) -> None:
        """Remove the processes of a kind, those with names of their own, that were not heard of since a time."""

    def end(self, name: str, pid: int) -> None:
        """Forget a process that ended by itself."""


class Queue(Protocol):
    """The runs that have not ended."""

    def waiting(self) -> list[Waiting]:
        """Return them all, oldest first."""


class Store(Protocol):
    """One class per family of tables, over one database."""

    @property
    def runs(self) -> Runs: ...
    @property
    def tasks(self) -> Tasks: ...
    @property
    def parts(self) -> Parts: ...
    @property
    def units(self) -> Units: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def usage(self) -> Costs: ...
    @property
    def lessons(self) -> Lessons: ...
    @property
    def events(self) -> Events: ...
    @property
    def outputs(self) -> Outputs: ...
    @property
    def dates(self) -> Dates: ...
    @property
    def job_states(self) -> JobStates: ...
    @property
    def processes(self) -> Processes: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def leadership(self) -> Leadership: ...
    @property
    def installation(self) -> Installation: ...
    @property
    def limits(self) -> SharedLimits: ...
    @property
    def counts(self) -> Censuses: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def pruning(self) -> Pruning: ...
    @property
    def marks(self) -> Marks: ...

    def under(self, run_id: str, fence: int) -> Self:
        """
        Return this store for the holder of a lease: each of its writes is one transaction with a look at the fence.

        Once another has claimed the run, all of them raise `FencedError` and change nothing.
        """

    def led(self, term: int) -> Self:
        """
        Return this store for the daemon that leads under this number, as `under` does for the holder of a run.

        Once another leads, each of its writes raises `FencedError` and changes nothing. Those of runs look at both.
        """

    def revision(self) -> int:
        """
        Return a number that is another one after anything was changed, by any process; it costs next to nothing.

        Numbers of one store are compared with each other alone. That somebody opened the database may count, too.
        """

    def database(self) -> DatabaseFacts:
        """Return which database this is, and how quickly it answers."""

    def close(self) -> None:
        """Let go of the database."""
