"""Geometries: how they are made, measured, bounded and carried to projections."""

from __future__ import annotations

import math

import pyproj
import pytest
import shapely
import shapely.geometry
from evaluate_kit import (
    UTM,
    answer,
    call,
    constant,
)
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

GEOD = pyproj.Geod(ellps="WGS84")
PLANE = call("Projection", crs="EPSG:4326")
EMPTY = call("Collection.geometry", collection=call("Collection", features=constant([])))


def polygon(*rings, **options):
    return call("GeometryConstructors.Polygon", coordinates=constant(list(rings)), **options)


def measured(name, geometry, **options):
    return answer(call(f"Geometry.{name}", geometry=geometry, **options))


def square(west, south, side=1):
    return [[west, south], [west + side, south], [west + side, south + side], [west, south + side]]


def between_parallels(west, south, east, north):
    """The area of the ellipsoid between two parallels and two meridians, by its closed formula."""
    e = math.sqrt(GEOD.es)

    def zone(latitude):
        sine = math.sin(math.radians(latitude))
        return GEOD.b**2 / 2 * (sine / (1 - GEOD.es * sine**2) + math.atanh(e * sine) / e)

    return math.radians(east - west) * (zone(north) - zone(south))


@given(west=st.floats(-170, 100), south=st.floats(-80, 60), width=st.floats(0.1, 60), height=st.floats(0.1, 20))
def test_a_planar_box_lies_between_parallels(west, south, width, height):
    """The edges of a planar box are parallels and meridians, however long they are."""
    box = call("GeometryConstructors.BBox", west=west, south=south, east=west + width, north=south + height)

    expected = between_parallels(west, south, west + width, south + height)

    assert measured("area", box) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("west", "south", "east", "north"), [(-180, -90, 180, 90), (-180, -60, 180, 60), (-100, 0, 99, 9)]
)
def test_a_box_may_go_round_the_earth(west, south, east, north):
    """The Earth has 510 million square kilometres."""
    box = call("GeometryConstructors.BBox", west=west, south=south, east=east, north=north)

    assert measured("area", box) == pytest.approx(between_parallels(west, south, east, north), rel=1e-3)


def test_a_geodesic_polygon_has_the_shortest_edges():
    """Without saying otherwise, edges are geodesics, which run north of the parallels between their ends."""
    ring = square(0, 50, 20)

    expected = abs(GEOD.polygon_area_perimeter(*zip(*ring, strict=True))[0])

    assert measured("area", polygon(ring)) == pytest.approx(expected)
    assert measured("area", polygon(ring, geodesic=False)) == pytest.approx(between_parallels(0, 50, 20, 70), rel=1e-4)


@pytest.mark.parametrize("clockwise", [False, True], ids=["one way", "both ways"])
def test_the_areas_of_parts_add_up(clockwise):
    """Parts count each for itself, where they overlap and whichever way they run."""
    first, second = square(0, 0), square(0.5, 0.5)
    parts = call(
        "GeometryConstructors.MultiPolygon", coordinates=constant([[first], [second[::-1] if clockwise else second]])
    )

    expected = measured("area", polygon(first)) + measured("area", polygon(second))

    assert measured("area", parts) == pytest.approx(expected)
    assert measured("area", parts, proj=PLANE) == pytest.approx(2)
    assert measured("perimeter", parts, proj=PLANE) == pytest.approx(8)
    assert answer(call("Geometry.type", geometry=parts)) == "MultiPolygon"


def test_holes_are_no_area_and_have_an_outline():
    """A hole is taken off the area, and its edge is part of the perimeter."""
    holed = polygon(square(0, 0, 3), square(1, 1))

    assert measured("area", holed) == pytest.approx(
        measured("area", polygon(square(0, 0, 3))) - measured("area", polygon(square(1, 1)))
    )
    assert measured("area", holed, proj=PLANE) == pytest.approx(8)
    assert measured("perimeter", holed, proj=PLANE) == pytest.approx(16)


