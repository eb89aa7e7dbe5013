"""Geometries on the sphere and in planes: distances, nearest points, grids, cuts, hulls, collections."""

from __future__ import annotations

import math

import pyproj
import pytest
import shapely
import shapely.geometry
from evaluate_kit import (
    UTM,
    answer,
    array,
    call,
    constant,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

GEOD = pyproj.Geod(ellps="WGS84")
PLANE = call("Projection", crs="EPSG:4326")
DEGREE = [[0, 0], [0, 1]]


def point(x, y):
    return call("GeometryConstructors.Point", coordinates=[x, y])


def line(*points, **options):
    return call("GeometryConstructors.LineString", coordinates=constant(list(points)), **options)


def polygon(*rings, **options):
    return call("GeometryConstructors.Polygon", coordinates=constant(list(rings)), **options)


def both(name, left, right, **options):
    return answer(call(f"Geometry.{name}", left=left, right=right, **options))


def one(name, geometry, **options):
    return answer(call(f"Geometry.{name}", geometry=geometry, **options))


def square(west, south, side=1):
    return [[west, south], [west + side, south], [west + side, south + side], [west, south + side], [west, south]]


@pytest.mark.parametrize(
    ("left", "right", "metres"),
    [
        pytest.param(point(10, 50), point(11, 51), GEOD.inv(10, 50, 11, 51)[2], id="two points"),
        pytest.param(point(179.9, 0), point(-179.9, 0), GEOD.inv(179.9, 0, -179.9, 0)[2], id="over the antimeridian"),
        pytest.param(point(1, 0.5), line(*DEGREE), GEOD.inv(1, 0.5, 0, 0.5)[2], id="a point beside a meridian"),
        pytest.param(polygon(square(0, 0)), polygon(square(3, 0)), GEOD.inv(1, 1, 3, 1)[2], id="two squares"),
        pytest.param(polygon(square(0, 0)), point(0.5, 0.5), 0, id="a point inside"),
    ],
)
def test_a_distance_is_metres_on_the_ellipsoid(left, right, metres):
    """As the geodesic between the nearest points is long."""
    assert both("distance", left, right) == pytest.approx(metres, rel=1e-4, abs=1e-6)


def test_a_distance_in_a_projection_is_in_its_units():
    """Degrees, where the projection has degrees."""
    assert both("distance", point(0, 0), point(3, 4), proj=PLANE) == pytest.approx(5)


@pytest.mark.parametrize(("metres", "near"), [(111_000, False), (112_000, True)])
def test_within_a_distance(metres, near):
    """A degree of the equator has 111.3 km."""
    assert both("withinDistance", point(0, 0), point(1, 0), distance=metres) is near


def test_the_nearest_points_are_one_on_each_geometry():
    """The right one is what closestPoint gives."""
    found = both("closestPoints", polygon(square(0, 0)), point(2, 0.5))

    assert found["left"]["coordinates"] == pytest.approx([1, 0.5], abs=1e-3)
    assert found["right"]["coordinates"] == pytest.approx([2, 0.5])
    assert both("closestPoint", point(2, 0.5), polygon(square(0, 0)))["coordinates"] == pytest.approx(
        [1, 0.5], abs=1e-3
    )


def test_edges_of_relations_are_the_shortest_ways():
    """The great circle from (0, 50) to (40, 50) passes 51.75 degrees north; the parallel does not."""
    geodesic = polygon([[0, 50], [40, 50], [40, 40], [0, 40]])
    planar = polygon([[0, 50], [40, 50], [40, 40], [0, 40]], geodesic=False)

    assert both("contains", geodesic, point(20, 51)) is True
    assert both("contains", planar, point(20, 51)) is False


def test_bounds_hold_the_bulge_of_the_edges():
    """The northernmost point of the edge is Clairaut's."""
    (ring,) = one("bounds", line([0, 50], [40, 50]))["coordinates"]

    highest = math.degrees(math.atan(math.tan(math.radians(50)) / math.cos(math.radians(20))))
    assert ring[0] == pytest.approx([0, 50])
    assert ring[2] == pytest.approx([40, highest], abs=1e-2)  # of the ellipsoid, which is not quite a sphere


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intersection", shapely.intersection),
        ("union", shapely.union),
        ("difference", shapely.difference),
        ("symmetricDifference", shapely.symmetric_difference),
    ],
)
def test_planar_geometries_are_combined_in_their_plane(name, expected):
    """As shapely does, corner by corner."""
    left, right = (polygon(square(at, at, 2), geodesic=False) for at in (0, 1))

    found = both(name, left, right)

    wanted = expected(shapely.Polygon(square(0, 0, 2)), shapely.Polygon(square(1, 1, 2)))
    assert shapely.geometry.shape(found).equals(wanted)
    assert found["geodesic"] is False


