"""The only place where pixels live: a grid, and windows of whole pixels on it. Axis order is (row, col)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.core.errors import PlanError

# Earth Engine writes exports in blocks of 256 × 256 pixels; a seam that falls inside a block
# would have to be decoded by both neighbours.
BLOCK = 256

Bounds = tuple[float, float, float, float]  # (left, bottom, right, top) in units of the CRS

# (a, b, c, d, e, f), as in `affine.Affine`: x = a·col + b·row + c, y = d·col + e·row + f.
Transform = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A rectangle of whole pixels, as rows and columns of the parent grid."""

    row: int
    col: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.row < 0 or self.col < 0 or self.height < 1 or self.width < 1:
            raise PlanError(f"{self!r} is no window: row and col start at 0, height and width at 1")

    @property
    def bottom(self) -> int:
        """First row below the window."""
        return self.row + self.height

    @property
    def right(self) -> int:
        """First column right of the window."""
        return self.col + self.width

    @property
    def pixels(self) -> int:
        return self.height * self.width

    def contains(self, other: Window) -> bool:
        """Tell whether every pixel of `other` lies in this window."""
        return (
            self.row <= other.row
            and self.col <= other.col
            and other.bottom <= self.bottom
            and other.right <= self.right
        )

    def intersection(self, other: Window) -> Window | None:
        """Return the pixels both windows share, or None."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Window(row, col, bottom - row, right - col) if bottom > row and right > col else None

    def relative_to(self, origin: Window) -> Window:
        """Return the same pixels counted from the top left corner of `origin`."""
        return Window(self.row - origin.row, self.col - origin.col, self.height, self.width)

    def tiles(self, height: int, width: int) -> Iterator[Window]:
        """Yield windows of at most `height` × `width` that cover this one exactly once, row by row."""
        for row in range(self.row, self.bottom, height):
            for col in range(self.col, self.right, width):
                yield Window(row, col, min(height, self.bottom - row), min(width, self.right - col))


@dataclass(frozen=True, slots=True)
class Grid:
    """
    A coordinate reference system, an affine transform and a shape.

    Attributes:
        crs: `EPSG:n` where the CRS has a code, otherwise its WKT.
        transform: `(a, b, c, d, e, f)`, in the order of `affine.Affine` and of Earth Engine's `crsTransform`:
            x = a·col + b·row + c and y = d·col + e·row + f, for the top left corner of pixel (row, col),
            in units of the CRS. Rows go down: `e` is negative. Rotated and sheared grids are refused.
        height: Rows.
        width: Columns.
    """

    crs: str
    transform: Transform
    height: int
    width: int

    def __post_init__(self) -> None:
        a, b, _c, d, e, _f = self.transform
        if not all(math.isfinite(v) for v in self.transform):
            raise PlanError(f"the grid's transform {self.transform} holds a number that is not finite")
        if b or d:
            raise PlanError(f"the grid's transform {self.transform} is rotated; only north-up grids are supported")
        if a <= 0 or e >= 0:
            raise PlanError(
                f"the grid's transform {self.transform} is not north-up: "
                "the first number must be positive and the fifth negative"
            )
        if self.height < 1 or self.width < 1:
            raise PlanError(f"a grid of {self.height} × {self.width} pixels is empty")

    @property
    def window(self) -> Window:
        """The whole grid as a window on itself."""
        return Window(0, 0, self.height, self.width)

    @property
    def pixels(self) -> int:
        return self.height * self.width

    def window_transform(self, window: Window) -> Transform:
        """Return the transform of `window`, in the order of `transform`."""
        a, b, c, d, e, f = self.transform
        return (a, b, c + a * window.col, d, e, f + e * window.row)

    def bounds(self, window: Window | None = None) -> Bounds:
        """Return (left, bottom, right, top) of `window`, or of the whole grid, in units of the CRS."""
        window = window or self.window
        a, _b, c, _d, e, f = self.transform
        return (
            c + a * window.col,
            f + e * window.bottom,
            c + a * window.right,
            f + e * window.row,
        )

    def crop(self, window: Window) -> Grid:
        """Return `window` as a grid of its own."""
        return Grid(self.crs, self.window_transform(window), window.height, window.width)
