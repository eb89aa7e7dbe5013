"""An area makes the program open its own file and nothing else, whatever stands in it and whatever it is called."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path

import area_files as kit
import pytest
import shapely

from orchestrator.core.errors import UserError
from orchestrator.plan import archive
from orchestrator.plan.aoi import read_areas

SQUARE = shapely.box(14, 46, 14.5, 46.5)
BOX = shapely.geometry.mapping(SQUARE)


@pytest.fixture
def internet():
    """A server that GDAL could reach; after the test it must have heard nothing."""
    with kit.listener() as (address, heard):
        yield address
    assert heard == []


def refusal(source, **arguments):
    """Return the one line with which `source` is refused."""
    with pytest.raises(UserError) as raised:
        read_areas(str(source), **arguments)
    sentence = str(raised.value)
    assert sentence.isprintable()
    assert len(sentence) < 500
    return sentence


LINKS = {
    "a link": lambda url: {"type": "link", "properties": {"href": url, "type": "ogcwkt"}},
    "a url": lambda url: {"type": "url", "properties": {"url": url}},
    "a name that is an address": lambda url: {"type": "name", "properties": {"name": url}},
}


@pytest.mark.parametrize("key", ["crs", "CRS", "\\u0063rs", "cr\\u0073"])
@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
def test_no_link_of_a_geojson_is_followed(tmp_path, internet, link, key):
    """Not at the top, not under another spelling of the key."""
    path = tmp_path / "a.geojson"
    path.write_text(kit.collection(SQUARE, crs=link(f"{internet}/crs.wkt")).replace('"crs"', f'"{key}"'))

    if key == "CRS":
        read_areas(str(path))  # it is a foreign member of no meaning (RFC 7946, section 6.1)
    else:
        assert "--area-crs" in refusal(path)


def test_a_link_in_a_geometry_is_not_followed(tmp_path, internet):
    """GDAL looks for a CRS in every object."""
    geometry = BOX | {"crs": LINKS["a link"](f"{internet}/crs.wkt")}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [kit.feature(geometry)]}))

    (area,) = read_areas(str(path))

    assert area.geometry.equals(SQUARE)
    assert any("single features" in note for note in area.notes)


def test_a_linked_crs_is_mended_by_stating_it(tmp_path, internet):
    """The refusal says how; the option is enough."""
    path = tmp_path / "a.geojson"
    path.write_text(kit.collection(SQUARE, crs=LINKS["a link"](internet)))

    assert "no link in an area is ever followed" in refusal(path)
    (area,) = read_areas(str(path), crs="EPSG:4326")
    assert area.geometry.equals(SQUARE)


VIRTUAL = (
    '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/vsicurl/{0}/x.geojson</SrcDataSource></OGRVRTLayer>'
    "</OGRVRTDataSource>"
)
TRICKS = {
    "a virtual dataset after a root": "<kml/>" + VIRTUAL,
    "a virtual dataset within": "<kml>" + VIRTUAL + "</kml>",
    "a schema of GML": (
        '<kml xmlns:gml="http://www.opengis.net/gml" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="{0} {0}/a.xsd"><gml:featureMember/></kml>'
    ),
    "a linked drawing": "<kml><NetworkLink><Link><href>{0}/a.kml</href></Link></NetworkLink></kml>",
    "a linked style": "<kml><Placemark><styleUrl>{0}/s.kml#a</styleUrl></Placemark></kml>",
    "an external entity": '<!DOCTYPE kml [<!ENTITY e SYSTEM "{0}/e">]><kml>&e;</kml>',
    "an external document type": '<!DOCTYPE kml SYSTEM "{0}/kml.dtd"><kml/>',
}


@pytest.mark.parametrize("suffix", [".kml", ".kmz"])
@pytest.mark.parametrize("content", TRICKS.values(), ids=TRICKS.keys())
def test_no_link_of_a_kml_is_followed(tmp_path, internet, content, suffix):
    """Linked drawings, styles, schemas, entities and other formats in disguise."""
    path = tmp_path / f"a{suffix}"
    text = content.replace("{0}", internet)
    if suffix == ".kml":
        path.write_text(text)
    else:
        kit.zipped(path, {"doc.kml": text})

    assert path.name in refusal(path)


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".fgb"])
def test_no_crs_of_a_binary_file_is_fetched(tmp_path, internet, suffix):
    """An address in place of the CRS, of the same length where the format counts bytes."""
    path = tmp_path / f"a{suffix}"
    kit.frame(SQUARE, crs="EPSG:32633" if suffix == ".gpkg" else 4326).set_crs(32633, allow_override=True).to_file(path)
    if suffix == ".shp":
        path.with_suffix(".prj").write_text(internet)
    elif suffix == ".gpkg":
        with sqlite3.connect(path) as database:
            database.execute("UPDATE gpkg_spatial_ref_sys SET organization = ?, definition = ?", (internet, internet))
    else:
        data = path.read_bytes()
        start = data.index(b"PROJCRS[")
        size = int.from_bytes(data[start - 4 : start], "little")
        path.write_bytes(data[:start] + internet.encode().ljust(size, b" ") + data[start + size :])

    with contextlib.suppress(UserError):  # what counts is said by the server
        read_areas(str(path))


ODD_NAMES = [
    "with blanks.geojson", "größe, 北京.geojson", "a#b.geojson", "a%20b.geojson", "a&b.geojson", "-dash.geojson",
    "semi;colon.geojson", "what?.geojson", "pipe|.geojson", "{brace}.geojson", "bang!.geojson", "a.zip!b.geojson",
    "http:a.geojson", "zip:a.geojson", "GeoJSON:a.geojson", "~nobody.geojson", "'quote\".geojson", "a.geojson.GEOJSON",
    "polygon.geojson", "POINT (1 1).geojson", "1,2,3,4.geojson", "line\nbreak.geojson", "*.geojson", "$HOME.geojson",
    "back\\slash.geojson", "[1].geojson", "@at.geojson", "=1.geojson", "vsizip.geojson",
    os.fsdecode(b"\xff\xfe.geojson"),
    "n" * 240 + ".geojson",
]  # fmt: skip


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: ascii(name)[:30])
def test_every_ordinary_name_is_the_name_of_a_file(tmp_path, monkeypatch, name, relative):
    """Nothing in a name has a meaning of its own."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(kit.collection(SQUARE))
    # What the name means to who takes it apart is another area.
    for decoy in ("semi", "what", "a.geojson", "b.geojson"):
        (tmp_path / decoy).write_text(kit.collection(shapely.box(0, 0, 1, 1)))

    (area,) = read_areas(name if relative else str(tmp_path / name))

    assert area.geometry.equals(SQUARE)


