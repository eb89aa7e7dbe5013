"""KML as Google Earth and its like draw it: placemarks with polygons, names and data; no link, no entity, no DTD."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from orchestrator.core.errors import AreaError
from orchestrator.core.units import format_bytes

MAX_TEXT_BYTES = 2**30
MAX_DEPTH = 200
_CONTAINERS = frozenset({"Document", "Folder"})
_SHAPES = frozenset({"Polygon", "LineString", "LinearRing", "Point"})


@dataclass(slots=True)
class _Placemark:
    layer: str
    properties: dict[str, str] = field(default_factory=dict)
    shapes: list[dict[str, Any]] = field(default_factory=list)


class _Reader:
    """Collects placemarks while expat goes through the file."""

    def __init__(self, label: str) -> None:
        self.placemarks: list[_Placemark] = []
        self.layers: list[str] = []
        self._label = label
        self._path: list[str] = []
        self._names: list[str] = []  # of the containers around
        self._current: _Placemark | None = None
        self._rings: list[list[list[float]]] = []
        self._key = ""
        self._text: list[str] = []

    def doctype(self, *_: Any) -> None:
        raise AreaError(f"{self._label}: holds a document type or entities, which no KML needs; it is not read")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._path and name != "kml":
            raise AreaError(f"{self._label}: does not begin like a KML file; it is of another kind than its name says")
        self._path.append(name)
        self._text = []
        if len(self._path) > MAX_DEPTH:
            raise AreaError(f"{self._label}: is nested deeper than {MAX_DEPTH} elements; it is damaged or hostile")
        if name in _CONTAINERS:
            self._names.append("")
        elif name == "Placemark":
            self._current = _Placemark(self._names[-1] if self._names else "")
        elif name in {"Data", "SimpleData"}:
            self._key = attributes.get("name", "")
        elif name == "Polygon":
            self._rings = []

    def text(self, piece: str) -> None:
        self._text.append(piece)

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        self._path.pop()
        parent = self._path[-1] if self._path else ""
        said = "".join(self._text).strip()
        if name in _CONTAINERS:
            self._names.pop()
        elif name == "name" and parent in _CONTAINERS:
            self._names[-1] = said
        elif self._current is not None:
            self._in_placemark(self._current, name, parent, said)
        self._text = []

    def _in_placemark(self, mark: _Placemark, name: str, parent: str, said: str) -> None:
        if name == "Placemark":
            self.placemarks.append(mark)
            if mark.layer not in self.layers:
                self.layers.append(mark.layer)
            self._current = None
        elif parent == "Placemark" and name in {"name", "description"}:
            mark.properties["Name" if name == "name" else name] = said
        elif self._key and (name == "SimpleData" or (name == "value" and parent == "Data")):
            mark.properties[self._key] = said
            self._key = ""
        elif name == "coordinates":
            self._rings = [*self._rings, self._points(said)] if "Polygon" in self._path else [self._points(said)]
        elif name in _SHAPES and not (name == "LinearRing" and "Polygon" in self._path):
            mark.shapes.append(_shape(name, self._rings))
            self._rings = []

    def _points(self, text: str) -> list[list[float]]:
        try:
            tuples = re.sub(r"\s*,\s*", ",", text).split()
            return [[float(number) for number in point.split(",") if number][:3] for point in tuples]
        except ValueError:
            number = len(self.placemarks) + 1
            raise AreaError(
                f"{self._label}: placemark {number} holds coordinates that are no numbers ({text[:40]!r}); "
                "repair or draw it again"
            ) from None


def _shape(name: str, rings: list[list[list[float]]]) -> dict[str, Any]:
    if name == "Polygon":
        return {"type": "Polygon", "coordinates": rings}
    line = rings[0] if rings else []
    if name == "Point":
        return {"type": "Point", "coordinates": line[0] if line else []}
    return {"type": "LineString", "coordinates": line}


def _geometry(shapes: list[dict[str, Any]]) -> dict[str, Any] | None:
    if not shapes:
        return None
    if len(shapes) == 1:
        return shapes[0]
    if all(shape["type"] == "Polygon" for shape in shapes):
        return {"type": "MultiPolygon", "coordinates": [shape["coordinates"] for shape in shapes]}
    return {"type": "GeometryCollection", "geometries": shapes}


def read_kml(path: Path, label: str, layer: str | None) -> dict[str, Any]:
    """
    Return the placemarks of a KML file as a GeoJSON FeatureCollection, in the order of the file.

    Folders are one drawing, unless `layer` names one of them. Attributes are `Name`, `description` and the data
    of the placemark; a placemark without geometry has the geometry None.

    Raises:
        AreaError: The file is no KML, is damaged, or holds a document type or entities.
    """
    if (size := path.stat().st_size) > MAX_TEXT_BYTES:
        raise AreaError(f"{label}: {format_bytes(size)} of text are too much; convert it to GeoPackage")
    content, reader = path.read_bytes(), _Reader(label)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        # In one piece: of a tag that never ends, expat would begin anew with each piece of the file.
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, UnicodeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise AreaError(f"{label}: cannot be read as KML ({reason}); it may be damaged: copy it again") from None
    if layer is not None and layer not in reader.layers:
        known = ", ".join(repr(name) for name in reader.layers[:8]) or "none"
        raise AreaError(f"{label}: has no layer {layer!r}; it has {known}")
    features = [
        {
            "type": "Feature",
            "id": number,
            "properties": mark.properties,
            "geometry": _geometry(mark.shapes),
        }
        for number, mark in enumerate(reader.placemarks, start=1)
        if layer is None or mark.layer == layer
    ]
    return {"type": "FeatureCollection", "features": features}
