"""Writes tables as files: CSV, GeoJSON, KML, KMZ, shapefiles and TFRecord."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.edges import planar
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84
from orchestrator.sandbox.earthengine.evaluate.requested_table import RequestedFeature, RequestedTable
from orchestrator.sandbox.earthengine.table_records import records
from orchestrator.sandbox.earthengine.table_texts import text

INDEX, PLACE = "system:index", ".geo"
# What stands in the column of geometries of a feature without one, in published files.
NOWHERE = {"type": "MultiPoint", "coordinates": []}
EXTENSIONS = {
    "CSV": "csv",
    "GEO_JSON": "geojson",
    "KML": "kml",
    "KMZ": "kmz",
    "SHP": "shp",
    "TF_RECORD_TABLE": "tfrecord.gz",
}
CONTENT_TYPES = {
    "csv": "text/csv",
    "geojson": "application/geo+json",
    "kml": "application/vnd.google-earth.kml+xml",
    "kmz": "application/vnd.google-earth.kmz",
    "tfrecord.gz": "application/gzip",
}
MAX_COLUMN = 10  # characters of a column's name in a shapefile
_KML = "http://www.opengis.net/kml/2.2"


def write(
    table: RequestedTable, kind: str, selectors: Sequence[str] | None, scratch: Path
) -> list[tuple[str, Path, str]]:
    """
    Write a table into the folder `scratch`.

    Returns:
        Each file's extension, path and content type; a shapefile has several.

    Raises:
        EvaluationError: If the format cannot hold the table.
    """
    if kind == "SHP":
        paths = _shapefile(table, selectors, scratch)
        return [(path.suffix[1:], path, "application/octet-stream") for path in paths]
    extension = EXTENSIONS[kind]
    path = scratch / f"table.{extension}"
    path.write_bytes(document(table, kind, selectors))
    return [(extension, path, CONTENT_TYPES[extension])]


def document(table: RequestedTable, kind: str, selectors: Sequence[str] | None) -> bytes:
    """Give a table as the content of a single file."""
    return _WRITERS[kind](table, selectors)


def feature_json(feature: RequestedFeature, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Give a feature as GeoJSON, in EPSG:4326 with straight edges."""
    values = feature.json()
    answer: dict[str, Any] = {
        "type": "Feature",
        "geometry": None if feature.geometry is None else _geojson(planar(feature.geometry)),
        "properties": values if names is None else {name: values[name] for name in names if name in values},
    }
    return answer if feature.index is None else {**answer, "id": feature.index}


def _geojson(shape: BaseGeometry) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(shapely.to_geojson(shape))
    return made


def _properties(table: RequestedTable, selectors: Sequence[str] | None, format_name: str) -> list[str]:
    """
    Give the names of the columns without that of the geometry.

    Raises:
        EvaluationError: If a format made for geometries is to have none.
    """
    if selectors is None:
        return table.columns
    if PLACE not in selectors:
        raise not_imitated(f"{format_name} of selected columns without '.geo'")
    return [name for name in selectors if name != PLACE]


def _csv(table: RequestedTable, selectors: Sequence[str] | None) -> bytes:
    columns = [INDEX, *table.columns, PLACE] if selectors is None else list(selectors)
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(feature, column) for column in columns] for feature in table.features)
    return lines.getvalue().encode()


def _cell(feature: RequestedFeature, column: str) -> str:
    if column == INDEX:
        return feature.index or ""
    if column == PLACE:
        return json.dumps(_place(feature.geometry), separators=(",", ":"))
    return text(feature.properties.get(column))


def _place(geometry: Geometry | None) -> dict[str, Any]:
    if geometry is None:
        return NOWHERE
    shown = geometry.geojson() if geometry.projection.crs == WGS84 else _geojson(planar(geometry))
    return {**{key: shown[key] for key in ("geodesic",) if key in shown}, **shown}


def _geo_json(table: RequestedTable, selectors: Sequence[str] | None) -> bytes:
    names = None if selectors is None else _properties(table, selectors, "GeoJSON")
    features = [feature_json(feature, names) for feature in table.features]
    return json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":")).encode()


def _kml(table: RequestedTable, selectors: Sequence[str] | None) -> bytes:
    names = _properties(table, selectors, "KML")
    root = ET.Element("kml", xmlns=_KML)
    body = ET.SubElement(root, "Document")
    for feature in table.features:
        mark = ET.SubElement(body, "Placemark", {} if feature.index is None else {"id": feature.index})
        data = ET.SubElement(mark, "ExtendedData")
        for name in names:
            if feature.properties.get(name) is not None:
                ET.SubElement(ET.SubElement(data, "Data", name=name), "value").text = text(feature.properties[name])
        if feature.geometry is not None:
            _kml_shape(mark, planar(feature.geometry))
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _kml_shape(parent: ET.Element, shape: Any) -> None:
    if hasattr(shape, "geoms"):
        several = ET.SubElement(parent, "MultiGeometry")
        for part in shape.geoms:
            _kml_shape(several, part)
    elif shape.geom_type == "Polygon":
        polygon = ET.SubElement(parent, "Polygon")
        for name, ring in (
            ("outerBoundaryIs", shape.exterior),
            *(("innerBoundaryIs", each) for each in shape.interiors),
        ):
            _kml_points(ET.SubElement(ET.SubElement(polygon, name), "LinearRing"), ring)
    else:
        _kml_points(ET.SubElement(parent, "Point" if shape.geom_type == "Point" else "LineString"), shape)


