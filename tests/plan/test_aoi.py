"""Areas are read from every format, repaired and said so, or refused in one line."""

from __future__ import annotations

import time
import zipfile

import numpy as np
import pytest
import shapely
from aoi_kit import DRIVER, HOLED, ISLAND, frame, refusal, write_geojson

from orchestrator.core.errors import AreaError, PlanError
from orchestrator.plan.align import fix_grid
from orchestrator.plan.aoi import read_areas


@pytest.mark.parametrize("name", ["land.shp", "land.gpkg", "land.geojson", "land.json", "land.fgb", "land.kml"])
def test_each_format_gives_the_same_area(tmp_path, name):
    """All features dissolved into one; the hole and the second piece are kept."""
    path = tmp_path / name
    frame(HOLED, ISLAND).to_file(path, driver=DRIVER.get(path.suffix))

    (area,) = read_areas(str(path))

    assert area.name == "land"
    assert area.crs == "EPSG:4326"
    assert area.geometry.symmetric_difference(HOLED.union(ISLAND)).area < 1e-9
    assert len(area.sha256) == 64
    assert area.notes == ()


def test_the_folders_of_a_kml_are_one_drawing(tmp_path):
    """Each folder becomes a layer to GDAL; to who drew them they belong together."""
    placemark = (
        "<Folder><name>{}</name><Placemark><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        "{},0 {},0 {},1 {},0</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Folder>"
    )
    folders = placemark.format("one", 0, 1, 1, 0) + placemark.format("two", 3, 4, 4, 3)
    path = tmp_path / "drawing.kml"
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{folders}</Document></kml>')

    (area,) = read_areas(str(path))

    assert area.geometry.area == pytest.approx(1.0)
    assert len(area.geometry.geoms) == 2


def test_a_kmz_is_the_kml_inside(tmp_path):
    """Google Earth's compressed files are read, too."""
    frame(HOLED).to_file(tmp_path / "doc.kml", driver="KML")
    with zipfile.ZipFile(tmp_path / "land.kmz", "w") as archive:
        archive.write(tmp_path / "doc.kml", "doc.kml")

    (area,) = read_areas(str(tmp_path / "land.kmz"))

    assert area.geometry.equals(HOLED)


