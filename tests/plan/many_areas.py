"""Three hundred areas: how each is written, and what it truly is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import area_files as kit
import numpy as np
import pyproj
import shapely

Make = Callable[[Path], "str | Path"]


@dataclass(frozen=True)
class Case:
    """
    One area.

    Attributes:
        make: Writes it into a folder; returns what is typed for it.
        truth: What it is, in `crs`; None if it is no area, or can only be refused.
        crs: The CRS in which its edges are straight.
        target: The CRS of the grid; None is the UTM zone.
        options: Options of reading it.
    """

    make: Make
    truth: Any = None
    crs: str = "EPSG:4326"
    target: str | None = None
    options: tuple[tuple[str, str], ...] = ()


def _star(x, y, size, points=40):
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    radius = size * np.where(np.arange(points) % 2, 1.0, 0.55)
    return shapely.Polygon(np.column_stack((x + radius * np.cos(angle), y + radius * np.sin(angle))))


def _archipelago(x, y, size):
    rng = np.random.default_rng(7)
    at = np.add(rng.uniform(-size, size, (120, 2)), (x, y))
    return shapely.union_all(shapely.buffer(shapely.points(at), rng.uniform(0.02, 0.08, 120) * size, quad_segs=4))


def _shapes(x, y, size):
    square = shapely.box(x - size, y - size, x + size, y + size)
    above = shapely.box(x, y + 2 * size, x + size, y + 3 * size)
    hole = shapely.box(x - size / 3, y - size / 4, x + size / 4, y + size / 3)
    return {
        "box": square,
        "hole": square.difference(hole),
        "island in a hole": square.difference(hole).union(shapely.box(x - size / 9, y - size / 9, x, y)),
        "pieces": shapely.MultiPolygon([square, _star(x + 3 * size, y, size), above]),
        "star": _star(x, y, size),
        "islands": _archipelago(x, y, size),
        "sliver": shapely.Polygon([(x, y), (x + size, y + size), (x + size, y + size * 1.05)]),
        "corner": square.difference(shapely.box(x, y, x + size, y + size)),
        "heights": shapely.force_3d(_star(x, y, size, 12), 100.0),
        "tiny": shapely.box(x, y, x + size / 2000, y + size / 2000),
    }  # fmt: skip


def _frame(path, shape, crs="EPSG:4326", **options):
    parts = list(shapely.get_parts(shape)) if options.pop("apart", False) else [shape]
    kit.frame(*parts, crs=crs).to_file(path, **options)
    return path


def _lines(path, shape):
    path.write_text("\n".join(json.dumps(kit.feature(part)) for part in shapely.get_parts(shape)))
    return path


def _kml(path, shape):
    features = []
    for part in shapely.get_parts(shape):
        rings = [" ".join(f"{x!r},{y!r}" for x, y, *_ in ring.coords) for ring in (part.exterior, *part.interiors)]
        drawn = [f"<LinearRing><coordinates>{ring}</coordinates></LinearRing>" for ring in rings]
        inner = "".join(f"<innerBoundaryIs>{ring}</innerBoundaryIs>" for ring in drawn[1:])
        polygon = f"<Polygon><outerBoundaryIs>{drawn[0]}</outerBoundaryIs>{inner}</Polygon>"
        features.append(f"<Placemark>{polygon}</Placemark>")
    path.write_text(kit.KML.format("".join(features)))
    return path


def _zipped(folder, shape, name="land.zip"):
    inner = folder / "inner"
    inner.mkdir()
    _frame(inner / "land.shp", shape)
    return kit.zipped(folder / name, {member.name: member for member in inner.iterdir()})


def _parquet(path, shape):
    kit.frame(shape).to_parquet(path)
    return path


def _written(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return path


FORMATS = {
    "shp": lambda folder, shape: _frame(folder / "land.shp", shape),
    "shp in parts": lambda folder, shape: _frame(folder / "land.shp", shape, apart=True),
    "gpkg": lambda folder, shape: _frame(folder / "land.gpkg", shape),
    "geojson": lambda folder, shape: _frame(folder / "land.geojson", shape, COORDINATE_PRECISION=15),
    "bare geometry": lambda folder, shape: _written(folder / "a.json", json.dumps(shapely.geometry.mapping(shape))),
    "geojson in lines": lambda folder, shape: _lines(folder / "land.geojsonl", shape),
    "ndjson": lambda folder, shape: _lines(folder / "land.ndjson", shape),
    "fgb": lambda folder, shape: _frame(folder / "land.fgb", shape),
    "kml": lambda folder, shape: _kml(folder / "land.kml", shape),
    "kmz": lambda folder, shape: kit.zipped(folder / "a.kmz", {"doc.kml": _kml(folder / "land.kml", shape)}),
    "zipped shp": _zipped,
    "parquet": lambda folder, shape: _parquet(folder / "land.parquet", shape),
    "wkt file": lambda folder, shape: _written(folder / "land.wkt", shapely.to_wkt(shape, rounding_precision=15)),
    "wkt typed": lambda _folder, shape: shapely.to_wkt(shape, rounding_precision=15),
}  # fmt: skip

PLACES = {
    "Greenwich": (0.3, 0.2), "Chile": (-70, -33), "Norway": (10, 62), "zone border": (12, 47), "far north": (25, 79),
    "far south": (-60, -76), "Fiji": (179.9, -17), "Fiji from the west": (-180.05, -17), "counted to 360": (200, -16),
    "Aleutians": (-179.8, 52), "last degree": (179.4, 10), "first degree": (-179.4, 10),
}  # fmt: skip
TARGETS = (None, "EPSG:4326", "EPSG:3857", "EPSG:6933", "EPSG:3995", "EPSG:32633")

# Projected and geographic CRS of many countries; some define their axes north first, or count in feet.
SOURCES = {
    "EPSG:32633": (15, 46), "EPSG:32719": (-70, -33), "EPSG:3035": (10, 52), "EPSG:27700": (-2, 53),
    "EPSG:2056": (8, 47), "EPSG:5514": (15, 49.8), "EPSG:3067": (26, 62), "EPSG:2154": (3, 46.5),
    "EPSG:25832": (9, 50), "EPSG:3395": (30, 10), "EPSG:3413": (-45, 80), "EPSG:3031": (0, -78),
    "EPSG:28355": (147, -37), "EPSG:2193": (173, -41), "EPSG:31467": (9, 50), "EPSG:2180": (19, 52),
    "EPSG:3826": (121, 23.5), "EPSG:5070": (-96, 38), "EPSG:2227": (-122, 37.8), "EPSG:6933": (20, 10),
    "EPSG:4258": (10, 50), "EPSG:4269": (-100, 40), "EPSG:4283": (134, -25), "EPSG:4674": (-55, -15),
}  # fmt: skip

NAMES = [
    "with blanks.geojson", "größe.geojson", "北京.geojson", "a#b.geojson", "a%20b.geojson", "a&b.geojson",
    "-dash.geojson", "semi;colon.geojson", "what?.geojson", "pipe|.geojson", "{brace}.geojson", "a.zip!b.geojson",
    "http:a.geojson", "~nobody.geojson", "quote'\".geojson", "polygon.geojson", "1,2,3,4.geojson", "*.geojson",
    "line\nbreak.geojson", "back\\slash.geojson", "$(id).geojson", "vsicurl.geojson", "UPPER.GEOJSON",
    os.fsdecode(b"\xff\xfe.geojson"),
]  # fmt: skip

FAR = "http://area.invalid/a"
LINK = {"type": "link", "properties": {"href": FAR, "type": "ogcwkt"}}
VIRTUAL = (
    f'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/vsicurl/{FAR}</SrcDataSource></OGRVRTLayer>'
    "</OGRVRTDataSource>"
)
SQUARE = shapely.box(14, 46, 14.5, 46.5)
RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


def _polygon(ring):
    return json.dumps(kit.feature({"type": "Polygon", "coordinates": [ring]}))


REFUSED: dict[str, Make | str] = {
    "no file": "absent.shp",
    "address": FAR,
    "virtual path": f"/vsicurl/{FAR}",
    "path into an archive": "/vsizip/a.zip/land.shp",
    "box upside down": "14,47,15,46",
    "box of nothing": "14,46,14,46",
    "box not a number": "nan,46,15,47",
    "box of metres": "500000,5000000,510000,5010000",
    "box of an unknown CRS": "14,46,15,47;EPSG:999999",
    "latitudes beyond 90": "14,89,15,91",
    "exchanged": "14,146,15,147",
    "round the Earth": "-180,-10,180,10",
    "WKT without end": "POLYGON((14 46, 15 46",
    "WKT nested": "GEOMETRYCOLLECTION(" * 10_000,
    "WKT point": "POINT(14 46)",
    "WKT empty": "POLYGON EMPTY",
    "empty file": lambda folder: _written(folder / "a.shp", ""),
    "no features": lambda folder: _written(folder / "a.geojson", kit.collection()),
    "half a geojson": lambda folder: _written(folder / "a.geojson", kit.collection(SQUARE)[:90]),
    "no JSON": lambda folder: _written(folder / "a.json", "{hello}"),
    "other JSON": lambda folder: _written(folder / "a.json", '{"hello": 1}'),
    "nested JSON": lambda folder: _written(folder / "a.json", '{"crs":1,"a":' + "[" * 50_000),
    "a link": lambda folder: _written(folder / "a.geojson", kit.collection(SQUARE, crs=LINK)),
    "an unknown crs": lambda folder: _written(folder / "a.geojson", kit.collection(SQUARE, crs={"type": "x"})),
    "a pipeline": lambda folder: _written(folder / "a.json", f'{{"type":"gdal_streamed_alg","x":"read {FAR}"}}'),
    "lines": lambda folder: _written(folder / "a.geojson", kit.collection(SQUARE.exterior)),
    "not a number": lambda folder: _written(folder / "a.geojson", _polygon([[0, 0], [1, float("nan")], [1, 1]])),
    "infinite": lambda folder: _written(folder / "a.geojson", _polygon([[0, 0], [1, float("inf")], [1, 1]])),
    "flat": lambda folder: _written(folder / "a.geojson", _polygon([[0, 0], [1, 1], [2, 2], [0, 0]])),
    "two points": lambda folder: _written(folder / "a.geojson", _polygon([[0, 0], [1, 1]])),
    "across 180 unsaid": lambda folder: _written(folder / "a.json", _polygon([[177, 0], [-177, 0], [177, 5]])),
    "null only": lambda folder: _written(folder / "a.geojson", json.dumps(kit.feature(None))),
    "coordinates of text": lambda folder: _written(folder / "a.json", _polygon([["x", "y"]] * 4)),
    "latin-1 JSON": lambda folder: _written(folder / "a.geojsonl", kit.collection(SQUARE).encode() + b"\n\xff"),
    "virtual dataset": lambda folder: _written(folder / "a.kml", VIRTUAL),
    "virtual dataset in KML": lambda folder: _written(folder / "a.kml", f"<kml/>{VIRTUAL}"),
    "linked KML": lambda folder: _written(folder / "a.kml", f"<kml><NetworkLink><href>{FAR}</href></NetworkLink>"),
    "entities": lambda folder: _written(folder / "a.kml", f'<!DOCTYPE kml [<!ENTITY e SYSTEM "{FAR}">]><kml>&e;</kml>'),
    "half a KML": lambda folder: _written(folder / "a.kml", kit.KML.format(kit.placemark(SQUARE))[:150]),
    "no archive": lambda folder: _written(folder / "a.zip", "PK\x03\x04 and no more"),
    "an archive of nothing": lambda folder: kit.zipped(folder / "a.zip", {"README": "x"}),
    "a bomb": lambda folder: kit.zipped(folder / "a.kmz", {"doc.kml": bytes(70 * 2**20)}),
    "no GeoPackage": lambda folder: _written(folder / "a.gpkg", "SQLite format 3\0 and no more"),
    "no Parquet": lambda folder: _written(folder / "a.parquet", "PAR1 and no more"),
    "no FlatGeobuf": lambda folder: _written(folder / "a.fgb", b"fgb\x03fgb\x01" + bytes(40)),
    "a short shapefile": lambda folder: _written(folder / "a.shp", b"\0\0\x27\x0a" + bytes(50)),
    "no extension": lambda folder: _written(folder / "area", "x"),
    "a spreadsheet": lambda folder: _written(folder / "area.csv", "WKT\nPOINT(1 1)"),
    "a folder": lambda folder: folder,
}  # fmt: skip

POLES = {
    "cap": ("-180,82,180,90", shapely.box(-180, 82, 180, 90), "EPSG:3413"),
    "ring": ("0,80,360,85", shapely.box(-180, 80, 180, 85), "EPSG:3413"),
    "southern cap": ("-180,-90,180,-75", shapely.box(-180, -90, 180, -75), "EPSG:3031"),
    "three quarters": ("-130,75,130,80", shapely.box(-130, 75, 130, 80), "EPSG:3995"),
}


def cases() -> dict[str, Case]:
    """Return every case by a name in words."""
    found: dict[str, Case] = {}
    for kind, write in FORMATS.items():
        for name, shape in _shapes(14.3, 46.2, 0.1).items():
            found[f"{name} as {kind}"] = Case(lambda folder, w=write, s=shape: w(folder, s), shape)
    for place, (x, y) in PLACES.items():
        star = _star(x, y, 0.3)
        for target in TARGETS if y > -60 else (None, "EPSG:4326", "EPSG:3857", "EPSG:6933", "EPSG:3031"):
            found[f"{place} in {target or 'UTM'}"] = Case(
                lambda folder, s=star: _frame(folder / "land.gpkg", s), star, target=target
            )
    for crs, (x, y) in SOURCES.items():
        to_crs = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        size = 0.2 if pyproj.CRS(crs).is_geographic else 20_000
        star = _star(*to_crs.transform(x, y), size)
        for suffix in (".gpkg", ".shp"):
            found[f"{crs} as {suffix}"] = Case(
                lambda folder, s=star, c=crs, e=suffix: _frame(folder / f"land{e}", s, c), star, crs
            )
    for name in NAMES:
        found[f"called {name!a}"] = Case(lambda folder, n=name: _written(folder / n, kit.collection(SQUARE)), SQUARE)
    for name, make in REFUSED.items():
        found[f"refused: {name}"] = Case(make if callable(make) else lambda _folder, m=make: m)
    for name, (box, truth, target) in POLES.items():
        found[f"pole: {name}"] = Case(lambda _folder, b=box: b, truth, target=target)
    return found
