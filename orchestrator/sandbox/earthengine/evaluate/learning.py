"""
Classifiers and clusterers as values: what they are trained on, and what they give.

Nothing is learned before somebody asks for a result; then once for each value.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Feature

Rows = NDArray[np.float64]  # (sample, input)
Labels = NDArray[np.float64]  # (sample,)
Predict = Callable[[Rows], NDArray[Any]]  # to (sample,), or (sample, number) where a result is an array

CLASSIFICATION, REGRESSION, PROBABILITY, MULTIPROBABILITY, RAW, RAW_REGRESSION = MODES = (
    "CLASSIFICATION",
    "REGRESSION",
    "PROBABILITY",
    "MULTIPROBABILITY",
    "RAW",
    "RAW_REGRESSION",
)
# Their result is an array of numbers.
ARRAYS = frozenset({MULTIPROBABILITY, RAW, RAW_REGRESSION})


@dataclass(frozen=True, slots=True)
class Learned:
    """
    What came of a training.

    Attributes:
        predict: From rows to results in the output mode.
        facts: What `explain` tells.
    """

    predict: Predict
    facts: Mapping[str, Any] = field(default_factory=dict)


Fit = Callable[[Rows, Labels, str], Learned]


class Training:
    """Samples, and what was learned of them. Safe to share between threads."""

    def __init__(
        self, features: Collection, inputs: Sequence[str], label: str | None, fraction: float, seed: int
    ) -> None:
        """
        Keep what to train on; `label` is the property of the class, which clusterers have not.

        Raises:
            EvaluationError: If the fraction is not within (0, 1].
        """
        if not 0 < fraction <= 1:
            raise EvaluationError(f"The subsampling factor must be within (0, 1], found {fraction}.")
        self._features, self._inputs, self._label = features, inputs, label
        self._fraction, self._seed = fraction, seed
        self._lock = threading.Lock()
        self._samples: tuple[Rows, Labels] | None = None
        self._learned: Learned | None = None

    def again(self) -> Training:
        """Give the same samples with nothing learned."""
        return Training(self._features, self._inputs, self._label, self._fraction, self._seed)

    def samples(self) -> tuple[Rows, Labels]:
        """
        Give the inputs and labels.

        Raises:
            EvaluationError: If a property is missing or no number, or there is no sample.
        """
        if self._samples is None:
            columns = [*self._inputs, *([] if self._label is None else [self._label])]
            table = np.array([_numbers(feature, columns) for feature in self._features.elements()], np.float64)
            if not table.size:
                raise EvaluationError("No valid training data were found.")
            if self._fraction < 1:
                kept = np.random.default_rng(self._seed).random(len(table)) < self._fraction
                table = table[kept] if kept.any() else table[:1]
            self._samples = table[:, : len(self._inputs)], table[:, -1]
        return self._samples

    def learned(self, fit: Callable[[Rows, Labels], Learned]) -> Learned:
        """Learn once."""
        with self._lock:
            if self._learned is None:
                try:
                    found = fit(*self.samples())
                    self._learned = replace(found, predict=partial(_predicted, predict=found.predict))
                except (ValueError, np.linalg.LinAlgError):
                    raise self._unlearnable() from None
        return self._learned

    def _unlearnable(self) -> EvaluationError:
        """Say it in words of our own: the library's tell of its parameters, which are not the user's."""
        rows, labels = self.samples()
        found = f"{len(rows)} samples of {', '.join(self._inputs)}"
        classes = "" if self._label is None else f", {len(np.unique(labels))} different values of {self._label}"
        return EvaluationError(f"Nothing can be learned with these parameters of {found}{classes}.")


def _predicted(rows: Rows, *, predict: Predict) -> NDArray[Any]:
    """Give the results of rows, none of which may be infinite, undefined or more than the library holds."""
    try:
        return predict(rows)
    except ValueError:
        raise not_imitated("A result of inputs that are infinite, undefined or beyond 32 bit floats") from None


def _numbers(feature: Any, names: Sequence[str]) -> list[float]:
    values = []
    for name in names:
        value = feature.properties.get(name)
        if not isinstance(value, (int, float)):
            found = "missing" if value is None else f"not numeric: {value}"
            raise EvaluationError(
                f"Property '{name}' of feature '{feature.properties.get('system:index')}' is {found}."
            )
        values.append(float(value))
    return values


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """
    A classifier, trained or not.

    Attributes:
        name: The function that made it.
        fit: How it learns.
        modes: The output modes it knows.
        mode: The one it gives.
        schema: The names of its inputs; null before it is trained.
        training: What it learns from; null where it needs nothing.
    """

    name: str
    fit: Fit
    modes: frozenset[str]
    mode: str = CLASSIFICATION
    schema: tuple[str, ...] | None = None
    training: Training | None = None

    def learned(self) -> Learned:
        """
        Give what it learned.

        Raises:
            EvaluationError: If it was never trained, or the extra that learns is not installed.
        """
        if self.mode not in self.modes:
            raise EvaluationError(f"{self.name}: The output mode {self.mode} is not supported by this classifier.")
        if self.schema is None:
            raise EvaluationError(f"{self.name}: The classifier has not been trained.")
        if self.training is None:
            return self.fit(np.empty((0, len(self.schema))), np.empty(0), self.mode)
        return self.training.learned(lambda rows, labels: self.fit(rows, labels, self.mode))


@dataclass(frozen=True, slots=True, eq=False)
class Clusterer:
    """A clusterer, trained or not; `fit` ignores labels."""

    name: str
    fit: Callable[[Rows], Predict]
    schema: tuple[str, ...] | None = None
    training: Training | None = None

    def predict(self, rows: Rows) -> NDArray[Any]:
        """
        Give the number of the cluster of each row.

        Raises:
            EvaluationError: If it was never trained, or the extra that learns is not installed.
        """
        if self.training is None:
            raise EvaluationError(f"{self.name}: The clusterer has not been trained.")
        return self.training.learned(lambda samples, _labels: Learned(self.fit(samples))).predict(rows)


def inputs_of(name: str, features: Collection, told: Sequence[Any] | None) -> tuple[str, ...]:
    """
    Name the inputs of a training: those told, or the collection's `band_order`.

    Raises:
        EvaluationError: If there are neither.
    """
    names = told if told is not None else features.properties.get("band_order")
    if not names:
        raise EvaluationError(f"{name}: 'inputProperties' is required, the collection has no property 'band_order'.")
    return tuple(str(each) for each in names)


def library(name: str, module: str) -> Any:
    """
    Import a part of scikit-learn.

    Raises:
        EvaluationError: If the extra is not installed.
    """
    try:
        return import_module(f"sklearn.{module}")
    except ModuleNotFoundError:
        raise EvaluationError(
            f"{name} needs the extra `learn` (scikit-learn is missing): `pip install scikit-learn`."
        ) from None


def chances(name: str, mode: str, classes: Labels, seen: Labels, probabilities: NDArray[Any]) -> NDArray[Any]:
    """
    Give the results of a mode of probabilities.

    Args:
        name: The function, for refusals.
        mode: PROBABILITY or MULTIPROBABILITY.
        classes: Ascending.
        seen: The labels of the training in their order.
        probabilities: (sample, class).

    Raises:
        NotImitatedError: Where sources contradict each other or say nothing; see COVERAGE.md.
    """
    if mode == PROBABILITY:
        if len(classes) == 2:
            raise not_imitated(f"{name}: PROBABILITY of two classes (MULTIPROBABILITY gives both)")
        return np.asarray(probabilities.max(axis=1))
    first = np.unique(seen, return_index=True)[1]
    if (np.diff(first) < 0).any():
        raise not_imitated(f"{name}: MULTIPROBABILITY of classes that are not seen in ascending order")
    return probabilities


def rows_of(features: Sequence[Feature], names: Sequence[str]) -> Rows:
    """
    Give the inputs of features as rows.

    Raises:
        EvaluationError: If a property is missing or no number.
    """
    return np.array([_numbers(feature, names) for feature in features], np.float64).reshape(len(features), len(names))
