"""Scenes as a table: a GeoDataFrame with the columns that notebooks expect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.clients.scenes import SceneRow
from orchestrator.core.units import format_count
from orchestrator.model.scene import FOOTPRINT_DIGITS, Scene
from orchestrator.queries.catalogue import SceneSource
from orchestrator.queries.footprints import (
    MAX_LATITUDES,
    NOTHING,
    centre_longitude,
    chosen,
    on_the_map,
    read_footprint,
    shares,
)

HOURS_PER_DEGREE = 12 / 180
CLOUDLESS = "s2cloudless"
# Names of columns and their types; a table of no scenes has them too.
COLUMNS: Mapping[str, str] = {
    "system:time_start": "int64",
    "cloudcoverpercentage": "float64",
    "cloud_cover": "float64",
    "gee_id": "str",
    "proj": "object",
    "collection_name": "str",
    "geometry": "geometry",
    "utcdatetime": "datetime64[ms, UTC]",
    "overlappercentage": "float64",
    "solardatetime": "datetime64[ms]",
    "solarday": "str",
    "localdatetime": "datetime64[ms, UTC]",
    "satellite": "str",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A scene and where it lies."""

    row: SceneRow
    footprint: BaseGeometry
    longitude: float
    title: str
    share: float = 0.0

    @property
    def time_ms(self) -> int:
        return self.row.time_ms or 0

    @property
    def utc(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.time_ms)

    @property
    def solar(self) -> datetime:
        """Time by the sun at the footprint's centre, without a zone."""
        return self.utc.replace(tzinfo=None) + timedelta(hours=self.longitude * HOURS_PER_DEGREE)


def place(rows: Sequence[SceneRow], source: SceneSource, area: BaseGeometry) -> tuple[list[Placed], tuple[str, ...]]:
    """
    Return the scenes that touch an area in the order of time, and what a person should know.

    Args:
        rows: As the service told them.
        source: Where they are from.
        area: In degrees, within 180.
    """
    placed, nowhere, damaged = [], 0, 0
    for row in rows:
        footprint = read_footprint(row.geometry)
        if footprint is None or row.time_ms is None:
            nowhere += 1
        elif source.footprints and footprint.bounds[3] - footprint.bounds[1] > MAX_LATITUDES:
            damaged += 1
        else:
            title = str(row.properties.get(source.title) or row.index)
            placed.append(Placed(row, on_the_map(footprint), centre_longitude(footprint), title))
    found = shares([one.footprint for one in placed], area)
    touching = [replace(one, share=share) for one, share in zip(placed, found, strict=True) if share > NOTHING]
    return sorted(touching, key=lambda one: (one.time_ms, one.row.index)), _notes(nowhere, damaged)


def _notes(nowhere: int, damaged: int) -> tuple[str, ...]:
    notes = []
    if nowhere:
        notes.append(f"left out: {format_count(nowhere, 'scene')} without a footprint or a time")
    if damaged:
        told = format_count(damaged, "scene")
        notes.append(
            f"left out: {told} with a footprint of more than {MAX_LATITUDES:g} degrees of latitude, a damaged one"
        )
    return tuple(notes)


def satellite_of(one: Placed, source: SceneSource) -> str:
    """Return the first word of a title, or the collection where scenes have no titles of their own."""
    if source.title or source.pass_column:
        return one.title.split("_")[0]
    return one.row.collection


def without_duplicates(scenes: Sequence[Placed], source: SceneSource, area: BaseGeometry) -> list[Placed]:
    """Return the scenes that add something of the area to the others of their solar day, satellite and pass."""
    groups: dict[tuple[object, ...], list[Placed]] = {}
    for one in scenes:
        key = (one.solar.date(), satellite_of(one, source), one.row.properties.get(source.pass_column))
        groups.setdefault(key, []).append(one)
    kept: set[tuple[str, str]] = set()
    for group in groups.values():
        # Of scenes that add the same the one processed last: later titles are of later processing.
        ranked = sorted(group, key=lambda one: (one.title, one.row.index), reverse=True)
        kept |= {_key(ranked[index]) for index in chosen([one.footprint for one in ranked], area)}
    return [one for one in scenes if _key(one) in kept]


def _key(one: Placed) -> tuple[str, str]:
    return one.row.collection, one.row.index


def frame_of(
    scenes: Sequence[Placed],
    source: SceneSource,
    *,
    zone: tzinfo = UTC,
    extra: Sequence[str] = (),
    cloudless: frozenset[str] | None = None,
) -> gpd.GeoDataFrame:
    """
    Return scenes as a GeoDataFrame in EPSG:4326, their titles as index.

    Args:
        scenes: In the order of their rows.
        source: Where they are from.
        zone: Of the column `localdatetime`.
        extra: Properties that become columns of their own names.
        cloudless: Indices of scenes that have cloud probabilities; None where that was not asked.
    """
    more = tuple(dict.fromkeys((*source.columns, *extra)))
    records = [_record(one, source, more, cloudless) for one in scenes]
    types = dict(COLUMNS) | ({CLOUDLESS: "bool"} if cloudless is not None else {}) | dict.fromkeys(more, "")
    columns = {name: _column([record[name] for record in records], kind) for name, kind in types.items()}
    index = pd.Index([one.title for one in scenes], name="title", dtype="str")
    frame = gpd.GeoDataFrame(columns, geometry="geometry", crs="EPSG:4326").set_axis(index, axis=0)
    frame["localdatetime"] = frame["localdatetime"].dt.tz_convert(zone)
    return frame


def _column(values: list[Any], kind: str) -> Any:
    if kind == "geometry":
        return gpd.GeoSeries(values, crs="EPSG:4326")
    return pd.Series(values, dtype=kind or (None if values else "object"))


def _record(one: Placed, source: SceneSource, more: Sequence[str], cloudless: frozenset[str] | None) -> dict[str, Any]:
    cloud = one.row.properties.get(source.cloud)
    return {
        "system:time_start": one.time_ms,
        "cloudcoverpercentage": cloud,
        "cloud_cover": cloud,
        "gee_id": one.row.index,
        "proj": {"crs": one.row.crs, "transform": list(one.row.transform)},
        "collection_name": one.row.collection,
        "geometry": one.footprint,
        "utcdatetime": one.utc,
        "overlappercentage": 100 * one.share,
        "solardatetime": one.solar,
        "solarday": one.solar.date().isoformat(),
        "localdatetime": one.utc,
        "satellite": satellite_of(one, source),
        CLOUDLESS: cloudless is not None and one.row.index in cloudless,
        **{name: one.row.properties.get(name) for name in more},
    }


def scene_of(one: Placed, source: SceneSource) -> Scene:
    """Return what a cube needs to know of a scene."""
    asset = f"{one.row.collection}/{one.row.index}"
    cloud = one.row.properties.get(source.cloud)
    return Scene(
        one.time_ms,
        asset,
        satellite_of(one, source),
        one.solar.date().isoformat(),
        overlap=100 * one.share,
        cloud=float(cloud) if isinstance(cloud, (int, float)) else math.nan,
        footprint=shapely.to_wkt(one.footprint, rounding_precision=FOOTPRINT_DIGITS),
    )
