"""Features as a file holds them, before anything is judged or repaired; and what may be opened at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from orchestrator.core.errors import NO_AREA_FILE, AreaError

# Only these are opened, each only with the driver named here and only if it begins like one: other drivers
# (virtual datasets, web services) read further files or the network on behalf of the file's author. KML and lines
# of GeoJSON reach GDAL as the plain GeoJSON that is made of them.
DRIVERS = MappingProxyType(
    {
        ".shp": "ESRI Shapefile",
        ".gpkg": "GPKG",
        ".geojson": "GeoJSON",
        ".json": "GeoJSON",
        ".geojsonl": "GeoJSON",
        ".geojsons": "GeoJSON",
        ".ndjson": "GeoJSON",
        ".jsonl": "GeoJSON",
        ".kml": "KML",
        ".kmz": "zip",
        ".zip": "zip",
        ".shz": "zip",
        ".fgb": "FlatGeobuf",
        ".parquet": "Parquet",
        ".geoparquet": "Parquet",
        ".wkt": "WKT",
        ".txt": "WKT",
    }
)
WKT_START = re.compile(
    r"\s*(SRID\s*=\s*\d{1,9}\s*;)?\s*(MULTI)?(POLYGON|POINT|LINESTRING|GEOMETRYCOLLECTION)\s*(Z|M|ZM)?\s*(\(|EMPTY|$)",
    re.IGNORECASE,
)
MAX_WKT_DEPTH = 16  # of brackets; a MULTIPOLYGON in a GEOMETRYCOLLECTION needs four
SIDECARS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


@dataclass(frozen=True, slots=True)
class Features:
    """
    What a source holds.

    Attributes:
        label: The source as messages name it.
        geometries: One per feature; None where the feature has none.
        ids: What the file calls each feature.
        crs: As the file states it, or None.
        fields: Values per attribute, in the order of `geometries`.
        sha256: Of the file, or of a shapefile's members one after the other.
        notes: What was mended to read it, a sentence each.
        crs_trouble: Why a CRS that the file does state cannot be used; empty if it states none.
        name: What it is called where it is no file.
    """

    label: str
    geometries: NDArray[np.object_]
    ids: tuple[str, ...]
    crs: str | None
    fields: dict[str, tuple[object, ...]]
    sha256: str
    notes: tuple[str, ...] = ()
    crs_trouble: str = ""
    name: str = ""


def existing_path(source: str) -> Path | None:
    """
    Return the file that `source` names literally, or with `~` for a home folder; None if there is none.

    Raises:
        AreaError: If it may not be looked at.
    """
    candidates = [Path(source)] if "\0" not in source else []
    with contextlib.suppress(RuntimeError):  # ~ and a name that no user has
        candidates.append(Path(source).expanduser())
    try:
        return next((path for path in candidates if "\0" not in str(path) and path.exists()), None)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.EACCES:
            raise AreaError(f"{source[:80]}: cannot be opened ({error.strerror}); check its permissions") from None
        return None


def open_path(source: str) -> Path:
    """
    Return the local file `source` names.

    Raises:
        AreaError: If it is a URL, a GDAL virtual path, absent, not a regular file, empty, or of an unknown kind.
    """
    path = existing_path(source)
    if path is None:
        raise AreaError(_absence(source))
    try:
        if not path.is_file():
            raise AreaError(f"{source}: not a regular file; give one of {', '.join(DRIVERS)}")
        size = path.stat().st_size
    except OSError as error:
        raise AreaError(f"{source[:80]}: cannot be opened ({error.strerror})") from None
    if path.suffix.lower() not in DRIVERS:
        raise AreaError(
            f"{source}: {path.suffix or 'a name without extension'} is not a known kind of vector file; "
            f"give one of {', '.join(DRIVERS)}"
        )
    if size == 0:
        raise AreaError(f"{source}: the file is empty (0 bytes); copy it again")
    return path


def _absence(source: str) -> str:
    if "\0" in source:
        return "the area's path holds a NUL character; give the path of a file"
    if source.lower().startswith("file:"):
        return f"{source[:200]}: give the path itself, without file:"
    if "://" in source or source.lower().startswith(("/vsi", "\\vsi")):
        return f"{source[:200]}: areas are read from local files only; download it and give the path"
    if len(source) > 255:
        return f"{source[:80]}: cannot be opened (the name is too long); give a vector file, a box or WKT"
    return f"{source}: {NO_AREA_FILE}"


def check_beginning(path: Path, source: str) -> None:
    """
    Make sure that a file begins as its extension says.

    Raises:
        AreaError: If it does not.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise AreaError(f"{source}: cannot be read ({error.strerror}); check its permissions") from None
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    suffix = path.suffix.lower()
    kind = DRIVERS[suffix]
    expected = {
        "ESRI Shapefile": head.startswith(b"\x00\x00\x27\x0a"),
        "GPKG": head.startswith(b"SQLite format 3\x00"),
        "GeoJSON": text.startswith((b"{", b"\x1e")),
        "KML": text.startswith(b"<"),
        "zip": head.startswith((b"PK\x03\x04", b"PK\x05\x06")),
        "FlatGeobuf": head.startswith(b"fgb"),
        "Parquet": head.startswith(b"PAR1"),
        "WKT": bool(WKT_START.match(text[:200].decode("utf-8", "replace"))),
    }
    if not expected[kind]:
        raise AreaError(
            f"{source}: does not begin like a {kind} file; it is damaged or of another kind than its name says"
        )


def fingerprint(path: Path) -> str:
    """Return the sha256 of a file, or of a shapefile's members in a fixed order, in hexadecimal."""
    members = [path]
    if path.suffix.lower() == ".shp":
        members = [member for suffix in SIDECARS if (member := sibling(path, suffix)) is not None]
    digest = hashlib.sha256()
    for member in members:
        with member.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def sibling(path: Path, suffix: str) -> Path | None:
    """Return the file beside `path` with another extension, in either letter case, or None."""
    for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
        if candidate.is_file():
            return candidate
    return None


