"""Area files that are damaged, lie, swell or lead elsewhere: valid ones made here, mutated from a seed, and tricks."""

from __future__ import annotations

import io
import json
import os
import random
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import geopandas
import shapely

SQUARE = shapely.box(14.00, 46.00, 14.02, 46.02)
SHAPES = [SQUARE, shapely.box(14.03, 46.0, 14.04, 46.01).difference(shapely.box(14.033, 46.003, 14.036, 46.006))]
Make = Callable[[Path], None]


def valid(folder: Path) -> dict[str, bytes]:
    """Return one file of each kind, by its name; a shapefile is an archive."""
    frame = geopandas.GeoDataFrame({"name": ["one", "two"]}, geometry=SHAPES, crs="EPSG:4326")
    for suffix in ("gpkg", "geojson", "fgb", "shp"):
        frame.to_file(folder / f"valid.{suffix}")
    frame.to_parquet(folder / "valid.parquet")
    members = {path.name: path.read_bytes() for path in folder.glob("valid.*") if path.suffix in _SHAPEFILE}
    kml = _kml("".join(_placemark(shape) for shape in SHAPES))
    others = {"valid.kml": kml, "valid.wkt": SQUARE.wkt.encode()}
    others |= {"valid.zip": zipped(members), "valid.kmz": zipped({"doc.kml": kml})}
    lines = "\n".join(json.dumps(feature) for feature in json.loads(frame.to_json())["features"])
    kinds = {f"valid.{suffix}": (folder / f"valid.{suffix}").read_bytes() for suffix in _SINGLE}
    return kinds | others | {"valid.geojsonl": lines.encode()}


