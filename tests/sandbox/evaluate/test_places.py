"""Images of places, and filters of the calendar."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from evaluate_kit import DAY, ORIGIN, S2, MemoryCatalogue, answer, call, exact, make_scene, pixels

PLAIN = np.ones((4, 4), np.uint16)


def test_pixels_know_where_they_are():
    """pixelLonLat gives the coordinates of the centres, pixelCoordinates those of a lattice."""
    utm = call("Projection", crs="EPSG:32633")

    _, found, _ = pixels(exact(call("Image.pixelLonLat"), 3, 4))
    _, (x, y), _ = pixels(exact(call("Image.pixelCoordinates", projection=utm), 3, 4))

    cols, rows = np.meshgrid(ORIGIN[0] + 5 + 10 * np.arange(4), ORIGIN[1] - 5 - 10 * np.arange(3))
    expected = pyproj.Transformer.from_crs(32633, 4326, always_xy=True).transform(cols, rows)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose((x, y), (cols, rows))


@pytest.mark.parametrize(
    ("epsg", "scale", "origin"),
    [
        pytest.param(32633, 100, (300_000, 6_000_000), id="metres"),
        pytest.param(4326, 1, (10, 50), id="degrees"),
        pytest.param(4326, 0.001, (179.9985, -70), id="degrees over the antimeridian"),
        pytest.param(3857, 1000, (1_000_000, 8_000_000), id="metres that are none"),
    ],
)
def test_pixels_have_the_area_they_cover_on_earth(epsg, scale, origin):
    """pixelArea is the geodesic area of the pixel's outline, whatever the projection makes of it."""
    _, (area,), _ = pixels(exact(call("Image.pixelArea"), 3, 3, origin, scale, epsg))

    left, top = origin[0] + scale, origin[1] - scale  # of the pixel in the middle
    outline = shapely.segmentize(shapely.box(left, top - scale, left + scale, top), scale / 100)
    transformer = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
    lon, lat = transformer.transform(*np.array(outline.exterior.coords).T)
    expected, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)
    assert area[1, 1] == pytest.approx(abs(expected), rel=2e-6)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(call("Filter.calendarRange", start=2, end=3, field="month"), ["s40", "s80"], id="months"),
        pytest.param(call("Filter.calendarRange", start=12, end=1, field="month"), ["s0", "s360"], id="over new year"),
        pytest.param(call("Filter.dayOfYear", start=41, end=81), ["s40", "s80"], id="days, end included"),
        pytest.param(call("Filter.rangeContains", field="n", minValue=40, maxValue=80), ["s40", "s80"], id="range"),
        pytest.param(call("Filter.notNull", properties=["odd"]), ["s80"], id="present"),
        pytest.param(call("Filter.lte", leftField="n", rightValue=40), ["s0", "s40"], id="old spelling"),
    ],
)
def test_scenes_are_chosen_by_the_calendar_and_by_ranges(condition, expected):
    """Each filter keeps what its name says."""
    scenes = [make_scene(S2, f"s{at}", {"B4": PLAIN}, when=at * DAY, n=at) for at in (0, 40, 80, 360)]
    scenes[2].properties["odd"] = 1
    source = call("Collection.filter", collection=call("ImageCollection.load", id=S2), filter=condition)

    node = call("AggregateFeatureCollection.array", collection=source, property="system:index")

    assert answer(node, MemoryCatalogue(scenes)) == expected


@pytest.mark.parametrize("narrowed", [False, True], ids=["all scenes", "after a span of dates"])
def test_years_begin_and_end_with_their_days(narrowed):
    """From the first millisecond of the first year to the last of the last, in UTC."""
    new_years = [1577836800000, 1640995200000]  # of 2020 and 2022
    times = [at + step for at in new_years for step in (-1, 0)]
    scenes = [make_scene(S2, f"s{n}", {"B4": PLAIN}, when=when) for n, when in enumerate(times)]
    source = call("ImageCollection.load", id=S2)
    if narrowed:
        span = call("DateRange", start=0, end=times[-1] + 1)
        dates = call("Filter.dateRangeContains", leftValue=span, rightField="system:time_start")
        source = call("Collection.filter", collection=source, filter=dates)
    years = call("Filter.calendarRange", start=2020, end=2021, field="year")
    node = call("Collection.filter", collection=source, filter=years)

    found = call("AggregateFeatureCollection.array", collection=node, property="system:index")

    assert answer(found, MemoryCatalogue(scenes)) == ["s1", "s2"]


def test_years_are_asked_of_the_catalogue():
    """A collection of decades is not enumerated for the sake of one year."""
    catalogue = MemoryCatalogue()
    years = call("Filter.calendarRange", start=2020, field="year")

    answer(
        call(
            "Collection.size",
            collection=call("Collection.filter", collection=call("ImageCollection.load", id=S2), filter=years),
        ),
        catalogue,
    )

    assert catalogue.queries == [(S2, None, 1577836800000, 1609459200000)]
