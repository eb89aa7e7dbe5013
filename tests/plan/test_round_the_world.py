"""At longitude 180 and round the poles: the right pixels, or one line with the number; never a strip of the world."""

from __future__ import annotations

import json
import time

import area_files as kit
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import UserError
from orchestrator.model.job import GridRequest
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.align import fix_grid
from orchestrator.plan.aoi import read_areas
from orchestrator.plan.picture import parts_geojson
from orchestrator.plan.plan import make_plan
from orchestrator.plan.region import ee_region
from orchestrator.plan.reproject import parse_crs, to_lonlat
from orchestrator.plan.whereabouts import whereabouts
from orchestrator.raster.spans import SpanTable


def planned(source, **request):
    """Return (grid, mask) of an area."""
    (area,) = read_areas(str(source))
    grid, geometry = fix_grid(area.geometry, area.crs, **request)
    return grid, SpanTable.from_geometry(geometry, grid).mask(grid.window)


def centres(grid, crs):
    """Return the pixels' centres in another CRS, as (row, col) each, by PROJ alone."""
    a, _b, c, _d, e, f = grid.transform
    x, y = np.meshgrid(c + (np.arange(grid.width) + 0.5) * a, f + (np.arange(grid.height) + 0.5) * e)
    return pyproj.Transformer.from_crs(grid.crs, crs, always_xy=True).transform(x, y)


def in_box(grid, west, south, east, north):
    """Return which centres lie in a box of longitudes (east may be beyond 180) and latitudes."""
    lon, lat = centres(grid, "EPSG:4326")
    with np.errstate(invalid="ignore"):  # corners of a map that lie beyond its edge have no longitude
        return ((lon - west) % 360 < east - west) & (lat > south) & (lat < north)


def refusal(source, **request):
    """Return the one line with which a grid is refused."""
    with pytest.raises(UserError) as raised:
        planned(source, **request)
    sentence = str(raised.value)
    assert sentence.isprintable()
    return sentence


ACROSS = [
    pytest.param("177,-19,-178,-16", 177, 182, id="left above right"),
    pytest.param("177,-19,182,-16", 177, 182, id="on beyond 180"),
    pytest.param("-183,-19,-178,-16", 177, 182, id="from beyond -180"),
    pytest.param("195,-19,200,-16", 195, 200, id="counted to 360"),
    pytest.param("175,-19,180,-16", 175, 180, id="up to 180"),
    pytest.param("180,-19,185,-16", 180, 185, id="from 180"),
    pytest.param("-180,-19,-175,-16", 180, 185, id="from -180"),
]


@pytest.mark.parametrize(("box", "west", "east"), ACROSS)
@pytest.mark.parametrize("crs", [None, "EPSG:32760", "EPSG:3832", "EPSG:3460"])
def test_pixels_near_longitude_180_are_those_of_the_area(box, west, east, crs):
    """However it is written; every pixel's centre is asked of PROJ."""
    grid, mask = planned(box, out_crs=crs, scale=2000)

    assert np.array_equal(mask, in_box(grid, west, -19, east, -16))
    assert mask.mean() > 0.75


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:6933", "EPSG:8857", "EPSG:3395", "ESRI:54009"])
@pytest.mark.parametrize(("box", "west", "east"), ACROSS)
def test_a_map_that_is_cut_at_180_gives_the_right_grid_or_the_number(box, west, east, crs):
    """Beside the cut the right pixels; across it the size of the strip it would have been."""
    if west < 180 < east:
        sentence = refusal(box, out_crs=crs, scale=2000)
        assert "cut at 180" in sentence
        assert "× 1" in sentence  # columns × rows, with hundreds of rows
    else:
        grid, mask = planned(box, out_crs=crs, scale=2000)
        assert np.array_equal(mask, in_box(grid, west, -19, east, -16))
        assert grid.width < 400


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([shapely.box(177, -19, 180, -16), shapely.box(-180, -19, -178, -16)], id="halves"),
        pytest.param([shapely.box(177, -19, 178, -16), shapely.box(-179, -19, -178, -16)], id="islands on both sides"),
    ],
)
def test_halves_on_both_sides_are_one_area(tmp_path, parts):
    """No strip in a map that is cut between them; one grid in a map that is not."""
    path = tmp_path / "a.geojson"
    path.write_text(kit.collection(shapely.MultiPolygon(parts)))

    grid, mask = planned(path, out_crs="EPSG:32760", scale=2000)

    lon, lat = centres(grid, "EPSG:4326")
    assert np.array_equal(mask, shapely.intersects_xy(shapely.union_all(parts), lon, lat))
    assert "strip round the Earth" in refusal(path, out_crs="EPSG:3857", scale=2000)


