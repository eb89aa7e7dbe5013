"""Coordinates of which no geometry can be made are one sentence."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from evaluate_kit import answer, call

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

NAN = float("nan")


def _make(kind, coordinates):
    return call(f"GeometryConstructors.{kind}", coordinates=coordinates)


@pytest.mark.parametrize(
    ("kind", "coordinates", "sentence"),
    [
        ("Point", ["a", "b"], "Point: Coordinates must be finite numbers, found 'a'"),
        ("Point", [1], "Point: Invalid coordinates"),
        ("Point", [None, 1], "Point: Coordinates must be finite numbers, found 'None'"),
        ("Point", [True, 1], "Point: Coordinates must be finite numbers, found 'True'"),
        ("Point", [float("inf"), 1], "Point: Coordinates must be finite numbers, found 'Infinity'"),
        ("MultiPoint", [[1]], "MultiPoint: Invalid coordinates"),
        ("MultiPoint", [[1, 2], 3], "MultiPoint: Invalid coordinates"),
        ("LineString", [[0, 0]], "LineString: Invalid coordinates"),
        ("LineString", [0, 0, 1], "LineString: Invalid coordinates"),
        ("LinearRing", [[0, 0], [1, 1]], "LinearRing: Invalid coordinates"),
        ("MultiLineString", [[[0, 0]], [[1, 1], [2, 2]]], "MultiLineString: Invalid coordinates"),
        ("Polygon", [[[0, 0], [NAN, 0], [1, 1]]], "Polygon: Coordinates must be finite numbers, found 'NaN'"),
        ("Polygon", [1], "Polygon: LinearRing requires at least 3 points"),
        ("MultiPolygon", [[[[0, 0], [1, 1]]]], "Polygon: LinearRing requires at least 3 points"),
        ("Rectangle", [1, [2]], "Rectangle: "),
    ],
)
def test_coordinates_of_no_geometry_are_a_sentence(kind, coordinates, sentence):
    """The constructor is named, and what it was given."""
    with pytest.raises(EvaluationError, match=sentence) as error:
        answer(_make(kind, coordinates))

    assert "\n" not in str(error.value)


@pytest.mark.parametrize("distance", [NAN, float("inf")])
def test_a_buffer_needs_a_distance(distance):
    """A buffer of no, or of an infinite, distance is none."""
    with pytest.raises(EvaluationError, match=r"Geometry\.buffer: The distance must be a finite number"):
        answer(call("Geometry.buffer", geometry=_make("Point", [0, 0]), distance=distance))


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (call("Projection", crs="EPSG:32633", transform=[1, 2]), r"The transform must be a list of 6 numbers"),
        (call("Projection", crs="EPSG:32633", transform=[NAN] * 6), r"Projection: The transform must be a list of 6"),
        (call("ErrorMargin", value=NAN), "ErrorMargin: The value must be a number, found NaN"),
        (call("Geometry.simplify", geometry=_make("Point", [0, 0]), maxError=NAN), "'maxError': Invalid type"),
        (
            call("Geometry.area", geometry=_make("Polygon", [[[0, 0], [1e308, 0], [1, 1e308]]])),
            "A geometry cannot be computed",
        ),
        (call("Date", value=NAN), "Date: nan as a whole number of 64 bits"),
        (call("List.sequence", start=0, end=NAN, step=1), r"List\.sequence: Needs finite numbers, found 0, nan, 1"),
        (call("Number.parse", input="9" * 5000), r"Number\.parse: Cannot parse a text of 5000 characters"),
    ],
)
def test_numbers_that_are_none_are_a_sentence(node, sentence):
    """Whatever is made of numbers says which it cannot be made of."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


@pytest.mark.parametrize("distance", [NAN, "far", None])
def test_lines_are_cut_at_distances(distance):
    """What is no number is no distance."""
    line = _make("LineString", [[0, 0], [1, 0]])

    with pytest.raises(EvaluationError, match=r"Geometry\.cutLines: Distances must be finite numbers"):
        answer(call("Geometry.cutLines", geometry=line, distances=[distance]))


def test_a_line_is_cut_at_every_metre():
    """As many cuts as metres on the equator, each at its metre by the geodesic of the ellipsoid."""
    line = _make("LineString", [[0, 0], [90, 0]])
    cuts = list(range(1, 20_000))

    pieces = answer(call("Geometry.cutLines", geometry=line, distances=cuts))["coordinates"]

    ends = np.array([piece[-1][0] for piece in pieces[:-1]])
    assert len(pieces) == 20_000
    np.testing.assert_allclose(ends, np.degrees(np.array(cuts) / pyproj.Geod(ellps="WGS84").a), rtol=1e-9)
