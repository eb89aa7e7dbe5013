"""Values: numbers, text, dates, lists, dictionaries, geometries, and numbers out of pixels."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    DAY,
    S2,
    MemoryCatalogue,
    X,
    Y,
    answer,
    argument,
    band,
    call,
    define,
    make_scene,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

VALUES = np.arange(400, dtype=np.uint16).reshape(20, 20)
HOLES = VALUES % 7 != 0
CATALOGUE = MemoryCatalogue(
    [
        make_scene(S2, "a", {"B4": (VALUES, HOLES), "B8": VALUES}, when=1672562621123),
        make_scene(S2, "b", {"B4": VALUES, "B8": VALUES}, when=1672562621123 + DAY),
    ]
)


def when(text):
    return call("Date", value=text)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param(call("Number.subtract", left=90, right=163.5), -73.5, id="subtract"),
        pytest.param(call("Number.divide", left=1, right=0), 0, id="divide by zero"),
        pytest.param(call("Number.round", input=2.5), 3, id="round half up"),
        pytest.param(call("Number.gt", left=2, right=1), 1, id="comparison is a number"),
        pytest.param(call("If", condition=0, trueCase="a", falseCase="b"), "b", id="zero is false"),
        pytest.param(call("String", input=call("Number.add", left=1, right=1)), "2", id="number as text"),
        pytest.param(call("String.replace", input="a-b-c", regex="-", replacement="+", flags="g"), "a+b+c", id="text"),
        pytest.param(call("List.sequence", start=0, end=1, count=3), [0, 0.5, 1], id="sequence by count"),
        pytest.param(call("List.slice", list=[1, 2, 3, 4], start=1, end=-1), [2, 3], id="slice"),
        pytest.param(call("List.distinct", list=[1, 2, 1]), [1, 2], id="distinct"),
        pytest.param(call("List.reduce", list=[3, 1, 2], reducer=call("Reducer.median")), 2, id="reduce a list"),
        pytest.param(call("Dictionary.fromLists", keys=["a", "b"], values=[1, 2]), {"a": 1, "b": 2}, id="dictionary"),
        pytest.param(
            call(
                "Dictionary.get",
                dictionary=call("Dictionary.fromLists", keys=["a"], values=[1]),
                key="z",
                defaultValue=9,
            ),
            9,
            id="default",
        ),
    ],
)
def test_plain_values(node, expected):
    """Functions of plain values give the service's answers."""
    assert answer(node) == expected


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param(when("2023-01-01"), {"type": "Date", "value": 1672531200000}, id="day"),
        pytest.param(when("2023-01-01T08:43:41.5"), {"type": "Date", "value": 1672562621500}, id="moment"),
        pytest.param(when("2023"), {"type": "Date", "value": 1672531200000}, id="year"),
        pytest.param(
            call("Date.format", date=when("2023-02-03T04:05:06"), format="YYYY-MM-dd'T'HH:mm:ss.SSS"),
            "2023-02-03T04:05:06.000",
            id="format",
        ),
        pytest.param(
            call(
                "Date.format",
                date=call("Date.advance", date=when("2024-01-31"), delta=1, unit="month"),
                format="d MMM yy",
            ),
            "29 Feb 24",
            id="end of month",
        ),
        pytest.param(call("Date.get", date=when("2023-02-03"), unit="month"), 2, id="field"),
        pytest.param(
            call("DateRange", start="1970-01-01", end="1970-01-02"),
            {"type": "DateRange", "dates": [0, DAY]},
            id="range",
        ),
    ],
)
def test_dates(node, expected):
    """Dates are milliseconds since 1970 in UTC."""
    assert answer(node) == expected


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(when("yesterday"), "Bad date/time 'yesterday'", id="no date"),
        pytest.param(
            call(
                "Filter.dateRangeContains",
                leftValue=call("DateRange", start="2023-02-01", end="2023-01-01"),
                rightField="system:time_start",
            ),
            "Empty date ranges",
            id="reversed",
        ),
        pytest.param(
            call("Dictionary.get", dictionary={"constantValue": {"a": 1}}, key="b"),
            "does not contain key: 'b'",
            id="key",
        ),
        pytest.param(call("List.get", list=[1, 2], index=5), "between 0 and 1", id="index"),
        pytest.param(call("Date", value="2023-01-01", timeZone="Mars/Olympus"), "time zone", id="zone"),
    ],
)
def test_nonsense_is_refused(node, sentence):
    """The message says what was wrong."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


def square(west, south, east, north, **options):
    return call(
        "GeometryConstructors.Polygon",
        coordinates=[[[west, south], [east, south], [east, north], [west, north]]],
        **options,
    )


def test_geometries_are_measured_on_the_ellipsoid():
    """A square of one degree on the equator has 12,309 square kilometres; its bounds are itself."""
    area = answer(call("Geometry.area", geometry=square(0, 0, 1, 1)))
    bounds = answer(call("Geometry.bounds", geometry=square(0, 0, 1, 1)))

    assert area == pytest.approx(12308.778e6, rel=1e-4)
    assert bounds["type"] == "Polygon"
    assert min(map(tuple, bounds["coordinates"][0])) == (0, 0)


def test_geometries_change_projection():
    """A transformed point has the coordinates of the target CRS."""
    point = call("GeometryConstructors.Point", coordinates=[15, 46])

    found = answer(call("Geometry.transform", geometry=point, proj=call("Projection", crs="EPSG:32633")))

    assert found["coordinates"] == pytest.approx([500000, 5094000], abs=1000)
    assert found["crs"]["properties"]["name"] == "EPSG:32633"


def test_buffers_are_metres():
    """A buffer of 100 m around a point has the area of a circle, nearly."""
    point = call("GeometryConstructors.Point", coordinates=[15, 46])

    area = answer(call("Geometry.area", geometry=call("Geometry.buffer", geometry=point, distance=100)))

    assert area == pytest.approx(np.pi * 100**2, rel=0.01)


BOX = square(X + 20, Y - 100, X + 70, Y - 30, crs=call("Projection", crs="EPSG:32633"), geodesic=False)
ROWS, COLS = slice(3, 10), slice(2, 7)


def region(reducer, image=None, **options):
    return call("Image.reduceRegion", image=image or band("B4"), geometry=BOX, scale=10, reducer=reducer, **options)


def test_regions_are_reduced():
    """Valid pixels with their centre inside take part; several outputs get suffixes."""
    inside = VALUES[ROWS, COLS][HOLES[ROWS, COLS]]
    both = call("Reducer.combine", reducer1=call("Reducer.mean"), reducer2=call("Reducer.minMax"), sharedInputs=True)

    assert answer(region(call("Reducer.count")), CATALOGUE) == {"B4": inside.size}
    assert answer(region(call("Reducer.sum")), CATALOGUE) == {"B4": inside.sum()}
    assert answer(region(both), CATALOGUE) == {
        "B4_mean": pytest.approx(inside.mean()),
        "B4_min": inside.min(),
        "B4_max": inside.max(),
    }


def test_histograms_count_values():
    """frequencyHistogram maps values, as text, to counts."""
    node = region(call("Reducer.frequencyHistogram"), call("Image.gt", image1=band("B8"), image2=100))

    inside = VALUES[ROWS, COLS] > 100
    assert answer(node, CATALOGUE) == {"B8": {"0": int((~inside).sum()), "1": int(inside.sum())}}


def test_too_many_pixels_are_refused_before_reading():
    """The sentence is the service's; bestEffort coarsens instead."""
    with pytest.raises(EvaluationError, match=r"Image\.reduceRegion: Too many pixels in the region\. Found 35"):
        answer(region(call("Reducer.mean"), maxPixels=10), CATALOGUE)

    assert answer(region(call("Reducer.mean"), maxPixels=10, bestEffort=True), CATALOGUE)["B4"] > 0