def test_mixed_conventions_are_one_area(tmp_path):
    """The same island as 190..191 and as -170..-169 counts once."""
    path = tmp_path / "a.geojson"
    path.write_text(kit.collection(shapely.box(190, -19, 191, -18), shapely.box(-170, -19, -169, -18)))

    (area,) = read_areas(str(path))

    assert area.geometry.equals(shapely.box(-170, -19, -169, -18))


def test_an_area_that_only_touches_180_by_rounding_is_not_torn(tmp_path):
    """A tenth of a millimetre beyond 180 is on it."""
    path = tmp_path / "a.geojson"
    path.write_text(kit.collection(shapely.box(178, -19, 180 + 5e-10, -16)))

    grid, _ = planned(path, out_crs="EPSG:3857", scale=2000)

    assert grid.width < 200


def test_a_polygon_written_from_177_to_minus_177_is_refused_with_the_way_to_write_it(tmp_path):
    """Nobody can tell whether 6 or 354 degrees are meant."""
    ring = [[177, -20], [-177, -20], [-177, -15], [177, -15], [177, -20]]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(kit.feature({"type": "Polygon", "coordinates": [ring]})))

    sentence = refusal(path)

    assert "longitude 180" in sentence
    assert "write 177 to 183" in sentence


POLAR = [
    pytest.param("-180,80,180,90", "EPSG:3413", id="cap"),
    pytest.param("-180,84,180,90", "EPSG:3413", id="cap whose seam meets centres of pixels"),
    pytest.param("0,80,360,90", "EPSG:3413", id="cap from 0 to 360"),
    pytest.param("-180,80,180,85", "EPSG:3413", id="ring"),
    pytest.param("-180,80,180,85", "EPSG:3995", id="ring, cut in its middle column"),
    pytest.param("-180,-90,180,-70", "EPSG:3031", id="southern cap"),
    pytest.param("-180,70,180,80", "EPSG:6931", id="equal area"),
    pytest.param("-130,70,130,80", "EPSG:3413", id="three quarters of a ring"),
]


@pytest.mark.parametrize(("box", "crs"), POLAR)
def test_an_area_round_a_pole_fits_in_one_polar_grid(box, crs):
    """Every pixel's centre is asked of PROJ; no seam is left at longitude 180."""
    west, south, east, north = (float(word) for word in box.split(","))

    grid, mask = planned(box, out_crs=crs, scale=10_000)

    lon, lat = centres(grid, "EPSG:4326")
    expected = (lat > south) & (lat < north) & ((east - west >= 360) | ((lon > west) & (lon < east)))
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize("hole", [0, 100_000], ids=["disc", "ring"])
@pytest.mark.parametrize(("source", "target"), [("EPSG:3413", "EPSG:3995"), ("EPSG:3031", "EPSG:6932")])
def test_an_area_drawn_round_a_pole_in_metres_is_drawn_in_another_polar_crs(tmp_path, source, target, hole):
    """Its region reaches to the pole, and its pixels are those of the source."""
    shape = shapely.box(-5e5, -5e5, 5e5, 4e5)
    shape = shape.difference(shapely.box(-hole, -hole, hole, hole)) if hole else shape
    path = tmp_path / "a.gpkg"
    kit.frame(shape, crs=source).to_file(path)

    grid, mask = planned(path, out_crs=target, scale=10_000)

    x, y = centres(grid, source)
    assert np.array_equal(mask, shapely.intersects_xy(shape, x, y))
    region = shapely.geometry.shape(ee_region(shape, source))
    lon, lat = centres(grid, "EPSG:4326")
    assert shapely.intersects_xy(region, lon[mask], lat[mask]).all()
    assert max(abs(region.bounds[1]), region.bounds[3]) == 90


@pytest.mark.parametrize(
    ("box", "crs", "found"),
    [
        pytest.param("-180,70,180,80", None, "360.0 degrees", id="round the Earth in UTM"),
        pytest.param("-180,70,180,80", "EPSG:6933", "--crs EPSG:3413", id="in a cylinder"),
        pytest.param("-180,-80,180,-70", "EPSG:3413", "--crs EPSG:3031", id="at the other pole"),
        pytest.param("-100,0,100,10", "EPSG:4326", "200.0 degrees", id="half the equator"),
        pytest.param("-180,-90,180,90", "EPSG:4326", "360.0 degrees", id="the world"),
        pytest.param("-600,0,-590,10", None, "no degrees", id="far beyond"),
    ],
)
def test_what_no_grid_shows_is_refused_with_the_number(box, crs, found):
    """One line that says how wide it is and what to do."""
    assert found in refusal(box, out_crs=crs, scale=0.1 if crs == "EPSG:4326" else 5000)


