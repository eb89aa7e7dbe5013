"""Area files as people have them: zipped, in lines, with several layers, old code pages, gaps and half a CRS."""

from __future__ import annotations

import errno
import json

import area_files as kit
import pytest
import shapely

from orchestrator.core.errors import UserError
from orchestrator.model.spec import PixelSpec
from orchestrator.plan import staging
from orchestrator.plan.aoi import read_areas
from orchestrator.plan.plan import GridRequest, make_plan

WEST = shapely.box(14, 46, 14.5, 46.5)
EAST = shapely.box(15, 46, 15.5, 46.5)
BOTH = WEST.union(EAST)


def refusal(source, **arguments):
    """Return the one line with which `source` is refused."""
    with pytest.raises(UserError) as raised:
        read_areas(str(source), **arguments)
    sentence = str(raised.value)
    assert sentence.isprintable()
    return sentence


def shapefile(path, *geometries, **columns):
    """Write a shapefile; return its members by name."""
    kit.frame(*geometries, **columns).to_file(path)
    return {member.name: member for member in path.parent.glob(f"{path.stem}.*")}


ARCHIVES = {
    "flat": ("land.zip", lambda members: members),
    "in a folder": ("land.zip", lambda members: {f"export/2024/{name}": m for name, m in members.items()}),
    "with what a Mac adds": ("land.zip", lambda members: members | {"__MACOSX/._land.shp": b"x", ".DS_Store": b"x"}),
    "with notes": ("land.zip", lambda members: members | {"README.txt": b"x", "meta.json": b"{}", "l.shp.xml": b"<"}),
    "in capitals": ("LAND.ZIP", lambda members: {name.upper(): m for name, m in members.items()}),
    "as .shz": ("land.shz", lambda members: members),
    "without index": ("land.zip", lambda members: {n: m for n, m in members.items() if not n.endswith(".shx")}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "pack"), ARCHIVES.values(), ids=ARCHIVES.keys())
def test_a_zipped_shapefile_is_the_shapefile_inside(tmp_path, name, pack):
    """As it is downloaded from most offices."""
    members = shapefile(tmp_path / "land.shp", WEST, EAST, name=["a", "b"])
    path = kit.zipped(tmp_path / name, pack(members))

    (both,) = read_areas(str(path))
    (one,) = read_areas(str(path), where="name = 'b'")

    assert both.geometry.equals(BOTH)
    assert one.geometry.equals(EAST)
    assert both.crs == "EPSG:4326"


@pytest.mark.parametrize(
    "inner", ["land.gpkg", "land.geojson", "land.fgb", "land.kml", "land.parquet", "land.geojsonl"]
)
def test_other_files_are_read_from_an_archive_too(tmp_path, inner):
    """Zipped for mailing, whatever it is."""
    path = tmp_path / inner
    if inner.endswith("kml"):
        path.write_text(kit.KML.format(kit.placemark(WEST) + kit.placemark(EAST)))
    elif inner.endswith("parquet"):
        kit.frame(WEST, EAST).to_parquet(path)
    elif inner.endswith("geojsonl"):
        path.write_text("\n".join(json.dumps(kit.feature(g)) for g in (WEST, EAST)))
    else:
        kit.frame(WEST, EAST).to_file(path)
    packed = kit.zipped(tmp_path / "a.zip", {inner: path})

    (area,) = read_areas(str(packed))

    assert area.geometry.equals(BOTH)


def test_of_several_files_in_an_archive_one_is_chosen(tmp_path):
    """The refusal lists them; `--layer` names one."""
    members = shapefile(tmp_path / "west.shp", WEST) | shapefile(tmp_path / "east.shp", EAST)
    path = kit.zipped(tmp_path / "a.zip", members)

    sentence = refusal(path)
    (area,) = read_areas(str(path), layer="east")

    assert "west.shp" in sentence
    assert "east.shp" in sentence
    assert "--layer" in sentence
    assert area.geometry.equals(EAST)


def test_a_layer_of_a_zipped_geopackage_is_chosen(tmp_path):
    """The archive holds one file, so the name is that of a layer."""
    for name, shape in (("west", WEST), ("east", EAST)):
        kit.frame(shape).to_file(tmp_path / "land.gpkg", layer=name)
    path = kit.zipped(tmp_path / "land.gpkg.zip", {"land.gpkg": tmp_path / "land.gpkg"})

    (area,) = read_areas(str(path), layer="west")

    assert area.geometry.equals(WEST)
    assert "east" in refusal(path)


