"""Reducers made of reducers, and what they make of lists, columns and regions."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    S2,
    UTM,
    MemoryCatalogue,
    X,
    Y,
    answer,
    array,
    band,
    call,
    constant,
    load,
    make_scene,
    reducer,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

VALUES = np.array([[4, 8, 6], [1, 3, 5], [9, 7, 2]], np.uint16)
CLASSES = np.array([[2, 1, 1], [2, 2, 1], [3, 3, 3]], np.uint16)
SEEN = CLASSES != 3
CATALOGUE = MemoryCatalogue([make_scene(S2, "a", {"B4": VALUES, "B8": (CLASSES, SEEN)})])


def of_list(items, node):
    return answer(call("List.reduce", list=constant(items), reducer=node))


def region(node, right=3.0, image=None):
    place = call("GeometryConstructors.Rectangle", coordinates=[X, Y - 30, X + 10 * right, Y], crs=UTM, geodesic=False)
    return answer(
        call("Image.reduceRegion", image=image or load("a"), reducer=node, geometry=place, scale=10), CATALOGUE
    )


def test_pixels_are_reduced_by_groups():
    """A dictionary for each class in order; pixels without a class belong to none, and weights count."""
    found = region(reducer("group", reducer=reducer("sum"), groupField=1, groupName="class"), right=2.5)

    shares = np.array([1, 1, 0.5])
    sums = {key: (VALUES * shares)[(key == CLASSES) & SEEN].sum() for key in (1, 2)}
    assert found == {"groups": [{"class": 1, "sum": sums[1]}, {"class": 2, "sum": sums[2]}]}


def test_groups_of_records_may_be_texts_and_fractions():
    """The group's input stands anywhere among the inputs."""
    rows = [["b", 1], ["a", 2], ["b", 5]]

    assert of_list(rows, reducer("group", reducer=reducer("max"))) == [
        {"group": "a", "max": 2},
        {"group": "b", "max": 5},
    ]
    assert of_list([[1, 0.5], [2, 0.5]], reducer("group", reducer=reducer("count"), groupField=1)) == [
        {"group": 0.5, "count": 2}
    ]


def test_groups_in_groups():
    """The outer groups hold the inner ones."""
    node = reducer("group", reducer=reducer("group", reducer=reducer("sum"), groupField=1, groupName="x"), groupField=2)

    assert of_list([[1, 0, 7], [2, 0, 7], [4, 1, 7]], node) == [
        {"group": 7, "groups": [{"x": 0, "sum": 3}, {"x": 1, "sum": 4}]}
    ]


def test_nothing_has_no_groups():
    """An empty list of groups."""
    assert of_list([], reducer("group", reducer=reducer("sum"))) == []


def test_each_name_gets_a_copy():
    """forEach and forEachBand name the outputs of copies of one reducer."""
    both = call("Image.unmask", input=load("a"))

    assert region(reducer("forEach", reducer=reducer("max"), outputNames=["p", "q"]), image=both) == {"p": 9, "q": 2}
    assert region(reducer("forEachBand", reducer=reducer("max"), image=both), image=both) == {"B4": 9, "B8": 2}


def test_pixels_become_features():
    """One for each pixel that is valid in all inputs, with the given names."""
    found = region(reducer("toCollection", propertyNames=["v", "c"]))

    rows = [feature["properties"] for feature in found["features"]["features"]]
    assert rows == [{"v": int(v), "c": int(c)} for v, c in zip(VALUES[SEEN], CLASSES[SEEN], strict=True)]


@pytest.mark.parametrize(
    ("items", "name", "expected"),
    [
        ([1, None, 1, 2], "countEvery", 4),
        ([1, None, 1, 2], "count", 3),
        ([1, None, 1, 2.0], "countDistinct", 3),
        ([1, None, 1, "1"], "countDistinctNonNull", 2),
        ([1, 1, 2, None, 1, 1], "countRuns", 3),
        ([6, 3], "bitwiseAnd", 2),
        ([6, 3], "bitwiseOr", 7),
        ([1, 2, 4], "sampleVariance", 7 / 3),
        (["pear", "fig"], "max", "pear"),
        ([5, 0], "and", 0),
        ([5, 0], "or", 1),
    ],
)
def test_lists_are_reduced(items, name, expected):
    """What the reference says of nulls, bits, samples and texts."""
    assert of_list(items, reducer(name)) == (expected if isinstance(expected, str) else pytest.approx(expected))


def test_members_are_reduced_one_by_one():
    """Those of lists and dictionaries, whose keys do not matter, and what is neither."""
    items = array(constant([1, 2]), {"dictionaryValue": {"values": {"a": constant(3)}}}, constant(4))

    found = answer(call("List.reduce", list=items, reducer=reducer("disaggregate", reducer=reducer("sum"))))

    assert found == 10


def test_an_extreme_brings_its_company():
    """The other inputs are those of the record with the extreme first input."""
    rows = [[3, 10], [9, 20], [1, 30]]

    assert of_list(rows, reducer("max", numInputs=2)) == {"max": 9, "max1": 20}
    assert of_list(rows, reducer("min", numInputs=2)) == {"min": 1, "min1": 30}


def test_outputs_are_named():
    """In order, as a list."""
    node = reducer("combine", reducer1=reducer("linearFit"), reducer2=reducer("minMax"), outputPrefix="l_")

    assert answer(call("Reducer.getOutputs", reducer=node)) == ["scale", "offset", "l_min", "l_max"]


def test_percentiles_are_least_middle_and_greatest():
    """The reference's own three; the middle is weighted as the median is."""
    node = reducer("percentile", percentiles=[0, 50, 100])

    assert of_list([1, 2, 4, 9], node) == {"p0": 1, "p50": 3, "p100": 9}
    assert region(node, right=2.5, image=band("B4")) == {"B4_p0": 1, "B4_p50": 5, "B4_p100": 9}


@pytest.mark.parametrize(
    ("items", "node", "sentence"),
    [
        ([1, 2], reducer("percentile", percentiles=[25]), "percentile: 25"),
        ([1, None, 1], reducer("countRuns"), "a null amid equal values"),
        ([1], reducer("sampleStdDev"), "sampleStdDev of a single value"),
        ([[2, 1], [2, 3]], reducer("linearFit"), "linearFit where it is undefined"),
        ([[2, 1], [2, 3]], reducer("max", numInputs=2), "which of several equal records"),
        ([0.5, 1], reducer("bitwiseOr"), "bitwiseOr of fractions"),
        ([0, np.pi], reducer("circularMean"), "directions that cancel out"),
        ([["a", 1], [2, 1]], reducer("group", reducer=reducer("sum")), "groups of several kinds"),
        (
            [1],
            reducer("forEach", reducer=reducer("minMax"), outputNames=["a"]),
            "a reducer of several outputs",
        ),
    ],
)
def test_what_no_page_tells_is_refused(items, node, sentence):
    """By the reducer's name."""
    with pytest.raises(EvaluationError, match=f"{sentence}.*is not imitated"):
        of_list(items, node)


def test_copies_over_different_masks_are_refused():
    """Whether a pixel masked in one band takes part in the other's copy is not told."""
    with pytest.raises(EvaluationError, match="some inputs are masked is not imitated"):
        region(reducer("repeat", reducer=reducer("sum"), count=2))
