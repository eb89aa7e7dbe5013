"""Files of tiles that grids make: both formats name the same tiles, and what is there is kept."""

from __future__ import annotations

import json

import numpy as np
import pyproj
import pytest
import shapely

from orchestrator.app.verbs.grids import keep_tiles
from orchestrator.core.errors import UserError
from orchestrator.plan.aoi import read_areas
from orchestrator.tiling.degrees import cut_at_180, in_degrees
from orchestrator.tiling.file import read_tiles, rewrite_tiles, write_tiles
from orchestrator.tiling.grids import Cover, full_tiles
from orchestrator.tiling.measure import square_kilometres

FIJI = "179.8,-17,-179.8,-16.8"
GEOD = pyproj.Geod(ellps="WGS84")


def tiles_of(text, size=5000, **cover):
    (area,) = read_areas(text)
    return full_tiles(area, "x", size, Cover(**cover))[0]


@pytest.mark.parametrize("text", [FIJI, "10,45,10.2,45.2", "36.9,-0.1,37.1,0.1"])
@pytest.mark.parametrize("zones", ["one", "each"])
@pytest.mark.parametrize("suffix", [".parquet", ".geojson"])
def test_a_file_reads_as_the_tiles_that_were_written(tmp_path, text, zones, suffix):
    """The hash of the name holds in either format, across longitude 180 too."""
    tiles = tiles_of(text, zones=zones)

    read = read_tiles(write_tiles(tiles, tmp_path, suffix).path)

    assert read.frame["identifier"].tolist() == tiles.frame["identifier"].tolist()
    assert read.about == tiles.about


def test_geoparquet_keeps_the_lattice(tmp_path):
    """Coordinates are the same numbers, in the lattice's CRS."""
    tiles = tiles_of("10,45,10.2,45.2", size=1000 / 3)

    read = read_tiles(write_tiles(tiles, tmp_path).path).frame

    assert read.crs == "EPSG:32632"
    assert (shapely.get_coordinates(read.geometry) == shapely.get_coordinates(tiles.frame.geometry)).all()


def test_tiles_across_180_are_cut_in_geojson(tmp_path):
    """RFC 7946, 3.1.9: two polygons, none with an edge round the Earth, longitudes within 180."""
    tiles = tiles_of(FIJI)
    content = json.loads(write_tiles(tiles, tmp_path, ".geojson").path.read_text())
    shapes = [shapely.from_geojson(json.dumps(one["geometry"])) for one in content["features"]]

    across = [one for one in shapes if one.geom_type == "MultiPolygon"]
    parts = shapely.bounds(shapely.get_parts(shapes))
    assert len(across) == len({tuple(one.bounds)[1] for one in across}) > 3
    assert np.abs(parts[:, [0, 2]]).max() <= 180
    assert (parts[:, 2] - parts[:, 0]).max() < 0.1


def test_tiles_across_180_are_in_one_piece_in_degrees():
    """However they are stored: longitudes go on beyond 180."""
    frame = tiles_of(FIJI).frame
    whole = in_degrees(frame)
    halves = in_degrees(frame.to_crs("EPSG:4326").set_geometry(cut_at_180(whole)))

    assert (shapely.get_type_id(whole) == 3).all()
    assert np.abs(shapely.bounds(whole) - shapely.bounds(halves)).max() < 1e-9
    assert (shapely.bounds(whole)[:, 2] - shapely.bounds(whole)[:, 0]).max() < 0.1


@pytest.mark.parametrize(
    ("text", "options"),
    [
        pytest.param("10,45,10.1,45.1", {"size": 700}, id="utm"),
        pytest.param("10,45,10.2,45.2", {"size": 4000, "clip": True}, id="clipped"),
        pytest.param("10,60,12,61", {"size": 60000}, id="large"),
        pytest.param("10,60,18,64", {"size": 290000, "crs": "EPSG:32633"}, id="very large"),
        pytest.param("10,60,12,61", {"size": 60000, "clip": True}, id="large and clipped"),
        pytest.param("9,55,9.1,55.1", {"size": 900, "crs": "EPSG:3857"}, id="mercator"),
        pytest.param("5.9,49,6.1,49.1", {"size": 2000, "zones": "each"}, id="degrees"),
        pytest.param(FIJI, {"size": 3000}, id="across 180"),
    ],
)
def test_areas_are_those_on_the_ellipsoid(text, options):
    """To 1e-6 of what a geodesic polygon of many vertices along the edges has."""
    frame = tiles_of(text, **options).frame
    step = 200 if frame.crs.is_projected else 0.002
    dense = frame.set_geometry(shapely.segmentize(frame.geometry.to_numpy(), step)).set_crs(frame.crs)

    expected = [abs(GEOD.geometry_area_perimeter(one)[0]) / 1e6 for one in in_degrees(dense)]

    assert np.abs(square_kilometres(frame) / expected - 1).max() < 1e-6


def test_what_is_there_stays_with_its_columns(tmp_path):
    """A file of the same name has the same tiles; a user's split is not lost when the grid is laid again."""
    first = keep_tiles(tiles_of("10,45,10.2,45.2"), tmp_path).tiles
    rewrite_tiles(first, first.frame.assign(split="train"))

    again = keep_tiles(tiles_of("10,45,10.2,45.2"), tmp_path, ["parquet", "geojson"])

    assert again.there == (first.path,)
    assert all((read_tiles(path).frame["split"] == "train").all() for path in again.paths)


def test_tiles_of_other_shapes_do_not_pass_for_those_that_are_there(tmp_path):
    """Envelopes make the name: a triangle in the cell of a square would be taken for it."""
    triangle = "SRID=3857;POLYGON ((600000 5000000, 601000 5000000, 600000 5001000, 600000 5000000))"
    keep_tiles(tiles_of(triangle, size=1000, crs="EPSG:3857"), tmp_path)

    with pytest.raises(UserError, match="other shapes"):
        keep_tiles(tiles_of(triangle, size=1000, crs="EPSG:3857", clip=True), tmp_path)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    """In either format."""
    written = [
        write_tiles(tiles_of("10,45,10.2,45.2"), tmp_path / folder, suffix).path.read_bytes()
        for suffix in (".parquet", ".geojson")
        for folder in "ab"
    ]

    assert written[0] == written[1]
    assert written[2] == written[3]
