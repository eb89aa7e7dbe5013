"""
Eigenvalues and eigenvectors of symmetric matrices, with the signs and the order that ejml gives them.

An eigenvector has two directions. The page of `Array.eigen` names ejml's decomposition, so the direction is the one
that its algorithm ends with: Householder's reduction to a tridiagonal matrix, then implicit QR steps with Wilkinson's
shift, first for the values alone, then for the vectors with these values as shifts (Golub & Van Loan, Matrix
Computations, 8.3). Sums are taken in its order, because a step more or less turns a vector round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated

_EPSILON = 2.0**-52
_ALIKE = 1e-8  # of the largest element: how far a symmetric matrix may be off
_MOST_STEPS = 15  # on one block, before ejml draws lots
_MOST_SCRIPTED = 10  # on one block, while known values are its shifts

Matrix = NDArray[np.float64]


def is_symmetric(matrix: Matrix) -> bool:
    """Tell whether a square matrix is symmetric but for rounding."""
    return bool((np.abs(matrix - matrix.T) <= _ALIKE * np.abs(matrix).max(initial=0.0)).all())


def symmetric_eigen(matrix: Matrix) -> tuple[list[float], Matrix]:
    """
    Decompose a symmetric matrix.

    Returns:
        Eigenvalues, and in the same order eigenvectors of length 1 as rows; not sorted.
    """
    if not matrix.any():  # which is taken for one that is not symmetric, and comes out backwards
        return [0.0] * len(matrix), np.eye(len(matrix))[::-1]
    diagonal, beside, turned = _tridiagonal(matrix)
    values = _Iteration(list(diagonal), list(beside)).run()
    iteration = _Iteration(list(diagonal), list(beside), turned, shifts=values)
    return iteration.run(), turned


def _tridiagonal(matrix: Matrix) -> tuple[list[float], list[float], Matrix]:
    """Give diagonal, neighbours of the diagonal and the transposed orthogonal matrix of Householder's reduction."""
    upper = [[float(value) for value in row] for row in matrix]
    size = len(upper)
    scales = [0.0] * size
    for at in range(1, size):
        scales[at] = _reflect(upper, at)
    turned = np.eye(size)
    for at in range(size - 1, 0, -1):
        mirror = np.array([1.0, *upper[at - 1][at + 1 :]])
        for row in turned[at:]:
            total = 0.0
            for place in range(at, size):
                total += row[place] * mirror[place - at]
            row[at:] += -scales[at] * total * mirror
    return [upper[at][at] for at in range(size)], [upper[at][at + 1] for at in range(size - 1)], turned


def _reflect(upper: list[list[float]], at: int) -> float:
    """Clear a row beyond its neighbour; the mirror stays in its place. Gives the mirror's scale."""
    size, row = len(upper), upper[at - 1]
    largest = max(abs(value) for value in row[at:])
    if largest == 0:
        return 0.0
    length = 0.0
    for place in range(at, size):
        row[place] /= largest
        length += row[place] * row[place]
    length = math.copysign(math.sqrt(length), -1.0 if row[at] < 0 else 1.0)
    head = row[at] + length
    for place in range(at + 1, size):
        row[place] /= head
    row[at] = 1.0
    scale = head / length
    _apply_mirror(upper, at, scale)
    row[at] = -length * largest
    return scale


def _apply_mirror(upper: list[list[float]], at: int, scale: float) -> None:
    size, mirror = len(upper), upper[at - 1]
    moved = [0.0] * size
    for place in range(at, size):
        total = 0.0
        for other in range(at, size):
            total += (upper[other][place] if other < place else upper[place][other]) * mirror[other]
        moved[place] = -scale * total
    share = 0.0
    for place in range(at, size):
        share += mirror[place] * moved[place]
    share *= -0.5 * scale
    for place in range(at, size):
        moved[place] += share * mirror[place]
    for place in range(at, size):
        for other in range(place, size):
            upper[place][other] += moved[place] * mirror[other] + moved[other] * mirror[place]