def test_a_combination_on_the_sphere_has_no_other_corners():
    """Those that bent edges were given are left out again."""
    far = both("union", polygon(square(0, 0, 20)), polygon(square(40, 0, 20)))

    assert [len(ring) for (ring,) in far["coordinates"]] == [5, 5]


@pytest.mark.parametrize(
    ("geometry", "types"),
    [
        pytest.param(
            call("GeometryConstructors.MultiPoint", coordinates=[[1, 2], [3, 4]]), ["Point", "Point"], id="points"
        ),
        pytest.param(point(1, 2), ["Point"], id="a single one"),
        pytest.param(
            call("GeometryConstructors.MultiGeometry", geometries=array(point(1, 2), line(*DEGREE))),
            ["Point", "LineString"],
            id="a collection",
        ),
    ],
)
def test_parts_are_listed(geometry, types):
    """A single geometry is a list of itself."""
    assert [each["type"] for each in one("geometries", geometry)] == types


def test_a_collection_of_geometries_is_a_geojson_collection():
    """Members with their own types; the measures add up over the parts."""
    node = call(
        "GeometryConstructors.MultiGeometry", geometries=array(point(1, 2), line(*DEGREE), polygon(square(0, 0)))
    )

    found = answer(node)

    assert (found["type"], [each["type"] for each in found["geometries"]]) == (
        "GeometryCollection",
        ["Point", "LineString", "Polygon"],
    )
    assert one("length", node, proj=PLANE) == pytest.approx(1)
    assert one("area", node, proj=PLANE) == pytest.approx(1)


def test_dissolving_unites_parts_that_overlap():
    """Single geometries stay untouched."""
    parts = call(
        "GeometryConstructors.MultiPolygon",
        coordinates=constant([[square(0, 0, 2)], [square(1, 0, 2)]]),
        geodesic=False,
    )

    assert one("area", parts, proj=PLANE) == pytest.approx(8)
    assert one("area", call("Geometry.dissolve", geometry=parts), proj=PLANE) == pytest.approx(6)
    assert one("dissolve", point(1, 2)) == {"type": "Point", "coordinates": [1, 2]}


@pytest.mark.parametrize(
    ("geometry", "kind"),
    [
        pytest.param(point(1, 2), "Point", id="of a point"),
        pytest.param(line([0, 0], [0, 1], [0, 3]), "LineString", id="of collinear points"),
        pytest.param(line([0, 0], [0, 1], [1, 1]), "Polygon", id="of everything else"),
    ],
)
def test_the_kinds_of_convex_hulls(geometry, kind):
    """As the reference lists them."""
    assert one("convexHull", geometry)["type"] == kind


def test_a_hull_on_the_sphere_follows_great_circles():
    """A corner on a parallel between two others is inside the hull, because the shortest way runs north of it."""
    node = call("GeometryConstructors.MultiPoint", coordinates=[[0, 50], [20, 50], [40, 50], [20, 40]])

    (ring,) = one("convexHull", node)["coordinates"]

    assert sorted(ring[:-1]) == [[0, 50], [20, 40], [40, 50]]


