"""What cannot be learned, in sentences of the sandbox's own, and what nobody tells of what was learned."""

from __future__ import annotations

import pytest
from evaluate_kit import answer, call, feature, features, property_values

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError

TABLE = features(*(feature(x=at % 5, y=at // 2, c=at // 5) for at in range(10)))
FOREST = call("Classifier.smileRandomForest", numberOfTrees=2)


def trained(classifier):
    return call(
        "Classifier.train", classifier=classifier, features=TABLE, classProperty="c", inputProperties=["x", "y"]
    )


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("smileKNN", {"k": 99}, "smileKNN of the 99 nearest of 10 samples"),
        ("smileKNN", {"k": 0}, "'k' must be at least 1, found 0"),
        ("smileCart", {"maxNodes": 1}, "smileCart with 'maxNodes' 1"),
        ("smileCart", {"maxNodes": -3}, "'maxNodes' must be at least 1, found -3"),
        ("smileCart", {"minLeafPopulation": 0}, "'minLeafPopulation' must be at least 1, found 0"),
        ("smileRandomForest", {"numberOfTrees": 0}, "'numberOfTrees' must be at least 1, found 0"),
        ("smileRandomForest", {"numberOfTrees": 2, "variablesPerSplit": 0}, "'variablesPerSplit' must be at least 1"),
        (
            "smileRandomForest",
            {"numberOfTrees": 2, "bagFraction": 2},
            r"'bagFraction' must be within \(0, 1\], found 2",
        ),
        ("smileGradientTreeBoost", {"numberOfTrees": 2, "shrinkage": 0}, r"'shrinkage' must be within \(0, 1\]"),
        ("smileNaiveBayes", {"lambda": -1}, "'lambda' must be 0 or positive, found -1"),
        ("libsvm", {"cost": 0}, "'cost' must be positive, found 0"),
        ("libsvm", {"svmType": "NU_SVC", "nu": 2}, r"'nu' must be within \(0, 1\], found 2"),
        ("libsvm", {"svmType": "ONE_CLASS", "oneClass": 7}, "No sample is of the class 7"),
    ],
)
def test_parameters_of_classifiers_are_told_before_anything_is_learned(name, arguments, told):
    """By the names that the user gave them."""
    classifier = trained(call(f"Classifier.{name}", **arguments))

    with pytest.raises(EvaluationError, match=told):
        property_values(call("FeatureCollection.classify", features=TABLE, classifier=classifier, outputName="f"), "f")


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("wekaXMeans", {"minClusters": 5, "maxClusters": 2}, "must be at least 'minClusters', found 2 and 5"),
        ("wekaCascadeKMeans", {"minClusters": 5, "maxClusters": 2}, "must be at least 'minClusters', found 2 and 5"),
        ("wekaXMeans", {"minClusters": 0}, "'minClusters' must be at least 1, found 0"),
        ("wekaKMeans", {"nClusters": 0}, "'nClusters' must be at least 1, found 0"),
        ("wekaKMeans", {"nClusters": 2, "init": 1, "maxIterations": 0}, "'maxIterations' must be at least 1, found 0"),
    ],
)
def test_parameters_of_clusterers_are_told_before_anything_is_learned(name, arguments, told):
    """A range without a number in it is none."""
    made = call(
        "Clusterer.train", clusterer=call(f"Clusterer.{name}", **arguments), features=TABLE, inputProperties=["x"]
    )

    with pytest.raises(EvaluationError, match=told):
        property_values(call("FeatureCollection.cluster", features=TABLE, clusterer=made), "cluster")


def test_what_a_library_cannot_learn_is_told_in_words_of_the_sandbox():
    """Of a share of support vectors that the classes do not allow."""
    rows = features(*(feature(x=at, c=int(at == 0)) for at in range(10)))
    machine = call("Classifier.libsvm", svmType="NU_SVC", nu=0.9)
    made = call("Classifier.train", classifier=machine, features=rows, classProperty="c", inputProperties=["x"])

    with pytest.raises(EvaluationError, match="with these parameters of 10 samples of x, 2 different values of c"):
        property_values(call("FeatureCollection.classify", features=rows, classifier=made, outputName="f"), "f")


def test_a_negative_seed_is_one():
    """Every whole number is."""
    classifier = trained(call("Classifier.smileRandomForest", numberOfTrees=2, seed=-1))
    node = call("FeatureCollection.classify", features=TABLE, classifier=classifier, outputName="f")

    assert len(property_values(node, "f")) == 10


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        *(("get", {"key": key}) for key in ("outOfBagErrorEstimate", "numberOfTrees", "classes", "trees")),
        ("get", {"key": "numberOfTrees", "defaultValue": 7}),
        ("contains", {"key": "classes"}),
        ("keys", {}),
        ("size", {}),
        ("values", {}),
        ("set", {"key": "a", "value": 1}),
        ("toArray", {}),
        ("select", {"selectors": ["imp.*"]}),
    ],
)
@pytest.mark.parametrize("name", ["smileRandomForest", "smileCart"])
def test_what_else_trees_tell_is_refused_by_name(name, function, arguments):
    """Asked for or counted."""
    forest = trained(
        call(f"Classifier.{name}", numberOfTrees=2) if name != "smileCart" else call("Classifier.smileCart")
    )
    told = call("Dictionary", input=call("Classifier.explain", classifier=forest))

    with pytest.raises(NotImitatedError, match=f"Classifier.explain of Classifier.{name}"):
        answer(call(f"Dictionary.{function}", dictionary=told, **arguments))


def test_all_that_trees_tell_is_refused():
    """The answer would lack what no page describes."""
    with pytest.raises(NotImitatedError, match="anything but 'importance'"):
        answer(call("Classifier.explain", classifier=trained(FOREST)))
