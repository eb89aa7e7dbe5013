"""
GeoJSON made harmless before GDAL sees it: no `crs` that names an address, no nesting without end, lines joined.

GDAL follows a `crs` of type `link` to wherever it leads. A file without any `crs` but the usual
`{"type": "name", ...}` is handed on as it is; every other one is written anew, without it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.core.errors import AreaError
from orchestrator.core.units import format_bytes

MAX_TEXT_BYTES = 2**30
MAX_PARSED_BYTES = 2**28  # where Python parses it: its objects take ten times the text
LINES = (".geojsonl", ".geojsons", ".ndjson", ".jsonl")
GDAL_PIPELINE = b"gdal_streamed_alg"  # a JSON file that makes GDAL run commands of its author
_USUAL_CRS = re.compile(
    rb'"crs"\s*:\s*\{\s*"type"\s*:\s*"name"\s*,\s*"properties"\s*:\s*\{\s*"name"\s*:\s*"(?:urn:ogc:def:crs|EPSG):'
    rb'[A-Za-z0-9:._-]*"\s*\}\s*\}'
)
# The key itself, in any letter case and quotes, or letters of it written as escapes.
_ANY_CRS = re.compile(rb"""["']crs["']|\\u00(?:4[3]|5[23]|6[3]|7[23])""", re.IGNORECASE)
_NULL_GEOMETRY = re.compile(rb'"geometry"\s*:\s*null')
_GEOMETRIES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)
_RECORD_SEPARATOR = "\x1e"  # before each text of RFC 8142


@dataclass(frozen=True, slots=True)
class Sanitised:
    """
    What may be handed to GDAL.

    Attributes:
        path: The file: the original, or one written anew beside it.
        nulls: How many features have no geometry, or more.
        crs: The CRS named, where the file was written anew; None where GDAL shall find it.
        trouble: Why the CRS that the file states cannot be used.
        notes: What was left out, a sentence each.
    """

    path: Path
    nulls: int
    crs: str | None = None
    trouble: str = ""
    notes: tuple[str, ...] = ()


def sanitise(path: Path, label: str, target: Path, *, lines: bool) -> Sanitised:
    """
    Return a file that GDAL may read as GeoJSON; it is `path`, or `target`, which is then written.

    Args:
        path: The file.
        label: The file as messages name it.
        target: Where to write.
        lines: The file holds one JSON text per line.

    Raises:
        AreaError: It is no JSON, nested too deeply, or larger than can be held.
    """
    size = path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise AreaError(f"{label}: {format_bytes(size)} of text are too much; convert it to GeoPackage")
    data = path.read_bytes()
    if GDAL_PIPELINE in data:
        raise AreaError(f"{label}: does not begin like a GeoJSON file; it is a GDAL pipeline, which is never run")
    lines = lines or data.lstrip()[:1] == _RECORD_SEPARATOR.encode()
    if not lines and _is_usual(data) and _looks_like_one_text(data):
        return Sanitised(path, len(_NULL_GEOMETRY.findall(data)))
    if size > MAX_PARSED_BYTES:
        raise AreaError(f"{label}: {format_bytes(size)} of text in an unusual form; convert it to GeoPackage")
    try:
        texts = _texts(data.decode("utf-8-sig"), lines=lines)
        return _written(texts, label, target)
    except RecursionError:
        raise AreaError(f"{label}: is nested too deeply for a GeoJSON file; it is damaged or hostile") from None
    except UnicodeDecodeError as error:
        raise AreaError(f"{label}: is not text in UTF-8 (byte {error.start}); save it again as UTF-8") from None
    except ValueError as error:
        reason = " ".join(str(error).split())[:120]
        raise AreaError(f"{label}: is damaged: no JSON ({reason}); copy or export it again") from None


def _is_usual(data: bytes) -> bool:
    return not _ANY_CRS.search(_USUAL_CRS.sub(b"", data, count=1))