def test_lines_are_cut_at_distances_in_metres():
    """Pieces begin where the last one ended; what is beyond the end is no cut."""
    cut = one("cutLines", line([0, 0], [0, 1]), distances=[10_000, 40_000, 900_000])

    lengths = [GEOD.line_length(*zip(*piece, strict=True)) for piece in cut["coordinates"]]
    assert cut["type"] == "MultiLineString"
    assert lengths == pytest.approx([10_000, 30_000, GEOD.inv(0, 0, 0, 1)[2] - 40_000], abs=0.01)


def test_lines_are_cut_in_units_of_a_projection():
    """Half a degree, then the rest; the corner stays where it was."""
    cut = one("cutLines", line([0, 0], [0, 1], [1, 1], geodesic=False), distances=[0.5], proj=PLANE)

    assert cut["coordinates"] == [[[0, 0], [0, 0.5]], [[0, 0.5], [0, 1], [1, 1]]]


@pytest.mark.parametrize("geometry", [point(1, 2), polygon(square(0, 0))], ids=["point", "polygon"])
def test_what_is_no_line_is_cut_into_nothing(geometry):
    """An empty MultiLineString."""
    assert one("cutLines", geometry, distances=[10])["coordinates"] == []


def test_a_simplified_line_keeps_to_its_margin():
    """A corner 55 m aside is left out at 100 m, and kept at 10 m."""
    node = line([0, 0], [0.5, 0.0005], [1, 0], [1, 1])

    rough = one("simplify", node, maxError=call("ErrorMargin", value=100))
    fine = one("simplify", node, maxError=call("ErrorMargin", value=10))

    assert rough["coordinates"] == [[0, 0], [1, 0], [1, 1]]
    assert len(fine["coordinates"]) == 4


def test_a_grid_covers_a_geometry_cell_by_cell():
    """Every cell meets the geometry, and together they hold it."""
    node = polygon([[0.2, 0.2], [2.7, 0.2], [0.2, 1.4]], geodesic=False)

    found = one("coveringGrid", node, proj=PLANE)

    cells = [shapely.geometry.shape(each["geometry"]) for each in found["features"]]
    shape = shapely.Polygon([[0.2, 0.2], [2.7, 0.2], [0.2, 1.4]])
    expected = [
        box for box in (shapely.box(x, y, x + 1, y + 1) for x in range(4) for y in range(3)) if box.intersects(shape)
    ]
    assert {cell.bounds for cell in cells} == {box.bounds for box in expected}


def test_a_scale_makes_the_cells_of_a_grid():
    """Of 1,000 m in UTM."""
    node = polygon(square(500_100, 5_000_100, 1_500), crs=UTM, geodesic=False)

    found = one("coveringGrid", node, proj=UTM, scale=1000)

    bounds = {tuple(shapely.geometry.shape(each["geometry"]).bounds) for each in found["features"]}
    assert bounds == {(x, y, x + 1000, y + 1000) for x in (500_000, 501_000) for y in (5_000_000, 5_001_000)}


def test_points_may_stand_for_their_coordinates():
    """Lines of points, polygons of rings; what they are made of says how their edges run."""
    planar = call("GeometryConstructors.LinearRing", coordinates=constant(square(0, 0)), geodesic=False)

    assert answer(call("GeometryConstructors.LineString", coordinates=array(point(1, 2), point(3, 4)))) == {
        "type": "LineString",
        "coordinates": [[1, 2], [3, 4]],
    }
    assert answer(call("GeometryConstructors.Polygon", coordinates=array(planar))) == {
        "type": "Polygon",
        "geodesic": False,
        "coordinates": [square(0, 0)],
    }


@pytest.mark.parametrize(
    ("name", "coordinates"),
    [
        pytest.param("Polygon", square(0, 0), id="polygon"),
        pytest.param("MultiPolygon", square(0, 0), id="polygons"),
        pytest.param("MultiLineString", square(0, 0), id="lines"),
    ],
)
def test_a_single_part_may_come_as_its_points(name, coordinates):
    """The reference allows it for each of them."""
    found = answer(call(f"GeometryConstructors.{name}", coordinates=constant(coordinates)))

    flat = shapely.get_coordinates(shapely.geometry.shape(found)).tolist()
    assert (found["type"], flat) == (name, coordinates)


