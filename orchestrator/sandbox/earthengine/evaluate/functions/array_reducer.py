"""Reducers of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import Array
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Reducer, not_for_images
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.scenes.catalogue import PixelType


@function("Reducer.centeredCovariance")
def centered_covariance() -> Reducer:
    """
    Average the products of the elements of vectors, which are taken to have the mean zero.

    The sum is divided by the number of vectors, as the community tutorial "imad-tutorial-pt1" undoes it.
    """
    return Reducer(("covariance",), not_for_images, _covariance, _double)


def _covariance(inputs: Inputs) -> list[Any]:
    vectors = list(inputs.unweighted().columns[0])
    if not all(isinstance(each, Array) and each.dimensions == 1 for each in vectors):
        raise EvaluationError("Reducer.centeredCovariance: The inputs must be arrays of one dimension.")
    if len({each.values.shape for each in vectors}) > 1:
        raise EvaluationError("Reducer.centeredCovariance: The arrays must have the same length.")
    if not vectors:
        return [None]
    rows = np.stack([each.values.astype(np.float64) for each in vectors])
    return [Array(rows.T @ rows / len(rows), pixel_types.DOUBLE)]


def _double(kind: PixelType, count: int) -> list[PixelType]:
    del kind, count
    return [pixel_types.DOUBLE]
