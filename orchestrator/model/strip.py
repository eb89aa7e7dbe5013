"""An output cut into strips, each of which is assembled by itself, on whatever machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.core.errors import IntegrityError, PlanError
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.unit import Cell, Unit, UnitPlan

STRIP = "strip"  # the kind of units that make one
# Strips are addressed on a grid of their own: on that of the output their parts are.
STRIP_GRID = 1
# What a unit holds in memory, by its own word: parts on their way and blocks. One at a time fills a process.
_HELD_BYTES = 128 << 20


@dataclass(frozen=True, slots=True, order=True)
class OutputStrip:
    """
    Rows of an output over its whole width. A part belongs to the strip in which it begins, also where it ends lower.

    So parts in the order of their windows are the parts of the first strip, then those of the second, and so on.

    Attributes:
        index: Which one, from 0 at the top.
        row: The first row.
        bottom: The first row below.
    """

    index: int
    row: int
    bottom: int

    def __post_init__(self) -> None:
        if self.index < 0 or not 0 <= self.row < self.bottom:
            raise PlanError(f"{self!r} is no strip: its index and row start at 0, and it has at least one row")

    def has(self, part: Window) -> bool:
        """Tell whether a part belongs to it."""
        return self.row <= part.row < self.bottom


@dataclass(frozen=True, slots=True)
class StripOrder:
    """
    What a unit is to make a strip of.

    Attributes:
        strip: Which.
        turn: How often it was ordered before: when a part is made anew, so is its strip.
        clear: From this row on no part of an earlier strip has pixels.
        parts: Objects and what they cover, in the order of their windows.
    """

    strip: OutputStrip
    turn: int
    clear: int
    parts: tuple[tuple[Window, StoredObject], ...]

    @property
    def cell(self) -> Cell:
        """The address of what is made."""
        return strip_cell(self.strip, self.turn)

    def unit(self) -> UnitPlan:
        """Return it as a unit."""
        spec = {
            "strip": asdict(self.strip),
            "turn": self.turn,
            "clear": self.clear,
            "parts": [{"window": asdict(window), "object": _object_json(source)} for window, source in self.parts],
            "bytes": _HELD_BYTES,
        }
        key = f"{self.strip.index:04d}" + (f".{self.turn}" if self.turn else "")
        return UnitPlan(STRIP, key, self.cell, spec=spec)

    @classmethod
    def of(cls, unit: Unit) -> StripOrder:
        """
        Return what a unit says.

        Raises:
            IntegrityError: It is none of a strip.
        """
        spec: Mapping[str, Any] = unit.plan.spec
        try:
            parts = tuple((Window(**part["window"]), StoredObject.of(part["object"])) for part in spec["parts"])
            return cls(OutputStrip(**spec["strip"]), int(spec["turn"]), int(spec["clear"]), parts)
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"unit {unit.kind} {unit.key} does not say which strip it makes: {error!r}") from error


def strip_cell(strip: OutputStrip, turn: int) -> Cell:
    """Return the address of a strip that was ordered so many times before; its window has a width of one column."""
    return Cell(Window(strip.row, 0, strip.bottom - strip.row, 1), STRIP_GRID, turn)


def _object_json(source: StoredObject) -> dict[str, Any]:
    facts = {"name": source.name, "size": source.size, "generation": source.generation, "id": source.id}
    return facts | {"crc32c": source.crc32c, "md5": source.md5}
