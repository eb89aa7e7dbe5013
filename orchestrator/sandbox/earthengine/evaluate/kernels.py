"""Kernels: weights of the pixels around a pixel, made for the pixel size of the grid they are used on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.projection import Grid

Matrix = NDArray[np.float64]
_TOLERANCE = 1e-9  # of a radius: 50 m / 10 m is 5 pixels, not 4.999
# Pixels have no size before a grid asks; for skipping scenes, one is taken to be at most this large (metres).
_LARGEST_PIXEL = 1000.0
_MAX_SIDE = 512  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """
    A matrix of weights, (row, col) from the top left.

    Attributes:
        values: The weights.
        row: The row of the pixel that is looked from.
        col: Its column.
    """

    values: Matrix
    row: int
    col: int

    @property
    def reach(self) -> int:
        """How many pixels the matrix reaches from its centre at most."""
        height, width = self.values.shape
        return int(max(self.row, self.col, height - 1 - self.row, width - 1 - self.col))

    def offsets(self) -> list[tuple[int, int]]:
        """Give (row, col) of each weight that is not zero, relative to the centre, row by row."""
        rows, cols = np.nonzero(self.values)
        return [(int(row) - self.row, int(col) - self.col) for row, col in zip(rows, cols, strict=True)]

    def centred(self, reach: int) -> Matrix:
        """Give a matrix of 2 `reach` + 1 rows and columns around the centre, with zeros where there was nothing."""
        found = np.zeros((2 * reach + 1, 2 * reach + 1))
        height, width = self.values.shape
        found[reach - self.row : reach - self.row + height, reach - self.col : reach - self.col + width] = self.values
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """
    A kernel, whose matrix may depend on the size of pixels.

    Attributes:
        make: From the metres of a pixel (1 where it counts pixels) to weights.
        pixels: How far it reaches where it counts pixels.
        metres: How far it reaches where it counts metres.
        metric: Of a distance kernel: `euclidean`, `manhattan` or `chebyshev`.
        is_box: Whether it is a square, a rectangle or a matrix of the user's own: what `neighborhoodToArray` takes.
    """

    make: Callable[[float], Weights] = field(repr=False)
    pixels: float = 0.0
    metres: float = 0.0
    metric: str | None = None
    is_box: bool = False

    def weights(self, grid: Grid) -> Weights:
        """Give the weights on a grid."""
        return _made(self, grid.projection.nominal_scale() if self.metres else 1.0)

    def radius(self, grid: Grid) -> float:
        """Give how far it reaches in pixels of a grid, not rounded."""
        return self.pixels + (self.metres / grid.projection.nominal_scale() if self.metres else 0.0)

    def reach(self, grid: Grid) -> int:
        """How many whole pixels the kernel reaches from its centre."""
        return self.weights(grid).reach

    def offsets(self, grid: Grid) -> list[tuple[int, int]]:
        """Give (row, col) of each pixel with a weight, relative to the centre, row by row."""
        return self.weights(grid).offsets()

    def spans(self, grid: Grid) -> list[tuple[int, int]] | None:
        """Give (row, half width) if every row is an unbroken run around the centre column, else None."""
        rows: dict[int, set[int]] = {}
        for row, col in self.offsets(grid):
            rows.setdefault(row, set()).add(col)
        spans = [(row, max(cols)) for row, cols in sorted(rows.items())]
        unbroken = all(rows[row] == set(range(-half, half + 1)) for row, half in spans)
        return spans if unbroken and spans else None

    def widest(self) -> float:
        """Give how many metres it reaches on the coarsest grid."""
        return self.metres + self.pixels * _LARGEST_PIXEL


@lru_cache(maxsize=256)
def _made(kernel: Kernel, metres: float) -> Weights:
    expect_small(max(kernel.pixels, kernel.metres / metres))
    return kernel.make(metres)


def expect_small(radius: float) -> None:
    """
    Refuse kernels that reach too far, before they are made.

    Raises:
        EvaluationError: If one has more than 512 pixels a side (release notes of Earth Engine).
    """
    side = 2 * math.floor(radius + _TOLERANCE) + 1
    if side > _MAX_SIDE:
        raise EvaluationError(f"Kernel: A side of {side} pixels is more than the {_MAX_SIDE} allowed.")


def fixed(values: Any, row: int | None = None, col: int | None = None) -> Kernel:
    """
    Make a kernel of given weights, looked at from its middle unless told otherwise.

    Raises:
        EvaluationError: If the weights are no matrix of numbers, or the centre lies outside.
    """
    try:
        matrix = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise EvaluationError("Kernel: The weights must be rows of equally many numbers.") from None
    if matrix.ndim != 2 or not matrix.size:
        raise EvaluationError("Kernel: The weights must be a list of lists of numbers.")
    row = matrix.shape[0] // 2 if row is None else row
    col = matrix.shape[1] // 2 if col is None else col
    if not (0 <= row < matrix.shape[0] and 0 <= col < matrix.shape[1]):
        raise EvaluationError(f"Kernel: The focus ({col}, {row}) lies outside of the kernel.")
    made = Weights(matrix, row, col)
    return Kernel(lambda _metres: made, pixels=made.reach)


def shaped(shape: str, radius: float, units: str, *, normalize: bool = False, magnitude: float = 1.0) -> Kernel:
    """
    Make a kernel of a named shape.

    Raises:
        EvaluationError: If the shape or the units are unknown, or the radius is negative.
    """
    if shape not in _MEMBERS:
        raise EvaluationError(f"Kernel: Unknown kernel type: '{shape}'.")
    if shape == "octagon" and (units, radius) != ("pixels", 3):
        raise not_imitated(f"An octagon of radius {radius} {units} (the reference shows that of 3 pixels)")
    return _regular(_MEMBERS[shape], radius, units, normalize=normalize, magnitude=magnitude, is_box=shape == "square")


def distance(metric: str, radius: float, units: str, *, normalize: bool, magnitude: float) -> Kernel:
    """Make a kernel of distances from the centre, as far as a square of the radius."""
    pixels, whole = _extent(radius, units)

    def weights(metres: float) -> Weights:
        if units != "pixels":
            raise not_imitated(f"The weights of a kernel of {metric} distances in metres")
        return _framed(radius / metres, _DISTANCES[metric], normalize=normalize, magnitude=magnitude)

    return Kernel(weights, pixels, whole, metric)


def rectangle(x_radius: float, y_radius: float, units: str, *, normalize: bool, magnitude: float) -> Kernel:
    """Make a kernel of equal weights."""
    _extent(min(x_radius, y_radius), units)
    pixels, whole = _extent(max(x_radius, y_radius), units)

    def weights(metres: float) -> Weights:
        row, col = (math.floor(radius / metres + _TOLERANCE) for radius in (y_radius, x_radius))
        return scaled(np.ones((2 * row + 1, 2 * col + 1)), row, col, normalize=normalize, magnitude=magnitude)

    return Kernel(weights, pixels, whole, is_box=True)


def _regular(
    member: Callable[..., Any],
    radius: float,
    units: str,
    *,
    normalize: bool,
    magnitude: float,
    is_box: bool = False,
) -> Kernel:
    pixels, whole = _extent(radius, units)

    def weights(metres: float) -> Weights:
        reach = radius / metres
        inside = partial(member, radius=reach + _TOLERANCE)
        return _framed(reach, inside, normalize=normalize, magnitude=magnitude)

    return Kernel(weights, pixels, whole, is_box=is_box)


def _extent(radius: float, units: str) -> tuple[float, float]:
    """Give the radius in pixels and in metres, of which one is zero."""
    if units not in {"pixels", "meters"}:
        raise EvaluationError(f"Kernel: Invalid units: '{units}'.")
    if radius < 0:
        raise EvaluationError(f"Kernel: The radius must not be negative, found {radius}.")
    return (radius, 0.0) if units == "pixels" else (0.0, radius)


def _framed(radius: float, function: Callable[[Any, Any], Any], *, normalize: bool, magnitude: float) -> Weights:
    """Evaluate a function of (row, col) from the centre on the square of a radius."""
    reach = math.floor(radius + _TOLERANCE)
    row, col = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    values = np.broadcast_to(function(row, col), row.shape).astype(np.float64)
    return scaled(values, reach, reach, normalize=normalize, magnitude=magnitude)


def scaled(values: Matrix, row: int, col: int, *, normalize: bool, magnitude: float = 1.0) -> Weights:
    """
    Let the weights sum to `magnitude`, or multiply them by it.

    Raises:
        NotImitatedError: If weights to be normalised are negative: they shall sum to zero, but how is not told.
        EvaluationError: If weights to be normalised are all zero.
    """
    if normalize:
        if (values < 0).any():
            raise not_imitated("A normalised kernel with negative weights")
        if not values.any():
            raise EvaluationError("Kernel: Weights that are all zero cannot be normalised.")
        values = values / values.sum()
    return Weights(values * magnitude, row, col)


_MEMBERS: dict[str, Callable[..., Any]] = {
    "circle": lambda row, col, *, radius: row * row + col * col <= radius * radius,
    "square": lambda row, col, *, radius: np.maximum(abs(row), abs(col)) <= radius,
    "diamond": lambda row, col, *, radius: abs(row) + abs(col) <= radius,
    "plus": lambda row, col, *, radius: ((row == 0) | (col == 0)) & (abs(row + col) <= radius),
    "cross": lambda row, col, *, radius: (abs(row) == abs(col)) & (abs(row) <= radius),
    "octagon": lambda row, col, *, radius: abs(row) + abs(col) <= radius + 1,
}
_DISTANCES: dict[str, Callable[[Any, Any], Any]] = {
    "euclidean": np.hypot,
    "manhattan": lambda row, col: abs(row) + abs(col),
    "chebyshev": lambda row, col: np.maximum(abs(row), abs(col)),
}
