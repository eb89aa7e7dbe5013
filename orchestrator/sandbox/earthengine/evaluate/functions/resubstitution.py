"""The confusion matrix of a classifier."""

from __future__ import annotations

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.arrays import INT32, Array
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.functions.confusion_matrix import ConfusionMatrix
from orchestrator.sandbox.earthengine.evaluate.learning import CLASSIFICATION, Classifier
from orchestrator.sandbox.earthengine.evaluate.registry import function


@function("Classifier.confusionMatrix")
def confusion_matrix(classifier: Classifier) -> ConfusionMatrix:
    """Count (class trained with, class given) of the training data, from class 0 to the highest."""
    if classifier.training is None or classifier.mode != CLASSIFICATION:
        raise EvaluationError("Classifier.confusionMatrix: A trained classifier of the mode CLASSIFICATION is needed.")
    rows, labels = classifier.training.samples()
    given = classifier.learned().predict(rows)
    every = np.concatenate([labels, given])
    if (every < 0).any() or (every != np.rint(every)).any():
        raise EvaluationError("Classifier.confusionMatrix: Classes must be whole numbers from 0.")
    count = int(every.max()) + 1
    found = np.zeros((count, count), np.int64)
    np.add.at(found, (labels.astype(np.int64), given.astype(np.int64)), 1)
    return ConfusionMatrix(Array(found, INT32), tuple(range(count)))
