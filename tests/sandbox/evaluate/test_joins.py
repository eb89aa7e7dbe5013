"""Filters with nulls, and joins that measure."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    CLOUDS,
    DAY,
    S2,
    MemoryCatalogue,
    answer,
    argument,
    array,
    call,
    define,
    feature,
    features,
    indexes,
    make_scene,
    point,
    property_values,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

PLAIN = np.full((4, 4), 5, np.uint16)


@pytest.fixture
def catalogue():
    scenes = [make_scene(S2, f"s{at}", {"B4": PLAIN + at}, when=at * DAY, n=at) for at in range(4)]
    masks = [make_scene(CLOUDS, f"s{at}", {"probability": PLAIN}, when=at * DAY + 100 * at) for at in (1, 3)]
    return MemoryCatalogue(scenes + masks)


def collection(name=S2):
    return call("ImageCollection.load", id=name)


ROWS = features(feature(n=1), feature(n=2), feature(n=None), feature(other=1))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(call("Filter.equals", leftField="n", rightValue=1), ["0"], id="equal"),
        pytest.param(
            call("Filter.not", filter=call("Filter.equals", leftField="n", rightValue=1)),
            ["1", "2", "3"],
            id="unless equal",
        ),
        pytest.param(call("Filter.gt", leftField="n", rightValue=1), ["1"], id="greater"),
        pytest.param(
            call("Filter.not", filter=call("Filter.greaterThan", leftField="n", rightValue=1)),
            ["0", "2", "3"],
            id="unless greater",
        ),
        pytest.param(call("Filter.lt", leftField="n", rightValue=2), ["0"], id="less"),
        pytest.param(
            call("Filter.not", filter=call("Filter.lessThan", leftField="n", rightValue=2)),
            ["1", "2", "3"],
            id="unless less",
        ),
        pytest.param(call("Filter.neq", leftField="n"), ["0", "1"], id="not null"),
        pytest.param(call("Filter.equals", leftField="n"), ["2", "3"], id="null"),
        pytest.param(call("Filter.notNull", properties=["n"]), ["0", "1"], id="all there"),
        pytest.param(call("Filter.rangeContains", field="n", minValue=0, maxValue=9), ["0", "1"], id="range"),
        pytest.param(call("Filter.listContains", leftValue=[1, 7], rightField="n"), ["0"], id="in a list"),
        pytest.param(call("Filter.maxDifference", difference=1, leftField="n", rightValue=3), ["1"], id="near"),
    ],
)
def test_a_missing_value_passes_what_passes_unless(condition, expected):
    """A comparison does not hold for a null, so that a filter which passes unless it holds does pass."""
    assert indexes(call("Collection.filter", collection=ROWS, filter=condition)) == expected


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param(call("Filter.gt", leftField="n", rightValue="a"), id="number against text"),
        pytest.param(call("Filter.stringContains", leftField="n", rightValue="1"), id="text in a number"),
        pytest.param(call("Filter.inList", leftField="n", rightValue="1"), id="text as a list"),
        pytest.param(call("Filter.equals", leftField="x", rightField="y"), id="null against null"),
        pytest.param(call("Filter.notEquals", leftField="n", rightValue=1), id="missing, unless equal"),
        pytest.param(call("Filter.lessThanOrEquals", leftField="n", rightValue=9), id="missing, unless greater"),
    ],
)
def test_comparisons_of_different_kinds_are_refused(condition):
    """The reference does not say how they end."""
    with pytest.raises(EvaluationError, match="not imitated"):
        answer(call("Collection.filter", collection=ROWS, filter=condition))


def test_lists_of_features_are_filtered_by_their_properties():
    """Only what is no element is tested as `item`."""
    listed = call("Collection.toList", collection=ROWS, count=4)

    found = call("List.filter", list=listed, filter=call("Filter.gt", leftField="n", rightValue=1))

    assert [item["id"] for item in answer(found)] == ["1"]


def joined(join, primary, secondary, difference=5, **fields):
    near = call("Filter.maxDifference", difference=difference, leftField="n", rightField="n")
    return call("Join.apply", join=join, primary=primary, secondary=secondary, condition=fields.get("condition", near))


PRIMARY = features(feature(n=10), feature(n=20), feature(n=100))
SECONDARY = features(feature(n=13), feature(n=9), feature(n=22), feature(n=15))


def of_first(node, name):
    return answer(call("Element.get", object=call("Collection.first", collection=node), property=name))


def test_the_best_match_is_the_nearest():
    """saveBest keeps the match whose difference is smallest, with the difference; others are dropped."""
    node = joined(call("Join.saveBest", matchKey="m", measureKey="d"), PRIMARY, SECONDARY)

    matches = property_values(node, "m")

    assert [(item["properties"]["n"], item["properties"]["d"]) for item in matches] == [(9, 1), (22, 2)]
    assert property_values(node, "n") == [10, 20]


def test_unmatched_elements_stay_in_an_outer_join():
    """They have no match."""
    node = joined(call("Join.saveBest", matchKey="m", measureKey="d", outer=True), PRIMARY, SECONDARY)

    assert property_values(node, "n") == [10, 20, 100]
    assert len(property_values(node, "m")) == 2


def test_every_match_has_its_measure():
    """saveAll orders the matches, and tells how far each of them is."""
    join = call("Join.saveAll", matchesKey="m", ordering="n", ascending=False, measureKey="d")

    matches = of_first(joined(join, PRIMARY, SECONDARY), "m")

    assert [(item["properties"]["n"], item["properties"]["d"]) for item in matches] == [(15, 5), (13, 3), (9, 1)]


def test_the_first_match_has_its_measure():
    """saveFirst takes the first by the ordering."""
    join = call("Join.saveFirst", matchKey="m", ordering="n", ascending=True, measureKey="d")

    assert of_first(joined(join, PRIMARY, SECONDARY), "m")["properties"] == {"n": 9, "d": 1}


def test_a_pair_has_its_measure():
    """An inner join saves it on the pair."""
    join = call("Join.inner", measureKey="d")

    assert property_values(joined(join, PRIMARY, SECONDARY, difference=2), "d") == [1, 2]


def test_times_are_measured(catalogue):
    """Two collections of images are joined by the nearest time, in milliseconds."""
    near = call("Filter.maxDifference", difference=1000, leftField="system:time_start", rightField="system:time_start")
    node = joined(call("Join.saveBest", matchKey="m", measureKey="d"), collection(), collection(CLOUDS), condition=near)
    first = call("Element.get", object=call("Collection.first", collection=node), property="m")

    assert indexes(node, catalogue) == ["s1", "s3"]
    assert answer(call("Element.get", object=first, property="d"), catalogue) == 100


@pytest.mark.parametrize(
    "join",
    [
        call("Join.saveBest", matchKey="m", measureKey="d"),
        call("Join.saveAll", matchesKey="m", measureKey="d"),
        call("Join.saveFirst", matchKey="m", measureKey="d"),
        call("Join.inner", measureKey="d"),
    ],
    ids=["best", "all", "first", "inner"],
)
def test_a_condition_without_a_measure_is_refused(join):
    """Only a lone maxDifference has one here."""
    equal = call("Filter.equals", leftField="n", rightField="n")

    with pytest.raises(EvaluationError, match=r"Join\.\w+: the measure .* not imitated"):
        answer(joined(join, PRIMARY, SECONDARY, condition=equal))


def test_equal_numbers_are_joined():
    """1 and 1.0 are one number."""
    whole = features(feature(n=1))
    same = call("Filter.equals", leftField="n", rightField="n")
    broken = call("Collection.map", collection=whole, baseAlgorithm=define("f", "x"))
    half = call(
        "Element.set",
        object=argument("x"),
        key="n",
        value=call("Number.toDouble", input=call("Element.get", object=argument("x"), property="n")),
    )
    node = call("Join.apply", join=call("Join.simple"), primary=whole, secondary=broken, condition=same)

    assert answer(call("Collection.size", collection=node), f=half) == 1


ODD = st.sampled_from([None, 0, 1, 1.0, 2, 2.5, 40, 41])


@pytest.mark.parametrize(
    "condition",
    [
        call("Filter.maxDifference", difference=1, leftField="a", rightField="b"),
        call(
            "Filter.and",
            filters=array(
                call("Filter.maxDifference", difference=1, leftField="a", rightField="b"),
                call("Filter.lessThan", leftField="a", rightField="b"),
            ),
        ),
        call("Filter.intersects", leftField=".geo", rightField=".geo"),
    ],
    ids=["close", "close and less", "at one place"],
)
@settings(max_examples=15)
@given(left=st.lists(ODD, min_size=1, max_size=6), right=st.lists(ODD, min_size=1, max_size=6))
def test_looked_up_matches_are_those_of_trying_every_pair(condition, left, right):
    """In whatever order and however many: the same pairs as under a condition that cannot be looked up."""

    def side(name, values):
        return features(
            *(
                feature(None if value is None else point(value, 0), n=at, **({} if value is None else {name: value}))
                for at, value in enumerate(values)
            )
        )

    def pairs(under):
        joined = call(
            "Join.apply",
            join=call("Join.saveAll", matchesKey="m"),
            primary=side("a", left),
            secondary=side("b", right),
            condition=under,
        )
        found = answer(call("Collection.toList", collection=joined, count=100))
        return [(one["properties"]["n"], [each["properties"]["n"] for each in one["properties"]["m"]]) for one in found]

    tried = call("Filter.or", filters=array(condition))

    assert pairs(condition) == pairs(tried)
