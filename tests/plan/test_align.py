"""The grid lies on its lattice, covers the area, and is no larger than it must be."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.core.errors import AreaError, PlanError
from orchestrator.plan.align import fix_grid, utm_crs, zones_spanned
from orchestrator.plan.region import ee_region
from orchestrator.plan.reproject import crosses_antimeridian, longitude_span, reproject, to_lonlat

UTM33 = "EPSG:32633"
FIJI = shapely.MultiPolygon([shapely.box(177, -19, 180, -16), shapely.box(-180, -18, -179, -16)])


@st.composite
def boxes(draw, lowest=-5e5, highest=5e5):
    left, bottom = draw(st.floats(lowest, highest)), draw(st.floats(lowest, highest))
    width, height = draw(st.floats(1, 1e5)), draw(st.floats(1, 1e5))
    return shapely.box(left, bottom, left + width, bottom + height)


def pixel_of(x, y, lattice):
    a, _b, c, _d, e, f = lattice
    return (y - f) / e, (x - c) / a


def assert_covers_without_waste(grid, area):
    """No side of the area reaches out of the grid, and none leaves a whole row or column empty."""
    left, bottom, right, top = area.bounds
    first_row, first_col = pixel_of(left, top, grid.transform)
    last_row, last_col = pixel_of(right, bottom, grid.transform)
    tolerance = 2e-6
    assert -tolerance <= first_row < 1 + tolerance
    assert -tolerance <= first_col < 1 + tolerance
    assert grid.height - 1 - tolerance < last_row <= grid.height + tolerance
    assert grid.width - 1 - tolerance < last_col <= grid.width + tolerance


@given(boxes(), st.sampled_from([0.2, 1, 10, 20, 30, 60, 120, 250, 1000]))
def test_corners_lie_on_multiples_of_the_scale(area, scale):
    """The origin is an exact multiple, and the extent is the smallest that covers."""
    grid, same = fix_grid(area, UTM33, scale=scale, out_crs=UTM33)

    assert same is area
    assert grid.transform[2] == round(grid.transform[2] / scale) * scale
    assert grid.transform[5] == round(grid.transform[5] / scale) * scale
    assert (grid.transform[0], grid.transform[4]) == (scale, -scale)
    assert_covers_without_waste(grid, area)


@given(boxes(), st.floats(0.5, 500), st.floats(0.5, 500), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_given_lattice_fixes_origin_and_pixel_size(area, width, height, x, y):
    """The grid's origin is a whole number of pixels away from the lattice's."""
    lattice = (width, 0.0, x, 0.0, -height, y)

    grid, _ = fix_grid(area, UTM33, out_crs=UTM33, crs_transform=lattice)

    row, col = pixel_of(grid.transform[2], grid.transform[5], lattice)
    assert math.isclose(row, round(row), abs_tol=1e-6)
    assert math.isclose(col, round(col), abs_tol=1e-6)
    assert_covers_without_waste(grid, area)


def test_noise_of_a_reprojection_adds_no_row():
    """Bounds a billionth of a metre beyond a lattice line lie on it."""
    area = shapely.box(500000 - 1e-9, 5000000 - 1e-9, 500100 + 1e-9, 5000100 + 1e-9)

    grid, _ = fix_grid(area, UTM33, scale=10, out_crs=UTM33)

    assert (grid.height, grid.width) == (10, 10)


def test_an_area_smaller_than_a_pixel_gets_one_pixel():
    """A grid is never empty."""
    grid, _ = fix_grid(shapely.box(500001, 5000001, 500002, 5000002), UTM33, out_crs=UTM33)

    assert (grid.height, grid.width) == (1, 1)


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        pytest.param(15, 46, 32633, id="Slovenia"),
        pytest.param(-70, -33, 32719, id="Chile"),
        pytest.param(179.9, 10, 32660, id="last zone"),
        pytest.param(-179.9, 10, 32601, id="first zone"),
        pytest.param(0, 0.5, 32631, id="Greenwich"),
    ],
)
def test_the_zone_is_that_of_the_middle(lon, lat, code):
    """North and south of the equator, at both ends of the world."""
    assert utm_crs(shapely.box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01), "EPSG:4326") == f"EPSG:{code}"


@pytest.mark.parametrize(("lat", "polar"), [(86, "EPSG:3413"), (-85, "EPSG:3031")])
def test_the_poles_are_refused_with_a_projection_that_shows_them(lat, polar):
    """Beyond UTM the message names a polar CRS."""
    with pytest.raises(PlanError, match=polar):
        fix_grid(shapely.box(10, lat - 0.5, 12, lat + 0.5), "EPSG:4326")


def test_straight_edges_stay_where_they_were_drawn():
    """A parallel of 5 degrees, straight in degrees, is curved in UTM: by kilometres at its middle."""
    area = shapely.box(13, 45, 18, 46)

    _grid, projected = fix_grid(area, "EPSG:4326", out_crs=UTM33)

    middle = reproject(shapely.box(15.49, 45.99, 15.51, 46.0), "EPSG:4326", UTM33)
    assert middle.difference(projected).area < 1e-3 * middle.area


def test_the_area_comes_back_valid_with_its_holes():
    """Reprojection keeps a hole and a second piece."""
    holed = shapely.box(13, 45, 14, 46).difference(shapely.box(13.4, 45.4, 13.6, 45.6))
    area = shapely.MultiPolygon([holed, shapely.box(15, 45, 15.5, 45.5)])

    _grid, projected = fix_grid(area, "EPSG:4326")

    assert projected.is_valid
    assert len(projected.geoms) == 2
    assert sum(len(part.interiors) for part in projected.geoms) == 1


def test_an_area_across_longitude_180_is_one_piece_in_utm():
    """Fiji's grid is a few hundred kilometres wide, not the world."""
    grid, area = fix_grid(FIJI, "EPSG:4326")

    assert grid.crs == "EPSG:32760"
    assert grid.width < 50_000
    assert area.is_valid
    assert len(shapely.get_parts(area)) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param({"out_crs": "EPSG:999999"}, "'EPSG:999999' is not known", id="unknown CRS"),
        pytest.param({"out_crs": "nonsense"}, "'nonsense' is not known", id="nonsense CRS"),
        pytest.param({"out_crs": "EPSG:5773"}, "neither projected nor geographic", id="vertical CRS"),
        pytest.param({"out_crs": "EPSG:4326"}, "--scale 0.00009", id="degrees without scale"),
        pytest.param({"out_crs": "EPSG:2227"}, "US survey foot", id="feet without scale"),
        pytest.param({"scale": 0}, "above 0", id="scale of zero"),
        pytest.param({"scale": math.nan}, "above 0", id="scale not a number"),
        pytest.param({"scale": 1e-5}, "11,255,540,257 rows", id="too many rows"),
        pytest.param({"crs_transform": (10, 0, 0, 0, -10, 0)}, "add --crs", id="lattice without CRS"),
        pytest.param(
            {"out_crs": UTM33, "crs_transform": (10, 1, 0, 0, -10, 0)}, "rotated", id="rotated lattice"
        ),
        pytest.param(
            {"out_crs": UTM33, "crs_transform": (10, 0, 0, 0, -10, 0), "scale": 20}, "contradicts", id="two scales"
        ),
    ],
)  # fmt: skip
def test_what_gives_no_grid_is_refused_in_one_line(arguments, sentence):
    """Each message says what was found and what to change."""
    with pytest.raises(PlanError) as raised:
        fix_grid(shapely.box(13, 45, 14, 46), "EPSG:4326", **arguments)

    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_geographic_grid_would_tear_an_area_across_180():
    """The refusal says to use a projected CRS."""
    with pytest.raises(PlanError, match="crosses longitude 180"):
        fix_grid(FIJI, "EPSG:4326", out_crs="EPSG:4326", scale=0.001)


