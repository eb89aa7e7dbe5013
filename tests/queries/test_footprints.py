"""Where scenes lie: areas by a formula, the antimeridian, and which footprints add something."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.queries.footprints import area_of, centre_longitude, chosen, on_the_map, read_footprint, shares

A, F = 6378137.0, 1 / 298.257223563  # WGS 84
E = math.sqrt(F * (2 - F))


def box_area(west, south, east, north):
    """Square metres of a box of degrees on the ellipsoid (Snyder, Map Projections, 1987, equation 3-12)."""

    def q(lat):
        s = math.sin(math.radians(lat))
        return (1 - E**2) * (s / (1 - E**2 * s**2) - math.log((1 - E * s) / (1 + E * s)) / (2 * E))

    return A**2 / 2 * math.radians(east - west) * (q(north) - q(south))


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((15.0, 46.0, 15.1, 46.1), id="small"),
        pytest.param((15.0, 40.0, 16.0, 60.0), id="high"),
        pytest.param((-180.0, -90.0, 180.0, 90.0), id="the Earth"),
    ],
)
def test_areas_are_those_of_the_ellipsoid(box):
    """Whatever the latitude."""
    assert area_of(shapely.box(*box)) == pytest.approx(box_area(*box), rel=1e-6)


def test_the_area_of_a_slanted_edge_is_that_of_an_edge_straight_in_degrees():
    """A triangle under a diagonal: the sum of its thin slices."""
    triangle = shapely.Polygon([(10, 40), (14, 40), (14, 44)])
    slices = [box_area(10 + 4 * (n + 0.5) / 4000, 40 + n / 1000, 14, 40 + (n + 1) / 1000) for n in range(4000)]

    assert area_of(triangle) == pytest.approx(sum(slices), rel=1e-5)


def test_shares_count_square_metres_and_not_degrees():
    """The northern half of a tall area is the smaller one."""
    north, area = shapely.box(15, 50, 16, 60), shapely.box(15, 40, 16, 60)
    expected = box_area(15, 50, 16, 60) / box_area(15, 40, 16, 60)

    assert expected < 0.46
    assert shares([north], area) == [pytest.approx(expected, rel=1e-6)]


@pytest.mark.parametrize(
    "ring",
    [
        pytest.param([(179, 10), (181, 10), (181, 11), (179, 11), (179, 10)], id="beyond 180"),
        pytest.param([(179, 10), (-179, 10), (-179, 11), (179, 11), (179, 10)], id="back at -180"),
        pytest.param([(-181, 10), (-179, 10), (-179, 11), (-181, 11), (-181, 10)], id="beyond -180"),
    ],
)
def test_a_footprint_across_180_is_cut_there(ring):
    """Two pieces of one degree each, however its longitudes were written; its centre is at 180."""
    footprint = read_footprint({"type": "Polygon", "coordinates": [ring]})

    pieces = on_the_map(footprint)
    assert pieces.equals(shapely.union_all([shapely.box(179, 10, 180, 11), shapely.box(-180, 10, -179, 11)]))
    assert abs(centre_longitude(footprint)) == 180


def test_a_footprint_of_the_whole_earth_is_not_torn():
    """Its edges go from -180 to 180, which is no way across 180."""
    earth = shapely.box(-180, -90, 180, 90)

    assert on_the_map(read_footprint(shapely.geometry.mapping(earth))).equals(earth)


@pytest.mark.parametrize(
    "geojson",
    [
        None,
        {"type": "MultiPoint", "coordinates": []},
        {"type": "Point", "coordinates": [15, 46]},
        {"type": "Polygon", "coordinates": [[["-Infinity", -90], ["Infinity", -90], ["Infinity", 90]]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Bulge", "coordinates": [1]},
    ],
)
def test_what_holds_no_polygon_is_no_footprint(geojson):
    """Left out by whoever reads it, not guessed."""
    assert read_footprint(geojson) is None


def strip(start, end):
    """A box of one degree of latitude: areas are as the lengths."""
    return shapely.box(start / 10, 0, end / 10, 1)


def greedy(intervals, length):
    """The same choice over whole numbers: the first of those that add most, until none adds."""
    left, taken = set(range(length)), []
    while True:
        gains = [len(left & set(range(*one))) for one in intervals]
        if not any(gains):
            return taken
        taken.append(gains.index(max(gains)))
        left -= set(range(*intervals[taken[-1]]))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-3, 22), st.integers(1, 9)), max_size=9))
def test_the_footprint_that_adds_most_is_taken_next_until_none_adds(drawn):
    """Against a choice over sets of whole numbers."""
    intervals = [(max(start, 0), max(start + length, 0)) for start, length in drawn]
    footprints = [strip(start, start + length) for start, length in drawn]

    assert chosen(footprints, strip(0, 20)) == greedy(intervals, 20)
