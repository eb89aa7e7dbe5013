"""Confusion matrices of classifiers and of tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.arrays import INT32, Array
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.functions.confusion_matrix import ConfusionMatrix
from orchestrator.sandbox.earthengine.evaluate.learning import CLASSIFICATION, Classifier, rows_of
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Collection

Numbers = NDArray[np.float64]


def _counted(name: str, actual: Numbers, given: Numbers, order: Sequence[Any] | None) -> ConfusionMatrix:
    """Count pairs of classes, from 0 to the highest, or those of the order alone."""
    every = np.concatenate([actual, given])
    if order is None and ((every < 0).any() or (every != np.rint(every)).any() or not every.size):
        raise EvaluationError(f"{name}: Classes must be whole numbers from 0.")
    labels = list(range(int(every.max()) + 1)) if order is None else [int(each) for each in order]
    counts = [[int(((actual == row) & (given == col)).sum()) for col in labels] for row in labels]
    return ConfusionMatrix(Array(np.array(counts, np.int64).reshape(len(labels), len(labels)), INT32), tuple(labels))


@function("Classifier.confusionMatrix")
def confusion_matrix(classifier: Classifier) -> ConfusionMatrix:
    """Compare what a classifier gives for its training data with the classes it was trained with."""
    if classifier.training is None or classifier.mode != CLASSIFICATION:
        raise EvaluationError("Classifier.confusionMatrix: A trained classifier of the mode CLASSIFICATION is needed.")
    rows, labels = classifier.training.samples()
    return _counted("Classifier.confusionMatrix", labels, classifier.learned().predict(rows), None)


@function("Collection.errorMatrix")
def error_matrix(collection: Collection, actual: str, predicted: str, order: list[Any] | None) -> ConfusionMatrix:
    """Compare two properties; with an order, only its values count."""
    table = rows_of(collection.elements(), (actual, predicted))
    return _counted("Collection.errorMatrix", table[:, 0], table[:, 1], order)
