"""Tables of tiles as files hold them: what is damaged is said in a sentence that names the file and the row."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import shapely

from orchestrator.core.errors import UserError
from orchestrator.core.optional import required
from orchestrator.plan.parquet import check_parquet
from orchestrator.plan.reproject import LONLAT

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

REMARKS = "orchestrator"  # where our own remarks stand, in either format
_LABELS = "labels"  # of them those on columns of shares: a table for each
_FLAT = (-1, 0, 1, 2, 4, 5)  # nothing, points and lines, as shapely numbers them
_POLE, _FURTHEST = 90.0, 540.0  # degrees; a tile across longitude 180 goes on beyond it


def read_geoparquet(path: Path) -> tuple[GeoDataFrame, Mapping[str, Any]]:
    """
    Return the table in a GeoParquet file, and our remarks on it.

    Raises:
        UserError: It cannot be read, or does not say in which CRS it is.
    """
    arrow, parquet = (required(name, "parquet", "GeoParquet") for name in ("pyarrow", "pyarrow.parquet"))
    import geopandas  # noqa: PLC0415  heavy

    try:
        check_parquet(path, path.name)
        frame = geopandas.read_parquet(path)
        stored = (parquet.read_schema(path).metadata or {}).get(REMARKS.encode(), b"{}")
    except (*_DAMAGE, arrow.ArrowException) as error:
        _refuse(path, f"cannot be read as GeoParquet: {str(error) or type(error).__name__}")
    if frame.crs is None:
        _refuse(path, "does not say in which CRS its tiles are; write it again with one")
    frame = frame.drop(columns=["bbox"], errors="ignore")
    return _flat(frame, path), _remarks(stored, path)


def read_geojson(path: Path) -> tuple[GeoDataFrame, Mapping[str, Any]]:
    """
    Return the table in a GeoJSON file, and our remarks on it.

    Raises:
        UserError: It cannot be read, or is no collection of features that all have a surface.
    """
    import geopandas  # noqa: PLC0415  heavy

    try:
        content = json.loads(path.read_bytes())
    except _DAMAGE as error:
        _refuse(path, f"cannot be read as GeoJSON: {str(error) or type(error).__name__}")
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list):
        _refuse(path, "cannot be read as GeoJSON: it is no collection of features")
    for row, each in enumerate(features):
        if not isinstance(each, dict) or not isinstance(each.get("geometry"), dict):
            _refuse(path, f"has no geometry in feature {row + 1} of {len(features)}")
        if not isinstance(each.get("properties"), dict):
            _refuse(path, f"has no properties in feature {row + 1} of {len(features)}")
    shapes = shapely.from_geojson([json.dumps(each["geometry"]) for each in features], on_invalid="ignore")
    rows = [each["properties"] for each in features]
    frame = geopandas.GeoDataFrame(rows, geometry=list(shapes), crs=LONLAT)
    return _flat(frame, path), _remarks(content.get(REMARKS) or {}, path)


def refuse_other_names(told: Sequence[object], names: Sequence[str], path: Path) -> None:
    """
    Refuse a table in which a tile is not called like its envelope: names of tiles become names of files.

    Raises:
        UserError: One is not, or two are called alike.
    """
    seen: set[str] = set()
    for row, (one, name) in enumerate(zip(told, names, strict=True), 1):
        if one != name:
            _refuse(
                path,
                f"calls tile {row} of {len(names)} {_shown(one)}, by its envelope it is {name}: the column was "
                "changed; bring the file back, or make a new one with `tiles select`",
            )
        if name in seen:
            _refuse(path, f"has two tiles of the envelope {name}, the second is tile {row}; leave one out")
        seen.add(name)


def refuse_nowhere(lonlat: Any, path: Path) -> None:
    """
    Refuse tiles that lie nowhere on the Earth.

    Args:
        lonlat: Geometries in degrees.
        path: Of which file.

    Raises:
        UserError: One does.
    """
    bounds = shapely.bounds(lonlat).reshape(-1, 4)
    with np.errstate(invalid="ignore"):
        there = (np.abs(bounds[:, [0, 2]]) <= _FURTHEST).all(axis=1) & (np.abs(bounds[:, [1, 3]]) <= _POLE).all(axis=1)
    if not there.all():
        row = int(np.flatnonzero(~there)[0])
        _refuse(path, f"has a tile that lies nowhere on the Earth, tile {row + 1} of {len(bounds)}")


def _shown(told: object) -> str:
    return "nothing" if told is None or isinstance(told, float) else repr(told)


def read_shares(column: str, values: Sequence[Any], path: Path) -> list[dict[str, float] | None]:
    """
    Return shares of classes as numbers by class; None where nothing is known.

    A class without a number, as tables of columns hold it, is left out.

    Raises:
        UserError: One is something else.
    """
    return [_shares(value, f"{column!r} of tile {row} of {len(values)}", path) for row, value in enumerate(values, 1)]


def _shares(value: Any, where: str, path: Path) -> dict[str, float] | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None  # where nothing is known a table of text has NaN, which no JSON has
    try:
        told = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        told = value
    if told is None:
        return None
    if isinstance(told, Mapping):
        found = {str(name): share for name, share in told.items() if share is not None}
        if all(map(_is_number, found.values())):
            return found
    return _refuse(
        path, f"has no share of each class in {where}: {str(value)[:60]!r}; rename what holds something else"
    )


def _is_number(share: object) -> bool:
    return isinstance(share, int | float) and not isinstance(share, bool) and math.isfinite(share)


def _remarks(stored: Any, path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(stored) if isinstance(stored, bytes) else stored
    except (ValueError, RecursionError):
        told = None
    labels = told.get(_LABELS, {}) if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(labels, dict) or not all(map(_is_table, labels.values())):
        _refuse(path, f"is damaged: the remarks {REMARKS!r} in it are no table; bring it back, or make it anew")
    return told


def _is_table(told: object) -> bool:
    return isinstance(told, Mapping)


def _flat(frame: GeoDataFrame, path: Path) -> GeoDataFrame:
    """Return a table whose geometries are surfaces without heights."""
    if not len(frame):
        _refuse(path, "has not one tile")
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    wrong = np.isin(shapely.get_type_id(shapes), _FLAT) | shapely.is_empty(shapes)
    corners, owner = shapely.get_coordinates(shapes, return_index=True)
    wrong[owner[~np.isfinite(corners).all(axis=1)]] = True
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        kind = f"a {shapes[row].geom_type}" if shapes[row] is not None else "nothing"
        _refuse(path, f"has {kind} for tile {row + 1} of {len(frame)}; a tile is a polygon of finite coordinates")
    if shapely.has_z(shapes).any():
        return frame.set_geometry(list(shapely.force_2d(shapes)), crs=frame.crs)
    return frame


# What readers raise on damaged bytes: RuntimeError is of CRS and of too deep a nesting.
_DAMAGE = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, shapely.GEOSException)


def _refuse(path: Path, what: str) -> NoReturn:
    raise UserError(" ".join(f"{path.name} {what}".split())) from None
