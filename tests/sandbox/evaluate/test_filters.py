"""Filters by place, by type and written as text."""

from __future__ import annotations

import pyproj
import pytest
from evaluate_kit import value

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError


def point(x, y):
    return {"GeometryConstructors.Point": [[x, y]]}


def box(west, south, east, north):
    return {"GeometryConstructors.Rectangle": [[west, south, east, north], None, False]}


ELEMENTS = [
    {"Feature": [point(1, 1), {"n": 0, "kind": "inner", "x": 5}]},
    {"Feature": [box(0, 0, 4, 4), {"n": 1, "kind": "box", "x": "foo"}]},
    {"Feature": [point(9, 9), {"n": 2, "kind": "outer"}]},
    {"Feature": [None, {"n": 3, "kind": "nowhere", "x": 1.5}]},
]


def kept(condition):
    return value(
        {"AggregateFeatureCollection.array": [{"Collection.filter": [{"Collection": [ELEMENTS]}, condition]}, "n"]}
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param({"Filter.always": []}, [0, 1, 2, 3], id="always"),
        pytest.param({"Filter.never": []}, [], id="never"),
        pytest.param({"Filter.hasGeometry": []}, [0, 1, 2], id="has a geometry"),
        pytest.param({"Filter.contains": [".geo", point(2, 2)]}, [1], id="contains"),
        pytest.param({"Filter.isContained": [".geo", box(0, 0, 5, 5)]}, [0, 1], id="is contained"),
        pytest.param(
            {"Filter.and": [[{"Filter.hasGeometry": []}, {"Filter.disjoint": [".geo", box(0, 0, 5, 5)]}]]},
            [2],
            id="unless it intersects",
        ),
        pytest.param({"Filter.area": [1, 1e15]}, [1], id="area"),
        pytest.param({"Filter.area": [0, 0]}, [0, 2], id="an area of nothing, ends included"),
        pytest.param({"Filter.withinDistance": [200_000, ".geo", point(2, 2)]}, [0, 1], id="near"),
        pytest.param({"Filter.hasType": [".geo", "Point"]}, [0, 2], id="points"),
        pytest.param({"Filter.hasType": [".geo", "Polygon"]}, [1], id="polygons"),
        pytest.param({"Filter.hasType": ["x", "Number"]}, [0, 3], id="numbers"),
        pytest.param({"Filter.hasType": ["x", "String"]}, [1], id="texts"),
    ],
)
def test_elements_are_filtered_by_place_and_type(condition, expected):
    """By the sentence of each filter's page; a missing value fails, and so passes what passes unless."""
    assert kept(condition) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n < 2", [0, 1]),
        ("2 <= n", [2, 3]),
        ('kind == "box"', [1]),
        ("kind != 'box'", [0, 2, 3]),
        ("n == 0 || n > 1 && n < 3", [0, 2]),
        ("(n == 0 || n > 1) && n != 2", [0, 3]),
        ("!(n == 0 || n == 1)", [2, 3]),
        ("n >= -1.5e0", [0, 1, 2, 3]),
    ],
)
def test_filters_are_read_from_text(text, expected):
    """The reference lists the operators; a collection takes the text itself, too."""
    assert kept({"Filter.expression": [text]}) == expected == kept(text)


@pytest.mark.parametrize("text", ["n <", "n", "(n < 1", "n < 1 )", "", "n < 1 2"])
def test_what_is_no_filter_is_an_error(text):
    """The sentence repeats the text."""
    with pytest.raises(EvaluationError, match=r"Filter\.expression: Unable to parse"):
        kept({"Filter.expression": [text]})


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param({"Filter.expression": ["n < x"]}, id="two properties compared"),
        pytest.param({"Filter.expression": ["n + 1 < 2"]}, id="a sum"),
        pytest.param({"Filter.hasType": ["x", "Thing"]}, id="an unknown type"),
        pytest.param({"Filter.disjoint": [".geo", box(0, 0, 5, 5)]}, id="a missing geometry, unless it intersects"),
    ],
)
def test_what_no_source_tells_of_filters_is_refused(condition):
    """A guess would be worse."""
    with pytest.raises(NotImitatedError):
        kept(condition)


def test_near_elements_are_joined():
    """A spatial join: the matches are those near enough, each with its distance along the ellipsoid."""
    near = {"Filter.withinDistance": [2_000_000, ".geo", None, ".geo"]}
    joined = {
        "Join.apply": [
            {"Join.saveAll": ["found", None, None, "far"]},
            {"Collection": [ELEMENTS[:1]]},
            {"Collection": [ELEMENTS]},
            near,
        ]
    }
    (element,) = value(joined)["features"]
    far = {each["id"]: each["properties"]["far"] for each in element["properties"]["found"]}

    assert far == pytest.approx({"0": 0, "1": 0, "2": pyproj.Geod(ellps="WGS84").inv(1, 1, 9, 9)[2]}, abs=1e-3)