def test_folders_may_have_odd_names_too(tmp_path, monkeypatch):
    """`http:` and `a.zip` are folders like others, when they are there."""
    path = tmp_path / "http:" / "a.zip" / "x;y?z!" / "land.shp"
    path.parent.mkdir(parents=True)
    kit.frame(SQUARE).to_file(tmp_path / "land.shp")
    for member in tmp_path.glob("land.*"):
        member.rename(path.with_suffix(member.suffix))
    monkeypatch.chdir(tmp_path)

    (area,) = read_areas("http:/a.zip/x;y?z!/land.shp")

    assert area.geometry.equals(SQUARE)


@pytest.mark.parametrize("name", ["a.zip/land.shp", "a.zip!land.shp", "zip://a.zip!land.shp", "/vsizip/a.zip/land.shp"])
def test_no_path_leads_into_an_archive(tmp_path, monkeypatch, name):
    """An archive is given as a whole; what looks like a path into it is no file."""
    kit.frame(SQUARE).to_file(tmp_path / "land.shp")
    kit.zipped(tmp_path / "a.zip", {member.name: member for member in tmp_path.glob("land.*")})
    monkeypatch.chdir(tmp_path)
    for member in tmp_path.glob("land.*"):
        member.unlink()

    assert "no such file" in refusal(name) or "local files only" in refusal(name)


NESTED = {
    "WKT": ("GEOMETRYCOLLECTION(" * 50_000 + "POINT(1 1)" + ")" * 50_000, None),
    "WKT of brackets": ("POLYGON" + "(" * 200_000, None),
    "WKT in a file": ("GEOMETRYCOLLECTION(" * 50_000, ".wkt"),
    "GeoJSON": ('{"type":"Polygon","coordinates":' + "[" * 100_000, ".geojson"),
    "GeoJSON with a crs": (
        '{"crs":null,"type":"Polygon","coordinates":' + "[" * 100_000 + "]" * 100_000 + "}", ".json"
    ),
    "collections in GeoJSON": (
        '{"type":"GeometryCollection","crs":null,"geometries":[' * 3000 + "]}" * 3000, ".geojson"
    ),
    "a line of GeoJSON": ('{"type":"Polygon","coordinates":' + "[" * 100_000, ".geojsonl"),
    "KML": ("<kml>" + "<Folder>" * 100_000, ".kml"),
    "KML of collections": ("<kml><Placemark>" + "<MultiGeometry>" * 100_000, ".kml"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "suffix"), NESTED.values(), ids=NESTED.keys())
def test_nesting_without_end_is_refused_in_one_line(tmp_path, text, suffix):
    """No traceback, and no stack that overflows."""
    source = text
    if suffix:
        (tmp_path / f"deep{suffix}").write_text(text)
        source = str(tmp_path / f"deep{suffix}")

    assert refusal(source)


