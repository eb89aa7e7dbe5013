"""Features as pixels, pixels as features: compared with shapely, rasterio and numpy."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import rasterio.features
import shapely
import shapely.geometry
from evaluate_kit import (
    S2,
    UTM,
    MemoryCatalogue,
    answer,
    call,
    constant,
    exact,
    feature,
    features,
    load,
    make_scene,
    pixels,
)
from scipy import ndimage

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

X, Y, STEP, SIDE = 500_000.0, 5_200_000.0, 10.0, 24
AFFINE = rasterio.Affine(STEP, 0, X, 0, -STEP, Y)


def polygon(*points):
    """A planar polygon in UTM, of points in pixels from the upper left corner."""
    ring = [[X + STEP * x, Y - STEP * y] for x, y in points]
    return call("GeometryConstructors.Polygon", coordinates=constant([ring]), crs=UTM, geodesic=False)


def shape(*points):
    return shapely.Polygon([(X + STEP * x, Y - STEP * y) for x, y in points])


def point(x, y):
    return call("GeometryConstructors.Point", coordinates=[X + STEP * x, Y - STEP * y], crs=UTM)


TRIANGLE = [(2.2, 3.1), (17.6, 5.4), (9.3, 20.7)]
SQUARE = [(10, 2), (22, 2), (22, 12), (10, 12)]


def drawn(image):
    """The pixels of an image on the grid of these tests: values and mask of each band."""
    _, values, valid = pixels(exact(image, SIDE, SIDE, (X, Y), STEP))
    return values, valid


def inside(points):
    return rasterio.features.rasterize([shape(*points)], (SIDE, SIDE), transform=AFFINE).astype(bool)


EMPTY = call("Image.toByte", value=call("Image.mask", image=0, mask=0))
TWO = features(feature(polygon(*TRIANGLE), n=3), feature(polygon(*SQUARE), n=300))


def test_painted_pixels_have_their_centre_in_the_polygon():
    """The later feature lies over the earlier; all else stays masked."""
    (values,), (valid,) = drawn(call("Image.paint", image=EMPTY, featureCollection=TWO, color=7))

    assert (valid == (inside(TRIANGLE) | inside(SQUARE))).all()
    assert set(values[valid]) == {7}


def test_a_property_is_painted_as_far_as_the_type_holds_it():
    """300 in a byte is 255, as the guide says of constants that are clamped."""
    (values,), _ = drawn(call("Image.paint", image=EMPTY, featureCollection=TWO, color="n"))

    assert (values[inside(SQUARE)] == 255).all()
    assert (values[inside(TRIANGLE) & ~inside(SQUARE)] == 3).all()


def test_what_is_not_painted_keeps_its_value():
    """A float image of 1.5 beside painted pixels."""
    base = call("Image.toFloat", value=1.5)

    (values,), (valid,) = drawn(
        call("Image.paint", image=base, featureCollection=features(polygon(*TRIANGLE)), color=-2)
    )

    assert valid.all()
    assert (values == np.where(inside(TRIANGLE), -2, 1.5)).all()


@pytest.mark.parametrize("width", [1, 3])
def test_an_outline_is_painted_as_wide_as_asked(width):
    """Pixels whose centre is at most half the width away from the border."""
    (_,), (valid,) = drawn(
        call("Image.paint", image=EMPTY, featureCollection=features(polygon(*TRIANGLE)), color=1, width=width)
    )

    ring = shapely.LinearRing(TRIANGLE)
    rows, cols = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    away = shapely.distance(ring, shapely.points(cols.ravel(), rows.ravel())).reshape(SIDE, SIDE)
    corner = (
        np.hypot(*(np.stack([cols, rows])[..., None] - np.array(TRIANGLE).T[:, None, None])).min(axis=-1) < width + 1
    )
    assert (valid[~corner] == (away <= width / 2)[~corner]).all()


def test_a_point_paints_the_pixel_it_lies_in():
    """One pixel."""
    (_,), (valid,) = drawn(call("Image.paint", image=EMPTY, featureCollection=features(point(4.3, 6.8)), color=1))

    assert np.argwhere(valid).tolist() == [[6, 4]]


def test_an_image_of_features_sums_what_meets_in_a_pixel():
    """Two points of one cell add up; elsewhere nothing is known."""
    found = call(
        "Collection.reduceToImage",
        collection=features(feature(point(4.2, 6.1), n=3), feature(point(4.9, 6.9), n=4), feature(point(9, 9.5), n=5)),
        properties=["n"],
        reducer=call("Reducer.sum"),
    )

    image, (values,), (valid,) = pixels(exact(found, SIDE, SIDE, (X, Y), STEP))

    assert [band.name for band in image.bands] == ["sum"]
    assert (values[6, 4], values[9, 9], valid.sum()) == (7, 5, 2)


def test_a_feature_is_in_each_pixel_that_it_covers_in_part():
    """By the area that shapely cuts out; slivers of less than half a percent do not count."""
    found = call(
        "Collection.reduceToImage",
        collection=features(feature(polygon(*TRIANGLE), n=3)),
        properties=["n"],
        reducer=call("Reducer.first"),
    )

    _, (valid,) = drawn(found)

    cells = np.array([[shapely.box(c, r, c + 1, r + 1) for c in range(SIDE)] for r in range(SIDE)])
    shares = shapely.area(shapely.intersection(cells, shapely.Polygon(TRIANGLE)))
    assert (valid == (shares > 0.005)).all()


def test_distances_are_metres_to_the_nearest_edge():
    """Of a polygon's border, from inside, too; beyond the radius nothing is known."""
    collection = features(polygon(*TRIANGLE), point(22, 22))

    (values,), (valid,) = drawn(call("Collection.distance", features=collection, searchRadius=80))

    rows, cols = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    centres = shapely.points(cols.ravel(), rows.ravel())
    edges = shapely.union_all([shapely.LinearRing(TRIANGLE), shapely.Point(22, 22)])
    expected = STEP * shapely.distance(edges, centres).reshape(SIDE, SIDE)
    clear = np.abs(expected - 80) > 1
    assert (valid == (expected <= 80))[clear].all()
    assert values[valid] == pytest.approx(expected[valid], rel=5e-3, abs=0.05)  # a sphere is no ellipsoid


