"""The address of pixels, and the smallest piece of work: what is claimed, done, verified, retried and written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Window
from orchestrator.model.states import Failure, UnitState, Who

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """
    The address of pixels: which grid of the product, which moment, which window of that grid, which bands.

    Attributes:
        window: Rows and columns of the grid.
        grid: Index of the grid in the plan.
        time: Index of the moment in the plan.
        group: Index of the group of bands in the plan.
    """

    window: Window
    grid: int = 0
    time: int = 0
    group: int = 0

    def __post_init__(self) -> None:
        if min(self.grid, self.time, self.group) < 0:
            raise PlanError(f"{self!r} is no address: grid, time and group count from 0")


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """
    A unit as it is planned.

    Attributes:
        kind: What is done to it: a key of the product's steps.
        key: Its name, unique to the run and the kind; units are taken in the order of their keys.
        cell: The pixels it brings; None where it brings none.
        needs: (kind, key) of the units that must be done, or empty, before it may be claimed.
        spec: What its step must know, as JSON can hold it.
    """

    kind: str
    key: str
    cell: Cell | None = None
    needs: tuple[tuple[str, str], ...] = ()
    spec: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class BroughtPiece:
    """
    A piece that was brought by one process and is to be placed by another.

    Attributes:
        name: Of its file, or of the folder that it came as, in the run's own folder.
        bytes: Its size.
        sha256: Of the file's content; of a folder see `core.trees`.
        as_bytes: Whether the step gave it as bytes, not as a path.
    """

    name: str
    bytes: int
    sha256: str
    as_bytes: bool


@dataclass(frozen=True, slots=True)
class UnitClaim:
    """
    What names a unit that was claimed, and is all that whoever does it must be told.

    Attributes:
        run_id: Of the run.
        kind: Of the unit.
        key: Of the unit.
        fence: The number of the claim.
    """

    run_id: str
    kind: str
    key: str
    fence: int


@dataclass(frozen=True, slots=True)
class Unit:
    """
    A unit as it stands in the state.

    Attributes:
        run_id: Of the run.
        plan: What was planned.
        state: See `UnitState`.
        attempt: How often it was claimed, and counts.
        next_at: Not to be claimed before, seconds since 1970; 0 is at once.
        claimed_until: When its lease ends, seconds since 1970; 0 where nobody has it.
        fence: Grows with each claim; a commit with an older one is refused.
        worker: The process that claimed it last.
        piece: What it brought, while that waits to be placed.
        who: Who must act before the run goes on, where it is HELD.
        failure: How it failed last.
        error: The last sentence.
        result: What came of it, as JSON can hold it; a step may note it before it is done.
    """

    run_id: str
    plan: UnitPlan
    state: UnitState = UnitState.WAITING
    attempt: int = 0
    next_at: float = 0.0
    claimed_until: float = 0.0
    fence: int = 0
    failure: Failure | None = None
    error: str = ""
    result: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    worker: str = ""
    piece: BroughtPiece | None = None
    who: Who = Who.NOBODY

    @property
    def claim(self) -> UnitClaim:
        return UnitClaim(self.run_id, self.plan.kind, self.plan.key, self.fence)

    @property
    def kind(self) -> str:
        return self.plan.kind

    @property
    def key(self) -> str:
        return self.plan.key


@dataclass(frozen=True, slots=True)
class Done:
    """The unit is done. `units` are those that it makes possible, added in the same transaction."""

    result: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    units: tuple[UnitPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class Empty:
    """There is nothing to bring: success. Or, where `error` says why, it was given up for good; the others go on."""

    result: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """
    Not now.

    Attributes:
        why: In a sentence.
        failure: By what must be done about it.
        wait_seconds: The least pause; 0 is the usual backoff.
        counted: Whether it counts against the attempts of the unit; waiting for a busy service does not.
    """

    why: str
    failure: Failure = Failure.TRANSIENT
    wait_seconds: float = 0.0
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """Too much at once: `units` take the place of the unit, in one transaction."""

    units: tuple[UnitPlan, ...]
    why: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class Hold:
    """Something outside must change first: the run is held. `until` is seconds since 1970, 0 the usual wait."""

    why: str
    who: Who = Who.PERSON
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Lost:
    """What other units brought is gone: those of `keys` (kind, key) wait again, and so does this one."""

    keys: tuple[tuple[str, str], ...]
    why: str


Outcome = Done | Empty | Again | Split | Hold | Lost
