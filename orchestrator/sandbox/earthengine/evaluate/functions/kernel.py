"""Kernels as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import kernels
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.kernels import Kernel, Weights
from orchestrator.sandbox.earthengine.evaluate.registry import function

_MIDDLE = -1  # what an argument is when nobody gives it


def _shape(shape: str, radius: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    return kernels.shaped(shape, radius, units, normalize=normalize, magnitude=magnitude)


for _name in ("circle", "square", "diamond", "plus", "cross", "octagon"):
    function(f"Kernel.{_name}")(partial(_shape, _name))


def _distance(metric: str, radius: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    return kernels.distance(metric, radius, units, normalize=normalize, magnitude=magnitude)


for _name in ("euclidean", "manhattan", "chebyshev"):
    function(f"Kernel.{_name}")(partial(_distance, _name))


@function("Kernel.rectangle")
def rectangle(x_radius: float, y_radius: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    return kernels.rectangle(x_radius, y_radius, units, normalize=normalize, magnitude=magnitude)


@function("Kernel.gaussian")
def gaussian(radius: float, sigma: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    """Sample a Gaussian: the page shows 5 x 5 weights for a radius of 3 pixels, which tells nothing of other radii."""
    if (radius, sigma, units) != (3, 1, "pixels"):
        raise not_imitated(f"Kernel.gaussian of radius {radius} {units} and sigma {sigma} (only of 3 pixels and 1)")
    row, col = np.mgrid[-2:3, -2:3]
    height = 1 / (2 * np.pi)
    values = height * np.exp(-(row**2 + col**2) / 2)
    made = kernels.scaled(values, 2, 2, normalize=normalize, magnitude=magnitude)
    return kernels.fixed(made.values)


_EDGES: dict[str, list[list[int]]] = {
    "laplacian4": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "laplacian8": [[1, 1, 1], [1, -8, 1], [1, 1, 1]],
    "sobel": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "prewitt": [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
    "compass": [[1, 1, -1], [1, -2, -1], [1, 1, -1]],
    "kirsch": [[5, -3, -3], [5, 0, -3], [5, -3, -3]],
    "roberts": [[1, 0], [0, -1]],
}


def _edge(name: str, magnitude: float, normalize: bool) -> Kernel:
    values = np.asarray(_EDGES[name], np.float64)
    return kernels.fixed(kernels.scaled(values, 1, 1, normalize=normalize, magnitude=magnitude).values)


for _name in _EDGES:
    function(f"Kernel.{_name}")(partial(_edge, _name))


@function("Kernel.fixed")
def fixed(width: int, height: int, weights: list[Any], x: int, y: int, normalize: bool) -> Kernel:
    made = kernels.fixed(weights)
    matrix = made.make(1.0).values
    for side, told, found in (("width", width, matrix.shape[1]), ("height", height, matrix.shape[0])):
        if told not in {_MIDDLE, found}:
            raise EvaluationError(f"Kernel.fixed: The {side} is {told}, but the weights have {found}.")
    row, col = _focus("y", y, matrix.shape[0]), _focus("x", x, matrix.shape[1])
    if normalize:
        matrix = kernels.scaled(matrix, row, col, normalize=True).values
    return replace(kernels.fixed(matrix, row, col), is_box=True)


def _focus(axis: str, told: int, size: int) -> int:
    """Give where the focus is: an offset, or the middle; the guide writes the middle of nine as -4."""
    middle = size // 2
    if told >= 0:
        return told
    if size % 2 and told in {_MIDDLE, -middle}:
        return middle
    raise not_imitated(f"Kernel.fixed with '{axis}' {told} of {size}")


@function("Kernel.add")
def add(first: Kernel, second: Kernel, normalize: bool) -> Kernel:
    """Add weights after aligning the centres."""

    def make(metres: float) -> Weights:
        parts = [first.make(metres), second.make(metres)]
        reach = max(part.reach for part in parts)
        return kernels.scaled(
            np.sum([part.centred(reach) for part in parts], axis=0), reach, reach, normalize=normalize
        )

    return _derived(make, first, second)


@function("Kernel.rotate")
def rotate(kernel: Kernel, rotations: int) -> Kernel:
    """Turn by right angles, clockwise."""

    def make(metres: float) -> Weights:
        made = kernel.make(metres)
        for _ in range(rotations % 4):
            height = made.values.shape[0]
            made = Weights(np.rot90(made.values, -1), made.col, height - 1 - made.row)
        return made

    return _derived(make, kernel)


@function("Kernel.inverse")
def inverse(kernel: Kernel) -> Kernel:
    """Take the reciprocal of each weight but of zeros."""

    def make(metres: float) -> Weights:
        made = kernel.make(metres)
        values = np.divide(1.0, made.values, out=np.zeros_like(made.values), where=made.values != 0)
        return Weights(values, made.row, made.col)

    return _derived(make, kernel)


def _derived(make: Callable[[float], Weights], *sources: Kernel) -> Kernel:
    if any(source.pixels for source in sources) and any(source.metres for source in sources):
        raise not_imitated("A sum of a kernel in pixels and one in metres")
    pixels, metres = (max(getattr(source, unit) for source in sources) for unit in ("pixels", "metres"))
    return Kernel(make, pixels=pixels, metres=metres)
