"""Images of places, and filters of the calendar."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
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


def test_pixels_have_the_area_that_they_cover_of_the_earth():
    """On the central meridian of UTM a metre of the map is 1/0.9996 metres of the ellipsoid."""
    _, (area,), _ = pixels(exact(call("Image.pixelArea"), 2, 2, scale=20))

    np.testing.assert_allclose(area, 400 / 0.9996**2, rtol=1e-8)


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