def test_an_aggregation_needs_a_scale():
    """A composite's one degree is refused."""
    composite = call("reduce.median", collection=call("ImageCollection.load", id=S2))

    with pytest.raises(EvaluationError, match="default WGS84 projection is invalid for aggregations"):
        answer(call("Image.reduceRegion", image=composite, geometry=BOX, reducer=call("Reducer.mean")), CATALOGUE)


def test_get_region_is_a_table():
    """One row per image and point, masked values null, longitude and latitude of the pixel's centre."""
    point = call("GeometryConstructors.Point", coordinates=[X + 71, Y - 1], crs=call("Projection", crs="EPSG:32633"))
    crs = call("Projection", crs="EPSG:32633")

    table = answer(
        call(
            "ImageCollection.getRegion",
            collection=call("ImageCollection.load", id=S2),
            geometry=point,
            scale=10,
            crs=crs,
        ),
        CATALOGUE,
    )

    assert table[0] == ["id", "longitude", "latitude", "time", "B4", "B8"]
    assert [row[0] for row in table[1:]] == ["a", "b"]
    assert [row[4:] for row in table[1:]] == [[None, 7], [7, 7]]
    assert table[1][1] == pytest.approx(15.00098, abs=1e-4)
    assert table[1][3] == 1672562621123


