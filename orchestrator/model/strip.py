"""An output cut into strips, each of which is assembled by itself, on whatever machine."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Window


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
