"""Neighbourhoods: which pixels lie around a pixel, as spans of rows or as single offsets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.projection import Grid

_TOLERANCE = 1e-9  # of a radius: 50 m / 10 m is 5 pixels, not 4.999


@dataclass(frozen=True, slots=True)
class Kernel:
    """A named shape with a radius in `pixels` of the asked grid or in `meters`."""

    shape: str
    radius: float
    units: str = "pixels"

    def __post_init__(self) -> None:
        """Refuse shapes and units that are not known."""
        if self.shape not in _MEMBERS:
            raise EvaluationError(f"Kernel: kernel type '{self.shape}' is not imitated by this sandbox.")
        if self.units not in {"pixels", "meters"}:
            raise EvaluationError(f"Kernel: Invalid units: '{self.units}'.")

    def pixels(self, grid: Grid) -> float:
        """Give the radius in pixels of a grid."""
        if self.units == "pixels":
            return self.radius
        return self.radius / grid.projection.nominal_scale()

    def reach(self, grid: Grid) -> int:
        """How many whole pixels the shape reaches from its centre."""
        return max(0, math.floor(self.pixels(grid) + _TOLERANCE))

    def offsets(self, grid: Grid) -> list[tuple[int, int]]:
        """Give (row, col) of each pixel, relative to the centre."""
        member, radius, reach = _MEMBERS[self.shape], self.pixels(grid) + _TOLERANCE, self.reach(grid)
        span = range(-reach, reach + 1)
        return [(row, col) for row in span for col in span if member(row, col, radius)]

    def spans(self, grid: Grid) -> list[tuple[int, int]] | None:
        """Give (row, half width) if every row is an unbroken run around the centre column, else None."""
        rows: dict[int, set[int]] = {}
        for row, col in self.offsets(grid):
            rows.setdefault(row, set()).add(col)
        spans = [(row, max(cols)) for row, cols in sorted(rows.items())]
        unbroken = all(len(rows[row]) == 2 * half + 1 for row, half in spans)
        return spans if unbroken else None


_MEMBERS: dict[str, Callable[[int, int, float], bool]] = {
    "circle": lambda row, col, radius: row * row + col * col <= radius * radius,
    "square": lambda _row, _col, _radius: True,
    "diamond": lambda row, col, radius: abs(row) + abs(col) <= radius,
    "plus": lambda row, col, _radius: row == 0 or col == 0,
    "cross": lambda row, col, _radius: abs(row) == abs(col),
    "octagon": lambda row, col, radius: abs(row) + abs(col) <= math.floor(radius * math.sqrt(2)),
}