def _kml_points(parent: ET.Element, line: BaseGeometry) -> None:
    points = (f"{x!r},{y!r}" for x, y in shapely.get_coordinates(line).tolist())
    ET.SubElement(parent, "coordinates").text = " ".join(points)


def _kmz(table: RequestedTable, selectors: Sequence[str] | None) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("doc.kml"), _kml(table, selectors))
    return packed.getvalue()


def _tf_record(table: RequestedTable, selectors: Sequence[str] | None) -> bytes:
    return records(table, table.columns if selectors is None else selectors)


_WRITERS: dict[str, Callable[[RequestedTable, Sequence[str] | None], bytes]] = {
    "CSV": _csv,
    "GEO_JSON": _geo_json,
    "KML": _kml,
    "KMZ": _kmz,
    "TF_RECORD_TABLE": _tf_record,
}


def _shapefile(table: RequestedTable, selectors: Sequence[str] | None, scratch: Path) -> list[Path]:
    """
    Write the files of a shapefile.

    Raises:
        EvaluationError: If geometries differ in type or projection, or two columns have one name of 10 characters.
    """
    import numpy as np  # noqa: PLC0415 - GDAL's reader is only loaded where a shapefile is written
    import pyogrio.raw  # noqa: PLC0415

    chosen = _properties(table, selectors, "a shapefile")
    names = [INDEX, *chosen] if selectors is None else chosen
    short = [name[:MAX_COLUMN] for name in names]
    if len(set(short)) < len(short):
        doubled = sorted({name for name in short if short.count(name) > 1})
        raise EvaluationError(f"Column names cut to {MAX_COLUMN} characters are not unique: {', '.join(doubled)}.")
    crs, kind, shapes = _one_kind(table)
    path = scratch / "table.shp"
    columns = [_column([_value(feature, name) for feature in table.features]) for name in names]
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(shape) for shape in shapes], dtype=object),
        columns,
        np.array([f"c{at}" for at in range(len(short))]),
        geometry_type=kind,
        crs=crs,
        driver="ESRI Shapefile",
        encoding="UTF-8",
    )
    _rename(path.with_suffix(".dbf"), short)
    return sorted(scratch.glob("table.*"))


def _rename(path: Path, names: Sequence[str]) -> None:
    """Write names into the head of a dBASE table, which GDAL would change: 11 bytes, every 32 from byte 32."""
    data = bytearray(path.read_bytes())
    for at, name in enumerate(names):
        text = name.encode()[:MAX_COLUMN]
        data[32 * (at + 1) : 32 * (at + 1) + 11] = text.ljust(11, b"\0")
    path.write_bytes(data)


def _value(feature: RequestedFeature, name: str) -> Any:
    return feature.index if name == INDEX else feature.properties.get(name)


def _column(values: Sequence[Any]) -> Any:
    import numpy as np  # noqa: PLC0415

    numbers = [value for value in values if value is not None]
    if all(isinstance(value, (int, np.integer)) for value in numbers) and len(numbers) == len(values):
        return np.array(values, np.int64)
    if all(isinstance(value, (int, float, np.number)) for value in numbers):
        return np.array([np.nan if value is None else float(value) for value in values])
    return np.array([None if value is None else text(value) for value in values], dtype=object)


def _one_kind(table: RequestedTable) -> tuple[str, str, list[BaseGeometry]]:
    """Give the CRS, the type and the shapes of all features, which a shapefile wants to be the same."""
    geometries = [feature.geometry for feature in table.features]
    known = [geometry for geometry in geometries if geometry is not None]
    if not known or len(known) < len(geometries):
        raise not_imitated("a shapefile of features without geometry")
    systems = sorted({geometry.projection.crs for geometry in known})
    shapes = [planar(each) if each.projection.crs == WGS84 else each.in_crs(each.projection.crs) for each in known]
    kinds = sorted({shape.geom_type.removeprefix("Multi").replace("LinearRing", "LineString") for shape in shapes})
    if len(systems) > 1 or len(kinds) > 1:
        raise EvaluationError(
            "A shapefile must contain features with the same geometry type and projection, "
            f"found: {', '.join([*kinds, *systems])}."
        )
    several = any(shape.geom_type.startswith("Multi") for shape in shapes)
    return systems[0], f"Multi{kinds[0]}" if several else kinds[0], shapes


def vertices(table: RequestedTable) -> Iterator[int]:
    """Count the corners of each geometry."""
    return (int(shapely.get_num_coordinates(feature.geometry.shape)) for feature in table.features if feature.geometry)
