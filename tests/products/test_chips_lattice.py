"""Where chips lie: exactly so many pixels, all of one zone on one lattice, around their tiles."""

from __future__ import annotations

import math

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import UserError
from orchestrator.products.chips.lattice import lay_chips, rounded_scale

FULL = {"kind": "grid", "cover": "full", "size": 1000, "crs": "EPSG:32632"}
metres = st.floats(-400_000, 400_000, allow_nan=False)
sides = st.floats(300, 5000)
scales = st.sampled_from([10.0, 20.0, 30.0, 3.0, 2.5, 0.6, 12.34])


def frame(shapes, crs="EPSG:32632"):
    return geopandas.GeoDataFrame(geometry=list(shapes), crs=crs)


@st.composite
def boxes(draw):
    """Rectangles in zone 32 north."""
    places = draw(st.lists(st.tuples(metres, metres, sides, sides), min_size=1, max_size=6))
    return [shapely.box(5e5 + x, 5.4e6 + y, 5e5 + x + w, 5.4e6 + y + h) for x, y, w, h in places]


def extents(laid):
    """Bounds of each chip from its window and its zone's grid, in units of the CRS."""
    return [laid.zones[zone].bounds(window) for zone, window in laid.places]


@given(boxes(), scales, st.integers(1, 300), st.integers(1, 300))
def test_a_chip_of_so_many_pixels_is_centred_on_its_tile_and_on_the_lattice(shapes, scale, height, width):
    """Within half a pixel of the middle; corners are multiples of the pixel's side."""
    laid = lay_chips(frame(shapes), {}, size=(height, width), scale=scale, crs="EPSG:32632")

    for shape, (zone, window), (left, bottom, right, top) in zip(shapes, laid.places, extents(laid), strict=True):
        assert (window.height, window.width) == (height, width)
        x, y = shape.envelope.centroid.coords[0]
        assert abs((left + right) / 2 - x) <= scale / 2 * (1 + 1e-5)
        assert abs((bottom + top) / 2 - y) <= scale / 2 * (1 + 1e-5)
        for corner in (left, top):
            assert corner / scale == pytest.approx(round(corner / scale), abs=1e-5)
        assert laid.zones[zone].window.contains(window)


@given(boxes(), scales)
def test_without_a_size_a_chip_is_the_smallest_window_with_its_tile(shapes, scale):
    """No row or column of it lies beyond the tile, by the formula for each side; a hundredth of a pixel is no more."""
    laid = lay_chips(frame(shapes), {}, scale=scale, crs="EPSG:32632")

    for shape, found in zip(shapes, extents(laid), strict=True):
        left, bottom, right, top = shape.bounds
        s, e = scale, 0.01
        least = (math.floor(left / s + e), math.floor(bottom / s + e), math.ceil(right / s - e), math.ceil(top / s - e))
        assert np.allclose(np.array(found) / scale, least, atol=1e-4)


def test_cells_of_a_full_grid_are_exactly_their_chips():
    """1,000 m at 100 pixels are 10 m, and no edge is a hair beside the cell's."""
    cells = [shapely.box(x, y, x + 1000, y + 1000) for x in (292_000, 293_000) for y in (5_500_000, 5_501_000)]

    laid = lay_chips(frame(cells), FULL, size=(100, 100))

    assert laid.scale == 10
    assert extents(laid) == [cell.bounds for cell in cells]


def test_the_same_cells_in_degrees_lie_on_the_same_lattice():
    """What GeoJSON keeps of a grid says as much as GeoParquet does."""
    cells = frame([shapely.box(x, 5_500_000, x + 1000, 5_501_000) for x in (292_000, 293_000)])

    assert (
        lay_chips(cells.to_crs("EPSG:4326"), FULL, size=(100, 100)).places
        == lay_chips(cells, FULL, size=(100, 100)).places
    )


@pytest.mark.parametrize("side", [640, 10_000])
@pytest.mark.parametrize("about", [FULL, {**FULL, "zones": ["EPSG:32632"]}], ids=["one zone", "zones each"])
def test_cells_in_degrees_are_as_large_as_those_in_metres(side, about):
    """Rounded to what GeoJSON keeps, their edges are not exactly on the lattice; no row or column comes of that."""
    cells = frame([shapely.box(x, 5_500_000, x + side, 5_500_000 + side) for x in (292_000, 292_000 + side)])
    degrees = cells.to_crs("EPSG:4326")
    degrees["geometry"] = shapely.transform(degrees.geometry.to_numpy(), lambda xy: xy.round(9))

    laid = lay_chips(degrees, about | {"size": side}, scale=10)

    assert extents(laid) == [cell.bounds for cell in cells.geometry]