def _looks_like_one_text(data: bytes) -> bool:
    """Tell one text over one line or many from many texts, one a line, under a name that says otherwise."""
    whole = data.removeprefix(b"\xef\xbb\xbf").strip()
    first = whole.split(b"\n", 1)[0].rstrip()
    return not first.endswith(b"}") or len(first) == len(whole)


def _texts(text: str, *, lines: bool) -> list[Any]:
    if not lines:
        try:
            return [json.loads(text)]
        except json.JSONDecodeError as error:
            if "Extra data" not in str(error):
                raise
    pieces = (line.strip().strip(_RECORD_SEPARATOR).strip() for line in text.split("\n"))
    return [json.loads(piece) for piece in pieces if piece]


def _written(texts: list[Any], label: str, target: Path) -> Sanitised:
    objects = [_object(text, label) for text in texts]
    found = [_crs(item["crs"]) for item in objects if "crs" in item]
    features = [feature for item in objects for feature in _features(item, label)]
    nested = sum("crs" in feature or "crs" in (feature.get("geometry") or {}) for feature in features)
    inner = nested > len([item for item in objects if item.get("type") != "FeatureCollection" and "crs" in item])
    notes = (f"{label}: the crs of single features was not read.",) if inner else ()
    clean = [_clean(feature) for feature in features]
    collection = {"type": "FeatureCollection", "features": clean}
    target.write_text(json.dumps(collection), encoding="utf-8")
    names, troubles = {name for name, _ in found}, [trouble for _, trouble in found if trouble]
    if len(names) > 1:
        troubles.append("its lines name several CRS")
    nulls = sum(feature["geometry"] is None for feature in clean)
    crs = None if troubles else next(iter(names), "EPSG:4326")
    return Sanitised(target, nulls, crs, troubles[0] if troubles else "", notes)


def _object(text: Any, label: str) -> dict[str, Any]:
    if not isinstance(text, dict) or text.get("type") not in {"FeatureCollection", "Feature", *_GEOMETRIES}:
        kind = text.get("type") if isinstance(text, dict) else type(text).__name__
        shown = str(kind)[:40]
        raise AreaError(f"{label}: is read as {shown}, not as the GeoJSON its name says; rename or convert it")
    return text


def _features(item: dict[str, Any], label: str) -> list[dict[str, Any]]:
    if item["type"] == "Feature":
        return [item]
    if item["type"] != "FeatureCollection":
        return [{"type": "Feature", "properties": {}, "geometry": item}]
    features = item.get("features")
    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise AreaError(f"{label}: is damaged: its features are no list of objects; export it again")
    return features


def _clean(feature: dict[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties")
    clean = {
        "type": "Feature",
        "properties": properties if isinstance(properties, dict) else {},
        "geometry": _without_crs(feature.get("geometry")),
    }
    return clean | ({"id": feature["id"]} if "id" in feature else {})


def _without_crs(geometry: Any) -> Any:
    if not isinstance(geometry, dict):
        return geometry
    clean = {key: value for key, value in geometry.items() if key.lower() != "crs"}
    if isinstance(clean.get("geometries"), list):
        clean["geometries"] = [_without_crs(part) for part in clean["geometries"]]
    return clean


def _crs(member: Any) -> tuple[str, str]:
    """Return (name, "") of a `crs` member, or ("", why it cannot be used)."""
    if member is None:
        return "", "its crs is null, which says that the CRS is unknown"
    if not isinstance(member, dict) or not isinstance(member.get("properties"), dict):
        return "", "its crs is not an object with properties"
    properties, kind = member["properties"], str(member.get("type", "")).lower()
    if kind == "name" and isinstance(properties.get("name"), str):
        return properties["name"], ""
    if kind == "epsg" and str(properties.get("code", "")).isdigit():
        return f"EPSG:{properties['code']}", ""
    if kind in {"link", "url"}:
        return "", "its crs is a link, and no link in an area is ever followed"
    return "", f"its crs is of the unknown type {kind[:30]!r}"