def test_an_area_that_a_crs_cannot_show_is_refused():
    """Ninety degrees from its middle a zone of UTM has no coordinates."""
    with pytest.raises(AreaError, match="another --crs"):
        fix_grid(shapely.box(100, 0, 110, 5), "EPSG:4326", out_crs=UTM33)


@st.composite
def blobs(draw):
    """A star around a point, with a hole now and then."""
    lon, lat = draw(st.floats(-170, 170)), draw(st.floats(-70, 70))
    radii = draw(st.lists(st.floats(0.01, 5), min_size=3, max_size=40))
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    ring = np.column_stack((lon + np.multiply(radii, np.cos(angles)), lat + np.multiply(radii, np.sin(angles))))
    star = shapely.make_valid(shapely.Polygon(ring))
    assume(star.geom_type == "Polygon" and star.area > 1e-6)
    return star


@given(blobs(), st.sampled_from([10, 50, 200]))
def test_the_region_told_to_the_service_contains_the_area(area, max_vertices):
    """Small, valid, and never less than the area."""
    region = shapely.geometry.shape(ee_region(area, "EPSG:4326", max_vertices=max_vertices))

    assert region.buffer(1e-9).covers(to_lonlat(area, "EPSG:4326").intersection(shapely.box(-180, -90, 180, 90)))
    assert shapely.get_num_coordinates(region) <= max(max_vertices, 10)
    assert region.is_valid


