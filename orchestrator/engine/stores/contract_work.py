"""What the engine asks of a store about the work of a run: tasks and parts, units, and the objects that are ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.stores.limit_records import Shortage, Within
from orchestrator.engine.stores.work_records import (
    Attempt,
    MonthUse,
    OpenKind,
    Owned,
    Part,
    PartMove,
    Tally,
    Task,
    UsageRow,
)
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import Failure, PartState, TaskState, UnitState, Who
from orchestrator.model.unit import BroughtPiece, Unit, UnitClaim, UnitPlan

# How the name of a process begins that does units of whatever run; see `engine/worker.py`.
FREE_WORKER = "worker"
# After so many leases in a row that ended without a word a unit is thought to be at fault, and no more its processes.
MOST_DEATHS = 5


@dataclass(frozen=True, slots=True)
class TaskChange:
    """New values of a task's columns; None leaves a column alone."""

    state: TaskState | None = None
    operation: str | None = None
    collected: bool | None = None
    progress: float | None = None
    eecu_seconds: float | None = None
    error: str | None = None
    rung: int | None = None
    tries: int | None = None
    next_at: float | None = None
    known: bool | None = None
    forgiven: int | None = None
    failure: Failure | None = None


class Tasks(Protocol):
    """The export tasks of runs and every attempt at one."""

    def of(self, run_id: str) -> list[Task]:
        """Return the tasks of a run by key."""

    def change(self, run_id: str, changes: Mapping[str, TaskChange]) -> None:
        """Change several tasks at once."""

    def intend(self, run_id: str, attempt: Attempt, within: Within | None = None) -> Shortage | None:
        """
        Make the task SUBMITTING with this attempt: the intent before the effect.

        Unless it fits `within` what all processes share: then nothing is changed, and why is returned.
        """

    def identify(self, run_id: str, task: str, operation: str, state: TaskState) -> None:
        """Store the operation of the current attempt."""

    def adopt(self, run_id: str, attempt: Attempt, plan: TaskPlan, rung: int, state: TaskState) -> None:
        """
        Make an attempt that the state did not know the current one of its task, with the parts it was asked for.

        Whatever the task was at is overtaken: those of its parts that are not whole on disk are brought again.
        Raises `IntegrityError` where the task was cut, or where placed parts are of another shape.
        """

    def attempts(self, run_id: str) -> list[Attempt]:
        """Return all attempts at the tasks of a run, by task and number."""

    def split(
        self, run_id: str, task: str, children: Sequence[tuple[str, TaskPlan, int]], failure: Failure | None = None
    ) -> None:
        """
        Replace a FAILED task by (key, plan, rung) children; parts of the same window become theirs as they are.

        `failure` is why, remembered of each child.

        A child that has nothing to bring is SUCCEEDED and collected from the beginning.
        """

    def reshape(self, run_id: str, task: str, plan: TaskPlan) -> None:
        """Give a PLANNED task other part sizes on the same rectangle; none of its parts may be placed."""

    def reset(self, run_id: str, task: str, change: TaskChange) -> None:
        """
        Make a task PLANNED again, with the other columns of `change`, at once.

        Those of its parts that are not whole on disk are LOST and then WAITING.
        """

    def forgive(self, run_id: str) -> None:
        """Count the attempts of every task from here on: a person asked for another try."""

    def live(self) -> Mapping[str, int]:
        """Count the tasks that are, or may be, with the service, of each run that has not ended nor needs a person."""

    def operations(self) -> frozenset[str]:
        """Return the names of the operations of all tasks that are with the service."""

    def under_way(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[TaskState, tuple[int, float]]]:
        """Count the live tasks of several runs by state, each with the sum of their progress, in one query."""