@pytest.mark.parametrize("split", [False, True], ids=["one piece", "cut at 180"])
@pytest.mark.parametrize(("middle", "zone"), [(179.999, "EPSG:32760"), (180.001, "EPSG:32701")])
def test_a_tile_across_180_degrees_is_in_the_zone_of_its_middle(split, middle, zone):
    """In the plane it is where pyproj draws its corners, as large as it is."""
    west, east, south, north = middle - 0.005, middle + 0.005, -17.01, -17.0
    box = shapely.box(west, south, east, north)
    halves = [shapely.box(west, south, 180, north), shapely.box(-180, south, east - 360, north)]

    laid = lay_chips(frame([shapely.MultiPolygon(halves) if split else box], "EPSG:4326"), {}, scale=10)

    to = pyproj.Transformer.from_crs("EPSG:4326", zone, always_xy=True)
    x, y = to.transform([west, east, east, west], [south, south, north, north])
    (extent,) = extents(laid)
    assert [grid.crs for grid in laid.zones] == [zone]
    assert np.allclose(extent, (min(x), min(y), max(x), max(y)), atol=10)


@pytest.mark.parametrize(
    ("lon", "lat", "zone"),
    [
        pytest.param(5.99, 49.5, "EPSG:32631", id="west of six degrees"),
        pytest.param(6.01, 49.5, "EPSG:32632", id="east of six degrees"),
        pytest.param(6.01, -33.0, "EPSG:32732", id="south"),
        pytest.param(179.99, 0.5, "EPSG:32660", id="before 180 degrees"),
        pytest.param(-179.99, 0.5, "EPSG:32601", id="behind 180 degrees"),
        pytest.param(180.01, 0.5, "EPSG:32601", id="written on beyond 180 degrees"),
    ],
)
def test_a_tile_is_in_the_zone_of_its_middle(lon, lat, zone):
    """Six degrees each, from 180 degrees west (NGA.SIG.0012)."""
    tiles = frame([shapely.box(lon - 0.005, lat - 0.005, lon + 0.005, lat + 0.005)], "EPSG:4326")

    laid = lay_chips(tiles, {}, size=(50, 50), scale=20)

    assert [grid.crs for grid in laid.zones] == [zone]


def test_tiles_on_both_sides_of_a_border_of_zones_have_a_lattice_each():
    """Each chip holds the middle of its tile, as pyproj places that."""
    shapes = [shapely.box(x - 0.005, 49.5, x + 0.005, 49.51) for x in (5.98, 6.02, 5.96)]

    laid = lay_chips(frame(shapes, "EPSG:4326"), {}, size=(64, 64), scale=20)

    assert [laid.zones[zone].crs for zone, _ in laid.places] == ["EPSG:32631", "EPSG:32632", "EPSG:32631"]
    for shape, (zone, _), (left, bottom, right, top) in zip(shapes, laid.places, extents(laid), strict=True):
        to = pyproj.Transformer.from_crs("EPSG:4326", laid.zones[zone].crs, always_xy=True)
        x, y = to.transform(*shape.centroid.coords[0])
        assert (abs((left + right) / 2 - x), abs((bottom + top) / 2 - y)) < (30, 30)


@pytest.mark.parametrize(
    ("metres", "kept"),
    [
        (10.0, 10.0),
        (9.99, 10.0),
        (9.97, 10.0),
        (9.85, 9.8),
        (30.03, 30.0),
        (12.34, 12.3),
        (0.1994, 0.2),
        (333.3, 330.0),
        (335.0, 335.0),
    ],
)
def test_a_pixel_size_has_two_digits_where_that_is_near_enough(metres, kept):
    """Else three; near enough is less than one per cent."""
    assert rounded_scale(metres) == pytest.approx(kept)


def test_tiles_of_many_sizes_are_no_chips_of_one():
    """The message tells the range, and what to give."""
    shapes = [shapely.box(3e5, 5e6, 3e5 + side, 5e6 + side) for side in (900, 1000, 2000)]

    with pytest.raises(UserError, match=r"900 to 2,000 wide.*--scale"):
        lay_chips(frame(shapes), {}, size=(100, 100), crs="EPSG:32632")


@pytest.mark.parametrize(
    ("shapes", "crs", "given", "told"),
    [
        pytest.param([shapely.box(0, 0, 1, 1)], "EPSG:4326", {}, "--pixels", id="neither size nor scale"),
        pytest.param([shapely.box(0, 85, 1, 86)], "EPSG:4326", {"scale": 10}, "EPSG:3413", id="beyond UTM"),
        pytest.param(
            [shapely.box(0, 0, 1, 1)],
            "EPSG:4326",
            {"scale": 1e-4, "crs": "EPSG:32631"},
            "larger --scale",
            id="too fine",
        ),
        pytest.param([shapely.box(0, 0, 1, 1)], "EPSG:4326", {"scale": 10, "crs": "EPSG:1"}, "EPSG:1", id="no CRS"),
        *(
            pytest.param([shapely.box(0, 0, 1, 1)], "EPSG:4326", given, "--scale", id=str(given))
            for scale in (0.0, -1.0, 1e-300, 1e-12, 1e300, math.nan, math.inf)
            for given in ({"scale": scale}, {"scale": scale, "size": (9, 9)})
        ),
    ],
)
def test_what_cannot_be_laid_is_said_in_a_line(shapes, crs, given, told):
    """With what to give instead."""
    with pytest.raises(UserError, match=told):
        lay_chips(frame(shapes, crs), {}, **given)
