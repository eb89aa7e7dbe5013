"""Classifiers: the exact ones against numpy, the others for their form and their accuracy."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from evaluate_kit import (
    S2,
    MemoryCatalogue,
    answer,
    call,
    exact,
    feature,
    features,
    load,
    make_scene,
    pixels,
    property_values,
)

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError

NOISE = np.random.default_rng(7)
CENTRES = np.array([[20, 90], [80, 30], [60, 70]])
LABELS = np.repeat([0, 1, 2], 20)
ROWS = CENTRES[LABELS] + NOISE.integers(-6, 7, (60, 2))
TABLE = features(*(feature(b1=int(a), b2=int(b), c=int(c)) for (a, b), c in zip(ROWS, LABELS, strict=True)))
GROUND = NOISE.integers(0, 3, (8, 9))
BANDS = {f"b{at + 1}": (CENTRES[GROUND, at] + NOISE.integers(-4, 5, GROUND.shape)).astype(np.uint16) for at in (0, 1)}


@pytest.fixture(scope="module")
def catalogue():
    return MemoryCatalogue([make_scene(S2, "a", BANDS)])


def trained(classifier, mode=None, table=TABLE, **arguments):
    if mode is not None:
        classifier = call("Classifier.setOutputMode", classifier=classifier, mode=mode)
    inputs = arguments.pop("inputs", ["b1", "b2"])
    return call(
        "Classifier.train",
        classifier=classifier, features=table, classProperty="c", inputProperties=inputs, **arguments,
    )  # fmt: skip


def classified(classifier, table=TABLE):
    node = call("FeatureCollection.classify", features=table, classifier=classifier, outputName="found")
    return np.array(property_values(node, "found"))


FOREST = call("Classifier.smileRandomForest", numberOfTrees=8)
LEARNERS = {
    "forest": FOREST,
    "cart": call("Classifier.smileCart"),
    "boost": call("Classifier.smileGradientTreeBoost", numberOfTrees=5, shrinkage=0.5),
    "bayes": call("Classifier.smileNaiveBayes"),
    "neighbours": call("Classifier.smileKNN", k=3),
    "svm": call("Classifier.libsvm"),
    "nu svm": call("Classifier.libsvm", svmType="NU_SVC", kernelType="RBF", gamma=0.01),
    "distance": call("Classifier.minimumDistance"),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_separate_classes_are_told_apart(name):
    """Every classifier finds the classes of clouds of points that do not touch."""
    assert (classified(trained(LEARNERS[name])) == LABELS).all()


@pytest.mark.parametrize("name", ["forest", "cart", "distance"])
def test_images_are_classified_by_the_names_of_their_bands(catalogue, name):
    """One band `classification` of whole numbers, whatever the order of the bands."""
    turned = call("Image.select", input=load("a"), bandSelectors=["b2", "b1"])
    node = call("Image.classify", image=turned, classifier=trained(LEARNERS[name]))

    image, (values,), _ = pixels(exact(node, 8, 9), catalogue)

    assert [(band.name, band.dtype) for band in image.bands] == [("classification", "int32")]
    np.testing.assert_array_equal(values, GROUND)


def test_images_have_the_chances_of_each_class(catalogue):
    """An array in each pixel, whose greatest element is the class."""
    chances = call("Image.classify", image=load("a"), classifier=trained(FOREST, "MULTIPROBABILITY"))
    node = call("Image.arrayFlatten", image=chances, coordinateLabels=[["x", "y", "z"]])

    _, found, _ = pixels(exact(node, 8, 9), catalogue)

    np.testing.assert_allclose(np.sum(found, axis=0), 1)
    np.testing.assert_array_equal(np.argmax(found, axis=0), GROUND)


def test_a_band_that_is_missing_is_named(catalogue):
    """The schema's names are what an image must have."""
    node = call("Image.classify", image=call("Image.constant", value=1), classifier=trained(FOREST))

    with pytest.raises(EvaluationError, match=r"lacks the bands \['b1', 'b2'\]"):
        answer(node, catalogue)