class Parts(Protocol):
    """The files of runs on their way to the output."""

    def of(self, run_id: str, states: Collection[PartState] | None = None, task: str = "") -> list[Part]:
        """Return the parts, or those in `states`, or of one `task`, by row and column."""

    def windows(self, run_id: str, states: Collection[PartState]) -> list[Window]:
        """Return where the parts in `states` are, and nothing else of them."""

    def tally(self, run_id: str) -> Mapping[PartState, Tally]:
        """Count the parts in each state that occurs."""

    def tally_of(self, run_id: str, task: str) -> Mapping[PartState, int]:
        """Count the parts of one task by state."""

    def tallies(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[PartState, int]]:
        """Count the parts of several runs by state, in one query; a run without parts is left out."""

    def move(self, run_id: str, window: Window, state: PartState, source: StoredObject | None = None) -> None:
        """Move a part, unless it is gone or its object is another than the given `source`: `IntegrityError`."""

    def advance(self, run_id: str, moves: Sequence[PartMove]) -> Sequence[IntegrityError | None]:
        """
        Move parts along `PART_WAY` and record their events, at once; return for each what stands against it, or None.

        Where a part is not in the state it was thought to be in, it goes all steps from the one that it is in. One
        that is gone, has another object by now or may not go there stays as it is, and nothing is told of it.
        """

    def move_all(self, run_id: str, windows: Sequence[Window], state: PartState) -> None:
        """Move several parts at once."""

    def clean(self, run_id: str) -> None:
        """Make all parts CLEANED that are in the result or have nothing for it, whatever their number."""

    def lose(self, run_id: str, window: Window) -> None:
        """Make a part whose object cannot be used LOST and then WAITING, at once."""

    def collect(self, run_id: str, task: str, found: Mapping[Window, StoredObject], attempt: int) -> None:
        """Make parts EXPORTED with their objects, own the objects, and mark the task collected, at once."""

    def empty(self, run_id: str, task: str) -> None:
        """Make the WAITING parts of a task EMPTY and the task collected, at once: the service wrote no file."""


class Ledger(Protocol):
    """Every object of ours in a cloud. Nothing is deleted that is not in it."""

    def own(self, run_id: str, objects: Sequence[StoredObject]) -> None:
        """Enter objects of ours; one that is there stays as it is."""

    def of(self, run_id: str, name: str = "") -> list[Owned]:
        """Return the objects of a run, or those of one name, in the order they were entered."""

    def names(self, run_id: str) -> frozenset[str]:
        """Return the names of the objects of a run."""

    def settle(self, outcomes: Mapping[int, str]) -> None:
        """Write down what became of owned objects, by their ids, at once."""


class Costs(Protocol):
    """What runs have cost, in EECU-seconds, and what they may still cost. Months are `core.clock.quota_month`."""

    def count(self, spent: Mapping[str, float], month: str) -> None:
        """
        Count what operations have cost so far, by the descriptions of their attempts.

        Of each attempt only what is new is added, to its run and this month; what is no attempt of ours is left out.
        """

    def of(self, run_ids: Sequence[str]) -> Mapping[str, float]:
        """Return what each of several runs has used, in one query; a run that used nothing is left out."""

    def months(self, month: str = "", limit: int = 1000) -> list[UsageRow]:
        """Return what runs have used, the newest month first; of one month where that is given."""

    def in_month(self, month: str, but: str = "") -> MonthUse:
        """Return what all runs have used in a month; what they have reserved without that of the run `but`."""

    def reserve(self, run_id: str, seconds: float, *, month: str, limit: float) -> MonthUse | None:
        """
        Reserve for a run what its tasks under way may still use, instead of what it had reserved.

        Nothing is reserved, and the use of the month is returned, where that would exceed `limit`; 0 is no limit.
        """

    def release(self, run_id: str) -> None:
        """Give back what a run has reserved."""


