"""An area in memory is the area that the same file would be."""

from __future__ import annotations

import json
import math

import ee
import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon, box

import orchestrator as orc
from orchestrator.api.areas import area_table
from orchestrator.plan.aoi import read_areas

CORNERS = [(14.40, 46.00), (14.45, 46.01), (14.44, 46.05), (14.40, 46.00)]
OUTLINE = Polygon(CORNERS)


def read(area, crs=""):
    """Return what the engine reads of the text that a job keeps."""
    table = area_table(area, crs)
    (found,) = read_areas(table["source"], crs=table.get("crs"))
    return found


@pytest.fixture
def file(tmp_path):
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [CORNERS]}}
    path = tmp_path / "area.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(lambda: OUTLINE, id="shapely"),
        pytest.param(lambda: gpd.GeoDataFrame({"n": [1]}, geometry=[OUTLINE], crs=4326), id="GeoDataFrame"),
        pytest.param(lambda: gpd.GeoSeries([OUTLINE, None], crs="OGC:CRS84"), id="GeoSeries with nothing in it"),
        pytest.param(lambda: ee.Geometry.Polygon([CORNERS], geodesic=False), id="ee.Geometry"),
        pytest.param(lambda: shapely.force_3d(OUTLINE, 100), id="with heights"),
        pytest.param(lambda: OUTLINE.wkt, id="WKT"),
    ],
)
def test_each_kind_is_the_same_area(held, file, sandbox):  # noqa: ARG001  an ee.Geometry needs a client signed in
    """Same outline in the same CRS as the file that holds it."""
    found, (wanted,) = read(held()), read_areas(str(file))

    assert found.crs == wanted.crs == "EPSG:4326"
    assert shapely.equals_exact(found.geometry, wanted.geometry, normalize=True)


def test_a_frame_keeps_its_crs():
    """Its coordinates are not taken for degrees, nor turned into them."""
    metres = box(500_000, 5_100_000, 501_000, 5_102_000)

    found = read(gpd.GeoDataFrame(geometry=[metres], crs="EPSG:32633"))

    assert (found.crs, found.geometry.bounds) == ("EPSG:32633", metres.bounds)


def test_a_crs_without_a_code_is_kept_whole():
    """A projection of one's own has no number; its definition is kept."""
    own = "+proj=laea +lat_0=46 +lon_0=14.4 +datum=WGS84 +units=m"

    found = read(gpd.GeoDataFrame(geometry=[box(0, 0, 100, 100)], crs=own))

    assert "Lambert Azimuthal" in found.crs


def test_all_features_of_a_frame_are_dissolved():
    """Two squares that touch are one area, as from a file."""
    found = read(gpd.GeoSeries([box(14, 46, 14.1, 46.1), box(14.1, 46, 14.2, 46.1)], crs=4326))

    assert found.geometry.geom_type == "Polygon"
    assert found.geometry.bounds == (14, 46, 14.2, 46.1)


degrees = st.floats(-80, 80, allow_subnormal=False)


@settings(deadline=None)
@given(st.tuples(degrees, degrees), st.floats(1e-3, 1.0), st.floats(1e-3, 1.0))
def test_coordinates_are_kept_to_the_last_digit(corner, width, height):
    """Reading the text gives the same numbers, whatever they are."""
    x, y = corner
    area = Polygon([(x, y), (x + width, y), (x + width, y + height)])
    hole = Polygon(area.exterior, [shapely.affinity.scale(area, 0.3, 0.3).exterior.coords])

    written = shapely.from_wkt(area_table(hole)["source"].partition(";")[2])

    assert shapely.equals_exact(written, hole)


def test_edges_of_earth_engine_are_great_circles(sandbox):  # noqa: ARG001  an ee.Geometry needs a client signed in
    """Midway between two points of one latitude a great circle is nearer the pole, by the formula of the sphere."""
    latitude, half = 60.0, 5.0
    ring = [(10 - half, latitude), (10 - half, 50), (10 + half, 50), (10 + half, latitude)]

    top = read(ee.Geometry.Polygon([ring])).geometry.bounds[3]

    formula = math.degrees(math.atan(math.tan(math.radians(latitude)) / math.cos(math.radians(half))))
    assert top == pytest.approx(formula, abs=1e-5)  # a metre
    assert formula - latitude > 0.09


def test_short_edges_of_earth_engine_need_no_points_between(sandbox):  # noqa: ARG001  as above
    """A field of 400 m is bounded by its own corners."""
    ring = [(15.40, 46.50), (15.405, 46.50), (15.405, 46.504), (15.40, 46.504)]

    found = read(ee.Geometry.Polygon([ring])).geometry

    assert found.bounds == pytest.approx((15.40, 46.50, 15.405, 46.504), abs=1e-7)


@pytest.mark.parametrize(
    ("area", "named"),
    [
        pytest.param((1, 2, 3), "four numbers", id="three numbers"),
        pytest.param(("a", 2, 3, 4), "no box", id="no number"),
        pytest.param(3.0, "type float", id="a number"),
        pytest.param(gpd.GeoSeries([OUTLINE]), "has no CRS", id="no CRS"),
        pytest.param(gpd.GeoSeries([], crs=4326), "no geometry", id="nothing"),
    ],
)
def test_what_is_no_area_is_refused_in_a_sentence(area, named):
    """With what was found and what may be given."""
    with pytest.raises(orc.AreaError, match=named):
        area_table(area)


def test_a_crs_that_is_not_known_is_named():
    """Before anything is planned."""
    with pytest.raises(orc.AreaError, match="'EPSG:123456' is not known"):
        area_table(OUTLINE, "EPSG:123456")


def test_points_are_no_area(tmp_path):
    """They are refused where areas are read, by their type, as those of a file are."""
    job = orc.Job(Point(14, 46), dates=("2024-05-01", "2024-06-01"), name="a", output=tmp_path)

    with pytest.raises(orc.AreaError, match="polygons"):
        orc.plan(job)
