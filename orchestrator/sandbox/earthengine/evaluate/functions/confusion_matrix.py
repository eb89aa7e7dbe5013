"""Confusion matrices: what was there against what was found."""

from __future__ import annotations

from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import Array, whole_numbers
from orchestrator.sandbox.earthengine.evaluate.confusion import ConfusionMatrix
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.registry import function

__all__ = ["ConfusionMatrix", "confusion_matrix"]


@function("ConfusionMatrix")
def confusion_matrix(counts: Any, order: list[Any] | None) -> ConfusionMatrix:
    if isinstance(counts, ConfusionMatrix):
        return counts if order is None else confusion_matrix(counts.counts, order)
    if not isinstance(counts, Array):
        raise EvaluationError("ConfusionMatrix: The matrix must be an array, which is made of lists by ee.Array.")
    shape = counts.values.shape
    if len(shape) != 2 or shape[0] != shape[1] or counts.kind.precision != "int":
        raise EvaluationError(
            f"ConfusionMatrix: Expected a square array of integers of 2 dimensions, found lengths {list(shape)}."
        )
    labels = tuple(range(shape[0])) if order is None else tuple(whole_numbers("ConfusionMatrix", order))
    if len(labels) != shape[0]:
        raise EvaluationError(f"ConfusionMatrix: The order has {len(labels)} labels for {shape[0]} classes.")
    return ConfusionMatrix(counts, labels)


@function("ConfusionMatrix.array")
def array(matrix: ConfusionMatrix) -> Array:
    return matrix.counts


@function("ConfusionMatrix.order")
def order(matrix: ConfusionMatrix) -> list[int]:
    return list(matrix.order)


@function("ConfusionMatrix.accuracy")
def accuracy(matrix: ConfusionMatrix) -> float:
    return float(_share("accuracy", matrix.agreed.sum(), matrix.totals(0).sum()))


@function("ConfusionMatrix.kappa")
def kappa(matrix: ConfusionMatrix) -> float:
    """Give Cohen's kappa, (observed - expected) / (1 - expected) agreement."""
    total = matrix.totals(0).sum()
    observed = accuracy(matrix)
    expected = _share("kappa", (matrix.totals(0) * matrix.totals(1)).sum(), total * total)
    return float(_share("kappa", observed - expected, 1 - expected))


@function("ConfusionMatrix.consumersAccuracy")
def consumers_accuracy(matrix: ConfusionMatrix) -> Array:
    """Give the share of each class as found that was right, the complement of the commission error, as one row."""
    return Array(_share("consumersAccuracy", matrix.agreed, matrix.totals(0))[None, :], pixel_types.DOUBLE)


@function("ConfusionMatrix.producersAccuracy")
def producers_accuracy(matrix: ConfusionMatrix) -> Array:
    """Give the share of each class as it is that was found, the complement of the omission error, as one column."""
    return Array(_share("producersAccuracy", matrix.agreed, matrix.totals(1))[:, None], pixel_types.DOUBLE)


@function("ConfusionMatrix.fscore")
def fscore(matrix: ConfusionMatrix, beta: float) -> Array:
    """Give (1 + b²) precision recall / (b² precision + recall) of each class."""
    precision = _share("fscore", matrix.agreed, matrix.totals(0))
    recall = _share("fscore", matrix.agreed, matrix.totals(1))
    weight = beta * beta
    found = _share("fscore", (1 + weight) * precision * recall, weight * precision + recall)
    return Array(found, pixel_types.DOUBLE)


def _share(name: str, part: Any, whole: Any) -> Any:
    if np.any(whole == 0):
        raise not_imitated(f"ConfusionMatrix.{name}: the share of a class or matrix that counts nothing")
    return part / whole