def test_distances_over_many_degrees_are_those_of_a_sphere():
    """Along a parallel and a meridian, by the haversine formula."""

    far = call(
        "Collection.distance",
        features=features(call("GeometryConstructors.Point", coordinates=[10, 50])),
        searchRadius=5e6,
    )

    _, (values,), (valid,) = pixels(exact(far, 8, 8, (8.0, 54.0), 1.0, epsg=4326))

    sphere = pyproj.Geod(a=6_378_137, f=0)
    lon, lat = 8.5 + np.arange(8)[None, :], 53.5 - np.arange(8)[:, None]
    expected = np.array([[sphere.inv(x, y, 10, 50)[2] for x in lon[0]] for y in lat[:, 0]])
    assert valid.all()
    assert values == pytest.approx(expected, rel=1e-6)


def zones():
    """A scene of three values, masked in a corner."""
    values = np.zeros((SIDE, SIDE), np.uint8)
    values[4:9, 4:9], values[9:14, 9:14], values[2:6, 15:20] = 1, 1, 2
    valid = np.ones(values.shape, bool)
    valid[18:, :6] = False
    level = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE)
    return (
        values,
        valid,
        level,
        MemoryCatalogue([make_scene(S2, "a", {"zone": (values, valid), "level": (level, valid)})]),
    )


REGION = polygon((0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE))


def vectors(image, catalogue, **options):
    node = call("Image.reduceToVectors", image=image, geometry=REGION, crs=UTM, scale=10, **options)
    return answer(node, catalogue)["features"]


def zone(*bands):
    return call("Image.select", input=load("a"), bandSelectors=list(bands))


@pytest.mark.parametrize("eight", [True, False])
def test_segments_are_groups_of_connected_pixels(eight):
    """As many as scipy labels, with the numbers of their pixels and their areas."""
    values, valid, _, catalogue = zones()

    found = vectors(zone("zone"), catalogue, eightConnected=eight, geometryInNativeProjection=True)

    structure = np.ones((3, 3)) if eight else None
    expected = []
    for value in (0, 1, 2):
        labels, count = ndimage.label((values == value) & valid, structure)
        expected += [(value, size) for size in np.bincount(labels.ravel())[1 : count + 1]]
    assert sorted((each["properties"]["label"], each["properties"]["count"]) for each in found) == sorted(expected)
    areas = [shapely.geometry.shape(each["geometry"]).area for each in found]
    assert areas == pytest.approx([100 * each["properties"]["count"] for each in found])