def test_geoparquet_is_read_where_pyarrow_is(tmp_path):
    """With pyarrow the same area; without, one line that says what is missing."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame(HOLED, ISLAND).to_parquet(tmp_path / "land.parquet")

    (area,) = read_areas(str(tmp_path / "land.parquet"))

    assert area.geometry.equals(HOLED.union(ISLAND))


def test_geojson_keeps_the_crs_it_names(tmp_path):
    """A CRS member counts, as older files have it."""
    square = shapely.box(5e5, 5e6, 5.1e5, 5.01e6)
    member = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    path = write_geojson(tmp_path / "a.geojson", shapely.geometry.mapping(square), crs=member)

    (area,) = read_areas(str(path))

    assert area.crs == "EPSG:32633"
    assert area.geometry.equals(square)


@pytest.mark.parametrize(
    ("text", "crs", "size"),
    [
        pytest.param("13,45,14,46", "EPSG:4326", 1.0, id="degrees"),
        pytest.param(" -1.5, -2 ,1.5,2 ", "EPSG:4326", 12.0, id="spaces"),
        pytest.param("500000,5000000,500010,5000010;EPSG:32633", "EPSG:32633", 100.0, id="metres"),
        pytest.param("179,-20,-179,-15", "EPSG:4326", 10.0, id="across longitude 180"),
        pytest.param("POLYGON((13 45,14 45,14 46,13 46,13 45))", "EPSG:4326", 1.0, id="WKT"),
        pytest.param("SRID=3035;POLYGON((4e6 3e6,4000010 3e6,4000010 3000010,4e6 3e6))", "EPSG:3035", 50.0, id="EWKT"),
    ],
)
def test_boxes_and_wkt_are_given_in_place_of_a_file(text, crs, size):
    """A box is left,bottom,right,top; plain WKT is longitude and latitude."""
    (area,) = read_areas(text)

    assert (area.name, area.crs) == ("area", crs)
    assert area.geometry.area == pytest.approx(size)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("14,45,13,46", "upside down", id="left and right exchanged"),
        pytest.param("13,46,14,45", "upside down", id="bottom and top exchanged"),
        pytest.param("13,45,nan,46", "not finite", id="not a number"),
        pytest.param("13,45,inf,46", "not finite", id="infinite"),
        pytest.param("13,45,14,46;EPSG:999999", "not known", id="unknown CRS"),
        pytest.param("500000,5000000,600000,5100000", "no degrees", id="metres as degrees"),
        pytest.param("13,45,14,46;EPSG:32633", "look like degrees", id="degrees as metres"),
        pytest.param("13,45,14", "no such file", id="three numbers"),
    ],
)
def test_a_box_that_is_none_is_refused(text, found):
    """Order, finiteness, CRS and width are checked."""
    assert found in refusal(text)


def test_a_filter_selects_features(shapefile):
    """Only what satisfies the condition becomes the area."""
    (area,) = read_areas(str(shapefile), where="label = 'piece 1'")

    assert area.geometry.equals(ISLAND)


def test_a_filter_that_is_not_understood_names_the_attributes(shapefile):
    """The message shows what could be written."""
    assert "attributes label" in refusal(shapefile, where="name = 'x'")


def test_a_filter_that_nothing_passes_is_refused(shapefile):
    """An empty area is never planned."""
    assert "none passes the filter" in refusal(shapefile, where="label = 'elsewhere'")


def test_several_areas_in_one_file_become_several_outputs(shapefile):
    """One per value of an attribute, named by it; or one per feature."""
    by_value = read_areas(str(shapefile), split_by="label")
    by_feature = read_areas(str(shapefile), split_by="*")

    assert [area.name for area in by_value] == ["piece_0", "piece_1"]
    assert [area.name for area in by_feature] == ["land-0", "land-1"]
    assert by_value[1].geometry.equals(ISLAND)
    assert "'colour'; it has label" in refusal(shapefile, split_by="colour")


def test_of_several_layers_one_must_be_chosen(tmp_path):
    """The refusal lists them."""
    path = tmp_path / "land.gpkg"
    frame(HOLED).to_file(path, layer="mainland")
    frame(ISLAND).to_file(path, layer="island")

    (area,) = read_areas(str(path), layer="island")

    assert area.geometry.equals(ISLAND)
    assert "island, mainland" in refusal(path) or "mainland, island" in refusal(path)
    assert "no layer 'moon'" in refusal(path, layer="moon")


def test_a_missing_prj_is_mended_by_stating_the_crs(shapefile):
    """Without it a refusal that says how; with it a note."""
    shapefile.with_suffix(".prj").unlink()

    assert "--area-crs" in refusal(shapefile)
    (area,) = read_areas(str(shapefile), crs="EPSG:4326")
    assert area.crs == "EPSG:4326"
    assert any("states no CRS" in note for note in area.notes)


def test_a_stated_crs_corrects_the_files_and_is_said(tmp_path):
    """A wrong .prj can be overruled."""
    path = tmp_path / "a.gpkg"
    frame(shapely.box(5e5, 5e6, 5.1e5, 5.01e6), crs=32634).to_file(path)

    (area,) = read_areas(str(path), crs="EPSG:32633")

    assert area.crs == "EPSG:32633"
    assert any("EPSG:32634" in note for note in area.notes)


@pytest.mark.parametrize(
    ("geometries", "found"),
    [
        pytest.param([shapely.LineString([(0, 0), (1, 1)])], "LineString", id="line"),
        pytest.param([shapely.Point(1, 1)], "Point", id="point"),
        pytest.param([ISLAND, shapely.Point(1, 1)], "feature 1 is a Point", id="mixed"),
        pytest.param([None, None], "feature 0, 1 has no geometry", id="nulls"),
        pytest.param([shapely.Polygon()], "no geometry", id="empty polygon"),
        pytest.param([], "holds no", id="no feature"),
        pytest.param([shapely.Polygon([(0, 0), (1, 1), (2, 2)])], "no surface", id="flat"),
        pytest.param([shapely.box(5e5, 5e6, 6e5, 5.1e6)], "no degrees", id="metres"),
    ],
)
def test_what_is_no_usable_polygon_is_refused_by_name(tmp_path, geometries, found):
    """The message names the file, the feature and what was found."""
    path = tmp_path / "odd.geojson"
    frame(*geometries).to_file(path)

    sentence = refusal(path)

    assert found in sentence
    assert "odd.geojson" in sentence


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_coordinates_that_are_no_numbers_are_refused(tmp_path, number):
    """Not a number and infinity reach no grid."""
    path = tmp_path / "nan.geojson"
    ring = f"[[0,0],[1,{number}],[1,1],[0,0]]"
    path.write_text(f'{{"type":"Feature","properties":{{}},"geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}')

    assert "not a finite number" in refusal(path)


@pytest.mark.parametrize(
    ("geometry", "note", "size"),
    [
        pytest.param({"coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}, "Self-intersection", 2.0, id="bow"),
        pytest.param({"coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, "open rings were closed", 1.0, id="open"),
        pytest.param({"coordinates": [[[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]]]}, "heights", 0.5, id="heights"),
    ],
)
def test_repairs_are_made_and_said(tmp_path, geometry, note, size):
    """The area is valid and flat, and a note says what was done."""
    path = write_geojson(tmp_path / "a.geojson", {"type": "Polygon", **geometry})

    (area,) = read_areas(str(path))

    assert area.geometry.is_valid
    assert not area.geometry.has_z
    assert area.geometry.area == pytest.approx(size)
    assert any(note in said for said in area.notes)


def test_open_rings_in_wkt_are_closed_and_said():
    """GEOS would refuse them outright."""
    (area,) = read_areas("POLYGON((13 45,14 45,14 46,13 46))")

    assert area.geometry.area == pytest.approx(1.0)
    assert any("were closed" in note for note in area.notes)


def test_features_drawn_twice_count_once_and_are_said(tmp_path):
    """An even-odd fill would cut them out."""
    frame(ISLAND, ISLAND).to_file(tmp_path / "twice.gpkg")

    (area,) = read_areas(str(tmp_path / "twice.gpkg"))

    assert area.geometry.equals(ISLAND)
    assert any("repeat the outline" in note for note in area.notes)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("http://example.com/a.geojson", "local files only"),
        ("https://example.com/a.shp", "local files only"),
        ("s3://bucket/a.gpkg", "local files only"),
        ("/vsicurl/http://example.com/a.shp", "local files only"),
        ("/vsizip/a.zip/a.shp", "local files only"),
        ("/VSIS3/bucket/a.shp", "local files only"),
        ("absent.shp", "no such file"),
        ("a\0b.shp", "NUL"),
        ("x" * 5000 + ".shp", "cannot be opened"),
        ("/dev/null", "not a regular file"),
        (".", "not a regular file"),
        ("README.md", "not a known kind"),
        ("two\nlines\x1b[31m.shp", "two lines [31m.shp: no such file"),
    ],
    ids=lambda text: text[:25].replace("\0", "NUL").replace("\n", " ").replace("\x1b", "ESC"),
)
def test_only_local_regular_files_are_opened(source, found, tmp_path, monkeypatch):
    """No URL, no virtual path, no device, no folder."""
    (tmp_path / "README.md").write_text("no area")
    monkeypatch.chdir(tmp_path)

    assert found in refusal(source)


def test_an_unknown_area_crs_is_refused(shapefile):
    """The message repeats what was given."""
    with pytest.raises(PlanError, match="'EPSG:1' is not known"):
        read_areas(str(shapefile), crs="EPSG:1")


def test_the_fingerprint_covers_every_member_of_a_shapefile(shapefile):
    """A changed .prj is another area."""
    (before,) = read_areas(str(shapefile))
    projection = shapefile.with_suffix(".prj")
    projection.write_text(projection.read_text() + " ")

    (after,) = read_areas(str(shapefile))

    assert before.sha256 != after.sha256


def test_a_million_vertices_are_read_in_bounded_time(tmp_path):
    """Seconds, not minutes, for a coast drawn in every detail."""
    angles = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    radii = 2 + 0.5 * np.sin(7 * angles) + 0.001 * np.sin(20_000 * angles)
    coast = shapely.Polygon(np.column_stack((15 + radii * np.cos(angles), 46 + radii * np.sin(angles))))
    frame(coast).to_file(tmp_path / "coast.fgb")

    started = time.process_time()
    (area,) = read_areas(str(tmp_path / "coast.fgb"))

    assert shapely.get_num_coordinates(area.geometry) == 1_000_001
    assert time.process_time() - started < 20


@pytest.mark.real
def test_real_areas_are_read(real_areas):
    """Slovenia in metres, Luxembourg in WKT, Fiji across longitude 180, and no area of the whole world."""
    countries = str(real_areas / "naturalearth_lowres" / "naturalearth_lowres.shp")

    (slovenia,) = read_areas(str(real_areas / "svn_border.geojson"))
    (luxembourg,) = read_areas(str(real_areas / "luxembourg.wkt"))
    (fiji,) = read_areas(countries, where="name = 'Fiji'")

    assert slovenia.crs == "EPSG:32633"
    assert slovenia.geometry.area == pytest.approx(20.3e9, rel=0.01)
    assert luxembourg.geometry.area == pytest.approx(0.324, rel=0.01)
    assert len(fiji.geometry.geoms) == 3
    (world,) = read_areas(countries)
    with pytest.raises(AreaError, match="360"):
        fix_grid(world.geometry, world.crs)