def test_a_long_list_of_layers_is_shortened(tmp_path):
    """One line stays one line."""
    for number in range(20):
        kit.frame(WEST).to_file(tmp_path / "land.gpkg", layer=f"layer number {number}")

    sentence = refusal(tmp_path / "land.gpkg")

    assert "and 8 more; choose one (--layer)" in sentence


LINES = {
    "lines": "{west}\n{east}\n",
    "with blank lines and returns": "\r\n{west}\r\n\r\n{east}\r\n\r\n",
    "a text sequence": "\x1e{west}\n\x1e{east}\n",
    "with a mark in front": "\ufeff{west}\n{east}",
    "collections": '{"type":"FeatureCollection","features":[{west}]}\n{"type":"FeatureCollection","features":[{east}]}',
    "bare geometries": "{westg}\n{eastg}",
}


@pytest.mark.parametrize("suffix", [".geojsonl", ".ndjson", ".geojsons", ".jsonl", ".geojson", ".json"])
@pytest.mark.parametrize("text", LINES.values(), ids=LINES.keys())
def test_geojson_in_lines_is_read(tmp_path, text, suffix):
    """Each line an object; also under the name of plain GeoJSON."""
    for name, shape in (("west", WEST), ("east", EAST)):
        text = text.replace(f"{{{name}}}", json.dumps(kit.feature(shape, name=name)))
        text = text.replace(f"{{{name}g}}", json.dumps(shapely.geometry.mapping(shape)))
    path = tmp_path / f"a{suffix}"
    path.write_text(text, encoding="utf-8")

    (area,) = read_areas(str(path))

    assert area.geometry.equals(BOTH)
    assert area.crs == "EPSG:4326"


CODE_PAGES = [
    pytest.param("cp852", 0x64, "Český Krumlov", "", id="cp852, named by its number"),
    pytest.param("cp1252", 0x03, "Süd", "", id="cp1252, named by its number"),
    pytest.param("cp1251", 0xC9, "Минск", "", id="cp1251, named by its number"),
    pytest.param("cp936", 0x7A, "北京", "", id="cp936, named by its number"),
    pytest.param("cp1252", 0, "Süd", "", id="cp1252, not named"),
    pytest.param("cp1252", 0x57, "Süd", "", id="cp1252, named as whatever it is"),
    pytest.param("utf-8", 0, "Łódź 北京", "", id="UTF-8, not named"),
    pytest.param("cp852", 0, "Český Krumlov", "852", id="cp852 in a .cpg"),
    pytest.param("cp1250", 0, "Łódź", "ANSI 1250", id="cp1250 in a .cpg"),
    pytest.param("iso8859-2", 0, "Łódź", "88592", id="ISO 8859-2 in a .cpg"),
    pytest.param("iso8859-1", 0, "Süd", "ISO 8859-1", id="ISO 8859-1 in a .cpg"),
    pytest.param("cp866", 0, "Минск", "OEM 866", id="cp866 in a .cpg"),
    pytest.param("shift_jis", 0, "東京", "SHIFT_JIS", id="Shift JIS in a .cpg"),
    pytest.param("utf-8", 0x57, "Łódź", "UTF-8", id="UTF-8 in a .cpg"),
    pytest.param("utf-8", 0x57, "Łódź", "65001", id="UTF-8 by its number"),
]


@pytest.mark.parametrize(("codec", "driver_id", "text", "page"), CODE_PAGES)
def test_names_in_old_code_pages_are_found(tmp_path, codec, driver_id, text, page):
    """A filter and a column mean the letters, whatever bytes stand for them."""
    path = tmp_path / "land.shp"
    shapefile(path, WEST, EAST, name=["x" * 30, "y"])
    kit.with_code_page(path, [text, "plain"], codec, driver_id)
    if page:
        path.with_suffix(".cpg").write_text(page)

    (area,) = read_areas(str(path), where=f"name = '{text}'")
    named = read_areas(str(path), split_by="name")

    assert area.geometry.equals(WEST)
    assert [one.value for one in named] == [text, "plain"]


def test_a_guessed_code_page_is_said_with_the_file_that_would_settle_it(tmp_path):
    """cp852 without any name is read as Windows-1252, and nobody can know better."""
    path = tmp_path / "land.shp"
    shapefile(path, WEST, EAST, name=["x" * 30, "y"])
    kit.with_code_page(path, ["Český", "plain"], "cp852")

    (area,) = read_areas(str(path))

    assert any("cp1252" in note and "land.cpg" in note for note in area.notes)


