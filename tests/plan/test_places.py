"""Points and polygons of a file, each for itself, and the pixels they lie in."""

from __future__ import annotations

import json

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import AreaError, OrchestratorError
from orchestrator.model.job import GridRequest
from orchestrator.plan.lattices import centres, lay
from orchestrator.plan.places import read_places


def write(folder, *geometries, name="places.geojson"):
    features = [
        {"type": "Feature", "properties": {"name": f"n{at}", "one": 1}, "geometry": shapely.geometry.mapping(each)}
        for at, each in enumerate(geometries)
    ]
    path = folder / name
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return str(path)


def test_places_have_the_names_of_their_file_in_its_order(tmp_path):
    file = write(tmp_path, shapely.Point(1, 2), shapely.Point(3, 4))

    assert read_places(file, "points", id_field="name").ids == ("n0", "n1")
    assert read_places(file, "points").ids == (0, 1)


def test_a_csv_is_read_by_the_names_of_its_columns(tmp_path):
    """Whatever their order and their separator; a column of whole numbers gives such ids."""
    (tmp_path / "p.csv").write_text("Latitude;id;Longitude\n46.5;7;14.5\n47.5;8;15.5\n")

    found = read_places(str(tmp_path / "p.csv"), "points", id_field="id")

    assert found.ids == (7, 8)
    assert [(each.x, each.y) for each in found.geometries] == [(14.5, 46.5), (15.5, 47.5)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("id,x\n1,2\n", "has no column lat or latitude; it has id, x", id="no latitude"),
        pytest.param("lon,lat\n1,north\n", "row 1 has 'north'", id="no number"),
        pytest.param("lon,lat\n1,2,3\n", "row 1 has 3 values, the header 2", id="a row too long"),
        pytest.param("id,lon,lat\n1,2,3\n1,3,4\n", "id 1 comes twice", id="a name twice"),
        pytest.param("lon,lat\n46.05,140.5\n", "exchanged", id="latitude beyond 90"),
        pytest.param("lon,lat\nnan,4\n", "not a finite number", id="not finite"),
        pytest.param("lon,lat\n1,2\n500,4\n", "feature 2 has longitude 500; .* -360 to 360", id="a turn and more"),
        pytest.param("lon,lat\n-360.5,4\n", "feature 1 has longitude -360.5", id="a turn and more to the west"),
    ],
)
def test_a_wrong_csv_is_named_in_one_line(tmp_path, text, says):
    (tmp_path / "p.csv").write_text(text)

    with pytest.raises(AreaError, match=says) as refused:
        read_places(str(tmp_path / "p.csv"), "points", id_field="id" if text.startswith("id,lon") else "")

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("geometry", "kind", "more", "says"),
    [
        pytest.param(shapely.box(1, 2, 3, 4), "points", {}, "is a Polygon, not a point", id="a polygon for a point"),
        pytest.param(shapely.Point(1, 2), "polygons", {}, "is a Point, not a polygon", id="a point for a polygon"),
        pytest.param(shapely.MultiPoint([(1, 2), (3, 4)]), "points", {}, "is a MultiPoint", id="several in one"),
        pytest.param(shapely.Point(1, 2), "points", {"id_field": "nme"}, "did you mean 'name'", id="no such column"),
    ],
)
def test_what_is_no_place_is_refused_by_name(tmp_path, geometry, kind, more, says):
    with pytest.raises(OrchestratorError, match=says):
        read_places(write(tmp_path, geometry), kind, **more)


def test_a_file_without_features_gives_no_place_and_says_so(tmp_path):
    (tmp_path / "p.csv").write_text("lon,lat\n")

    found = read_places(str(tmp_path / "p.csv"), "points")

    assert (found.ids, found.notes) == ((), ("p.csv: holds no feature; the table is empty.",))


def test_no_places_are_told_by_a_collection_of_none():
    """As text, where there is no file."""
    found = read_places("SRID=32633;GEOMETRYCOLLECTION EMPTY", "points")

    assert (found.ids, found.crs, found.notes) == ((), "EPSG:32633", ("WKT: holds no feature; the table is empty.",))


def test_places_without_a_geometry_are_left_out_and_counted():
    """The others keep their place in the file."""
    found = read_places("SRID=4326;POINT EMPTY\nSRID=4326;POINT (1 2)\nSRID=4326;POINT EMPTY", "points")

    assert found.ids == (1,)
    assert "2 of 3 features have no geometry and were left out (1, 3)" in found.notes[0]


@pytest.mark.parametrize("longitude", [200.0, -359.9, 360.0])
def test_longitudes_up_to_a_turn_are_taken_as_they_are(tmp_path, longitude):
    (tmp_path / "p.csv").write_text(f"lon,lat\n{longitude},10\n")

    assert [each.x for each in read_places(str(tmp_path / "p.csv"), "points").geometries] == [longitude]


@given(
    places=st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=20),
    scale=st.sampled_from([10.0, 30.0, 1000.0]),
)
def test_a_point_lies_in_the_pixel_that_it_is_given(places, scale):
    """Anywhere on Earth, the poles and longitude 180 too; on the lattice of multiples of the scale."""
    points = np.array([shapely.Point(*place) for place in places], object)

    laid = lay(points, "EPSG:4326", GridRequest(scale=scale))

    for at, (lon, lat) in enumerate(places):
        grid = laid.grids[laid.grid[at]]
        x, y = pyproj.Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(lon, lat)
        left, bottom, right, top = grid.bounds()
        col, row = (x - left) / scale, (top - y) / scale
        assert grid.transform[2] % scale == 0
        assert -1e-5 <= col - laid.col[at] <= 1 + 1e-5
        assert -1e-5 <= row - laid.row[at] <= 1 + 1e-5
        assert laid.col[at] < grid.width
        assert laid.row[at] < grid.height
        assert left < right
        assert bottom < top


def test_centres_are_those_of_the_pixels():
    """Back in degrees."""
    laid = lay(np.array([shapely.Point(500_005, 5_100_005)], object), "EPSG:32633", GridRequest())

    found = centres(laid.grids[0], laid.row, laid.col)

    expected = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True).transform(500_005, 5_100_005)
    np.testing.assert_allclose(found[0], expected, atol=1e-10)