def test_the_region_is_hardly_larger_than_the_area():
    """A coast of 5000 vertices becomes 200 at most, and little is selected in vain."""
    angles = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    radii = 2 + 0.5 * np.sin(7 * angles) + 0.01 * np.sin(400 * angles)
    coast = shapely.Polygon(np.column_stack((15 + radii * np.cos(angles), 46 + radii * np.sin(angles))))

    region = shapely.geometry.shape(ee_region(coast, "EPSG:4326"))

    assert shapely.get_num_coordinates(region) <= 200
    assert coast.area < region.area < 1.15 * coast.area


def test_the_region_of_a_projected_area_is_in_degrees():
    """A box in UTM becomes longitudes and latitudes around it."""
    region = shapely.geometry.shape(ee_region(shapely.box(4e5, 5e6, 6e5, 5.2e6), UTM33))

    assert region.covers(shapely.Point(15, 46))
    assert region.area < 8


def test_the_region_across_180_lies_on_both_sides():
    """Two pieces within -180 and 180, neither the width of the world."""
    region = shapely.geometry.shape(ee_region(FIJI, "EPSG:4326"))

    assert region.bounds[0] >= -180
    assert region.bounds[2] <= 180
    assert region.area < 1.3 * FIJI.area
    assert all(part.bounds[2] - part.bounds[0] < 5 for part in shapely.get_parts(region))


def test_longitudes_are_continuous_across_180():
    """In degrees and from UTM, an area around 180 is a few degrees wide."""
    projected = reproject(FIJI, "EPSG:4326", "EPSG:32760")

    for geometry, crs in ((FIJI, "EPSG:4326"), (projected, "EPSG:32760")):
        west, east = longitude_span(geometry, crs)
        assert east - west < 5
        assert crosses_antimeridian(west, east)


def test_touching_180_is_not_crossing_it():
    """A box that ends at 180 needs no care."""
    assert not crosses_antimeridian(170.0, 180.0)
    assert not crosses_antimeridian(-180.0, -170.0)
    assert crosses_antimeridian(179.0, 180.5)


@pytest.mark.parametrize(("west", "east", "zones"), [(12, 18, 1), (12.1, 17, 1), (11.9, 18, 2), (0, 60, 10)])
def test_zones_are_counted(west, east, zones):
    """A zone begins every six degrees; touching its edge does not count."""
    assert zones_spanned(shapely.box(west, 0, east, 10), "EPSG:4326") == zones