@pytest.mark.parametrize("suffix", [".geojson", ".shp", ".gpkg", ".fgb", ".parquet", ".kml", ".geojsonl"])
def test_features_without_geometry_are_left_out_and_said(tmp_path, suffix):
    """The good ones make the area."""
    path = tmp_path / f"land{suffix}"
    shapes = (WEST, None, EAST, None)
    if suffix == ".kml":
        empty = "<Placemark><name>none</name></Placemark>"
        path.write_text(kit.KML.format(kit.placemark(WEST) + empty + kit.placemark(EAST) + empty))
    elif suffix == ".geojsonl":
        path.write_text("\n".join(json.dumps(kit.feature(shape)) for shape in shapes))
    elif suffix == ".parquet":
        kit.frame(*shapes).to_parquet(path)
    else:
        kit.frame(*shapes).to_file(path, **({"SPATIAL_INDEX": "NO"} if suffix == ".fgb" else {}))

    (area,) = read_areas(str(path))

    assert area.geometry.equals(BOTH)
    assert any("2 of 4 features have no geometry and were left out" in note for note in area.notes)


@pytest.mark.parametrize("suffix", [".geojson", ".geojsonl", ".kml", ".shp"])
def test_a_geometry_that_cannot_be_read_is_not_left_out_in_silence(tmp_path, suffix):
    """Damage is no gap: the output would be too small."""
    path = tmp_path / f"land{suffix}"
    broken = {"type": "Polygon", "coordinates": "gone"}
    if suffix == ".kml":
        path.write_text(kit.KML.format(kit.placemark(WEST) + kit.PLACEMARK.format(name="x", ring="1,2 here 3,4")))
    elif suffix == ".shp":
        shapefile(path, WEST, EAST)
        data = bytearray(path.read_bytes())
        second = 100 + 8 + 2 * int.from_bytes(data[104:108], "big")
        data[second + 8 : second + 12] = (99).to_bytes(4, "little")  # a type that no shape has
        path.write_bytes(data)
    else:
        features = [kit.feature(WEST), kit.feature(broken)]
        whole = json.dumps({"type": "FeatureCollection", "features": features})
        path.write_text("\n".join(map(json.dumps, features)) if suffix == ".geojsonl" else whole)

    assert "read" in refusal(path) or "no numbers" in refusal(path)


def test_names_are_kept_beside_what_they_became(tmp_path):
    """The value stays with the area, and a note says what it is called."""
    path = tmp_path / "land.gpkg"
    kit.frame(WEST, EAST, city=["São Paulo", "Rome"]).to_file(path)

    areas = read_areas(str(path), split_by="city")

    assert [(area.name, area.value) for area in areas] == [("Sao_Paulo", "São Paulo"), ("Rome", "Rome")]
    assert any("'São Paulo' is called Sao_Paulo" in note for note in areas[0].notes)
    assert areas[1].notes == ()


@pytest.mark.parametrize(
    "values",
    [("São Paulo", "Sao Paulo"), ("a/b", "a b"), ("North", "north"), ("x ", "x."), ("é", "e")],
    ids=lambda values: " and ".join(values).replace("/", " over "),
)
def test_values_that_would_share_a_name_are_refused(tmp_path, values):
    """Whose result would `-2` be? The refusal names both values and the column."""
    path = tmp_path / "land.gpkg"
    kit.frame(WEST, EAST, city=list(values)).to_file(path)
    if values == ("x ", "x."):
        assert len(read_areas(str(path), split_by="city")) == 2  # a dot is kept, a blank at the end is not
        return

    sentence = refusal(path, split_by="city")

    assert all(repr(value) in sentence for value in values)
    assert "city" in sentence


@pytest.mark.parametrize("letters", ["北京", "Москва", "ﺔﺸﻗ", "x" * 300, "a" + "北京" * 20, "-", "..."])
def test_a_name_of_other_letters_or_too_many_gets_digits_of_its_own(tmp_path, letters):
    """Names without plain letters stay apart, and one long value does not refuse the others."""
    path = tmp_path / "land.gpkg"
    kit.frame(WEST, EAST, city=[letters, letters + "上"]).to_file(path)

    first, second = read_areas(str(path), split_by="city")

    assert first.name != second.name
    assert first.value == letters
    assert len(first.name) <= 100
    assert first.name == read_areas(str(path), split_by="city")[0].name


PRJ = {
    "no text": ("hello", "land.prj is not understood"),
    "half of it": ('GEOGCS["GCS_WGS_1984",DATUM["D_WGS_19', "land.prj is not understood"),
    "a local system": ('LOCAL_CS["site grid",UNIT["metre",1]]', "--area-crs"),
    "empty": ("", "states no CRS"),
}


