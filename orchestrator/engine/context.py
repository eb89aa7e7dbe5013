"""How long the engine waits and how often it tries, and what a process and a run give those who work on it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.clock import Clock
from orchestrator.core.errors import Stopped
from orchestrator.core.process import process_name
from orchestrator.engine.interrupts import Interrupts
from orchestrator.engine.limits import Limits
from orchestrator.engine.progress import Progress
from orchestrator.engine.request_limits import RequestLimits
from orchestrator.engine.space import DiskMarks
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.waiting import Waits
from orchestrator.engine.work import CancelledByUserError
from orchestrator.model.batch import BatchRoute, ListOperations
from orchestrator.model.eecu import EecuLimits
from orchestrator.model.places import ObjectPlace
from orchestrator.model.ports import Stop
from orchestrator.model.product import Product

if TYPE_CHECKING:
    from orchestrator.engine.executors import UnitExecutor


@dataclass(frozen=True, slots=True)
class Backoff:
    """
    How long is waited, and how often is tried.

    Attributes:
        poll_min_seconds: Shortest time between two looks at the operations.
        poll_max_seconds: Longest time, reached when nothing changes.
        repost_seconds: First wait before a submission without an answer is sent again with the same request id.
        burnt_seconds: After this long without an operation, a request id is taken as burnt.
        collect_seconds: Wait between two looks for objects that a finished task should have written.
        collect_tries: Looks before such a task is exported anew.
        max_attempts: Attempts of one task for failures that pass.
        max_rung: Steps of the memory ladder.
        cool_down_seconds: First wait after a failed attempt; doubles each time.
        hold_seconds: How often a held run is looked at again.
        lag_seconds: How long a list of operations, or the answer for one, may lag behind what is true.
        unit_attempts: Attempts of one unit for failures that pass; then the run is held.
        unit_first_seconds: Longest first wait of a unit that failed; doubles each time.
        unit_longest_seconds: Longest wait of a unit.
    """

    poll_min_seconds: float = 2.0
    poll_max_seconds: float = 30.0
    repost_seconds: float = 5.0
    burnt_seconds: float = 900.0
    collect_seconds: float = 20.0
    collect_tries: int = 4
    max_attempts: int = 4
    max_rung: int = 8
    cool_down_seconds: float = 10.0
    hold_seconds: float = 300.0
    lag_seconds: float = 600.0
    unit_attempts: int = 8
    unit_first_seconds: float = 1.0
    unit_longest_seconds: float = 60.0


def thread_pool(places: int, name: str) -> Executor:
    """Return what does so many things at once, in threads that are called so."""
    return ThreadPoolExecutor(places, thread_name_prefix=name)


@dataclass(frozen=True, slots=True)
class ProcessContext:
    """
    What every run of a process shares.

    Attributes:
        owner: Names this installation in object names, so that two never touch each other's objects.
        work_dir: Where parts lie until they are placed; None is beside the output.
        keep_parts: Parts are kept on disk until the output is published. Otherwise they go from the network into
            the output and never lie on a disk; after a crash those not placed are downloaded again.
        downloads: Parts of a run that are downloaded at once.
        backoff: See there.
        limits: What the runs of the process share of the project.
        clock: See `core.clock`.
        stop: Set when the process is asked to end.
        notify: Told every event: name, run id, facts.
        chance: Spreads waits.
        requests: Units of a run that are done at once.
        eecu: What may be spent.
        interrupts: Which runs are to be held, and why.
        marks: How much of a disk is left alone.
        transfers: Turns of downloads, shared with all runs of all processes; None where nobody else downloads.
        name: Of this process among all that claim units.
        unit_lease_seconds: How long a claim on a unit is good without a word.
        executor: Who does units that any process may do; None is threads of each run.
        together_seconds: What becomes of parts within so long is committed together.
        pool: Makes what downloads and units are done in, of so many places and with a name. A simulation has its own,
            in which only virtual time passes.
    """

    owner: str
    work_dir: Path | None
    keep_parts: bool
    downloads: int
    backoff: Backoff
    limits: Limits
    clock: Clock
    stop: Stop
    notify: Callable[[str, str, Mapping[str, Any]], None] = field(default=lambda _n, _r, _f: None)
    chance: random.Random = field(default_factory=random.Random)
    requests: int = 8
    eecu: EecuLimits = field(default_factory=EecuLimits)
    interrupts: Interrupts = field(default_factory=Interrupts)
    marks: DiskMarks = field(default_factory=DiskMarks)
    transfers: RequestLimits | None = None
    name: str = field(default_factory=process_name)
    unit_lease_seconds: float = 60.0
    executor: UnitExecutor | None = None
    together_seconds: float = 0.05
    pool: Callable[[int, str], Executor] = thread_pool


@dataclass(frozen=True, slots=True)
class Clients:
    """
    The concrete parts one run works with, joined by `app`.

    Attributes:
        slots: Asks the service how many tasks of the project it runs at once; None where it does not say.
        place: Where the result is delivered to; None where it stays in the folder that it is made in.
    """

    product: Product
    route: BatchRoute
    list_operations: ListOperations
    slots: Callable[[], int | None] = field(default=lambda: None)
    place: ObjectPlace | None = None

    def close(self) -> None:
        """Give up idle connections."""
        self.route.close()
        self.product.close()
        if self.place is not None:
            self.place.close()


def unleased() -> None:
    """Nobody else can have the run."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """
    What everything that works on one run is given.

    Attributes:
        record: Writes an event of the run: its name, its facts.
        waits: Waits for times of the state.
        progress: Counters for whoever watches.
        wake: Ends the pause of the run's own thread.
        check_prefix: Raises `HoldError` where another state works on objects of the same names.
        leave_prefix: Gives those names up where no other run of the process needs them, before this one is over.
        check_lease: Raises `FencedError` where another process has the run; asked before what no store takes back.
        folders: Where the run writes; its disks are looked at.
    """

    run_id: str
    store: Store
    clients: Clients
    process: ProcessContext
    record: Callable[[str, Mapping[str, Any]], None]
    waits: Waits
    progress: Progress
    wake: threading.Event = field(default_factory=threading.Event)
    check_lease: Callable[[], None] = unleased
    check_prefix: Callable[[], None] = unleased
    leave_prefix: Callable[[], None] = unleased
    folders: list[Path] = field(default_factory=list)

    @property
    def backoff(self) -> Backoff:
        return self.process.backoff

    def now(self) -> float:
        """Return the time of day, seconds since 1970: for what the state keeps."""
        return self.process.clock.now().timestamp()

    def obey(self) -> None:
        """
        Look whether the process or the run was asked to stop.

        Raises:
            CancelledByUserError, Stopped: It was.
            FencedError: Another process has the run by now.
            HoldError: It is to be held.
            SpaceError: A disk of the run has too little room.
        """
        if self.process.stop.is_set():
            raise Stopped("stopped; the same command continues this run")
        self.check_lease()
        if self.store.runs.requested(self.run_id) == "cancel":
            raise CancelledByUserError("cancelled by request")
        self.process.interrupts.obey(self.run_id)
        self.process.marks.check(self.folders)
