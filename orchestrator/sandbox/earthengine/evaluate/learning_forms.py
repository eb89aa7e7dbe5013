"""
Classifiers and clusterers by scikit-learn.

They have the form and the accuracy of Earth Engine's, which are Smile's, LIBSVM's and Weka's; where chance has a part
in them, their numbers are not those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.learning import (
    ARRAYS,
    CLASSIFICATION,
    MULTIPROBABILITY,
    PROBABILITY,
    RAW,
    RAW_REGRESSION,
    REGRESSION,
    Classifier,
    Clusterer,
    Labels,
    Learned,
    Predict,
    Rows,
    chances,
    library,
)
from orchestrator.sandbox.earthengine.evaluate.learning_limits import (
    expect_count,
    expect_leaves,
    expect_number,
    expect_share,
    folded,
)

SURE = frozenset({CLASSIFICATION, PROBABILITY})
SHARED = SURE | {MULTIPROBABILITY}
FULL = SHARED | {REGRESSION}
FOREST = FULL | ARRAYS

Make = Callable[[bool, int], Any]  # whether it regresses, and how many samples there are, to an estimator


def estimated(name: str, modes: frozenset[str], make: Make, *, facts: bool = False) -> Classifier:
    """Make a classifier of an estimator; `facts` if it tells the importance of its inputs."""

    def fit(rows: Rows, labels: Labels, mode: str) -> Learned:
        regresses = mode in {REGRESSION, RAW_REGRESSION}
        if not regresses and len(np.unique(labels)) == 1:
            return _only(labels[0], mode)
        estimator = make(regresses, len(rows)).fit(rows, labels)
        told = {"importance": estimator.feature_importances_} if facts else {}
        return Learned(lambda asked: _results(name, estimator, asked, labels, mode), told)

    return Classifier(name, fit, modes)


def _only(label: float, mode: str) -> Learned:
    """Of a single class, everything is of it."""
    value = label if mode == CLASSIFICATION else 1.0
    return Learned(lambda asked: np.full((len(asked), 1) if mode in ARRAYS else len(asked), value))


def _results(name: str, estimator: Any, asked: Rows, labels: Labels, mode: str) -> NDArray[Any]:
    if mode in {CLASSIFICATION, REGRESSION}:
        return np.asarray(estimator.predict(asked))
    if mode in {RAW, RAW_REGRESSION}:
        votes = np.stack([tree.predict(asked) for tree in estimator.estimators_], axis=1)
        return estimator.classes_[votes.astype(np.int64)] if mode == RAW else votes
    return chances(name, mode, estimator.classes_, labels, estimator.predict_proba(asked))


def random_forest(trees: int, variables: int | None, leaf: int, bag: float, nodes: int | None, seed: int) -> Classifier:
    """Make a random forest; without a number of variables, their square root is tried at each split."""
    name = "Classifier.smileRandomForest"
    for parameter, value in (("numberOfTrees", trees), ("variablesPerSplit", variables), ("minLeafPopulation", leaf)):
        expect_count(name, parameter, value)
    expect_share(name, "bagFraction", bag)
    expect_leaves(name, nodes)

    def make(regresses: bool, samples: int) -> Any:
        ensemble = library(name, "ensemble")
        kind = ensemble.RandomForestRegressor if regresses else ensemble.RandomForestClassifier
        return kind(
            trees,
            max_features=variables or "sqrt",
            min_samples_leaf=leaf,
            max_samples=max(1, round(bag * samples)),
            max_leaf_nodes=nodes,
            random_state=folded(seed),
        )

    return estimated(name, FOREST, make, facts=True)


def cart(nodes: int | None, leaf: int) -> Classifier:
    """Make a single tree."""
    name = "Classifier.smileCart"
    expect_leaves(name, nodes)
    expect_count(name, "minLeafPopulation", leaf)

    def make(regresses: bool, _samples: int) -> Any:
        tree = library(name, "tree")
        kind = tree.DecisionTreeRegressor if regresses else tree.DecisionTreeClassifier
        return kind(max_leaf_nodes=nodes, min_samples_leaf=leaf, random_state=0)

    return estimated(name, FULL, make, facts=True)


_LOSSES = {"LeastSquares": "squared_error", "LeastAbsoluteDeviation": "absolute_error", "Huber": "huber"}


def gradient_boost(trees: int, shrinkage: float, rate: float, nodes: int | None, loss: str, seed: int) -> Classifier:
    """Make boosted trees; the loss is that of a regression."""
    name = "Classifier.smileGradientTreeBoost"
    if loss not in _LOSSES:
        raise EvaluationError(f"{name}: Unknown loss: '{loss}'.")
    expect_count(name, "numberOfTrees", trees)
    expect_share(name, "shrinkage", shrinkage)
    expect_share(name, "samplingRate", rate)
    expect_leaves(name, nodes)
    common = {
        "n_estimators": trees,
        "learning_rate": shrinkage,
        "subsample": rate,
        "max_leaf_nodes": nodes,
        "max_depth": None,
        "random_state": folded(seed),
    }

    def make(regresses: bool, _samples: int) -> Any:
        ensemble = library(name, "ensemble")
        if regresses:
            return ensemble.GradientBoostingRegressor(loss=_LOSSES[loss], **common)
        return ensemble.GradientBoostingClassifier(**common)

    return estimated(name, FULL, make, facts=True)


def naive_bayes(smoothing: float) -> Classifier:
    """Make a multinomial naive Bayes classifier of counts; negative inputs are discarded."""
    name = "Classifier.smileNaiveBayes"
    expect_number(name, "lambda", smoothing, positive=False)

    def make(_regresses: bool, _samples: int) -> Any:
        pipeline, preprocessing = library(name, "pipeline"), library(name, "preprocessing")
        discard = preprocessing.FunctionTransformer(_without_negatives)
        return pipeline.make_pipeline(discard, library(name, "naive_bayes").MultinomialNB(alpha=smoothing))

    return estimated(name, SHARED, make)


def _without_negatives(rows: Rows) -> Rows:
    return np.maximum(rows, 0.0)


def nearest_neighbours(count: int, metric: str) -> Classifier:
    """Vote among the nearest samples."""
    name = "Classifier.smileKNN"
    expect_count(name, "k", count)

    def make(_regresses: bool, samples: int) -> Any:
        if count > samples:
            raise not_imitated(f"{name} of the {count} nearest of {samples} samples")
        return library(name, "neighbors").KNeighborsClassifier(count, metric=metric.lower())

    return estimated(name, SURE, make)


def support_vectors(kind: str, settings: dict[str, Any], target: int) -> Classifier:
    """Make a support vector machine; scikit-learn's is LIBSVM. `target` is the class of a machine of one class."""
    name = "Classifier.libsvm"
    if kind == "ONE_CLASS":
        return Classifier(name, _one_class(name, settings, target), frozenset({CLASSIFICATION}))

    def make(regresses: bool, _samples: int) -> Any:
        svm = library(name, "svm")
        return (
            svm.NuSVR(**settings) if regresses else getattr(svm, {"C_SVC": "SVC", "NU_SVC": "NuSVC"}[kind])(**settings)
        )

    if kind == "NU_SVR":
        return estimated(name, frozenset({REGRESSION}), make)
    plain = estimated(name, SHARED, make)

    def calibrated(_regresses: bool, samples: int) -> Any:
        # Platt's scaling by five-fold cross-validation, as LIBSVM has it.
        calibration = library(name, "calibration")
        return calibration.CalibratedClassifierCV(make(False, samples), ensemble=False)

    chance = estimated(name, SHARED, calibrated)

    def fit(rows: Rows, labels: Labels, mode: str) -> Learned:
        return (plain if mode == CLASSIFICATION else chance).fit(rows, labels, mode)

    return Classifier(name, fit, SHARED)