@dataclass(slots=True)
class _Iteration:
    """Implicit QR steps on a tridiagonal matrix, block by block from its end; `rows` turn along."""

    diagonal: list[float]
    beside: list[float]
    rows: Matrix | None = None
    shifts: list[float] | None = None
    splits: list[int] = field(default_factory=list)

    def run(self) -> list[float]:
        """Give the eigenvalues."""
        first, last, steps = 0, len(self.diagonal) - 1, 0
        while last >= 0:
            if first == last:
                steps = 0
                if not self.splits:
                    break
                last = self.splits.pop()
                first = self.splits[-1] + 1 if self.splits else 0
            elif self.rows is None and last - first == 1:
                steps = 0
                self._solve_pair(first)
                first = last
            else:
                if steps > _MOST_STEPS:
                    raise not_imitated("Array.eigen: a matrix whose values converge slowly")
                first = self._advance(first, last, steps)
            steps += 1
        return self.diagonal

    def _advance(self, first: int, last: int, steps: int) -> int:
        """Split the block, or turn it once. Gives where it begins now."""
        for at in range(last - 1, first - 1, -1):
            size = abs(self.diagonal[at]) + abs(self.diagonal[at + 1])
            if abs(self.beside[at]) <= size * _EPSILON:
                self.splits.append(at)
                return at + 1
        if self.shifts is not None and steps > _MOST_SCRIPTED:
            self.shifts = None
        else:
            self._turn(first, last, self._shift(last) if self.shifts is None else self.shifts[last])
        return first

    def _pair(self, at: int) -> tuple[float, float, float]:
        """Give the eigenvalues of two rows, divided by the returned scale."""
        a, b, c = self.diagonal[at], self.beside[at], self.diagonal[at + 1]
        scale = max(abs(a), abs(b), abs(c))
        if scale == 0:
            return 0.0, 0.0, 0.0
        a, b, c = a / scale, b / scale, c / scale
        left, half = (a + c) * 0.5, (a - c) * 0.5
        right = math.sqrt(half * half + b * b)
        return left + right, left - right, scale

    def _solve_pair(self, at: int) -> None:
        high, low, scale = self._pair(at)
        self.diagonal[at], self.diagonal[at + 1], self.beside[at] = scale * high, scale * low, 0.0

    def _shift(self, last: int) -> float:
        """Give Wilkinson's shift: the eigenvalue of the last two rows that is nearer to the last element."""
        high, low, scale = self._pair(last - 1)
        end = self.diagonal[last] / scale
        return scale * (high if abs(high - end) < abs(low - end) else low)

    def _turn(self, first: int, last: int, shift: float) -> None:
        """Do one step: turn the first two rows, then chase the bulge that this makes to the end."""
        diagonal, beside = self.diagonal, self.beside
        bulge = 0.0
        for at in range(first, last):
            if at == first:
                c, s, cc, ss, cs = _rotation(diagonal[at] - shift, beside[at])
            elif bulge == 0:
                return
            else:
                c, s, cc, ss, cs = _rotation(beside[at - 1], bulge)
                beside[at - 1] = c * beside[at - 1] + s * bulge
            a, b, e = diagonal[at], diagonal[at + 1], beside[at]
            diagonal[at] = cc * a + 2.0 * cs * e + ss * b
            diagonal[at + 1] = cc * b - 2.0 * cs * e + ss * a
            beside[at] = e * (cc - ss) + cs * (b - a)
            if at + 1 < last:
                bulge, beside[at + 1] = s * beside[at + 1], c * beside[at + 1]
            if self.rows is not None:
                upper, lower = self.rows[at].copy(), self.rows[at + 1].copy()
                self.rows[at], self.rows[at + 1] = c * upper + s * lower, -s * upper + c * lower


def _rotation(run: float, rise: float) -> tuple[float, float, float, float, float]:
    """Give cosine and sine of the angle of a right triangle, their squares and their product."""
    if abs(rise) > abs(run):
        k = run / rise
        bottom = 1.0 + k * k
        root = math.sqrt(bottom)
        return k / root, 1.0 / root, k * k / bottom, 1.0 / bottom, k / bottom
    t = rise / run
    bottom = 1.0 + t * t
    root = math.sqrt(bottom)
    return 1.0 / root, t / root, 1.0 / bottom, t * t / bottom, t / bottom


def descending(values: list[float]) -> list[int]:
    """Give the order of eigenvalues from the highest, zero before minus zero, equal ones as they come."""
    return sorted(range(len(values)), key=lambda at: (-values[at], math.copysign(1.0, values[at]) < 0))
