"""
Satellite embeddings: 64 numbers a pixel and year, of unit length (GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL).

A vector is that of its cover, turned by vigour and by height, and a little by the year: places that are alike have
vectors that are alike, and the same place hardly changes from year to year. Images are tiles of 163,840 m in UTM zones,
whose rows run from south to north, as published.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry import MultiPoint
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Scene
from orchestrator.sandbox.scenes.ground import Cut, lonlat
from orchestrator.sandbox.scenes.landscape import Cover
from orchestrator.sandbox.scenes.mgrs import on_earth
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.lattice import Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import DOUBLE, Layer, Painted, Picture
from orchestrator.sandbox.scenes.sensors.sensor import described
from orchestrator.sandbox.scenes.sensors.series import milliseconds

COLLECTION = "GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL"
DIMENSIONS = 64
_FIRST_YEAR, _LAST_YEAR = 2017, 2033
_SIDE = 163_840
_SOUTHERN = 10_000_000
_INDEX = re.compile(r"(\d{4})_(\d{2})([NS])_(-?\d+)_(-?\d+)")
_VIGOUR, _HEIGHT, _YEAR = 0.5, 0.12, 0.06  # how far they turn a vector
_ROWS = range(57)  # of tiles from the equator to 84 degrees


class Embeddings:
    """The collection."""

    images: tuple[str, ...] = ()
    crowded_days = 800.0

    def __init__(self, earth: Earth) -> None:
        self._earth = earth
        self.collections: Mapping[str, Mapping[str, Any]] = {COLLECTION: described("Satellite Embedding V1")}
        self._picture = lru_cache(maxsize=1024)(self._make)
        self._axes = _axes(earth.seed)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """Yield tiles year by year; see `Sensor.scenes`."""
        del collection
        for year in range(_FIRST_YEAR, _LAST_YEAR + 1):
            begin = milliseconds(datetime(year, 1, 1, tzinfo=UTC))
            if (start_ms is None or begin >= start_ms) and (end_ms is None or begin < end_ms):
                for tile in _tiles(region):
                    yield self._picture(year, *tile)

    def scene(self, asset_id: str) -> Scene | None:
        """Find a tile by its id."""
        collection, _, index = asset_id.rpartition("/")
        match = _INDEX.fullmatch(index)
        if collection != COLLECTION or match is None or not _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR:
            return None
        zone, north = int(match[2]), match[3] == "N"
        column, row = int(match[4]), int(match[5])
        known = 1 <= zone <= 60 and (zone, north, column, row) in set(_zone_tiles(zone, None))
        return self._picture(int(match[1]), zone, north, column, row) if known else None

    def _make(self, year: int, zone: int, north: bool, column: int, row: int) -> Picture:
        epsg = (32600 if north else 32700) + zone
        west, south = column * _SIDE, row * _SIDE + (0 if north else _SOUTHERN)
        # South up: the first row is the southernmost.
        lattice = Lattice(f"EPSG:{epsg}", (10.0, 0.0, float(west), 0.0, 10.0, float(south)), _SIDE // 10, _SIDE // 10)
        index = f"{year}_{zone:02d}{'N' if north else 'S'}_{column}_{row}"
        return Picture(
            f"{COLLECTION}/{index}",
            tuple(Layer(f"A{number:02d}", DOUBLE) for number in range(DIMENSIONS)),
            {"": lattice},
            on_earth(_outline(epsg, west, south).buffer(0.0005)),
            partial(_properties, index, year, epsg),
            partial(self._paint, year),
        )

    def _paint(self, year: int, band: str, patch: Patch, cut: Cut) -> Painted:
        number = int(band[1:])
        base, lush, high, turned = self._axes
        surface = self._earth.surface(patch).cut(cut)
        height = np.tanh(self._earth.relief(patch).height[cut] / np.float32(1500.0))
        drift = np.float32(_YEAR * math.sin(2.1 * year))
        weights = (np.float32(_VIGOUR) * (surface.vigour - np.float32(0.5)), np.float32(_HEIGHT) * height, drift)
        value = np.take(base[:, number], surface.cover)
        for weight, axis in zip(weights, (lush, high, turned), strict=True):
            value = value + weight * axis[number]
        # All axes are at right angles and of unit length, so the length is known without the other bands.
        length = np.sqrt(1.0 + sum(np.square(weight) for weight in weights))
        return np.asarray(value / length, np.float64), None


def _axes(seed: int) -> tuple[NDArray[np.float64], ...]:
    """A vector for each cover, related ones nearer, and three axes at right angles to all of them."""
    random = np.random.default_rng(seed + 64)
    axes = np.linalg.qr(random.standard_normal((DIMENSIONS, DIMENSIONS)))[0].T
    base = axes[: len(Cover)].copy()
    for first, second in ((Cover.CONIFER, Cover.BROADLEAF), (Cover.MEADOW, Cover.CROP), (Cover.TOWN, Cover.ROAD)):
        base[second] = 0.7 * base[first] + math.sqrt(0.51) * base[second]
    return base, axes[-1], axes[-2], axes[-3]


def _properties(index: str, year: int, epsg: int) -> dict[str, Any]:
    begin, end = (milliseconds(datetime(when, 1, 1, tzinfo=UTC)) for when in (year, year + 1))
    return {
        "system:index": index,
        "system:time_start": begin,
        "system:time_end": end,
        "system:asset_size": 4_012_345_678,
        "UTM_ZONE": f"{epsg % 100}{'N' if epsg < 32700 else 'S'}",
        "MODEL_VERSION": "1.0",
        "PROCESSING_SOFTWARE_VERSION": "1.0.0",
        "DATASET_VERSION": "1.0",
    }


def _tiles(region: BaseGeometry | None) -> Iterator[tuple[int, bool, int, int]]:
    for zone in range(1, 61):
        yield from _zone_tiles(zone, region)


def _zone_tiles(zone: int, region: BaseGeometry | None) -> Iterator[tuple[int, bool, int, int]]:
    """Tiles that hold a part of their own zone, south to north in each half of the Earth."""
    strip = shapely.box(zone * 6 - 186.0, -80.0, zone * 6 - 180.0, 84.0)
    wanted = _wanted(strip, region)
    if wanted.is_empty:
        return
    for north in (False, True):
        half = shapely.intersection(wanted, shapely.box(-400.0, 0.0, 400.0, 84.0) if north else _SOUTH)
        if half.is_empty:
            continue
        for row in _ROWS if north else range(-57, 0):
            for column in range(6):
                epsg = (32600 if north else 32700) + zone
                outline = _outline(epsg, column * _SIDE, row * _SIDE + (0 if north else _SOUTHERN))
                if outline.intersects(half):
                    yield zone, north, column, row


_SOUTH = shapely.box(-400.0, -80.0, 400.0, 0.0)


def _wanted(strip: BaseGeometry, region: BaseGeometry | None) -> BaseGeometry:
    """The part of a zone's strip that touches a region."""
    if region is None:
        return strip
    parts = [shapely.intersection(translate(region, turn), strip) for turn in (-360.0, 0.0, 360.0)]
    return shapely.union_all(parts)


@lru_cache(maxsize=65536)
def _outline(epsg: int, west: int, south: int) -> BaseGeometry:
    steps = np.linspace(0.0, _SIDE, 5)[:-1]
    still = np.zeros(4)
    east = np.concatenate([steps, still + _SIDE, _SIDE - steps, still])
    north = np.concatenate([still, steps, still + _SIDE, _SIDE - steps])
    limit = 9_350_000.0  # metres from the equator to 84 degrees
    y = south + north
    y = np.clip(y, _SOUTHERN - limit, _SOUTHERN) if epsg >= 32700 else np.clip(y, 0.0, limit)
    lon, lat = lonlat(epsg, west + east, y)
    return MultiPoint(np.column_stack([lon, lat])).convex_hull