def test_entities_that_multiply_are_refused(tmp_path):
    """A billion laughs are a document type, and no KML has one."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    path = tmp_path / "a.kml"
    path.write_text(f"<!DOCTYPE kml [{entities}]><kml><Document><name>&l9;</name></Document></kml>")

    assert "entities" in refusal(path)


@pytest.mark.parametrize(
    ("name", "member"),
    [("a.kmz", "doc.kml"), ("a.zip", "land.shp"), ("a.zip", "land.gpkg"), ("a.shz", "land.dbf"), ("a.zip", "a.wkt")],
)
def test_an_archive_that_swells_is_refused(tmp_path, monkeypatch, name, member):
    """It stops at the cap, whatever its own list of sizes says."""
    monkeypatch.setattr(archive, "HARMLESS_BYTES", 2**20)
    others = {"land.shp": b"\0\0\x27\x0a"} if member == "land.dbf" else {}
    kit.zipped(tmp_path / name, others | {member: bytes(2**24)})

    assert "unpack to more than 3." in refusal(tmp_path / name)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        pytest.param(lambda data: data[: len(data) // 2], "cannot be unpacked", id="half of it"),
        pytest.param(
            lambda data: data.replace(b"\0\0\x08\0", b"\0\0\x63\0"), "cannot be unpacked", id="unknown method"
        ),
        pytest.param(lambda _: b"PK\x05\x06" + bytes(18), "no vector file", id="empty"),
        pytest.param(lambda _: b"Rar!\x1a\x07", "does not begin like a zip", id="another kind"),
    ],
)
def test_a_damaged_archive_is_refused_in_one_line(tmp_path, spoil, found):
    """Whatever zipfile raises."""
    path = kit.zipped(tmp_path / "a.zip", {"a.geojson": kit.collection(SQUARE) * 50})
    path.write_bytes(spoil(path.read_bytes()))

    assert found in refusal(path)


def test_names_in_an_archive_are_never_paths(tmp_path):
    """Nothing is written beside the temporary folder."""
    inside = tmp_path / "in"
    inside.mkdir()
    path = kit.zipped(inside / "a.zip", {"../../evil.geojson": kit.collection(SQUARE)})

    (area,) = read_areas(str(path))

    assert area.geometry.equals(SQUARE)
    assert [entry.name for entry in tmp_path.rglob("*.geojson")] == []


def test_a_geopackage_with_tables_that_open_files_is_refused(tmp_path):
    """A virtual table may name any file or address as its content."""
    path = tmp_path / "a.gpkg"
    kit.frame(SQUARE).to_file(path)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA writable_schema = 1")
        sql = "CREATE VIRTUAL TABLE far USING VirtualOGR('/vsicurl/http://127.0.0.1:9/a')"
        row = ("table", "far", "far", 0, sql)
        database.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", row)

    assert "'far' is made by 'virtualogr'" in refusal(path)


def test_an_sqlite_file_that_is_no_geopackage_is_refused(tmp_path):
    """Another driver would take it otherwise."""
    path = tmp_path / "a.gpkg"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (a)")

    assert "no GeoPackage" in refusal(path)


def test_a_table_of_more_rows_than_an_area_has_is_refused(tmp_path):
    """A few bytes of Parquet stand for any number of rows."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    ones = pyarrow.array([1] * 1_000, pyarrow.int8())
    table = pyarrow.table({"a": pyarrow.chunked_array([ones] * 12_000)})
    parquet.write_table(table, tmp_path / "a.parquet")

    assert "12,000,000 rows" in refusal(tmp_path / "a.parquet")


def test_a_geometry_that_is_told_once_and_meant_millions_of_times_is_refused(tmp_path):
    """Parquet tells values by number; what they are together is counted before they are written out."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path, wkb = tmp_path / "a.parquet", shapely.Point(14, 46).buffer(0.01, quad_segs=4_000).wkb
    kit.frame(SQUARE).to_parquet(path)
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 6_000, pyarrow.int32()), [wkb])
    told = parquet.read_schema(path).metadata
    parquet.write_table(pyarrow.table({"geometry": column}).replace_schema_metadata(told), path)
    assert path.stat().st_size < len(wkb) * 2 < 2**30 < 6_000 * len(wkb)

    assert "more than 1.0 GiB when they are written out" in refusal(path)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param("CREATE VIEW far AS SELECT 1 AS fid, zeroblob(9) AS geom", "'far' is computed", id="a view"),
        pytest.param(
            "ALTER TABLE a ADD COLUMN more BLOB GENERATED ALWAYS AS (zeroblob(9)) VIRTUAL",
            "'a' is computed",
            id="a generated column",
        ),
    ],
)
def test_a_layer_that_is_computed_when_it_is_read_is_refused(tmp_path, statement, said):
    """An expression of its author may take any time and memory: a view of numbers without end, a blob of zeros."""
    path = tmp_path / "a.gpkg"
    kit.frame(SQUARE).to_file(path)
    with sqlite3.connect(path) as database:
        database.execute(statement)
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('far', 'features', 'f')"
        )

    assert said in refusal(path)


def test_the_users_folder_is_left_as_it_was(tmp_path):
    """What is unpacked, rebuilt or rewritten lies elsewhere."""
    kit.frame(SQUARE).to_file(tmp_path / "land.shp")
    kit.zipped(tmp_path / "a.zip", {member.name: member for member in tmp_path.glob("land.*")})
    (tmp_path / "land.shx").unlink()
    before = sorted((entry.name, entry.stat().st_mtime_ns) for entry in tmp_path.iterdir())

    read_areas(str(tmp_path / "a.zip"))
    read_areas(str(tmp_path / "land.shp"))

    assert sorted((entry.name, entry.stat().st_mtime_ns) for entry in tmp_path.iterdir()) == before