@pytest.mark.parametrize(("text", "found"), PRJ.values(), ids=PRJ.keys())
def test_a_prj_that_is_not_understood_is_said_with_file_and_option(tmp_path, text, found):
    """And the option is enough."""
    path = tmp_path / "land.shp"
    shapefile(path, WEST)
    path.with_suffix(".prj").write_text(text)

    sentence = refusal(path)
    (area,) = read_areas(str(path), crs="EPSG:4326")

    assert found in sentence
    assert "land.shp" in sentence
    assert "--area-crs EPSG:4326" in sentence
    assert any("as asked" in note for note in area.notes)


@pytest.mark.parametrize(
    ("box", "found"),
    [
        pytest.param("14,100,15,101", "exchanged", id="a latitude beyond 90"),
        pytest.param("46,190,47,191", "exchanged", id="far beyond"),
        pytest.param("400000,5000000,500000,5100000", "--area-crs", id="metres"),
    ],
)
def test_coordinates_that_may_be_exchanged_are_refused_with_the_guess(box, found):
    """Longitude comes first; the sentence says so."""
    assert found in refusal(box)


@pytest.mark.parametrize(
    ("box", "place", "is_warned"),
    [
        pytest.param("46,14,47,15", "latitude 14.50 N, longitude 46.50 E", False, id="land either way"),
        pytest.param("20,78,21,79", "latitude 78.50 N, longitude 20.50 E", False, id="land here"),
        pytest.param("-35.5,-58.5,-34.5,-57.5", "latitude 58.00 S, longitude 35.00 W", True, id="Buenos Aires"),
        pytest.param("-20,-47,-19,-46", "latitude 46.50 S, longitude 19.50 W", True, id="Minas Gerais exchanged"),
        pytest.param("179,-17,180,-16", "latitude 16.50 S, longitude 179.50 E", False, id="Fiji"),
    ],
)  # fmt: skip
def test_a_plan_says_where_the_area_lies_and_warns_of_exchanged_coordinates(box, place, is_warned):
    """At sea, with land on the other side of the diagonal."""
    (area,) = read_areas(box)

    notes = make_plan(area, PixelSpec(("B2",), "uint16", 0), GridRequest(scale=1000)).notes

    assert any(place in note for note in notes)
    assert any("exchanged?" in note for note in notes) is is_warned


def test_folders_of_a_kml_can_be_chosen(tmp_path):
    """By their names; the refusal lists them."""
    folder = "<Folder><name>{}</name>{}</Folder>"
    both = folder.format("west", kit.placemark(WEST)) + folder.format("east", kit.placemark(EAST))
    path = tmp_path / "a.kml"
    path.write_text(kit.KML.format(both))

    (area,) = read_areas(str(path), layer="east")

    assert area.geometry.equals(EAST)
    assert "'west', 'east'" in refusal(path, layer="north")


def test_names_and_data_of_a_kml_are_attributes(tmp_path):
    """For a filter and for several outputs; holes and several polygons of a placemark are kept."""
    hole = shapely.box(14.1, 46.1, 14.2, 46.2)
    ring = " ".join(f"{x},{y}" for x, y in hole.exterior.coords)
    inner = f"<innerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing></innerBoundaryIs></Polygon>"
    data = "<ExtendedData><Data name='code'><value>7</value></Data></ExtendedData></Placemark>"
    first = kit.placemark(WEST, "one").replace("</Polygon>", inner).replace("</Placemark>", data)
    second = kit.placemark(EAST, "two").replace("<Polygon>", "<MultiGeometry><Polygon>")
    second = second.replace("</Polygon>", "</Polygon></MultiGeometry>")
    path = tmp_path / "a.kml"
    path.write_text(kit.KML.format(first + second))

    (area,) = read_areas(str(path), where="code = '7'")
    names = [one.name for one in read_areas(str(path), split_by="Name")]

    assert area.geometry.equals(WEST.difference(hole))
    assert names == ["one", "two"]


def test_a_filter_is_read_to_its_end(tmp_path):
    """GDAL would stop at a NUL and take the rest as wished for."""
    kit.frame(WEST, EAST).to_file(tmp_path / "a.gpkg")

    assert "NUL" in refusal(tmp_path / "a.gpkg", where="label = 'piece 0' OR 1 = 1 \0 AND 1 = 0")


def test_a_full_temporary_folder_is_said(tmp_path, monkeypatch):
    """Not the area's permissions."""
    path = kit.zipped(tmp_path / "a.zip", {"a.geojson": kit.collection(WEST)})

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(staging, "unpack", full)

    assert "TMPDIR" in refusal(path)
