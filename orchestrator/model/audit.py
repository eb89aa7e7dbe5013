"""What an audit of a result found: windows of it, asked for once more and compared value by value."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from orchestrator.core.units import format_count
from orchestrator.model.places import PlacedObject
from orchestrator.model.ports import Stop
from orchestrator.model.product import RunSnapshot

WINDOWS = 50
# Of floating-point values: so much of the greater magnitude of the two, and one step of the number type.
RELATIVE_TOLERANCE = 1e-6
EXACT, WITHIN = "equal", f"within {RELATIVE_TOLERANCE:g} of the greater magnitude and one step of the number type"


@dataclass(frozen=True, slots=True)
class Difference:
    """
    A value that is not what the service answers.

    Attributes:
        row: Of the pixel, on the result's grid.
        col: Likewise.
        longitude: Of the pixel's centre, degrees.
        latitude: Likewise.
        band: Its name.
        expected: What the service answers, twice; outside the area, what stands for "no data".
        found: What the result holds.
    """

    row: int
    col: int
    longitude: float
    latitude: float
    band: str
    expected: float
    found: float

    def words(self) -> str:
        """Say it in a few words."""
        where = f"row {self.row}, column {self.col} (longitude {self.longitude:.6f}, latitude {self.latitude:.6f})"
        return f"{where}, band {self.band}: the file holds {self.found:.9g}, the service answers {self.expected:.9g}"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """
    The outcome of an audit.

    Attributes:
        at: When it ended, RFC 3339, UTC.
        seed: What the windows were drawn with; the same one draws the same again.
        windows: How many were compared.
        whole: Whether they hold every pixel of the area.
        pixels: How many pixels of the area they hold.
        values: How many values were compared, those outside the area among them: they are to be "no data".
        pieces: How many of the pieces that the result was made from they touch, by the way these came.
        tolerance: When two values count as equal.
        differences: How many do not.
        largest: The largest difference of two values that are both data; NaN where one of them is no number.
        first: The first, by row and column of its window; None where there is none.
        asked_again: How many windows were asked for more than once, since the first answer differed from the file.
    """

    at: str
    seed: int
    windows: int
    whole: bool
    pixels: int
    values: int
    pieces: Mapping[str, int]
    tolerance: str
    differences: int = 0
    largest: float = 0.0
    first: Difference | None = None
    asked_again: int = 0

    @property
    def equal(self) -> bool:
        """Whether no value differs."""
        return self.differences == 0

    def to_json(self) -> dict[str, Any]:
        """Return what a proof says of it; JSON has no NaN and no infinity, they are written as words."""
        told = {name: getattr(self, name) for name in self.__slots__} | {"pieces": dict(self.pieces)}
        told |= {"equal": self.equal, "largest": number(self.largest), "first": None}
        if self.first is not None:
            first = {name: getattr(self.first, name) for name in self.first.__slots__}
            told["first"] = first | {name: number(first[name]) for name in ("expected", "found")}
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> AuditReport:
        """Read what `to_json` wrote."""
        given = {name: told[name] for name in cls.__slots__} | {"largest": float(told["largest"]), "first": None}
        if (first := told["first"]) is not None:
            numbers = {name: float(first[name]) for name in ("expected", "found")}
            given["first"] = Difference(**{name: first[name] for name in Difference.__slots__} | numbers)
        return cls(**given)

    def told(self) -> dict[str, Any]:
        """Return what an event says of it."""
        facts = self.to_json()
        return {name: facts[name] for name in ("windows", "pixels", "values", "differences", "first", "seed")}

    def words(self) -> str:
        """Say it in a sentence."""
        windows = format_count(self.windows, "window")
        what = f"{windows} with {self.pixels:,} pixels of the area" + (", all of it" if self.whole else "")
        if self.first is None:
            return f"{what}: every one of {self.values:,} values is what the service answers ({self.tolerance})"
        differ = "1 value is" if self.differences == 1 else f"{self.differences:,} values are"
        return f"{what}: {differ} not what the service answers; the first at {self.first.words()}"


def seed_of(run_id: str) -> int:
    """Return what the windows of a run are drawn with where nobody says otherwise."""
    return int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:4], "big")


def number(value: float) -> float | str:
    """Return a number as JSON can hold it."""
    return value if math.isfinite(value) else str(value)


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What an audit shall look at.

    Attributes:
        raster: The file, or the object that it is where it lies in a bucket.
        windows: How many windows.
        seed: What they are drawn with.
    """

    raster: Path | PlacedObject
    windows: int
    seed: int


@runtime_checkable
class Audited(Protocol):
    """A product whose results can be compared with what the service answers now."""

    def audit(
        self, run: RunSnapshot, asked: Asked, proof: Mapping[str, Any], stop: Stop, say: Callable[[str], None]
    ) -> AuditReport:
        """
        Ask for windows of a result once more, and compare.

        Args:
            run: Whose result it is.
            asked: What to look at.
            proof: Of the result, as JSON.
            stop: Ends it.
            say: Told how far it is.

        Raises:
            RefusedError: The service says no, also to a small window.
            TransientError: It cannot be asked now, or its answers differ from each other.
            Stopped: `stop` was set.
        """

    def amended(self, files: Mapping[str, bytes], report: AuditReport) -> Mapping[str, bytes]:
        """Return what files beside a result become by the outcome of an audit, both by their role."""
