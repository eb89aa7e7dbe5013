"""
Aerial images of the United States: quarters of the quadrangles of 7.5 minutes (Data Catalog, USDA/NAIP/DOQQ).

`m_3712213_sw_10_1_20140613`: the degree's corner (37 north, 122 west), the quadrangle (of 64, from the north west row
by row), its quarter, the UTM zone, the pixel size, the day. Every other year from 2003 on, on one day of summer; pixels
have one metre, since 2016 sixty centimetres. No clouds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Scene, UnboundedQueryError
from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.noise import chance
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.flights import utm_lattice
from orchestrator.sandbox.scenes.sensors.lattice import Patch
from orchestrator.sandbox.scenes.sensors.picture import UINT8, Layer, Painted, Picture
from orchestrator.sandbox.scenes.sensors.sensor import MOST_UNBOUNDED, described
from orchestrator.sandbox.scenes.sensors.series import milliseconds
from orchestrator.sandbox.scenes.sensors.spectra import reflectance

COLLECTION = "USDA/NAIP/DOQQ"
_WAVELENGTHS = {"R": 650.0, "G": 555.0, "B": 460.0, "N": 850.0}
_QUARTER = 1.0 / 16.0  # degrees
_BUFFER = 0.0027
_STATES = (-125.0, 24.5, -66.5, 49.5)
_YEARS = range(2003, 2024, 2)
_FINE_SINCE = 2016
_STRETCH = {"N": 420.0}  # numbers per unit of reflectance; the others' is 1100
_QUARTERS = ("nw", "ne", "sw", "se")
_INDEX = re.compile(r"m_(\d{2})(\d{3})(\d{2})_(nw|ne|sw|se)_(\d{1,2})_(1|060)_(\d{4})(\d{4})")


class Naip:
    """The collection."""

    images: tuple[str, ...] = ()
    crowded_days = 800.0

    def __init__(self, earth: Earth) -> None:
        self._earth = earth
        title = "NAIP: National Agriculture Imagery Program"
        self.collections: Mapping[str, Mapping[str, Any]] = {COLLECTION: described(title)}
        self._picture = lru_cache(maxsize=1024)(self._make)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """Yield images in order; without a region year by year. See `Sensor.scenes`."""
        del collection
        days = (-math.inf if start_ms is None else start_ms, math.inf if end_ms is None else end_ms)
        for year in _YEARS:
            of_year = (self._picture(year, *cell) for cell in _cells(region))
            wanted = (each for each in of_year if days[0] <= each.properties["system:time_start"] < days[1])
            if region is None:
                yield from self._some(wanted)
                continue
            touching = (each for each in wanted if each.footprint.intersects(region))
            yield from sorted(touching, key=lambda each: (each.properties["system:time_start"], each.asset_id))

    @staticmethod
    def _some(found: Iterator[Picture]) -> Iterator[Picture]:
        for count, each in enumerate(found):
            if count == MOST_UNBOUNDED:
                raise UnboundedQueryError(f"{COLLECTION}: filter it by bounds first")
            yield each

    def scene(self, asset_id: str) -> Scene | None:
        """Find an image by its id."""
        collection, _, index = asset_id.rpartition("/")
        match = _INDEX.fullmatch(index)
        if collection != COLLECTION or match is None or int(match[7]) not in _YEARS:
            return None
        number, quarter = int(match[3]) - 1, _QUARTERS.index(match[4])
        north = (int(match[1]) + 1) * 16 - 2 * (number // 8) - quarter // 2
        west = -(int(match[2]) + 1) * 16 + 2 * (number % 8) + quarter % 2
        if not 0 <= number < 64 or not _inside(west, north):
            return None
        found = self._picture(int(match[7]), west, north)
        return found if found.asset_id == asset_id else None

    def _make(self, year: int, west: int, north: int) -> Picture:
        box = shapely.box(west * _QUARTER, (north - 1) * _QUARTER, (west + 1) * _QUARTER, north * _QUARTER)
        zone = int((box.centroid.x + 180.0) // 6.0) + 1
        day = _day(year, west, north, self._earth.seed)
        fine = year >= _FINE_SINCE
        index = f"m_{_name(west, north)}_{zone:02d}_{'060' if fine else '1'}_{day:%Y%m%d}"
        outline = box.buffer(_BUFFER, join_style="mitre")
        start = milliseconds(day)
        properties = {
            "system:index": index,
            "system:time_start": start,
            "system:time_end": start + 86_400_000,
            "system:footprint": shapely.geometry.mapping(outline),
            "system:asset_size": 212_345_678,
        }
        return Picture(
            f"{COLLECTION}/{index}",
            tuple(Layer(name, UINT8) for name in _WAVELENGTHS),
            {"": utm_lattice(26900 + zone, outline, 0.6 if fine else 1.0)},
            outline,
            lambda: properties,
            self._paint,
        )

    def _paint(self, band: str, patch: Patch, cut: Cut) -> Painted:
        value = reflectance(self._earth.surface(patch).cut(cut), _WAVELENGTHS[band])
        return np.clip(value * np.float32(_STRETCH.get(band, 1100.0)), 1.0, 255.0), None


def _name(west: int, north: int) -> str:
    """Corner, quadrangle and quarter of a cell of a sixteenth of a degree: `3712213_sw`."""
    lat, lon = (north - 1) // 16, -(west // 16)
    row, col = (lat + 1) * 16 - north, west - (-lon) * 16
    quarter = _QUARTERS[row % 2 * 2 + col % 2]
    return f"{lat:02d}{lon - 1:03d}{row // 2 * 8 + col // 2 + 1:02d}_{quarter}"


def _day(year: int, west: int, north: int, seed: int) -> datetime:
    return datetime(year, 6, 1, tzinfo=UTC) + timedelta(days=int(90 * chance(seed, 95, year, west // 64, north // 64)))


def _inside(west: int, north: int) -> bool:
    return _STATES[0] * 16 <= west < _STATES[2] * 16 and _STATES[1] * 16 < north <= _STATES[3] * 16


def _cells(region: BaseGeometry | None) -> Iterator[tuple[int, int]]:
    """West and north edges, in sixteenths of a degree, of the cells that a region may touch."""
    bounds = _STATES if region is None else region.bounds
    if region is not None and region.is_empty:
        return
    first, last = math.floor((bounds[0] - _BUFFER) * 16), math.floor((bounds[2] + _BUFFER) * 16)
    bottom, top = math.ceil((bounds[1] - _BUFFER) * 16), math.ceil((bounds[3] + _BUFFER) * 16)
    for north in range(min(top, int(_STATES[3] * 16)), max(bottom, int(_STATES[1] * 16)) - 1, -1):
        for west in range(max(first, int(_STATES[0] * 16)), min(last, int(_STATES[2] * 16)) + 1):
            if _inside(west, north):
                yield west, north