_SHAPEFILE = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_SINGLE = ("gpkg", "geojson", "fgb", "parquet", "shp")


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Return a file with some damage."""
    body = bytearray(data)
    for _ in range(dice.choice((1, 2, 4, 16))):
        at, kind = dice.randrange(max(len(body), 1)), dice.randrange(8)
        span = dice.randrange(1, max(len(body) // 4, 2))
        if kind == 0:
            body[at : at + 1] = bytes([dice.randrange(256)])
        elif kind == 1:
            body[at : at + 8] = struct.pack("<d", dice.choice((float("nan"), float("inf"), -1e308, 1e-308)))
        elif kind == 2:
            del body[at : at + span]
        elif kind == 3:
            body[at:at] = body[at : at + span]
        elif kind == 4:
            body[at : at + span] = bytes(min(span, len(body) - at))
        elif kind == 5:
            body[at : at + 4] = struct.pack("<I", dice.choice((0, 2**31 - 1, 2**32 - 1)))
        elif kind == 6:
            body[at:at] = dice.choice((b"NaN", b"1e999", b"[[", b"}", b"\0", b"&lt;", b"<!DOCTYPE x>", b"\xff\xfe"))
        else:
            del body[at:]
    return bytes(body)


def zipped(members: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return content.getvalue()


def _placemark(shape: shapely.Polygon) -> str:
    ring = " ".join(f"{x},{y},0" for x, y in shape.exterior.coords)
    return (
        "<Placemark><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    )


def _kml(inside: str) -> bytes:
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{inside}</Document></kml>'.encode()


def _geojson(coordinates: object, kind: str = "Polygon", **more: object) -> bytes:
    return json.dumps({"type": kind, "coordinates": coordinates} | more).encode()


def contents(address: str) -> Iterator[tuple[str, bytes]]:
    """Yield files that no chance finds, by name."""
    ring = [[14.0, 46.0], [14.02, 46.0], [14.02, 46.02], [14.0, 46.0]]
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    yield "laughs.kml", f"<!DOCTYPE kml [{laughs}]><kml><Document><name>&l9;</name></Document></kml>".encode()
    yield "entity.kml", b'<!DOCTYPE kml [<!ENTITY e SYSTEM "file:///etc/passwd">]><kml>&e;</kml>'
    yield "remote.kml", f'<!DOCTYPE kml SYSTEM "{address}/kml.dtd"><kml/>'.encode()
    yield "link.kml", _kml(f"<NetworkLink><Link><href>{address}/a.kml</href></Link></NetworkLink>")
    yield "deep.kml", b"<kml>" + b"<Folder>" * 100_000
    yield "quadratic.kml", b"<kml><Document " + b"a" * 12_000_000  # in pieces a minute and more
    yield "deep.geojson", b'{"type":"Polygon","coordinates":' + b"[" * 100_000
    yield "deep.geojsonl", b'{"type":"Polygon","coordinates":' + b"[" * 100_000
    yield "collections.geojson", b'{"type":"GeometryCollection","crs":0,"geometries":[' * 3000 + b"]}" * 3000
    yield "deep.wkt", b"GEOMETRYCOLLECTION(" * 50_000
    yield "nan.geojson", b'{"type":"Polygon","coordinates":[[[NaN,1],[2,1],[2,2],[NaN,1]]]}'
    yield "inf.geojson", b'{"type":"Polygon","coordinates":[[[1e999,1],[2,1],[2,2],[1e999,1]]]}'
    yield "far.geojson", _geojson([[[1e308, 1], [2, 1], [2, 2], [1e308, 1]]])
    yield "line.geojson", _geojson(ring, "LineString")
    yield "point.geojson", _geojson([14, 46], "Point")
    yield "texts.geojson", _geojson([[["14", "46"], ["15", "46"], ["15", "47"], ["14", "46"]]])
    yield "empty.geojson", _geojson([])
    yield "null.geojson", b'{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null}]}'
    yield "few.geojson", _geojson([ring[:2]])
    yield "linked.geojson", _geojson([ring], crs={"type": "link", "properties": {"href": f"{address}/a"}})
    yield "named.geojson", _geojson([ring], crs={"type": "name", "properties": {"name": f"{address}/a"}})
    yield "pipeline.json", b'{"type":"gdal_streamed_alg","command_line":"gdal raster info /etc/passwd"}'
    yield "topo.json", b'{"type":"Topology","objects":{},"arcs":[]}'
    esri = {"geometryType": "esriGeometryPolygon", "features": [], "url": address}
    yield "esri.json", json.dumps(esri).encode()
    yield "huge number.geojson", b'{"type":"Polygon","coordinates":[[[' + b"9" * 5_000 + b",1],[2,1],[2,2],[1,1]]]}"
    virtual = (
        f"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/vsicurl/{address}/x</SrcDataSource></OGRVRTLayer>"
    )
    for suffix in ("geojson", "kml", "shp", "gpkg", "fgb", "wkt", "zip"):
        yield f"virtual.{suffix}", virtual.encode()
    yield "swells.zip", zipped({"a.geojson": b"[" * (100 << 20)})
    yield "swells.kmz", zipped({"doc.kml": b"<kml>" + b" " * (100 << 20)})
    yield "members.zip", zipped({f"{n}.txt": b"" for n in range(12_000)})
    yield "climbs.zip", zipped({"../../climbed.geojson": b"{}", "/etc/climbed.geojson": b"{}"})
    inner = zipped({"a.geojson": _geojson([ring])})
    yield "nested.zip", zipped({"a.zip": inner})
    yield "two.zip", zipped({"a.geojson": b"{}", "b.geojson": b"{}"})
    yield "count.shp", struct.pack(">7i", 9994, 0, 0, 0, 0, 0, 2**30) + struct.pack("<2i8d", 1000, 5, *[0.0] * 8)
    record = struct.pack("<5i", 5, 0, 0, 0, 0) + bytes(16) + struct.pack("<2i", 2**31 - 1, 2**31 - 1)
    head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, 82) + struct.pack("<2i8d", 1000, 5, *[0.0] * 8)
    yield "points.shp", head + struct.pack(">2i", 1, 28) + record
    yield "header.fgb", b"fgb\x03fgb\0" + struct.pack("<I", 2**31 - 1) + bytes(64)
    yield "wrong.parquet", b"PAR1" + struct.pack("<I", 2**31 - 1) + b"PAR1"
    yield "plain.csv", b"wkt\nPOLYGON((14 46,15 46,15 47,14 46))\n"
    yield "layer.gml", f'<gml xsi:schemaLocation="{address} {address}/a.xsd"/>'.encode()
    yield "service.xml", f"<WFS url='{address}'/>".encode()
    yield "connection.pgdump", b"PG:host=127.0.0.1"
    yield "zeros.geojson", bytes(1000)
    yield "nothing.gpkg", b""


def _database(path: Path, *statements: str) -> None:
    frame = geopandas.GeoDataFrame({"name": ["one"]}, geometry=[SQUARE], crs="EPSG:4326")
    frame.to_file(path, layer="area")
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


_LISTED = (
    "UPDATE gpkg_contents SET table_name = 'v', identifier = 'v'",
    "UPDATE gpkg_geometry_columns SET table_name = 'v'",
    "DELETE FROM gpkg_ogr_contents",
)
_ENDLESS = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS fid, CAST(x AS BLOB) AS geom FROM n"
)


def _endless_view(path: Path) -> None:
    _database(path, "DROP TABLE IF EXISTS rtree_area_geom", f"CREATE VIEW v AS {_ENDLESS}", *_LISTED)


def _view_of_a_gigabyte(path: Path) -> None:
    _database(path, "CREATE VIEW v AS SELECT fid, zeroblob(999999999) AS geom FROM area", *_LISTED)


def _generated(path: Path) -> None:
    grown = "ALTER TABLE area ADD COLUMN more BLOB GENERATED ALWAYS AS (zeroblob(999999999)) VIRTUAL"
    _database(path, grown)


def _dictionary(path: Path) -> None:
    """Ten million rows of one polygon of a megabyte: a few bytes as Parquet, ten terabytes as a table."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    circle = shapely.Point(14, 46).buffer(0.01, quad_segs=16_000).wkb
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000_000, pa.int32()), [circle])
    frame = geopandas.GeoDataFrame(geometry=[SQUARE], crs="EPSG:4326")
    frame.to_parquet(path)
    told = parquet.read_schema(path).metadata
    parquet.write_table(pa.table({"geometry": column}).replace_schema_metadata(told), path)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _circle(path: Path) -> None:
    path.symlink_to(path.name)