@pytest.mark.parametrize(
    ("metric", "measure"),
    [
        ("euclidean", lambda row, mean: np.linalg.norm(row - mean)),
        ("manhattan", lambda row, mean: np.abs(row - mean).sum()),
        ("cosine", lambda row, mean: np.arccos(row @ mean / np.linalg.norm(row) / np.linalg.norm(mean))),
    ],
)
def test_distances_are_from_the_means_of_the_classes(metric, measure):
    """RAW gives all of them, REGRESSION the smallest."""
    classifier = call("Classifier.minimumDistance", metric=metric)
    means = [ROWS[each == LABELS].mean(axis=0) for each in range(3)]

    expected = np.array([[measure(row, mean) for mean in means] for row in ROWS])

    np.testing.assert_allclose(classified(trained(classifier, "RAW")), expected, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(classified(trained(classifier, "REGRESSION")), expected.min(axis=1), atol=1e-7)


TREE = """node), split, n, deviance, yval
      * denotes terminal node

1) root 100 50 0
  2) b1< 40 40 5 1
    4) b2 <= 50.5 20 0 3 *
    5) b2 > 50.5 20 0 4 *
  3) b1>=40 60 8 2 *
"""


def tree_value(row):
    return 2 if row[0] >= 40 else 3 if row[1] <= 50.5 else 4


def test_a_tree_given_as_text_is_followed():
    """R's format: from node n to its child 2 n or 2 n + 1, up to a leaf's value."""
    tree = call("Classifier.decisionTree", treeString=TREE)

    assert classified(tree).tolist() == [tree_value(row) for row in ROWS]
    assert answer(call("Classifier.schema", classifier=tree)) == ["b1", "b2"]


def test_trees_vote():
    """The value that most trees give; several trees may stand in one text."""
    always = "1) root 9 9 7\n2) b1 <= 1000 9 0 7 *\n3) b1 > 1000 0 0 7 *\n"
    votes = call("Classifier.decisionTreeEnsemble", treeStrings=[TREE, always + always])

    assert set(classified(votes).tolist()) == {7}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("nothing", "No tree was found", id="no tree"),
        pytest.param("2) b1 < 1 1 1 1", r"node '2\) b1 < 1 1 1 1'", id="no root"),
        pytest.param("1) root 1 1 1\n2) b1 ~ 1 1 1 1", r"node '2\) b1 ~ 1 1 1 1'", id="no sign"),
    ],
)
def test_a_text_that_is_no_tree_is_named(text, named):
    """The line that cannot be read is in the sentence."""
    with pytest.raises(EvaluationError, match=named):
        answer(call("Classifier.schema", classifier=call("Classifier.decisionTree", treeString=text)))


def test_a_region_of_inputs_is_one_inside():
    """An odd number of edges lies on the way out: a hole is outside."""
    rings = [[0, 0, 100, 0, 100, 100, 0, 100], [50, 50, 70, 50, 70, 95, 50, 95]]
    region = call("Classifier.spectralRegion", coordinates=rings, schema=["b1", "b2"])

    hole = (ROWS[:, 0] > 50) & (ROWS[:, 0] < 70) & (ROWS[:, 1] > 50) & (ROWS[:, 1] < 95)
    edge = np.isin(ROWS, [50, 70, 95]).any(axis=1)
    np.testing.assert_array_equal(classified(region)[~edge], ~hole[~edge])


@pytest.mark.parametrize(
    ("mode", "width"), [("MULTIPROBABILITY", 3), ("RAW", 8), ("RAW_REGRESSION", 8)], ids=["chances", "votes", "values"]
)
def test_a_forest_tells_of_each_class_or_tree(mode, width):
    """An array per sample: chances that sum to one, or what each tree says."""
    found = classified(trained(FOREST, mode))

    assert found.shape == (60, width)
    if mode == "MULTIPROBABILITY":
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert (found.argmax(axis=1) == LABELS).all()


def test_a_regression_comes_near_what_it_is_trained_with():
    """The mean of the trees, not a class."""
    found = classified(trained(FOREST, "REGRESSION"))

    assert np.abs(found - LABELS).max() < 0.5


def test_the_probability_is_that_of_the_class_that_is_given():
    """The greatest of the chances."""
    bayes = LEARNERS["neighbours"]

    np.testing.assert_allclose(classified(trained(bayes, "PROBABILITY")), 1.0)


@pytest.mark.parametrize(
    ("classifier", "mode"),
    [
        pytest.param(FOREST, "CLASSIFICATION", id="default"),
        pytest.param(call("Classifier.setOutputMode", classifier=FOREST, mode="RAW"), "RAW", id="set"),
    ],
)
def test_a_classifier_tells_its_mode_and_schema(classifier, mode):
    """The schema is null before the training."""
    assert answer(call("Classifier.mode", classifier=classifier)) == mode
    assert answer(call("Classifier.schema", classifier=classifier)) is None
    assert answer(call("Classifier.schema", classifier=trained(classifier))) == ["b1", "b2"]


def test_the_confusion_matrix_is_of_the_training_data():
    """Rows are the classes trained with, columns those that are given, from class 0."""
    matrix = call("Classifier.confusionMatrix", classifier=trained(LEARNERS["distance"]))

    assert answer(call("ConfusionMatrix.array", confusionMatrix=matrix)) == (np.eye(3) * 20).tolist()
    assert answer(call("ConfusionMatrix.accuracy", confusionMatrix=matrix)) == 1


EXPLAINED = call("Dictionary", input=call("Classifier.explain", classifier=trained(FOREST)))


