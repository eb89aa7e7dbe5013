"""Linear algebra of batches of matrices, (array, row, column), in double precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.arrays import Batch, checked_size
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated

_SINGULAR = 1e-12  # of a matrix' condition: below it, the result is rounding error


def _matrix(name: str, batch: Batch) -> Batch:
    if batch.ndim != 3:
        raise EvaluationError(f"{name}: Expected a matrix of 2 dimensions, found {batch.ndim - 1}.")
    return batch


def _doubles(name: str, batch: Batch) -> Batch:
    """Give matrices as doubles, all of them finite."""
    found = _matrix(name, batch).astype(np.float64)
    if not np.isfinite(found).all():
        raise not_imitated(f"{name}: a matrix with undefined or infinite elements")
    return found


def square(name: str, batch: Batch) -> Batch:
    """
    Give square matrices as doubles.

    Raises:
        EvaluationError: If they are none.
    """
    if _matrix(name, batch).shape[1] != batch.shape[2]:
        raise EvaluationError(f"{name}: The matrix must be square, found {batch.shape[1]}x{batch.shape[2]}.")
    return _doubles(name, batch)


def _regular(name: str, batch: Batch) -> Batch:
    """Refuse matrices without an inverse; what the service makes of them is not told."""
    spread = np.linalg.svd(batch, compute_uv=False)
    if spread.size and (spread[:, -1] <= _SINGULAR * spread[:, 0]).any():
        raise not_imitated(f"{name}: a singular matrix")
    return batch


def multiplied(name: str, left: Batch, right: Batch) -> Batch:
    """Multiply."""
    if _matrix(name, left).shape[2] != _matrix(name, right).shape[1]:
        raise EvaluationError(
            f"{name}: Cannot multiply {left.shape[1]}x{left.shape[2]} by {right.shape[1]}x{right.shape[2]}."
        )
    return np.asarray(np.matmul(left, right))


def solved(name: str, left: Batch, right: Batch) -> Batch:
    """Solve left x = right, by least squares if there are more rows than unknowns."""
    left, right = (_doubles(name, each) for each in (left, right))
    if left.shape[1] != right.shape[1]:
        raise EvaluationError(f"{name}: A has {left.shape[1]} rows, B has {right.shape[1]}.")
    if left.shape[1] < left.shape[2]:
        raise not_imitated(f"{name}: fewer equations than unknowns")
    _regular(name, left)
    if left.shape[1] == left.shape[2]:
        return np.linalg.solve(left, right)
    q, r = np.linalg.qr(left)
    return np.linalg.solve(r, np.matmul(np.swapaxes(q, 1, 2), right))


def inverse(name: str, batch: Batch) -> Batch:
    """Invert square matrices."""
    return np.linalg.inv(_regular(name, square(name, batch)))


def pseudo_inverse(name: str, batch: Batch) -> Batch:
    """Invert as Moore and Penrose do."""
    return np.linalg.pinv(_doubles(name, batch))


def determinant(name: str, batch: Batch) -> Batch:
    """Give determinants, (array,)."""
    return np.asarray(np.linalg.det(square(name, batch)))


def trace(name: str, batch: Batch) -> Batch:
    """Give traces, (array,)."""
    square(name, batch)
    return np.asarray(np.trace(batch, axis1=1, axis2=2))


def frobenius(name: str, batch: Batch) -> Batch:
    """Give the roots of the sums of squares, (array,)."""
    return np.asarray(np.linalg.norm(_matrix(name, batch).astype(np.float64), axis=(1, 2)))


def diagonal(name: str, batch: Batch) -> Batch:
    """Give diagonals as single columns."""
    return np.diagonal(square(name, batch), axis1=1, axis2=2)[..., np.newaxis]


def diagonal_matrix(name: str, batch: Batch) -> Batch:
    """Put single columns on the diagonals of square matrices."""
    if _matrix(name, batch).shape[2] != 1:
        raise EvaluationError(f"{name}: Expected a single column, found {batch.shape[2]}.")
    checked_size(name, batch.shape[1], batch.shape[1])
    return np.asarray(batch * np.eye(batch.shape[1], dtype=batch.dtype))


def cholesky(name: str, batch: Batch) -> dict[str, Batch]:
    """
    Decompose into L L'.

    Raises:
        EvaluationError: If a matrix is not symmetric and positive definite.
    """
    batch = square(name, batch)
    refusal = EvaluationError(f"{name}: The matrix must be symmetric and positive definite.")
    if not np.array_equal(batch, np.swapaxes(batch, 1, 2)):
        raise refusal
    try:
        return {"L": np.linalg.cholesky(batch)}
    except np.linalg.LinAlgError:
        raise refusal from None


def lu(name: str, batch: Batch) -> dict[str, Batch]:
    """Decompose by partial pivoting so that P matrix = L U, with ones on the diagonal of L."""
    import scipy.linalg  # noqa: PLC0415 - costs a tenth of a second, which few programs need

    p, lower, upper = scipy.linalg.lu(square(name, batch))
    return {"L": lower, "U": upper, "P": np.swapaxes(p, 1, 2)}


Decomposition = Callable[[str, Batch], dict[str, Batch]]
