"""Tiles from a vector file: which features are taken, and what of them."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.app.verbs.grids import keep_tiles
from orchestrator.app.verbs.splits import select
from orchestrator.core.errors import AreaError, UserError
from orchestrator.tiling.file import read_tiles
from orchestrator.tiling.identifiers import identify

# Four squares of 0.1 degrees in a row, and a fifth far away; the AOI covers the second, half of the third, and touches
# the fourth.
WEST = (6.0, 6.1, 6.2, 6.4, 9.0)
SQUARES = [shapely.box(west, 49.5, west + 0.1, 49.6) for west in WEST]
AOI = "6.1,49.4,6.25,49.7"
NAMES = ["Esch", "Käerjeng", "Mersch", "Wiltz", "Far"]


def communes():
    return geopandas.GeoDataFrame({"name": NAMES, "people": [3, 5, 7, 9, 11]}, geometry=SQUARES, crs=4326)


def written(folder, name="communes.gpkg", frame=None):
    path = folder / name
    # FlatGeobuf with an index is in the order of the index.
    plain = {"SPATIAL_INDEX": "NO"} if path.suffix == ".fgb" else {}
    (communes() if frame is None else frame).to_file(path, **plain)
    return path


def taken(path, aoi=AOI, **rule):
    return select({"path": str(path)}, {"source": aoi}, **rule).tiles


@pytest.mark.parametrize("crs", [4326, 32632, 3035, 2169], ids=["degrees", "UTM", "LAEA", "Luxembourg's own"])
@pytest.mark.parametrize("name", ["c.gpkg", "c.shp", "c.geojson", "c.fgb"])
def test_any_format_in_any_crs(tmp_path, name, crs):
    """The same two features, whole, with their attributes, in the CRS and order of the file."""
    frame = communes().to_crs(crs)

    tiles = taken(written(tmp_path, name, frame), "6.11,49.4,6.25,49.7").frame

    assert tiles["name"].tolist() == ["Käerjeng", "Mersch"]
    assert tiles["people"].tolist() == [5, 7]
    assert tiles.crs.equals(frame.crs, ignore_axis_order=True)
    assert shapely.equals_exact(tiles.geometry.to_numpy(), frame.geometry.to_numpy()[1:3], 1e-6, normalize=True).all()


def test_they_are_named_as_tiles_are(tmp_path):
    """Identifiers of their envelopes in degrees; the file says what it was taken from."""
    tiles = taken(written(tmp_path), name="lux")

    assert tiles.frame["identifier"].tolist() == identify(SQUARES[1:3])
    assert (tiles.name.area, tiles.name.tiles) == ("lux", "communes")
    assert tiles.about == {"kind": "select", "source": "communes.gpkg"}


def test_the_attributes_are_in_the_file(tmp_path):
    """Of GeoParquet and of GeoJSON."""
    kept = keep_tiles(taken(written(tmp_path)), tmp_path, ["parquet", "geojson"])

    for path in kept.paths:
        frame = read_tiles(path).frame
        assert list(frame.columns) == ["area_km2", "identifier", "name", "people", "geometry"]
        assert frame["name"].tolist() == ["Käerjeng", "Mersch"]


thousandths = st.integers(2, 300).map(lambda n: n / 1000)  # two boxes of one envelope are one tile


@given(st.lists(st.tuples(*[thousandths] * 4), min_size=1, max_size=12, unique=True))
@settings(max_examples=8)
def test_the_published_rule_takes_more_than_a_hundred_thousandth_of_a_square_degree(tmp_path_factory, boxes):
    """Whole, without attributes where they are not wanted; every feature looked at."""
    shapes = [shapely.box(6 + x, 49 + y, 6 + x + w, 49 + y + h) for x, y, w, h in boxes]
    aoi = shapely.Point(6.2, 49.2).buffer(0.15)
    frame = geopandas.GeoDataFrame({"n": range(len(shapes))}, geometry=shapes, crs=4326)
    path = written(tmp_path_factory.mktemp("c"), frame=frame)
    wanted = [one for one in shapes if one.intersects(aoi) and one.intersection(aoi).area > 1e-5]

    if not wanted:
        with pytest.raises(UserError, match=r"no feature of communes.gpkg shares area"):
            taken(path, aoi.wkt, overlap="legacy")
        return
    tiles = taken(path, aoi.wkt, overlap="legacy", attributes=False).frame

    assert list(tiles.columns) == ["area_km2", "identifier", "geometry"]
    assert tiles.geometry.tolist() == wanted


def test_the_published_rule_leaves_out_what_shares_less(tmp_path):
    """Of 0.1 degrees of border 0.00009 degrees are 9e-6 square degrees, and 0.00011 are 1.1e-5."""
    path = written(tmp_path)

    assert taken(path, "6.1,49.4,6.20009,49.7", overlap="legacy").frame["name"].tolist() == ["Käerjeng"]
    assert taken(path, "6.1,49.4,6.20011,49.7", overlap="legacy").frame["name"].tolist() == ["Käerjeng", "Mersch"]


def test_a_sliver_is_area_and_a_border_is_none(tmp_path):
    """By default a metre is enough, and what touches is left out."""
    path = written(tmp_path)

    assert taken(path, "6.1,49.4,6.20001,49.7").frame["name"].tolist() == ["Käerjeng", "Mersch"]
    assert taken(path, "6.1,49.4,6.2,49.7").frame["name"].tolist() == ["Käerjeng"]


@pytest.mark.parametrize(("share", "names"), [(0.4, ["Käerjeng", "Mersch"]), (0.6, ["Käerjeng"])])
def test_the_least_overlap_is_a_share_of_the_feature(tmp_path, share, names):
    """Half of the third square lies in the AOI."""
    assert taken(written(tmp_path), min_overlap=share).frame["name"].tolist() == names


def test_clipped_features_end_where_the_aoi_does(tmp_path):
    """Half of the third square is left; attributes stay with it."""
    tiles = taken(written(tmp_path), clip="aoi").frame

    assert tiles["people"].tolist() == [5, 7]
    assert shapely.area(tiles.geometry.to_numpy()) == pytest.approx([0.01, 0.005])


def test_columns_called_like_ours_are_kept_beside_them(tmp_path):
    """An identifier of the file's own."""
    frame = communes().rename(columns={"name": "identifier", "people": "area_km2"})

    tiles = taken(written(tmp_path, frame=frame)).frame

    assert tiles["source_identifier"].tolist() == ["Käerjeng", "Mersch"]
    assert tiles["source_area_km2"].tolist() == [5, 7]