class Units(Protocol):
    """
    The units of work of runs, and who has a lease on which.

    A lease is a time and a fence, a number that grows with each claim. Whoever commits says its fence: `renew`,
    `note`, `finish`, `again` and `split` change nothing and raise `FencedError` where the unit was claimed by another
    meanwhile, given back, or is over. A lease that is over is still good for a commit as long as nobody claimed it.

    Leases begin now and are told in seconds: when one is over the database's clock says, a server's own or that of the
    machine whose file it is. When a unit is due is told, and asked, by the caller's clock, as seconds since 1970.
    """

    def add(self, run_id: str, units: Sequence[UnitPlan]) -> None:
        """Enter WAITING units; one whose kind and key are there stays as it is."""

    def of(
        self, run_id: str, kinds: Collection[str] | None = None, states: Collection[UnitState] | None = None
    ) -> list[Unit]:
        """Return the units of a run, by kind and key; of these kinds, in these states."""

    def get(self, run_id: str, kind: str, key: str) -> Unit:
        """Return one unit; raises `IntegrityError` where there is none."""

    def claim(self, run_id: str, kind: str, limit: int, *, now: float, seconds: float, worker: str = "") -> list[Unit]:
        """
        Take a lease of so many seconds on at most `limit` units, in the order of their keys, counting each an attempt.

        Taken are those that wait, are due at `now` and whose needs are all DONE or EMPTY; and those whose lease is
        over. Two callers never get the same unit. `worker` is who asks. A unit of which
        `MOST_DEATHS` leases in a row have ended without a word is FAILED instead.
        """

    def take_up(self, claim: UnitClaim, seconds: float, worker: str) -> Unit | None:
        """
        Make a claim of another process one's own, under the next number, as no further try; the other's is over then.

        None where that claim is over already, or was taken up before: whoever is told of it twice does nothing.
        """

    def renew(self, unit: Unit, seconds: float) -> None:
        """Prolong a lease: so many seconds from now on."""

    def note(self, unit: Unit, result: Mapping[str, Any]) -> None:
        """Write down, before an effect, what the result will be; it stays with the unit whatever happens."""

    def finish(
        self,
        unit: Unit,
        state: UnitState,
        *,
        result: Mapping[str, Any] | None = None,
        units: Sequence[UnitPlan] = (),
        failure: Failure | None = None,
        error: str = "",
    ) -> None:
        """End a unit DONE, EMPTY or FAILED and enter the units that it makes possible, at once; None keeps a note."""

    def bring(
        self,
        unit: Unit,
        piece: BroughtPiece,
        *,
        result: Mapping[str, Any] | None = None,
        units: Sequence[UnitPlan] = (),
    ) -> None:
        """Make a unit BROUGHT, with a piece that is durable in the run's folder and waits to be placed; as `finish`."""

    def placed(self, unit: Unit) -> None:
        """Make a BROUGHT unit DONE: its piece is durable in the sink. FencedError where it is not BROUGHT any more."""

    def refuse(self, unit: Unit, error: str) -> None:
        """Let a BROUGHT unit wait again, whose piece is gone or was refused. FencedError as `placed`."""

    def hold(self, unit: Unit, why: str, who: Who, until: float = 0.0) -> None:
        """Make a unit HELD: its run is to be held, for a person or until a time. The attempt was none."""

    def resume(self, run_id: str) -> int:
        """Let HELD units wait again, as the run goes on; return how many there were."""

    def again(
        self,
        unit: Unit,
        next_at: float,
        failure: Failure,
        error: str,
        *,
        counted: bool = True,
        lost: Collection[tuple[str, str]] = (),
    ) -> None:
        """Let a unit wait until a time, and `lose` what it found lost, at once; not counted, its attempt was none."""

    def split(self, unit: Unit, children: Sequence[UnitPlan], failure: Failure, error: str = "") -> None:
        """Replace a unit by others, at once; whatever needed it needs them all."""

    def lose(self, run_id: str, keys: Collection[tuple[str, str]]) -> None:
        """
        Make units (kind, key) that are DONE or EMPTY LOST and then WAITING, at once, without their results.

        One that is to be done anyway stays as it is.
        """

    def release(self, run_id: str, held: Iterable[Unit] | None = None) -> None:
        """
        Give back leases that are still ours, or all of the run's, without counting the attempts.

        All of the run's are those of its holders: a `FREE_WORKER` goes on with what it has, whoever holds the run.
        """

    def forgive(self, run_id: str) -> None:
        """Let FAILED units wait again, and count the attempts of all from here on: a person asked for another try."""

    def hurry(self, run_id: str, kind: str, keys: Collection[str]) -> int:
        """Let units that wait for a time be due at once; return how many did."""

    def open_kinds(self) -> list[OpenKind]:
        """Return which kinds of units are to be done, of all runs that are EXPORTING; runs that go first are first."""

    def is_due(self, run_id: str, kind: str, now: float) -> bool:
        """Tell whether a unit of this kind can be claimed now."""

    def next_due(self, run_id: str, kinds: Collection[str], now: float) -> float | None:
        """
        Return in how many seconds a unit can be claimed, by its time or the end of its lease; None: none by time alone.

        It is 0 or less where one can be claimed already.
        """

    def tally(self, run_id: str) -> Mapping[str, Mapping[UnitState, int]]:
        """Count the units of each kind in each state that occurs."""

    def given_up(self, run_id: str) -> Mapping[str, int]:
        """Count the EMPTY units of each kind that were given up for good: they say why."""

    def tallies(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[str, Mapping[UnitState, int]]]:
        """Count the units of several runs, in one query; a run without units is left out."""
