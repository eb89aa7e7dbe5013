"""
What a run delivers, as the engine sees it: a handful of functions over frozen values.

A product plans (`prepare`), says what is done to each kind of unit (`steps`), owns where pieces go (`open`) and makes
the files of the result (`finish`). Whatever is remembered, retried, limited, published and cleaned is the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from orchestrator.core.errors import IntegrityError, OrchestratorError
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.ports import Stop
from orchestrator.model.strip import OutputStrip
from orchestrator.model.unit import NOTHING, Cell, Outcome, Unit, UnitPlan


class OutputLostError(IntegrityError):
    """The unfinished output lacks what was placed in it: its folder was taken away or damaged."""


class DecisionError(OrchestratorError):
    """The result is finished, and a person must say whether it is good enough; the message says how."""


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """
    What a product is told of a run: what was settled before anything remote was changed.

    Attributes:
        id: Of the run.
        job: What was declared, with its dates settled.
        logical_date: The day it is for, ISO 8601; empty where the dates of the job are fixed.
        document: The plan as the product wrote it; empty before it is planned.
        image: Earth Engine's expression, JSON; empty where the product has none.
        facts: What the recipe found out.
        overwrite: Whether files that no run of the job made may be replaced.
    """

    id: str
    job: Job
    logical_date: str = ""
    document: str = ""
    image: str = ""
    facts: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """
    Everything a run is made from.

    Attributes:
        document: The plan as JSON with a version; only the product reads it.
        image: Earth Engine's expression of the whole image, as JSON; stored with the run, so that a restart asks for
            the same pixels whatever the installed version.
        facts: What the recipe found out, for the proof.
        tasks: What batch exports shall bring; each is a rectangle of the plan's grid.
        units: The first units.
    """

    document: str
    image: str = ""
    facts: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    tasks: tuple[TaskPlan, ...] = ()
    units: tuple[UnitPlan, ...] = ()


class Sink(Protocol):
    """Where the pieces of one output go; one owner at a time; resumable."""

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        """
        Add verified pieces, files or their bytes; any order, idempotent.

        `pieces` is read ahead and must not block. `on_placed` is told of each that has become durable, in this
        thread; on return all are. When it raises, the first piece not told of is at fault, those before it are
        placed, and those behind it may be placed again.

        Raises:
            IntegrityError: A piece is not what was planned for its cell.
        """

    def placed(self) -> frozenset[Cell]:
        """Return the cells already placed, in this process or before a crash."""


class StepContext(Protocol):
    """What a step is given beside its unit."""

    @property
    def run(self) -> RunSnapshot: ...

    @property
    def stop(self) -> Stop: ...

    @property
    def folder(self) -> Path:
        """The run's own working folder; it is there."""

    @property
    def sink_folder(self) -> Path:
        """The folder of the run's sink, in the former; it is there."""

    def has_done(self) -> bool:
        """Tell whether any unit of this one's kind was done, by whichever process."""

    def note(self, result: Mapping[str, Any]) -> None:
        """Write down, before an effect, what the unit's result will be; after a crash the unit still has it."""

    def place(self, cell: Cell, content: Path | bytes) -> None:
        """
        Put a piece into the run's sink; on return it is durable, there or on its way there.

        A path is a file, or a folder in `folder` that nobody else writes to.
        """

    def is_placed(self, cell: Cell) -> bool:
        """Tell whether the sink has a piece already, from before a crash."""

    def check(self) -> None:
        """
        Look whether the unit is still this process's; asked before each effect that would outlive the run.

        Raises:
            FencedError: Another has it, or it is over.
        """

    def expect(self, count: int) -> None:
        """Say how many bytes will arrive in this process, as far as is known."""

    def received(self, count: int) -> None:
        """Count bytes that arrived."""


Step = Callable[[StepContext, Unit], Outcome]