@pytest.mark.parametrize(
    ("scale", "found"),
    [
        pytest.param(0.0001, "0.0001 degrees would be 11.1 m", id="degrees for metres"),
        pytest.param(0.01, "pixels of 0.01", id="a centimetre"),
    ],
)
def test_a_scale_that_would_never_end_is_refused_with_the_number(scale, found):
    """At once, and with the size of the grid."""
    sentence = refusal("13,45,14,46", scale=scale)

    assert found in sentence
    assert "rows ×" in sentence


def test_an_outline_that_would_never_end_is_refused_with_the_number():
    """A comb of ten thousand teeth crosses every row of the grid twenty thousand times."""
    teeth = [(x, y) for n in range(10_000) for x, y in ((20 * n, 0), (20 * n + 10, 100_000))]
    comb = shapely.Polygon([*teeth, (200_000, -10), (0, -10)])

    with pytest.raises(UserError, match=r"200,000,00[0-9] times"):
        fix_grid(comb, "EPSG:32633", scale=10, out_crs="EPSG:32633")


def test_thousands_of_islands_are_told_to_the_service_in_seconds():
    """The region contains each of them, in 200 vertices."""
    rng = np.random.default_rng(1)
    x, y, radius = rng.uniform(8, 30, 5000), rng.uniform(54, 66, 5000), rng.uniform(0.0005, 0.02, 5000)
    islands = shapely.union_all(shapely.buffer(shapely.points(x, y), radius))
    started = time.process_time()

    region = shapely.geometry.shape(ee_region(islands, "EPSG:4326"))

    assert time.process_time() - started < 6
    assert shapely.get_num_coordinates(region) <= 200
    assert region.covers(islands)


@given(
    lon=st.floats(-540, 538), lat=st.floats(-85, 84), width=st.floats(0.01, 2), height=st.floats(0.01, 1),
    crs=st.sampled_from([None, "EPSG:3857", "EPSG:6933", "EPSG:4326"]),
)  # fmt: skip
@settings(max_examples=150)
def test_wherever_a_box_lies_its_grid_is_no_strip_round_the_world(lon, lat, width, height, crs):
    """One or two degrees are at most 2,000 km in any of these maps: the right grid, or one line."""
    box = f"{lon!r},{lat!r},{lon + width!r},{lat + height!r}"
    metres = crs is None or not parse_crs(crs).is_geographic
    try:
        (area,) = read_areas(box)
        grid, _ = fix_grid(area.geometry, area.crs, out_crs=crs, scale=500 if metres else 0.005)
    except UserError:
        return  # in words, as other tests have it

    assert max(grid.width, grid.height) < (4000 if metres else 500)


@pytest.mark.parametrize(
    ("box", "crs", "bounds"),
    [
        pytest.param("-180,82,180,90", "EPSG:3413", (-180, 90), id="north"),
        pytest.param("-180,-90,180,-80", "EPSG:3031", (-180, -90), id="south"),
        pytest.param("177,-19,-178,-16", "EPSG:32760", (176.9, -16), id="across 180"),
    ],
)
def test_the_parts_of_a_plan_are_shown_where_they_lie(box, crs, bounds):
    """Valid outlines that contain the area, also round a pole."""
    (area,) = read_areas(box)
    plan = make_plan(area, PixelSpec(("B2",), "uint16", 0), GridRequest(scale=5000, crs=crs))

    features = parts_geojson(plan)["features"]

    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    assert all(shape.is_valid for shape in shapes)
    whole = shapely.union_all(shapes).buffer(1e-6)
    assert whole.contains(to_lonlat(area.geometry, area.crs).buffer(-0.1))
    assert whole.bounds[0] == pytest.approx(bounds[0], abs=0.2)


def test_an_area_round_a_pole_is_said_to_lie_there():
    """It has no middle that longitude and latitude would name."""
    (area,) = read_areas("-180,-90,180,-80")

    assert any("round the South Pole, up to latitude 80.00 S" in note for note in whereabouts(area))
