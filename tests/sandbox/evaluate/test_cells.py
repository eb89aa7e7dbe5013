"""Cells of S2, and points at random places."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import answer, call, constant

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

# Corners as the Python port of the library, s2sphere, computes them.
CELLS = {
    "89c2590000000000": [
        (-74.03001225, 40.801268434),
        (-74.03001225, 40.722226292),
        (-73.935982114, 40.70888049),
        (-73.935982114, 40.787917135),
    ],
    "54906ab140000000": [
        (-122.333469744, 47.608047975),
        (-122.336857494, 47.606980135),
        (-122.334370875, 47.605024239),
        (-122.330983265, 47.606091939),
    ],
    "47a1cbd595522b39": [
        (11.770681629, 49.703498636),
        (11.770681661, 49.703498712),
        (11.77068156, 49.703498722),
        (11.770681528, 49.703498646),
    ],
}


@pytest.mark.parametrize("token", sorted(CELLS))
def test_a_cell_has_its_corners(token):
    """Of the levels 10, 15 and 30."""
    (ring,) = answer(call("Geometry.fromS2CellToken", cellToken=token))["coordinates"]

    assert np.array(ring[:-1]) == pytest.approx(np.array(CELLS[token]), abs=2e-9)


@pytest.mark.parametrize("name", ["fromS2CellId", "s2Cell"])
def test_a_cell_is_found_by_its_number(name):
    """The number is the token, read as hexadecimal digits."""
    found = answer(call(f"Geometry.{name}", cellId=int("54906ab140000000", 16)))

    assert found == answer(call("Geometry.fromS2CellToken", cellToken="54906ab140000000"))


def test_the_face_of_antarctica():
    """Its token is on the page: every corner is as far south as the cube's."""
    (ring,) = answer(call("Geometry.fromS2CellToken", cellToken="b000000000000000"))["coordinates"]

    assert [y for _, y in ring] == pytest.approx([-np.degrees(np.arctan(np.sqrt(0.5)))] * 5)


@pytest.mark.parametrize("token", ["b", "zzzzzzzzzzzzzzzz", "f000000000000000", "2000000000000000"])
def test_what_is_no_cell_is_named(token):
    """Too few digits, no digits, no face, a 1 where no level has it."""
    with pytest.raises(EvaluationError, match=f"'{token}' is no S2 cell"):
        answer(call("Geometry.fromS2CellToken", cellToken=token))


REGION = call(
    "GeometryConstructors.Polygon", coordinates=constant([[[0, 0], [60, 0], [60, 60], [0, 60]]]), geodesic=False
)


def random_points(**options):
    found = answer(call("FeatureCollection.randomPoints", region=REGION, **options))
    return np.array([each["geometry"]["coordinates"] for each in found["features"]])


def test_random_points_are_as_many_as_asked_and_inside():
    """A thousand without a number."""
    points = random_points()

    assert len(points) == 1000
    assert ((points >= 0) & (points <= 60)).all()


def test_a_seed_decides_the_points():
    """The same one gives the same points, another one others."""
    first, again, other = (random_points(points=20, seed=seed) for seed in (1, 1, 2))

    assert (first == again).all()
    assert not (first == other).any()


def test_random_points_are_even_over_the_area():
    """South of 30 degrees lies sin 30 / sin 60 of the region's area; five standard deviations are allowed."""
    points = random_points(points=4000)

    share = np.sin(np.radians(30)) / np.sin(np.radians(60))
    assert (points[:, 1] < 30).mean() == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / 4000))
    assert (points[:, 0] < 30).mean() == pytest.approx(0.5, abs=5 * np.sqrt(0.25 / 4000))


def test_a_region_of_a_line_has_no_random_points():
    """Whether they would lie on it is not told."""
    line = call("GeometryConstructors.LineString", coordinates=constant([[0, 0], [1, 1]]))

    with pytest.raises(EvaluationError, match="without polygons is not imitated"):
        answer(call("FeatureCollection.randomPoints", region=line))
