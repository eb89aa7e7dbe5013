"""
Eigenvalues and eigenvectors of upper triangular matrices, with the signs and the order that ejml gives them.

The page of `Array.eigen` names ejml's decomposition. A triangle needs none of its QR steps, whose number, and with it
the direction of the vectors, hangs on the rounding of each of its sums; so it is the only form here beside symmetry.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EQUAL = 100 * 2.0**-52  # relative: eigenvalues so near count as one

Matrix = NDArray[np.float64]


def is_triangular(matrix: Matrix) -> bool:
    """Tell whether all below the diagonal is zero."""
    return not np.tril(matrix, -1).any()


def triangular_eigen(matrix: Matrix) -> tuple[list[float], Matrix]:
    """
    Decompose an upper triangular matrix; of eigenvalues met again, the vectors differ in one place only.

    Returns:
        Eigenvalues from the last, and in the same order vectors of length 1 as rows.
    """
    values = np.diagonal(matrix)
    vectors: dict[int, Matrix] = {}
    for at, value in enumerate(values):
        if at in vectors:
            continue
        inner = matrix[:at, :at] - value * np.eye(at)
        head = np.linalg.solve(inner, -matrix[:at, at]) if at else np.zeros(0)
        for again in range(at, len(values)):
            if abs(values[again] - value) / (abs(value) or 1.0) < _EQUAL:
                vector = np.zeros(len(values))
                vector[:at], vector[again] = head, 1.0
                vectors[again] = vector / np.linalg.norm(vector)
    order = range(len(values) - 1, -1, -1)
    return values[::-1].tolist(), np.stack([vectors[at] for at in order])
