"""Classifiers: made, trained, applied to tables and images, and described."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import learning_exact, learning_forms, pixel_types
from orchestrator.sandbox.earthengine.evaluate.array_bands import array_band
from orchestrator.sandbox.earthengine.evaluate.arrays import Array, Batch, shaped
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import common_support, default_band
from orchestrator.sandbox.earthengine.evaluate.learning import (
    ARRAYS,
    CLASSIFICATION,
    MODES,
    Classifier,
    Training,
    inputs_of,
    rows_of,
)
from orchestrator.sandbox.earthengine.evaluate.learning_limits import expect_number, expect_share
from orchestrator.sandbox.earthengine.evaluate.nodes import PointwiseNode
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, both
from orchestrator.sandbox.earthengine.evaluate.untold import PartlyTold
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Feature, Image, with_properties

function("Classifier.smileRandomForest")(learning_forms.random_forest)
function("Classifier.smileCart")(learning_forms.cart)
function("Classifier.smileGradientTreeBoost")(learning_forms.gradient_boost)
function("Classifier.smileNaiveBayes")(learning_forms.naive_bayes)
function("Classifier.minimumDistance")(learning_exact.minimum_distance)
function("Classifier.spectralRegion")(learning_exact.spectral_region)


@function("Classifier.decisionTree")
def decision_tree(text: str) -> Classifier:
    return learning_exact.decision_trees("Classifier.decisionTree", [text])


@function("Classifier.decisionTreeEnsemble")
def decision_tree_ensemble(texts: list[Any]) -> Classifier:
    return learning_exact.decision_trees("Classifier.decisionTreeEnsemble", [str(text) for text in texts])


@function("Classifier.smileKNN")
def nearest_neighbours(count: int, search: str, metric: str) -> Classifier:
    """
    Make a classifier of nearest neighbours.

    Raises:
        NotImitatedError: For metrics that the search may not use, and Mahalanobis' distance.
    """
    if search not in {"AUTO", "LINEAR_SEARCH", "KD_TREE", "COVER_TREE"}:
        raise EvaluationError(f"Classifier.smileKNN: Unknown search method: '{search}'.")
    if metric not in {"EUCLIDEAN", "MAHALANOBIS", "MANHATTAN", "BRAYCURTIS"}:
        raise EvaluationError(f"Classifier.smileKNN: Unknown metric: '{metric}'.")
    if metric == "MAHALANOBIS" or (metric != "EUCLIDEAN" and search in {"AUTO", "KD_TREE"}):
        raise not_imitated(f"Classifier.smileKNN with the metric {metric} and the search {search}")
    return learning_forms.nearest_neighbours(count, metric)


_SVM_NUMBERS = {"C_SVC": {"C"}, "NU_SVC": {"nu"}, "ONE_CLASS": {"nu"}, "NU_SVR": {"C", "nu"}}


@function("Classifier.libsvm")
def libsvm(
    procedure: str,
    kind: str,
    kernel: str,
    shrinking: bool,
    degree: int | None,
    gamma: float | None,
    coef0: float | None,
    cost: float | None,
    nu: float | None,
    tolerance: float | None,
    loss: float | None,
    target: int | None,
) -> Classifier:
    """
    Make a support vector machine of LIBSVM.

    Raises:
        NotImitatedError: For the procedure 'Margin' and for EPSILON_SVR, of whose output the guide says otherwise.
    """
    del loss  # of EPSILON_SVR
    if procedure != "Voting" or kind not in _SVM_NUMBERS:
        raise not_imitated(f"Classifier.libsvm with the decision procedure {procedure} and the type {kind}")
    if kernel not in {"LINEAR", "POLY", "RBF", "SIGMOID"}:
        raise EvaluationError(f"Classifier.libsvm: Unknown kernel type: '{kernel}'.")
    numbers = {"C": 1.0 if cost is None else cost, "nu": 0.5 if nu is None else nu}
    expect_number("Classifier.libsvm", "cost", cost, positive=True)
    expect_number("Classifier.libsvm", "gamma", gamma, positive=False)
    expect_number("Classifier.libsvm", "degree", degree, positive=False)
    expect_number("Classifier.libsvm", "terminationEpsilon", tolerance, positive=True)
    expect_share("Classifier.libsvm", "nu", numbers["nu"])
    settings: dict[str, Any] = {
        "kernel": kernel.lower(),
        "shrinking": shrinking,
        "degree": 3 if degree is None else degree,
        "gamma": "auto" if gamma is None else gamma,
        "coef0": 0.0 if coef0 is None else coef0,
        "tol": 1e-3 if tolerance is None else tolerance,
        **{key: numbers[key] for key in _SVM_NUMBERS[kind]},
    }
    return learning_forms.support_vectors(kind, settings, target or 0)


@function("Classifier.train")
def train(
    classifier: Classifier, features: Collection, label: str, inputs: list[Any] | None, fraction: float, seed: int
) -> Classifier:
    if classifier.schema is not None and classifier.training is None:
        raise EvaluationError(f"{classifier.name}: This classifier cannot be trained.")
    if classifier.training is not None:
        raise not_imitated("Classifier.train of a classifier that is trained already")
    names = inputs_of("Classifier.train", features, inputs)
    if inputs is None and label in names:
        raise not_imitated("Classifier.train without inputProperties, where the class is one of the bands")
    return replace(classifier, schema=names, training=Training(features, names, label, fraction, seed))


@function("Classifier.setOutputMode")
def set_output_mode(classifier: Classifier, mode: str) -> Classifier:
    if mode not in MODES:
        raise EvaluationError(f"Classifier.setOutputMode: Unknown mode '{mode}', expected one of {', '.join(MODES)}.")
    training = None if classifier.training is None else classifier.training.again()
    return replace(classifier, mode=mode, training=training)


@function("Classifier.mode")
def output_mode(classifier: Classifier) -> str:
    return classifier.mode


@function("Classifier.schema")
def schema(classifier: Classifier) -> list[str] | None:
    return None if classifier.schema is None else list(classifier.schema)


@function("Classifier.explain")
def explain(classifier: Classifier) -> dict[str, Any]:
    """Tell the importance of the inputs of trees, summing to one; what else there is, no page tells."""
    facts = classifier.learned().facts
    if "importance" not in facts or classifier.schema is None:
        raise not_imitated(f"Classifier.explain of {classifier.name}")
    importance = dict(zip(classifier.schema, facts["importance"].tolist(), strict=True))
    return PartlyTold(f"Classifier.explain of {classifier.name}", {"importance": importance})


@function("FeatureCollection.classify")
def classify_features(features: Collection, classifier: Classifier, name: str) -> Collection:
    def produce() -> list[Feature]:
        elements = features.elements()
        learned = classifier.learned()
        assert classifier.schema is not None  # noqa: S101 - what learned has inputs
        if not elements:
            return []
        found = learned.predict(rows_of(elements, classifier.schema))
        return [with_properties(element, {name: _plain(value)}) for element, value in zip(elements, found, strict=True)]

    return features.derived(produce)


def _plain(value: Any) -> Any:
    if np.ndim(value):
        return Array.of(np.asarray(value, np.float64), pixel_types.DOUBLE)
    number = float(value)
    return int(number) if number.is_integer() else number


@function("Image.classify")
def classify_image(image: Image, classifier: Classifier, name: str) -> Image:
    if classifier.schema is None:
        raise EvaluationError(f"{classifier.name}: The classifier has not been trained.")
    missing = [each for each in classifier.schema if image.band(each) is None]
    if missing:
        raise EvaluationError(f"Image.classify: The image lacks the bands {missing} of the classifier's schema.")
    bands = [band for each in classifier.schema if (band := image.band(each)) is not None]
    if classifier.mode in ARRAYS:
        kind = shaped(pixel_types.DOUBLE, 1)
        return image.with_bands([array_band(name, partial(_arrays, classifier=classifier), kind, *bands)])
    nodes = [band.node for band in bands]
    whole = classifier.mode == CLASSIFICATION
    kind = pixel_types.NAMED_TYPES["int32"] if whole else pixel_types.FLOAT
    node = PointwiseNode(partial(_classified, classifier=classifier), nodes, common_support(*nodes))
    return image.with_bands([default_band(name, node, kind, bands[0])])


def _arrays(*batches: Batch, classifier: Classifier) -> Batch:
    rows = np.stack([batch.astype(np.float64) for batch in batches], axis=1)
    return np.asarray(classifier.learned().predict(rows), np.float64)


def _classified(*tiles: Tile, classifier: Classifier) -> Tile:
    return predicted(tiles, lambda rows: classifier.learned().predict(rows))


def predicted(tiles: tuple[Tile, ...], predict: Any) -> Tile:
    """Give what is predicted for each pixel that is valid in all tiles."""
    valid = None
    for tile in tiles:
        valid = both(valid, tile.valid)
    found = np.zeros(tiles[0].values.shape)
    where = np.ones(found.shape, np.bool_) if valid is None else valid
    if where.any():
        rows = np.stack([tile.values[where].astype(np.float64) for tile in tiles], axis=1)
        distinct, at = np.unique(rows, axis=0, return_inverse=True)
        found[where] = np.asarray(predict(distinct), np.float64)[at.reshape(-1)]
    return Tile(found, valid)