def test_the_same_file_gives_the_same_bytes(tmp_path):
    """Nothing but what is in it."""
    path = written(tmp_path)
    both = [keep_tiles(taken(path), tmp_path / folder).paths[0] for folder in ("a", "b")]

    assert both[0].name == both[1].name
    assert both[0].read_bytes() == both[1].read_bytes()


def test_features_across_longitude_180_are_taken(tmp_path):
    """Written beyond 180 or cut in two, in the AOI on either side."""
    frame = geopandas.GeoDataFrame(
        {"n": [1, 2]}, geometry=[shapely.box(179.5, -17, 180.5, -16), shapely.box(-179, -17, -178, -16)], crs=4326
    )
    path = written(tmp_path, "fiji.gpkg", frame)

    assert taken(path, "179,-18,-178.5,-15").frame["n"].tolist() == [1, 2]
    assert taken(path, "179,-18,179.8,-15").frame["n"].tolist() == [1]
    assert taken(path, "-179.9,-18,-179.8,-15").frame["n"].tolist() == [1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aoi": "20,10,21,11"}, "no feature of communes.gpkg shares area with"),
        ({"min_overlap": 2.0}, "--min-overlap 2 is no share"),
        ({"overlap": "legacy", "clip": "aoi"}, "--overlap legacy has its own threshold"),
        ({"tiles_name": "my_communes"}, r"the name of the tiles is 'my_communes'"),
        ({"name": "a_b"}, r"the name of the area is 'a_b'"),
    ],
    ids=["nothing there", "no share", "two rules", "a name of tiles", "a name of an area"],
)
def test_what_cannot_be_is_said(tmp_path, change, said):
    """In one sentence."""
    with pytest.raises(UserError, match=said):
        taken(written(tmp_path), **change)


def test_lines_and_unknown_crs_are_refused_by_name(tmp_path):
    """The option that helps is that of the source, not of the area."""
    lines = geopandas.GeoDataFrame({"n": [1]}, geometry=[shapely.LineString([(6, 49), (7, 50)])], crs=4326)
    blank = written(tmp_path, "blank.shp")
    blank.with_suffix(".prj").unlink()

    with pytest.raises(AreaError, match="is a LineString, not a polygon"):
        taken(written(tmp_path, "lines.gpkg", lines))
    with pytest.raises(AreaError, match="--source-crs EPSG:4326"):
        taken(blank)


def test_a_condition_and_a_layer_are_those_of_the_source(tmp_path):
    """`where` chooses among its features, `layer` among its tables."""
    path = tmp_path / "two.gpkg"
    communes().to_file(path, layer="old")
    communes().to_file(path, layer="new")

    laid = select({"path": str(path), "layer": "new", "where": "people > 6"}, {"source": AOI})

    assert laid.tiles.frame["name"].tolist() == ["Mersch"]
    assert np.array_equal(laid.tiles.frame["people"], [7])