def test_trees_tell_the_importance_of_their_inputs():
    """By the names of the inputs."""
    importance = answer(call("Dictionary.get", dictionary=EXPLAINED, key="importance"))

    assert set(importance) == {"b1", "b2"}
    assert sum(importance.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("classifier", "refused"),
    [
        pytest.param(call("Classifier.minimumDistance", metric="mahalanobis"), "mahalanobis", id="mahalanobis"),
        pytest.param(call("Classifier.smileKNN", metric="MANHATTAN"), "MANHATTAN and the search AUTO", id="metric"),
        pytest.param(call("Classifier.libsvm", svmType="EPSILON_SVR"), "EPSILON_SVR", id="epsilon"),
        pytest.param(call("Classifier.amnhMaxent"), "amnhMaxent", id="maxent"),
    ],
)
def test_what_no_page_tells_is_refused(classifier, refused):
    """By its name."""
    with pytest.raises(NotImitatedError, match=refused):
        classified(trained(classifier))


@pytest.mark.parametrize(
    ("mode", "classes", "refused"),
    [
        pytest.param("PROBABILITY", [0, 1, 0, 1], "PROBABILITY of two classes", id="two classes"),
        pytest.param("MULTIPROBABILITY", [2, 0, 1, 2], "not seen in ascending order", id="order of classes"),
    ],
)
def test_chances_of_which_the_pages_contradict_each_other_are_refused(mode, classes, refused):
    """Or of which they say too little."""
    table = features(*(feature(b1=at, b2=at, c=each) for at, each in enumerate(classes)))

    with pytest.raises(NotImitatedError, match=refused):
        classified(trained(FOREST, mode, table=table))


@pytest.mark.parametrize(
    ("classifier", "named"),
    [
        pytest.param(FOREST, "has not been trained", id="untrained"),
        pytest.param(trained(FOREST, inputs=["b9"]), "Property 'b9' of feature '0' is missing", id="property"),
        pytest.param(trained(LEARNERS["bayes"], "REGRESSION"), "REGRESSION is not supported", id="mode"),
        pytest.param(trained(FOREST, table=features()), "No valid training data", id="nothing to learn from"),
        pytest.param(trained(FOREST, subsampling=2), r"within \(0, 1\], found 2", id="fraction"),
    ],
)
def test_a_training_that_cannot_be_is_one_sentence(classifier, named):
    """The value found is in it."""
    with pytest.raises(EvaluationError, match=named):
        classified(classifier)


def test_the_extra_that_learns_is_named_where_it_is_missing(monkeypatch):
    """And how to install it."""
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)

    with pytest.raises(EvaluationError, match=r"needs the extra `learn`.*pip install"):
        classified(trained(FOREST))


MEANS = call("Clusterer.wekaKMeans", nClusters=3, init=1)


@pytest.mark.parametrize(
    "clusterer",
    [
        pytest.param(MEANS, id="k means"),
        pytest.param(call("Clusterer.wekaCascadeKMeans", maxClusters=5, init=True), id="cascade"),
        pytest.param(call("Clusterer.wekaXMeans", maxClusters=3), id="x means"),
    ],
)
def test_clouds_of_points_are_clusters(clusterer):
    """Each has a number of its own, from 0."""
    made = call("Clusterer.train", clusterer=clusterer, features=TABLE, inputProperties=["b1", "b2"])

    found = property_values(call("FeatureCollection.cluster", features=TABLE, clusterer=made), "cluster")

    pairs = set(zip(found, LABELS.tolist(), strict=True))
    assert len(pairs) == 3
    assert {number for number, _ in pairs} == {0, 1, 2}


def test_a_sample_tells_a_training_its_inputs(catalogue):
    """The bands of Image.sample are the inputs where none are told."""
    sample = call("Image.sample", image=load("a"))
    made = call("Clusterer.train", clusterer=MEANS, features=sample)

    assert answer(call("Clusterer.schema", clusterer=made), catalogue) == ["b1", "b2"]
    with pytest.raises(EvaluationError, match="'inputProperties' is required"):
        answer(call("Clusterer.schema", clusterer=call("Clusterer.train", clusterer=MEANS, features=TABLE)))


def test_images_are_clustered_by_the_names_of_their_bands(catalogue):
    """One band `cluster`."""
    made = call("Clusterer.train", clusterer=MEANS, features=TABLE, inputProperties=["b1", "b2"])

    image, (values,), _ = pixels(exact(call("Image.cluster", image=load("a"), clusterer=made), 8, 9), catalogue)

    assert [band.name for band in image.bands] == ["cluster"]
    assert len(set(zip(values.ravel().tolist(), GROUND.ravel().tolist(), strict=True))) == 3
    assert answer(call("Clusterer.schema", clusterer=made)) == ["b1", "b2"]