def _one_class(name: str, settings: dict[str, Any], target: int) -> Callable[[Rows, Labels, str], Learned]:
    def fit(rows: Rows, labels: Labels, mode: str) -> Learned:
        del mode
        if not (labels == target).any():
            raise EvaluationError(f"{name}: No sample is of the class {target}.")
        machine = library(name, "svm").OneClassSVM(**settings).fit(rows[labels == target])
        return Learned(lambda asked: np.where(machine.predict(asked) > 0, target, 1 - target))

    return fit


def k_means(name: str, counts: range, rounds: int | None, seed: int, *, spread: bool, bic: bool = False) -> Clusterer:
    """
    Make a clusterer by the nearest of k centres, after scaling each input to its range, as Weka does.

    Args:
        name: The function that makes it.
        counts: The numbers of clusters to choose from.
        rounds: The most iterations.
        seed: Of the first centres.
        spread: Whether the first centres are chosen far from each other (k-means++), not at random.
        bic: Whether Bayes' information criterion chooses the number; else Caliński and Harabasz's.
    """
    expect_count(name, "maxIterations", rounds)

    def fit(rows: Rows) -> Predict:
        cluster, metrics = library(name, "cluster"), library(name, "metrics")
        least, extent = rows.min(axis=0), np.ptp(rows, axis=0)
        scale = np.where(extent > 0, extent, 1.0)
        unit = (rows - least) / scale
        most = len(np.unique(unit, axis=0))
        best: Any = None
        height = -np.inf
        for count in sorted({min(each, most) for each in counts}):
            start = "k-means++" if spread else "random"
            found = cluster.KMeans(count, init=start, n_init=1, max_iter=rounds or 500, random_state=folded(seed)).fit(
                unit
            )
            score = 0.0
            if len(counts) > 1 and bic:
                score = _bic(unit, found.inertia_, count)
            elif len(counts) > 1 and 1 < count < len(unit):
                score = metrics.calinski_harabasz_score(unit, found.labels_)
            if score > height:
                best, height = found, score
        return lambda asked: np.asarray(best.predict((asked - least) / scale))

    return Clusterer(name, fit)


def _bic(rows: Rows, inertia: float, count: int) -> float:
    """Give Pelleg and Moore's score of spherical clusters (2000), without what is equal for all numbers of them."""
    samples, inputs = rows.shape
    variance = max(inertia / max(samples - count, 1) / inputs, 1e-12)
    free = count * (inputs + 1)
    return float(-samples * inputs / 2 * np.log(variance) - free / 2 * np.log(samples))