def _secret(path: Path) -> None:
    path.symlink_to("/etc/passwd")


MADE: Mapping[str, Make] = {
    "endless.gpkg": _endless_view,
    "gigabyte.gpkg": _view_of_a_gigabyte,
    "generated.gpkg": _generated,
    "dictionary.parquet": _dictionary,
    "pipe.geojson": _fifo,
    "pipe.shp": _fifo,
    "zero.kml": _device,
    "zero.zip": _device,
    "circle.geojson": _circle,
    "passwd.geojson": _secret,
    "folder.gpkg": Path.mkdir,
}


def sources(address: str) -> list[str]:
    """Return what is no file at all."""
    return [
        f"{address}/a.geojson", f"/vsicurl/{address}/a.geojson", f"/vsicurl?url={address}", "/vsizip/a.zip/a.shp",
        "/vsistdin/", "/dev/stdin", "/dev/zero", "/proc/self/mem", "/proc/self/environ", "/etc/passwd", "/etc/shadow",
        "file:///etc/passwd", f"WFS:{address}", "PG:host=127.0.0.1 dbname=a", "zip://a.zip!a.shp", "a.zip!a.shp",
        f"vrt://{address}", "GPKG:valid.gpkg:area", "s3://bucket/a.geojson", "gs://bucket/a.geojson", "", " ", ".",
        "..", "/", "\0", "a\0.geojson", "1,2,3", "1,2,3,4,5", "nan,46,15,47", "inf,46,15,47", "15,46,14,47",
        "14,46,14,46",
        "1e308,46,1e309,47", "-1000,46,15,47", "14,46,15,47;EPSG:99999999", "14,46,15,47;EPSG:-1", "POLYGON((",
        "POLYGON((14 46))", "POLYGON((14 nan,15 46,15 47,14 nan))", "POINT(14 46)", "SRID=999999;POINT EMPTY",
        "POLYGON EMPTY", "A" * 300, "x" * 100_000, "../" * 2000 + "etc/passwd", "~root/.ssh/id_rsa", "$(id)", "`id`",
        "%s%n%x", "\u202egnp.geojson", "-rf", "--help",
    ]  # fmt: skip


def corpus(seed: int, count: int, folder: Path, scratch: Path, address: str) -> Iterator[tuple[str, str]]:
    """Write files into `folder` and yield a name and the source for each: every trick, then mutations up to `count`."""
    dice = random.Random(seed)  # noqa: S311  the same corpus each time
    made = 0
    for name, content in contents(address):
        (folder / name).write_bytes(content)
        made += 1
        yield name, str(folder / name)
    for name, make in MADE.items():
        make(folder / name)
        made += 1
        yield name, str(folder / name)
    for source in sources(address):
        made += 1
        yield f"source {source[:40]!r}", source
    kinds = sorted(valid(scratch).items())
    for number in range(count - made):
        name, content = kinds[number % len(kinds)]
        path = folder / f"{number:04d}{Path(name).suffix}"
        path.write_bytes(mutated(content, dice))
        yield f"mutation {number} of {name}", str(path)
