"""Linear algebra of arrays of two dimensions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import array_matrices as matrices
from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import Array, Batch, single
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.symmetric_eigen import descending, is_symmetric, symmetric_eigen
from orchestrator.sandbox.earthengine.evaluate.triangular_eigen import is_triangular, triangular_eigen

# What keeps the type of its input; everything else is made of doubles.
_KEPT = {"matrixDiagonal": matrices.diagonal, "matrixToDiag": matrices.diagonal_matrix}
_DOUBLE = {"matrixInverse": matrices.inverse, "matrixPseudoInverse": matrices.pseudo_inverse}
_NUMBERS = {
    "matrixDeterminant": matrices.determinant,
    "matrixTrace": matrices.trace,
    "matrixFnorm": matrices.frobenius,
}
_DECOMPOSED = {"matrixCholeskyDecomposition": matrices.cholesky, "matrixLUDecomposition": matrices.lu}

Operation = Callable[[str, Batch], Batch]


def _array(array: Array, *, name: str, operation: Operation, kept: bool) -> Array:
    found = single(partial(operation, name), array)
    return Array.of(found, array.kind if kept else pixel_types.DOUBLE)


def _number(array: Array, *, name: str, operation: Operation) -> Any:
    return single(partial(operation, name), array).item()


def _decomposed(array: Array, *, name: str, operation: matrices.Decomposition) -> dict[str, Array]:
    found = operation(name, array.values[None])
    return {key: Array.of(batch[0], pixel_types.DOUBLE) for key, batch in found.items()}


for _table, _keep in ((_KEPT, True), (_DOUBLE, False)):
    for _name, _operation in _table.items():
        function(f"Array.{_name}")(partial(_array, name=f"Array.{_name}", operation=_operation, kept=_keep))
for _name, _operation in _NUMBERS.items():
    function(f"Array.{_name}")(partial(_number, name=f"Array.{_name}", operation=_operation))
for _name, _decompose in _DECOMPOSED.items():
    function(f"Array.{_name}")(partial(_decomposed, name=f"Array.{_name}", operation=_decompose))


@function("Array.matrixMultiply")
def multiply(left: Array, right: Array) -> Array:
    found = single(partial(matrices.multiplied, "Array.matrixMultiply"), left, right)
    return Array.of(found, pixel_types.union((left.kind, right.kind)))


@function("Array.matrixSolve")
def solve(left: Array, right: Array) -> Array:
    return Array.of(single(partial(matrices.solved, "Array.matrixSolve"), left, right), pixel_types.DOUBLE)


@function("Array.eigen")
def eigen(array: Array) -> Array:
    """Give a row for each eigenvalue of a symmetric or upper triangular matrix, the highest first: value, vector."""
    name = "Array.eigen"
    (matrix,) = matrices.square(name, array.values[np.newaxis])
    if not matrix.size or not np.isfinite(matrix).all() or not (is_symmetric(matrix) or is_triangular(matrix)):
        raise not_imitated(f"{name}: a matrix that is neither symmetric nor upper triangular")
    values, vectors = symmetric_eigen(matrix) if is_symmetric(matrix) else triangular_eigen(matrix)
    order = descending(values)
    return Array(np.column_stack([np.asarray(values)[order], vectors[order]]), pixel_types.DOUBLE)