LINE = [[0, 0], [0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("geometry", "area", "perimeter", "length"),
    [
        pytest.param(call("GeometryConstructors.LineString", coordinates=LINE), 0, 0, 2, id="line"),
        pytest.param(call("GeometryConstructors.LinearRing", coordinates=square(0, 0)), 0, 0, 4, id="ring"),
        pytest.param(
            call("GeometryConstructors.MultiLineString", coordinates=[LINE, [[5, 5], [5, 8]]]), 0, 0, 5, id="lines"
        ),
        pytest.param(call("GeometryConstructors.Point", coordinates=[1, 2]), 0, 0, 0, id="point"),
        pytest.param(polygon(square(0, 0)), 1, 4, 0, id="polygon"),
    ],
)
def test_each_measure_has_its_own_kind_of_parts(geometry, area, perimeter, length):
    """Areas and perimeters are of polygons, lengths are of lines."""
    assert measured("area", geometry, proj=PLANE) == pytest.approx(area)
    assert measured("perimeter", geometry, proj=PLANE) == pytest.approx(perimeter)
    assert measured("length", geometry, proj=PLANE) == pytest.approx(length)


def test_lengths_are_metres_on_the_ellipsoid():
    """A degree of a meridian, a degree of the equator."""
    meridian = call("GeometryConstructors.LineString", coordinates=[[10, 0], [10, 1]])
    ring = polygon(square(0, 0))

    assert measured("length", meridian) == pytest.approx(GEOD.inv(10, 0, 10, 1)[2])
    assert measured("perimeter", ring) == pytest.approx(
        GEOD.inv(0, 0, 1, 0)[2] + 2 * GEOD.inv(0, 0, 0, 1)[2] + GEOD.inv(0, 1, 1, 1)[2]
    )
    assert measured("length", ring) == 0


def test_the_ring_of_bounds_begins_at_the_lower_left():
    """Then comes the lower right, so that corner 0 and corner 2 span the box."""
    (ring,) = measured("bounds", polygon([[3, 1], [5, 4], [2, 6]]))["coordinates"]

    assert ring == [[2, 1], [5, 1], [5, 6], [2, 6], [2, 1]]


@pytest.mark.parametrize(
    "box",
    [
        call("GeometryConstructors.BBox", west=2, south=1, east=5, north=6),
        call("GeometryConstructors.Rectangle", coordinates=[2, 1, 5, 6]),
        call("GeometryConstructors.Rectangle", coordinates=[[2, 1], [5, 6]], geodesic=False),
    ],
    ids=["bbox", "numbers", "points"],
)
def test_rectangles_begin_at_the_lower_left(box):
    """As bounds do."""
    (ring,) = answer(box)["coordinates"]

    assert ring == [[2, 1], [5, 1], [5, 6], [2, 6], [2, 1]]


def test_bounds_and_centroids_are_in_degrees_by_default():
    """A geometry in metres has them in EPSG:4326 all the same, or in the projection that is asked for."""
    metres = polygon(square(500_000, 5_000_000, 1000), crs=UTM, geodesic=False)

    (ring,) = measured("bounds", metres)["coordinates"]
    (own,) = measured("bounds", metres, proj=UTM)["coordinates"]

    assert ring[0] == pytest.approx([15, 45.153], abs=0.01)
    assert own[0] == pytest.approx([500_000, 5_000_000])
    assert measured("centroid", metres)["coordinates"] == pytest.approx([15, 45.16], abs=0.01)
    assert measured("centroid", metres, proj=UTM)["coordinates"] == pytest.approx([500_500, 5_000_500])


def contains(geometry, x, y):
    inner = call("GeometryConstructors.Point", coordinates=[x, y])
    return answer(call("Geometry.contains", left=geometry, right=inner))


def test_the_inside_is_what_an_odd_number_of_edges_encloses():
    """A ring inside the shell is a hole, one beside it is not, and a ring that crosses itself has both its loops."""
    holed = polygon(square(0, 0, 3), square(1, 1))
    apart = polygon(square(0, 0), square(5, 5))
    crossed = polygon([[0, 0], [2, 2], [2, 0], [0, 2]])

    assert [contains(holed, 0.5, 0.5), contains(holed, 1.5, 1.5)] == [True, False]
    assert [contains(apart, 0.5, 0.5), contains(apart, 5.5, 5.5)] == [True, True]
    assert [contains(crossed, 0.1, 1), contains(crossed, 1.9, 1), contains(crossed, 1, 0.5)] == [True, True, False]


def test_what_two_rings_share_is_outside():
    """There, a way to infinity crosses both of them."""
    both = polygon(square(0, 0, 2), square(1, 1, 2))

    assert [contains(both, 0.5, 0.5), contains(both, 1.5, 1.5), contains(both, 2.5, 2.5)] == [True, False, True]
    assert measured("area", both, proj=PLANE) == pytest.approx(6)


def test_the_left_inside_rule():
    """A counter-clockwise shell encloses its inside; a clockwise one all the rest of the Earth."""
    inside = polygon(square(0, 0), evenOdd=False)
    outside = polygon(square(0, 0)[::-1], evenOdd=False)

    assert [contains(inside, 0.5, 0.5), contains(inside, 5, 5)] == [True, False]
    assert [contains(outside, 0.5, 0.5), contains(outside, 5, 5)] == [False, True]
    with pytest.raises(EvaluationError, match=r"clockwise shell .* not imitated"):
        answer(outside)


def test_a_transformed_square_has_as_many_corners_as_its_error_asks_for():
    """Edges that bend less than the margin stay single; without a margin they are drawn exactly."""
    ring = square(14.9, 45, 0.2)
    node = polygon(ring, geodesic=False)

    (rough,) = measured("transform", node, proj=UTM, maxError=call("ErrorMargin", value=1000))["coordinates"]
    (fine,) = measured("transform", node, proj=UTM, maxError=call("ErrorMargin", value=0.001))["coordinates"]

    assert len(rough) == 5
    assert rough[0] == pytest.approx(pyproj.Transformer.from_crs(4326, 32633, always_xy=True).transform(*ring[0]))
    assert len(fine) > 5


@pytest.mark.parametrize(("crs", "geodesic"), [("EPSG:32633", False), ("EPSG:4326", None)])
def test_edges_are_geodesics_in_a_geographic_crs(crs, geodesic):
    """A transformed geometry is planar in a projected CRS, and says so."""
    node = polygon(square(15, 45), geodesic=False)

    found = measured("transform", node, proj=call("Projection", crs=crs))

    assert found.get("geodesic") is geodesic


@pytest.mark.parametrize("error", [1, 0.1])
def test_a_buffer_is_a_circle_within_its_error(error):
    """Nothing lies farther than 500 m away, and no edge is nearer than that less the margin."""
    node = call("GeometryConstructors.Point", coordinates=[15, 46])

    found = measured("buffer", node, distance=500, maxError=call("ErrorMargin", value=error))

    local = pyproj.Transformer.from_crs("EPSG:4326", "+proj=aeqd +lat_0=46 +lon_0=15 +datum=WGS84", always_xy=True)
    ring = shapely.Polygon([local.transform(*corner) for corner in found["coordinates"][0]])
    assert max(math.hypot(*corner) for corner in ring.exterior.coords) == pytest.approx(500)
    assert ring.exterior.distance(shapely.Point(0, 0)) >= 500 - error


def test_a_buffer_in_a_projection_is_in_its_units():
    """One degree around a point."""
    node = call("GeometryConstructors.Point", coordinates=[15, 46])

    found = shapely.geometry.shape(measured("buffer", node, distance=1, proj=PLANE))

    assert found.bounds == pytest.approx((14, 45, 16, 47))


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(call("ErrorMargin", value=1, unit="feet"), "Invalid unit: 'feet'", id="unit"),
        pytest.param(call("ErrorMargin"), "'value' is required", id="no value"),
        pytest.param(
            call("GeometryConstructors.BBox", west=170, south=0, east=-170, north=1), "antimeridian", id="antimeridian"
        ),
        pytest.param(polygon([[0, 0], [1, 1]]), "at least 3 points", id="two points"),
        pytest.param(call("Geometry.bounds", geometry=EMPTY), "empty geometry is not imitated", id="bounds of nothing"),
        pytest.param(call("Geometry.centroid", geometry=EMPTY), "not imitated", id="centre of nothing"),
        pytest.param(
            call("Image.reduceRegion", image=1, reducer=call("Reducer.mean"), geometry=EMPTY, scale=10),
            "empty region is not imitated",
            id="region of nothing",
        ),
        pytest.param(call("Feature.geometry", feature=call("Feature")), "not imitated", id="no geometry"),
    ],
)
def test_nonsense_is_refused(node, sentence):
    """The sentence names it."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


def test_a_box_round_the_world_ends_at_the_antimeridian():
    """360 degrees and more are normalised."""
    (ring,) = answer(call("GeometryConstructors.BBox", west=-200, south=-91, east=170, north=95))["coordinates"]

    assert (ring[0], ring[2]) == ([-180, -90], [180, 90])


# The highest latitude of the great circle through (0, 2) and (2, 2), as Clairaut's relation gives it.
BULGE = math.degrees(math.atan(math.tan(math.radians(2)) / math.cos(math.radians(1))))
PIECE = call("Feature", geometry=polygon(square(0, 0, 2)), metadata=constant({"a": 1}))
OTHER = call("Feature", geometry=polygon(square(1, 1, 2)), metadata=constant({"b": 2}))


@pytest.mark.parametrize("name", ["area", "perimeter", "length"])
def test_features_are_measured_as_their_geometry(name):
    """A feature has the area, the perimeter and the length of its geometry."""
    assert answer(call(f"Feature.{name}", feature=PIECE)) == measured(name, polygon(square(0, 0, 2)))


@pytest.mark.parametrize(
    ("node", "bounds"),
    [
        pytest.param(call("Feature.bounds", feature=PIECE), (0, 0, 2, BULGE), id="bounds"),
        pytest.param(call("Feature.buffer", feature=PIECE, distance=1, proj=PLANE), (-1, -1, 3, 3), id="buffer"),
        pytest.param(call("Feature.intersection", left=PIECE, right=OTHER), (1, 1, 2, BULGE), id="intersection"),
        pytest.param(call("Feature.difference", left=PIECE, right=OTHER), (0, 0, 2, BULGE), id="difference"),
        pytest.param(
            call("Feature.setGeometry", feature=PIECE, geometry=polygon(square(5, 5))), (5, 5, 6, 6), id="replaced"
        ),
    ],
)
def test_features_with_another_geometry_keep_their_properties(node, bounds):
    """Those of the left one, where there are two."""
    found = answer(node)

    assert found["properties"] == {"a": 1}
    assert shapely.geometry.shape(found["geometry"]).bounds == pytest.approx(bounds, abs=1e-5)


def test_features_are_related_as_their_geometries():
    """They meet, and neither contains the other."""
    assert answer(call("Feature.intersects", left=PIECE, right=OTHER)) is True
    assert answer(call("Feature.contains", left=PIECE, right=OTHER)) is False


def test_a_feature_without_a_geometry_has_no_area():
    """Whether that would be zero is not said."""
    with pytest.raises(EvaluationError, match="without a geometry is not imitated"):
        answer(call("Feature.area", feature=call("Feature")))