def test_samples_drop_masked_pixels():
    """A sample has a feature for each valid pixel, or a reproducible choice of them."""
    every = answer(call("Image.sample", image=band("B4"), region=BOX, scale=10), CATALOGUE)
    some, again = (
        answer(
            call("Image.sample", image=band("B4"), region=BOX, scale=10, numPixels=5, seed=3, geometries=True),
            CATALOGUE,
        )
        for _ in range(2)
    )

    inside = VALUES[ROWS, COLS][HOLES[ROWS, COLS]]
    assert [item["properties"]["B4"] for item in every["features"]] == inside.tolist()
    assert len(some["features"]) == 5
    assert some == again
    assert some["features"][0]["geometry"]["type"] == "Point"


def test_columns_are_reduced():
    """reduceColumns gives a list per selector."""
    node = call(
        "Collection.reduceColumns",
        collection=call("ImageCollection.load", id=S2),
        selectors=["system:index"],
        reducer=call("Reducer.toList"),
    )

    assert answer(node, CATALOGUE) == {"list": ["a", "b"]}


def test_features_are_made_in_maps():
    """A list of points becomes a collection with a geometry."""
    point = call("GeometryConstructors.Point", coordinates={"arrayValue": {"values": [argument("x"), argument("x")]}})
    features = call("List.map", list=[1, 2, 3], baseAlgorithm=define("f", "x"))
    node = call("Collection.geometry", collection=call("Collection", features=features))

    found = answer(node, f=call("Feature", geometry=point))

    assert found["type"] == "MultiPoint"
    assert found["coordinates"] == [[1, 1], [2, 2], [3, 3]]


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param(call("Geometry.intersects", left=square(0, 0, 2, 2), right=square(1, 1, 3, 3)), True, id="meet"),
        pytest.param(call("Geometry.contains", left=square(0, 0, 3, 3), right=square(1, 1, 3, 3)), True, id="hold"),
        pytest.param(
            call(
                "Geometry.area",
                geometry=call("Geometry.intersection", left=square(0, 0, 2, 2), right=square(1, 1, 3, 3)),
                proj=call("Projection", crs="EPSG:4326"),
            ),
            pytest.approx(1, rel=1e-3),  # edges are the shortest ways, which bulge
            id="common area",
        ),
    ],
)
def test_geometries_are_compared_and_combined(node, expected):
    """Relations are booleans, combinations are geometries."""
    assert answer(node) == expected
