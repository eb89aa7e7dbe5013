"""What a map and a course of a run are drawn from: little of each piece, and many pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from orchestrator.engine.stores.work_records import Part
from orchestrator.model.unit import Unit

# The kinds of what exports bring; every other kind is of units.
PART = "part"
TASK = "task"


# Grid, row, col, height and width, as in `Cell` and its window.
Span = tuple[int, int, int, int, int]


class How(NamedTuple):
    """
    How a piece stands.

    Attributes:
        kind: `part`, or the unit's kind.
        state: A `PartState` or `UnitState`.
        task: The `TaskState` of a part's task; empty of units.
        failed: Whether its task, or the unit, has failed before.
    """

    kind: str
    state: str
    task: str = ""
    failed: bool = False


# A piece of a run that has a window, a part or a unit with a cell: where it is, and how it stands. A plain tuple: there
# may be a hundred thousand.
Mark = tuple[Span, How]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A unit without a window: its key, and how it stands."""

    key: str
    how: How


@dataclass(frozen=True, slots=True)
class CourseCount:
    """
    What happened to a run within one stretch of time.

    Attributes:
        name: Of the event.
        slot: Which stretch, from 0.
        count: How often it happened.
        pieces: To how many pieces: an event of a task tells its parts, another is of one piece.
        bytes: What came with it.
    """

    name: str
    slot: int
    count: int
    pieces: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """
    Pieces of a run that failed alike.

    Attributes:
        kind: `task`, or the units' kind.
        error: The last sentence of each of them, word by word.
        failure: A `Failure`; empty where none was told.
        state: A `TaskState` or `UnitState`.
        count: How many pieces.
        attempts: The most attempts that one of them has had.
        next_at: When the next of them is tried, seconds since 1970; 0 where none waits for a time.
        first: The first key of them.
    """

    kind: str
    error: str
    failure: str
    state: str
    count: int
    attempts: int
    next_at: float
    first: str


class Marks(Protocol):
    """What is drawn of a run; each method is one transaction that only reads."""

    def of(self, run_id: str) -> Sequence[Mark]:
        """Return its parts and its units with cells, but for strips and what was replaced; by grid, row and column."""

    def unplaced(self, run_id: str) -> list[Unplaced]:
        """Return its units without a window, but for those that others replaced, by kind and key."""

    def at(self, run_id: str, grid: int, row: int, col: int) -> tuple[list[Part], list[Unit]]:
        """Return the parts and units of a run in whose windows a pixel of a grid lies; units by kind and key."""

    def keys(self, run_id: str, of: Sentence) -> list[str]:
        """Return the keys of the pieces that failed so, in order."""

    def span(self, run_id: str) -> tuple[str, str]:
        """Return when the first and the last thing happened to it, RFC 3339; empty where nothing did."""

    def course(self, run_id: str, names: Sequence[str], since: str, seconds: float) -> list[CourseCount]:
        """Return how often each of these events happened in each stretch of so many seconds after `since`."""

    def sentences(self, run_id: str) -> list[Sentence]:
        """Return its tasks and units that have an error, those of one sentence together, the most first."""
