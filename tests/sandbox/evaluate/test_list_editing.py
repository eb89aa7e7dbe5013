"""Lists with members replaced, moved and taken out, dictionaries renamed, and the equality that they ask for."""

from __future__ import annotations

import pytest
from evaluate_kit import value

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError

LETTERS = ["a", "b", "c", "b"]
POINT = {"GeometryConstructors.Point": [[1, 2]]}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param({"List.set": [LETTERS, -1, "z"]}, ["a", "b", "c", "z"], id="set from the end"),
        pytest.param({"List.insert": [LETTERS, 1, "z"]}, ["a", "z", "b", "c", "b"], id="insert"),
        pytest.param({"List.insert": [LETTERS, -1, "z"]}, ["a", "b", "c", "z", "b"], id="insert from the end"),
        pytest.param({"List.swap": [LETTERS, 0, -2]}, ["c", "b", "a", "b"], id="swap"),
        pytest.param({"List.replace": [LETTERS, "b", 1]}, ["a", 1, "c", "b"], id="replace the first"),
        pytest.param({"List.replaceAll": [LETTERS, "b", 1]}, ["a", 1, "c", 1], id="replace all"),
        pytest.param({"List.replace": [LETTERS, "z", 1]}, LETTERS, id="replace nothing"),
        pytest.param({"List.rotate": [["t", "a", "n", "k", "s"], 1]}, ["s", "t", "a", "n", "k"], id="rotate"),
        pytest.param({"List.rotate": [["t", "a", "n", "k", "s"], -4]}, ["s", "t", "a", "n", "k"], id="rotate back"),
        pytest.param({"List.rotate": [[], 3]}, [], id="rotate nothing"),
        pytest.param({"List.frequency": [[[1], [1], [2]], [1]]}, 2, id="frequency of lists"),
        pytest.param({"List.indexOfSublist": [[1, 2, 3, 2, 3], [2, 3]]}, 1, id="first sublist"),
        pytest.param({"List.lastIndexOfSubList": [[1, 2, 3, 2, 3], [2, 3]]}, 3, id="last sublist"),
        pytest.param({"List.indexOfSublist": [[1], [1, 2]]}, -1, id="no sublist"),
        pytest.param({"List.unzip": [[[1, "a"], [2, "b"], [3, "c", True]]]}, [[1, 2, 3], ["a", "b", "c"]], id="unzip"),
        pytest.param({"List.equals": [[1, [2]], [1, [2]]]}, True, id="equal lists"),
        pytest.param({"List.equals": [[1, 2], [2, 1]]}, False, id="equal in another order"),
        pytest.param({"List.contains": [[1, 0], True]}, False, id="a boolean is no number"),
        pytest.param({"List.distinct": [[True, 1, False, 0]]}, [True, 1, False, 0], id="distinct booleans and numbers"),
        pytest.param({"List.distinct": [[[1], "a", [1], "a", None, None]]}, [[1], "a", None], id="distinct lists"),
        pytest.param({"List.removeAll": [[1, True, [2], "2"], [True, [2]]]}, [1, "2"], id="remove all of any kind"),
        pytest.param({"List.containsAll": [[1, "a"], ["a", True]]}, False, id="contains all but a boolean"),
        pytest.param({"List.indexOf": [[True, 1], 1]}, 1, id="position of a number among booleans"),
        pytest.param({"IsEqual": [POINT, POINT]}, True, id="equal geometries"),
        pytest.param({"IsEqual": [{"Date": ["2020"]}, {"Date": ["2020-01-01"]}]}, True, id="equal dates"),
        pytest.param({"IsEqual": [{"a": [1]}, {"a": [2]}]}, False, id="other dictionaries"),
        pytest.param({"IsEqual": [1, "1"]}, False, id="a number is no text"),
        pytest.param({"List.getGeometry": [[POINT], 0]}, {"type": "Point", "coordinates": [1, 2]}, id="geometry"),
        pytest.param(
            {"Image.bandNames": [{"Dictionary.toImage": [{"b": 1, "a": 2}]}]}, ["a", "b"], id="bands sorted by name"
        ),
        pytest.param(
            {"Image.bandNames": [{"Dictionary.toImage": [{"b": 1, "a": 2}, ["b"]]}]}, ["b"], id="bands that are named"
        ),
        pytest.param({"ObjectType": [[1]]}, "List", id="type of a list"),
        # A public library tests these against the service.
        pytest.param({"ObjectType": [{"Image.constant": [1]}]}, "Image", id="type of an image"),
        pytest.param({"ObjectType": [{"Feature": [None]}]}, "Feature", id="type of a feature"),
        pytest.param({"ObjectType": [POINT]}, "Geometry", id="type of a geometry"),
        pytest.param(
            {"ObjectType": [{"ImageCollection.fromImages": [[{"Image.constant": [1]}]]}]},
            "ImageCollection",
            id="type of images",
        ),
        pytest.param(
            {"ObjectType": [{"Collection": [[{"Feature": [None]}]]}]}, "FeatureCollection", id="type of features"
        ),
        pytest.param({"List.sequence": [5, 4.5]}, [], id="a sequence that ends before its start"),
        pytest.param({"List.sequence": [5, 4, -0.5]}, [5, 4.5, 4], id="a sequence downwards"),
    ],
)
def test_lists_and_dictionaries_are_edited(written, expected):
    """By the sentence of each function's page; the rotation by the example of Java's `Collections`."""
    assert value(written) == expected


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        pytest.param({"List.set": [[1], 1, 0]}, "List index must be between", id="set beyond the end"),
        pytest.param({"List.unzip": [[1]]}, "must be a list", id="unzip no lists"),
        pytest.param({"Dictionary.rename": [{"a": 1}, ["b"], ["c"]]}, "does not contain key: 'b'", id="missing key"),
        pytest.param({"Dictionary.rename": [{"a": 1, "b": 2}, ["a"], ["b"]]}, "'b' is there already", id="taken key"),
        pytest.param({"List.getGeometry": [[1], 0]}, "not a geometry", id="no geometry"),
    ],
)
def test_what_cannot_be_edited_is_an_error(written, sentence):
    """The sentence names the key or the position."""
    with pytest.raises(EvaluationError, match=sentence):
        value(written)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({"List.insert": [[1], 1, 2]}, id="insertion behind the end"),
        pytest.param({"List.splice": [[1, 2], 1, 5]}, id="splice beyond the end"),
        pytest.param({"List.slice": [[1, 2], -5]}, id="slice before the beginning"),
        pytest.param({"List.slice": [[1, 2], 0, 2, -1]}, id="slice backwards"),
        pytest.param({"List.join": [[True]]}, id="text of a boolean"),
        pytest.param({"List.sort": [[True, 2]]}, id="order of a boolean and a number"),
        pytest.param({"ObjectType": [1.5]}, id="type of a number"),
        pytest.param({"List.contains": [[{"Image.constant": [1]}], {"Image.constant": [1]}]}, id="equal images"),
    ],
)
def test_what_no_source_tells_of_lists_is_refused(written):
    """A guess would be worse."""
    with pytest.raises(NotImitatedError):
        value(written)