@dataclass(frozen=True, slots=True)
class Brought:
    """
    One cell of the result, and where its pixels came from.

    Attributes:
        cell: On the plan's grid.
        origin: What the proof says of it: the object with generation and checksum, the operation and the attempt of
            an export; or the checksums of request and reply, and when.
    """

    cell: Cell
    origin: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What a run has brought: every cell once, and every unit with its result.

    `eecu_seconds` is what Earth Engine says that its exports have cost, failed ones too.
    """

    brought: Sequence[Brought]
    units: Sequence[Unit]
    eecu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class MadeFile:
    """
    A finished file of a result, or a folder such as a Zarr store, that has not got its name yet.

    Attributes:
        role: `data`, `proof`, `picture`, `item`, ...
        made: Where it lies, whole and durable, on the file system of `final`.
        final: The name it gets; a folder's is one of `core.trees.FOLDER_SUFFIXES`.
        sha256: Of its content; empty where it has not been read yet.
        placed: What it lies as at the job's place already, under another name; `made` is then not read, and its SHA-256
            is known to nobody.
    """

    role: str
    made: Path
    final: Path
    sha256: str = ""
    placed: StoredObject | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """
    A finished result, about to be published.

    Attributes:
        files: In the order in which they get their names. The first is one that no two runs have alike, such as the
            proof; the last is the one that makes the result: whoever reads its final name sees the previous result
            or this one.
        facts: What the run keeps of it beside the manifest: how good it is, how it was made.
        told: What the event of its publication says of it.
    """

    files: tuple[MadeFile, ...]
    facts: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    told: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


class Finishing(Protocol):
    """What `finish` is given."""

    @property
    def run(self) -> RunSnapshot: ...

    @property
    def stop(self) -> Stop: ...

    @property
    def folder(self) -> Path:
        """Where the unfinished output lies: beside the final path, so that a file gets its name by one rename."""

    @property
    def min_valid(self) -> float:
        """The least share of the area that must hold data: the job's, or what a person consented to since."""

    @property
    def audit(self) -> int:
        """How many windows are asked for once more and compared; 0 is none."""

    @property
    def audit_accepted(self) -> bool:
        """Whether a person consented to publish it whatever the audit finds."""

    def say(self, what: str) -> None:
        """Tell whoever watches what is being done."""

    def record(self, name: str, facts: Mapping[str, Any]) -> None:
        """Write an event."""


class Product(Protocol):
    """See the module. One object serves one run; it is used by one thread unless a method says otherwise."""

    @property
    def name(self) -> str: ...

    def files(self, job: Job) -> tuple[Path, ...]:
        """Return every path that the result may take, the one that makes it last; nothing is read."""

    def check(self, job: Job) -> tuple[str, ...]:
        """
        Plan without asking anybody, and return what a person should know, a sentence each.

        Raises:
            UserError: The job cannot be done as declared.
        """

    def prepare(self, job: Job) -> Settled:
        """
        Settle grids, first units and facts; nothing remote is changed.

        Raises:
            UserError: The job cannot be done as declared.
        """

    def exports(self, run: RunSnapshot) -> Plan | None:
        """Return the grid and the pixels of the batch exports; None where the product has none."""

    def instead(self, run: RunSnapshot, window: Window) -> Sequence[UnitPlan]:
        """Return the units that bring a rectangle whose export failed for good; none where there is no other way."""

    def steps(self, run: RunSnapshot) -> Mapping[str, Step]:
        """Return what is done to each kind of unit; steps may run in several threads at once."""

    def open(self, run: RunSnapshot, folder: Path) -> Sink | None:
        """
        Open the unfinished output in `folder`, or begin one; None where pieces go nowhere.

        Raises:
            IntegrityError: What lies there cannot be continued; without it, it is begun anew.
        """

    def finish(self, about: Finishing, sink: Sink | None, evidence: Evidence) -> Made:
        """
        Complete, verify and describe the result; done before a crash, it is not done again.

        Raises:
            IntegrityError: Something that was planned is missing, doubled, or is not what it was.
            OutputLostError: The unfinished output lacks what was placed in it; it is built again.
            DecisionError: A person must say whether it is good enough.
        """

    def close(self) -> None:
        """Give up idle connections."""


@runtime_checkable
class Stripping(Protocol):
    """A product whose output may be made in strips, by several: a unit of the kind `strip` for each."""

    def strips(self, run: RunSnapshot) -> tuple[OutputStrip, ...]:
        """Return how the output of a run is cut, from top to bottom; empty where parts are placed one by one."""

    def kept_at(self, run: RunSnapshot) -> str:
        """
        Return what the names begin with, at the job's place, of what a run keeps there until it is over.

        Empty where it keeps everything in its own folder. Whatever has such a name is the run's.
        """

    def forget_strips(self, run: RunSnapshot) -> None:
        """Take away what a run keeps at its place: the state does not know what that was made of."""


@runtime_checkable
class Recognising(Protocol):
    """A product that knows its results by what they say, whichever installation has made them."""

    def whose(self, job: Job, file: Path) -> str | None:
        """Return "" for a file at the place of a job's result that is of this job, a sentence for whose else, None."""


@runtime_checkable
class Shareable(Protocol):
    """A product some of whose steps any process may do that sees the run's folder: without `open`, by `steps` alone."""

    @property
    def shared(self) -> frozenset[str]:
        """The kinds of units of which that is true."""
