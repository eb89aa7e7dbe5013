"""The places of a table: points or polygons of a file, each with what the file calls it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.core.errors import AreaError
from orchestrator.core.nearest import hint
from orchestrator.plan.aoi import find_crs, one_line, read_features
from orchestrator.plan.features import Features, existing_path, fingerprint
from orchestrator.plan.repair import check_coordinates, mend, without_null
from orchestrator.plan.reproject import parse_crs

# More would make the plan of a run larger than what it brings is worth: cut the file.
MOST_PLACES = 200_000
MOST_LONGITUDE = 360.0  # 0 to 360 is in use, and so is going on beyond 180 on either side of the world
_INDEX = "\0index"  # no attribute of a file can be called so
_LON, _LAT = ("lon", "longitude", "long", "lng", "x"), ("lat", "latitude", "y")


@dataclass(frozen=True, slots=True)
class Places:
    """
    Points or polygons, in the order of their file.

    Attributes:
        ids: What each is called: all whole numbers, or all text.
        geometries: Two-dimensional Points, or valid Polygons and MultiPolygons; x or longitude first.
        crs: Of the geometries: `EPSG:n`, or WKT.
        sha256: Of the file.
        notes: What was mended or assumed, a sentence each.
    """

    ids: tuple[int | str, ...]
    geometries: NDArray[np.object_]
    crs: str
    sha256: str
    notes: tuple[str, ...] = ()


def read_places(
    source: str,
    kind: Literal["points", "polygons"],
    *,
    layer: str = "",
    crs: str = "",
    where: str = "",
    id_field: str = "",
) -> Places:
    """
    Return the places that a file names; none where it holds none.

    Args:
        source: A vector file, WKT, a box (one polygon), or for points also a CSV file with columns lon and lat.
        kind: What each of them must be.
        layer: Needed where the file has several.
        crs: States the CRS of a file that does not, or corrects it; a CSV is in degrees otherwise.
        where: OGR SQL condition on the attributes.
        id_field: Attribute that names them; by default they are counted from 0, in the order of the file.

    Raises:
        AreaError: One line with the file, the feature, what was found, what was expected and what to do.
        PlanError: If `crs` is unknown.
    """
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            return _read(source, kind, layer, crs, where, id_field)
    except AreaError as error:
        raise AreaError(one_line(str(error))) from None
    except OSError as error:
        raise AreaError(one_line(f"{source}: cannot be read ({error.strerror}); check its permissions")) from None


def _read(source: str, kind: Literal["points", "polygons"], layer: str, crs: str, where: str, id_field: str) -> Places:
    features = _none_where_empty(_features(source, kind, layer, where))
    count = len(features.ids)
    if count > MOST_PLACES:
        raise AreaError(f"{features.label}: holds {count:,} {kind}, {MOST_PLACES:,} at most; cut it into several files")
    if id_field and id_field not in features.fields:
        raise AreaError(f"{features.label}: has no attribute {id_field!r}; {hint(id_field, list(features.fields))}")
    stated, assumed = find_crs(features, crs or None)
    if not count:
        note = f"{features.label}: holds no feature{' that passes the filter' if where else ''}; the table is empty."
        return Places((), features.geometries, stated, features.sha256, (*features.notes, *assumed, note))
    features = without_null(replace(features, fields={**features.fields, _INDEX: tuple(range(count))}))
    if kind == "points":
        geometries, notes = _points(features, stated)
    else:
        mended, notes = mend(features, stated)
        geometries = _as_array(mended)
    ids = _ids(features, id_field)
    return Places(ids, geometries, stated, features.sha256, (*features.notes, *assumed, *notes))


def _none_where_empty(features: Features) -> Features:
    """Return no feature where the only one is a collection of none, which is how no places are written as WKT."""
    kinds = shapely.get_type_id(features.geometries)
    if len(kinds) == 1 and kinds[0] == shapely.GeometryType.GEOMETRYCOLLECTION and features.geometries[0].is_empty:
        return replace(features, geometries=features.geometries[:0], ids=(), fields=dict.fromkeys(features.fields, ()))
    return features


def _features(source: str, kind: Literal["points", "polygons"], layer: str, where: str) -> Features:
    path = existing_path(source)
    if kind == "points" and path is not None and path.suffix.lower() == ".csv":
        if layer or where:
            raise AreaError(f"{path.name}: a filter (--where) and --layer do not work on CSV; leave them out")
        return _read_csv(path)
    return read_features(source, layer=layer or None, where=where or None)


def _points(features: Features, crs: str) -> tuple[NDArray[np.object_], tuple[str, ...]]:
    kinds = shapely.get_type_id(features.geometries)
    several = kinds == shapely.GeometryType.MULTIPOINT
    alone = several & (shapely.get_num_geometries(features.geometries) == 1)
    wrong = np.flatnonzero((kinds != shapely.GeometryType.POINT) & ~alone)
    if len(wrong):
        found = features.geometries[wrong[0]].geom_type
        advice = "write each point as a feature" if several[wrong[0]] else "take --polygons, or give points"
        raise AreaError(f"{features.label}: feature {features.ids[wrong[0]]} is a {found}, not a point; {advice}")
    check_coordinates(features, crs)
    flat = shapely.force_2d(features.geometries)
    _check_longitudes(features, crs)
    flat[alone] = shapely.get_geometry(flat[alone], 0)
    heights = shapely.has_z(features.geometries).any()
    return flat, ((f"{features.label}: heights (Z) were dropped.",) if heights else ())


def _check_longitudes(features: Features, crs: str) -> None:
    """Refuse a longitude that is more than a turn away: somebody meant another number."""
    if not parse_crs(crs).is_geographic:
        return
    longitudes = shapely.get_coordinates(features.geometries)[:, 0]
    wrong = np.flatnonzero(np.abs(longitudes) > MOST_LONGITUDE)
    if len(wrong):
        raise AreaError(
            f"{features.label}: feature {features.ids[wrong[0]]} has longitude {longitudes[wrong[0]]:g}; they go from "
            f"-{MOST_LONGITUDE:g} to {MOST_LONGITUDE:g}: correct it, or leave the point out"
        )


def _ids(features: Features, field: str) -> tuple[int | str, ...]:
    values = features.fields[field or _INDEX]
    missing = next((at for at, value in enumerate(values) if value is None or value != value), None)  # noqa: PLR0124  NaN
    if missing is not None:
        raise AreaError(f"{features.label}: feature {features.ids[missing]} has no {field}; name another column (--id)")
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    ids: tuple[int | str, ...] = tuple(int(str(v)) if whole else str(v) for v in values)
    seen: set[int | str] = set()
    for identity in ids:
        if identity in seen:
            raise AreaError(
                f"{features.label}: {field} {identity!r} comes twice; name a column of unique values (--id)"
            )
        seen.add(identity)
    return ids


def _as_array(geometries: Sequence[object]) -> NDArray[np.object_]:
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return array


def _read_csv(path: Path) -> Features:
    """Return the points of a CSV file: columns lon and lat, by one of their usual names; the others are attributes."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise AreaError(f"{path.name}: is not text in UTF-8; save it again") from None
    first = text.split("\n", 1)[0]
    rows = list(csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count)))
    header, rows = ([name.strip() for name in rows[0]], [row for row in rows[1:] if row]) if rows else ([], [])
    lon, lat = (_column(header, names, path.name) for names in (_LON, _LAT))
    short = next((at for at, row in enumerate(rows) if len(row) != len(header)), None)
    if short is not None:
        raise AreaError(f"{path.name}: row {short + 1} has {len(rows[short])} values, the header {len(header)}")
    xy = [(_number(row[lon], at, path.name), _number(row[lat], at, path.name)) for at, row in enumerate(rows)]
    return Features(
        label=path.name,
        geometries=np.asarray(shapely.points(np.array(xy, float).reshape(-1, 2)), object),
        ids=tuple(str(at + 1) for at in range(len(rows))),
        crs="EPSG:4326",
        fields={name: _typed([row[at] for row in rows]) for at, name in enumerate(header)},
        sha256=fingerprint(path),
    )


def _column(header: Sequence[str], names: Sequence[str], label: str) -> int:
    found = [at for name in names for at, given in enumerate(header) if given.lower() == name]
    if not found:
        told = ", ".join(header)[:200] or "none"
        raise AreaError(f"{label}: has no column {' or '.join(names[:2])}; it has {told}")
    return found[0]


def _number(text: str, row: int, label: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise AreaError(f"{label}: row {row + 1} has {text[:40]!r} for a coordinate; write a number") from None


def _typed(texts: Sequence[str]) -> tuple[object, ...]:
    """Return a column as whole numbers where all are written as such, without zeros before them."""
    whole = all(text.isascii() and text.lstrip("-").isdigit() and str(int(text)) == text for text in texts)
    return tuple(int(text) for text in texts) if whole else tuple(texts)