def test_a_box_over_the_antimeridian_lies_on_both_sides():
    """Its area is that of 20 degrees; its coordinates cannot be shown."""
    node = call("GeometryConstructors.BBox", west=170, south=-5, east=-170, north=5)
    same = call("GeometryConstructors.BBox", west=0, south=-5, east=20, north=5)

    assert one("area", node) == pytest.approx(one("area", same), rel=1e-4)
    assert [both("contains", node, point(x, 0)) for x in (175, -175, 0)] == [True, True, False]
    with pytest.raises(EvaluationError, match=r"box over the antimeridian .*not imitated"):
        answer(node)


def test_longitudes_of_a_box_are_points_on_a_circle():
    """West is brought between -180 and 180."""
    (ring,) = answer(call("GeometryConstructors.BBox", west=190, south=0, east=200, north=1))["coordinates"]

    assert (ring[0], ring[2]) == ([-170, 0], [-160, 1])


@pytest.mark.parametrize(
    ("geometry", "geodesic"),
    [
        pytest.param(polygon(square(0, 0)), True, id="by default"),
        pytest.param(polygon(square(0, 0), geodesic=False), False, id="planar"),
        pytest.param(polygon(square(500_000, 5_000_000), crs=UTM), False, id="in metres"),
    ],
)
def test_whether_edges_are_geodesics(geometry, geodesic):
    """Both names of the question have one answer."""
    assert (one("geodesic", geometry), one("edgesAreGeodesics", geometry)) == (geodesic, geodesic)


@pytest.mark.parametrize(("target", "geodesic"), [(UTM, False), (None, True)], ids=["metres", "degrees"])
def test_a_feature_is_carried_to_a_projection(target, geodesic):
    """Its edges are straight there, unless the CRS is geographic, as it is by default; it keeps its properties."""
    given = call("Feature", geometry=line([15, 45], [16, 46]), metadata=constant({"a": 1}))

    found = call("ProjectionTransform", feature=given, proj=target)

    assert one("geodesic", call("Feature.geometry", feature=found)) is geodesic
    assert answer(found)["properties"] == {"a": 1}


def test_nothing_is_unbounded():
    """A point is not."""
    assert one("isUnbounded", point(0, 0)) is False


@pytest.mark.parametrize("name", ["union", "symmetricDifference"])
def test_combined_features_keep_the_properties_of_the_first(name):
    """The guide says so of every method of a feature."""
    left = call("Feature", geometry=polygon(square(0, 0)), metadata=constant({"a": 1}))
    right = call("Feature", geometry=polygon(square(3, 0)), metadata=constant({"b": 1}))

    assert answer(call(f"Feature.{name}", left=left, right=right))["properties"] == {"a": 1}


@pytest.mark.parametrize(
    ("node", "what"),
    [
        pytest.param(
            call("Geometry.distance", left=point(0, 0), right=point(1, 1), spherical=True), "unit sphere", id="sphere"
        ),
        pytest.param(
            call("Geometry.closestPoint", left=polygon(square(0, 0)), right=polygon(square(0, 0, 2))),
            "several points in common", id="overlapping",
        ),
        pytest.param(
            call("Geometry.coveringGrid", geometry=polygon([[0, 0], [2, 0], [2, 2]], geodesic=False), proj=PLANE),
            "only touches a cell", id="touched cells",
        ),
        pytest.param(
            call("Geometry.intersects", left=line([170, 0], [-170, 0]), right=point(0, 0)), "antimeridian",
            id="a leap",
        ),
        pytest.param(
            call("GeometryConstructors.LineString", coordinates=array(point(0, 0), point(1, 1)), crs=UTM),
            "another projection", id="points to be carried",
        ),
    ],
)  # fmt: skip
def test_what_no_source_tells_is_refused(node, what):
    """By one sentence that names it."""
    with pytest.raises(EvaluationError, match=rf"{what}.* not imitated"):
        answer(node)