def test_every_pixel_is_counted_without_saying_so():
    """The default reducer gives what it gives by its name."""
    _, _, _, catalogue = zones()

    named = vectors(zone("zone"), catalogue, reducer=call("Reducer.countEvery"))

    assert named == vectors(zone("zone"), catalogue)


def test_other_bands_are_reduced_in_each_segment():
    """The mean of the second band, by numpy, under the name of the reducer's output."""
    values, valid, level, catalogue = zones()

    found = vectors(zone("zone", "level"), catalogue, reducer=call("Reducer.mean"), labelProperty="zone")

    means = {each["properties"]["zone"]: each["properties"]["mean"] for each in found}
    assert means == pytest.approx({value: level[(values == value) & valid].mean() for value in (0, 1, 2)})


def test_polygons_are_in_degrees_unless_asked_otherwise():
    """The corner of a segment, carried by pyproj."""
    _, _, _, catalogue = zones()

    (found,) = [each for each in vectors(zone("zone"), catalogue) if each["properties"]["label"] == 2]

    west, _, _, north = shapely.geometry.shape(found["geometry"]).bounds
    lon, lat = pyproj.Transformer.from_crs(32633, 4326, always_xy=True).transform(X + 150, Y - 20)
    assert (west, north) == pytest.approx((lon, lat), abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param("bb", shapely.box(X + 150, Y - 60, X + 200, Y - 20), id="bounding box"),
        pytest.param("centroid", shapely.Point(X + 175, Y - 40), id="centroid"),
    ],
)
def test_the_geometry_of_a_segment_is_chosen(kind, expected):
    """A box around its pixels, or the mean of their centres."""
    _, _, _, catalogue = zones()

    found = vectors(zone("zone"), catalogue, geometryType=kind, geometryInNativeProjection=True)

    (chosen,) = [each for each in found if each["properties"]["label"] == 2]
    assert shapely.geometry.shape(chosen["geometry"]).equals(expected)


def test_a_clip_to_a_collection_shows_what_any_feature_covers():
    """Pixels whose centre lies in one of the polygons."""
    _, (valid,) = drawn(call("Image.clipToCollection", input=5, collection=TWO))

    assert (valid == (inside(TRIANGLE) | inside(SQUARE))).all()


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(
            call("Image.paint", image=EMPTY, featureCollection=features(feature(point(1, 1))), color="n"),
            "value of 'n' is not a number", id="no such property",
        ),
        pytest.param(
            call("Image.paint", image=EMPTY, featureCollection=features(feature(None, n=1)), color=1),
            "without a geometry is not imitated", id="no geometry",
        ),
        pytest.param(
            call("Collection.distance", features=TWO, maxError=0), "an error of 0 is not imitated", id="no error",
        ),
        pytest.param(
            call("Collection.reduceToImage", collection=TWO, properties=["n", "m"], reducer=call("Reducer.sum")),
            "1 inputs, but 2 properties", id="two properties",
        ),
        pytest.param(
            call("Image.reduceToVectors", image=call("Image.toFloat", value=1), geometry=REGION, crs=UTM, scale=10),
            "must be of an integer type", id="no integers",
        ),
        pytest.param(
            call("Image.reduceToVectors", image=1, geometry=REGION, crs=UTM, scale=10, geometryType="ring"),
            "Invalid geometry type 'ring'", id="no type",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_named(node, sentence):
    """One line says what."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


def test_lines_without_a_width_are_refused():
    """Which pixels a line covers is not documented."""
    line = call("GeometryConstructors.LineString", coordinates=constant([[X, Y - 50], [X + 100, Y - 50]]), crs=UTM)

    with pytest.raises(EvaluationError, match="lines without a width is not imitated"):
        drawn(call("Image.paint", image=EMPTY, featureCollection=features(line), color=1))