def read_wkt(text: str, label: str) -> Features:
    """
    Return the features of WKT text: one geometry, or one per line, each maybe after `SRID=n;`.

    Raises:
        AreaError: If a geometry cannot be read, or the lines name several CRS.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    pieces = lines if len(lines) > 1 and all(WKT_START.match(line) for line in lines) else [text]
    geometries, srids, notes = [], set(), []
    for number, piece in enumerate(pieces, start=1):
        srid, wkt = _srid(piece)
        srids.add(srid)
        closed = _with_closed_rings(wkt)
        if closed != wkt:
            notes.append(f"{label}: open rings of geometry {number} were closed.")
        geometries.append(_geometry(closed, number, label))
    if len(srids) > 1:
        raise AreaError(f"{label}: its lines name {len(srids)} different SRIDs; give one CRS for all")
    srid = srids.pop()
    if not srid:
        notes.append(f"{label}: WKT without SRID was taken as EPSG:4326 (longitude, latitude).")
    return Features(
        label=label,
        geometries=_as_array(geometries),
        ids=tuple(str(number) for number in range(1, len(geometries) + 1)),
        crs=f"EPSG:{srid}" if srid else "EPSG:4326",
        fields={},
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        notes=tuple(notes),
    )


def _srid(piece: str) -> tuple[int, str]:
    match = re.match(r"\s*SRID\s*=\s*(\d+)\s*;", piece, re.IGNORECASE)
    return (int(match[1]), piece[match.end() :]) if match else (0, piece)


def _geometry(wkt: str, number: int, label: str) -> shapely.Geometry:
    # GEOS reads a nested collection by calling itself, and no stack is deep enough for a hostile text.
    if _depth(wkt) > MAX_WKT_DEPTH:
        raise AreaError(f"{label}: geometry {number} is nested deeper than {MAX_WKT_DEPTH} brackets; write it flat")
    try:
        return shapely.from_wkt(wkt.strip())
    except shapely.errors.GEOSException as error:
        reason = (str(error).splitlines() or ["no reason given"])[0][:160]
        raise AreaError(f"{label}: geometry {number} is not readable WKT ({reason}); write it again") from None


def _depth(wkt: str) -> int:
    """Return how many brackets are open at once, at most."""
    letters = np.frombuffer(wkt.encode("utf-8", "replace"), np.uint8)
    steps = (letters == ord("(")).astype(np.int64) - (letters == ord(")"))
    return int(np.cumsum(steps).max(initial=0))


RING = re.compile(r"\(([^()]+)\)")


def _with_closed_rings(wkt: str) -> str:
    """Repeat the first point at the end of each open ring; GEOS refuses open ones outright."""
    if "POLYGON" not in wkt[:30].upper():
        return wkt

    def close(match: re.Match[str]) -> str:
        points = match[1].split(",")
        is_open = len(points) > 2 and points[0].split() != points[-1].split()
        return f"({match[1]},{points[0]})" if is_open else match[0]

    return RING.sub(close, wkt)


BBOX = re.compile(r"^\s*([^,;]+),([^,;]+),([^,;]+),([^,;]+?)\s*(?:;\s*([A-Za-z]+:\d+)\s*)?$")


def _lonlat_box(west: float, bottom: float, east: float, top: float) -> Polygon:
    """Return a box with points on its long sides: an edge of more than half the Earth could go the other way round."""
    box = shapely.box(west, bottom, east, top)
    # What is longer than any area is refused later, by name; points every quarter of the way would fill the memory.
    return shapely.segmentize(box, 90.0) if max(east - west, top - bottom) <= _LONGEST_DEGREES else box


_LONGEST_DEGREES = 1080.0
# No coordinate system of the Earth counts so far; GEOS cannot divide such lengths.
_FARTHEST = 1e9


def read_box(text: str) -> Features | None:
    """
    Return the box `left,bottom,right,top[;EPSG:n]` as one feature, or None if `text` is no box.

    In degrees a box whose left lies 180 or more east of its right crosses longitude 180 and becomes two polygons.

    Raises:
        AreaError: If the numbers are not finite or in the wrong order.
    """
    match = BBOX.match(text)
    if not match:
        return None
    try:
        left, bottom, right, top = (float(match[index]) for index in range(1, 5))
    except ValueError:
        return None
    if not np.isfinite([left, bottom, right, top]).all():
        raise AreaError(f"box {text!r} holds a number that is not finite; give left,bottom,right,top")
    crs = (match[5] or "EPSG:4326").upper()
    crosses = crs == "EPSG:4326" and left - right >= 180 and left <= 180 and right >= -180
    if bottom >= top or (left >= right and not crosses):
        raise AreaError(f"box {text!r} is empty or upside down; the order is left,bottom,right,top")
    if max(map(abs, (left, bottom, right, top))) > _FARTHEST:
        raise AreaError(f"box {text!r} reaches beyond the Earth in any unit; give left,bottom,right,top")
    sides = [(left, 180.0), (-180.0, right)] if crosses else [(left, right)]
    boxes = [_lonlat_box(west, bottom, east, top) for west, east in sides if east > west]
    boxes = boxes if crs == "EPSG:4326" else [shapely.box(left, bottom, right, top)]
    return Features(
        label=f"box {text.strip()}",
        geometries=_as_array([shapely.MultiPolygon(boxes) if len(boxes) > 1 else boxes[0]]),
        ids=("1",),
        crs=crs,
        fields={},
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def _as_array(geometries: Sequence[object]) -> NDArray[np.object_]:
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return array
