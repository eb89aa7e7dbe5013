"""
Landsat 4 to 9, Collection 2: when which path and row is seen, and the scenes of its collections.

Paths and rows follow the Worldwide Reference System 2: 233 paths in 16 days, 248 rows to an orbit, row 60 on the
equator of the descending half, path 1 at 64.6 degrees west there. Landsat 5 and 8 fly the same days, 4, 7 and 9 eight
days later. Landsat 8 saw path 44, row 34 on 2014-03-18 at 18:46:32 UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

import numpy as np
from shapely.geometry import MultiPoint
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes import orbit, weather
from orchestrator.sandbox.scenes.catalogue import Scene
from orchestrator.sandbox.scenes.ground import world
from orchestrator.sandbox.scenes.noise import chance
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.flights import (
    LAST_DAY,
    Flyby,
    Satellite,
    Sight,
    flyby,
    in_order,
    seconds,
    sights,
    span_of,
    stamp,
)
from orchestrator.sandbox.scenes.sensors.frames import Cycle
from orchestrator.sandbox.scenes.sensors.picture import Picture
from orchestrator.sandbox.scenes.sensors.sensor import described

_ROWS = 122  # of the sunlit half
_ANGLES = tuple(180.0 + (row - 60) * 360.0 / 248.0 for row in range(1, _ROWS + 1))
_PERIOD = 16 * 86400.0 / 233
_REFERENCE_PATH, _REFERENCE_ROW = 44, 34
_REFERENCE_TIME = 1395168392.0  # 2014-03-18T18:46:32Z
_NODE_LONGITUDE = -64.6 - (_REFERENCE_PATH - 1) * 360.0 / 233 + 180.0 + _PERIOD / 480.0
CYCLE = Cycle(98.2, 233, 16, _NODE_LONGITUDE, _ANGLES, 0.0, 92.5, 90.0)
_NODE_TIME = _REFERENCE_TIME - _ANGLES[_REFERENCE_ROW - 1] / 360.0 * _PERIOD
_EIGHT_DAYS = 8 * 86400.0
_LOWEST_SUN = 5.0  # degrees of elevation below which nothing is taken
_SECOND_TIER = 0.08  # share of scenes that are less well registered
_REAL_TIME = {"LE07", "LC08"}  # whose first tier is there with real time scenes, too; here they are the same
_PROBES = 12  # per side of the grid on which cover is estimated
_INDEX = re.compile(r"(L[CET]0\d)_(\d{3})(\d{3})_(\d{8})")


@dataclass(frozen=True, slots=True)
class Mission:
    """A satellite as its products name it."""

    code: str  # `LC08`
    satellite: Satellite
    sensor: str


def _mission(code: str, sensor: str, since: str, until: str, shift: float) -> Mission:
    name = f"LANDSAT_{code[-1]}"
    until_second = seconds(until) + 86400.0
    return Mission(code, Satellite(name, seconds(since), until_second, _NODE_TIME + shift), sensor)


MISSIONS = {
    mission.code: mission
    for mission in (
        _mission("LT04", "TM", "1982-08-22", "1993-06-24", _EIGHT_DAYS),
        _mission("LT05", "TM", "1984-03-16", "2012-05-05", 0.0),
        _mission("LE07", "ETM", "1999-05-28", "2024-01-19", _EIGHT_DAYS),
        _mission("LC08", "OLI_TIRS", "2013-03-18", LAST_DAY, 0.0),
        _mission("LC09", "OLI_TIRS", "2021-10-31", LAST_DAY, _EIGHT_DAYS),
    )
}


@dataclass(frozen=True, slots=True)
class View:
    """
    One path and row on one day.

    Attributes:
        mission: Whose.
        sight: Where and when.
        tier: `T1` or `T2`.
        sun_azimuth: In degrees, clockwise from north; `sun_elevation` above the horizon.
    """

    mission: Mission
    sight: Sight
    tier: str
    sun_azimuth: float
    sun_elevation: float

    @property
    def path(self) -> int:
        return path_of(self.sight.frame.orbit)

    @property
    def row(self) -> int:
        return self.sight.frame.number + 1

    @property
    def index(self) -> str:
        """`LC08_044034_20140318`."""
        return f"{self.mission.code}_{self.path:03d}{self.row:03d}_{stamp(self.sight.time, '%Y%m%d')}"

    @property
    def epsg(self) -> int:
        """UTM zone of the middle; of the northern half always, as the provider has it."""
        return 32601 + int((self.sight.frame.lon + 180.0) // 6.0) % 60

    @property
    def overpass(self) -> Flyby:
        """The pass under whose sky it was taken."""
        return flyby(self.mission.satellite.name, self.sight.number, self.sight.time)

    def cloudiness(self, seed: int) -> float:
        """Share of the scene under clouds, estimated on a grid."""
        frame = self.sight.frame
        steps = np.linspace(-0.75, 0.75, _PROBES)
        lon, lat = np.meshgrid(frame.lon + steps / max(0.1, np.cos(np.radians(frame.lat))), frame.lat + steps)
        return weather.cloudiness(*world(lon, lat), self.overpass, seed)


class Product(Protocol):
    """A product level: its collections' suffix, and how its scenes are made."""

    suffix: str
    title: str

    def picture(self, collection: str, view: View, earth: Earth) -> Picture:
        """Make the scene of a view."""


def path_of(number: int) -> int:
    """WRS-2 path of an orbit of the cycle: sixteen to the west with each orbit."""
    return (_REFERENCE_PATH - 1 + 16 * number) % 233 + 1


def orbit_of(path: int) -> int:
    """Orbit of the cycle that flies a path; 102 is the inverse of 16 modulo 233."""
    return (path - _REFERENCE_PATH) * 102 % 233


class Landsat:
    """All Landsat collections of the given product levels."""

    images: tuple[str, ...] = ()
    crowded_days = 100.0

    def __init__(self, earth: Earth, products: tuple[Product, ...]) -> None:
        self._earth = earth
        self._kinds: dict[str, tuple[Mission, str, Product]] = {}
        for mission in MISSIONS.values():
            for tier in ("T1", "T2"):
                for product in products:
                    collection = f"LANDSAT/{mission.code}/C02/{tier}{product.suffix}"
                    self._kinds[collection] = (mission, tier, product)
                    if mission.code in _REAL_TIME and tier == "T1" and product.suffix != "_L2":
                        self._kinds[collection.replace("T1", "T1_RT")] = (mission, tier, product)
        self.collections: Mapping[str, Mapping[str, Any]] = {
            collection: described(f"USGS Landsat {mission.code[-1]} {product.title}, Collection 2, Tier {tier[-1]}")
            for collection, (mission, tier, product) in self._kinds.items()
        }
        self._picture = lru_cache(maxsize=2048)(self._make)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """Yield scenes in order; see `Sensor.scenes`."""
        mission = self._kinds[collection][0]
        make = partial(self._seen, collection)
        return in_order(CYCLE, (mission.satellite,), region, span_of(start_ms, end_ms), make)

    @staticmethod
    def place_of(name: str, value: Any) -> BaseGeometry | None:
        """Give the middles of the frames of a path or of a row, which their scenes cover; None if that is not told."""
        if name == "WRS_PATH" and value in range(1, 234):
            frames = [CYCLE.frame(orbit_of(int(value)), row) for row in range(_ROWS)]
        elif name == "WRS_ROW" and value in range(1, _ROWS + 1):
            frames = [CYCLE.frame(orbit, int(value) - 1) for orbit in range(233)]
        else:
            return None
        return MultiPoint([(frame.lon, frame.lat) for frame in frames])

    def scene(self, asset_id: str) -> Scene | None:
        """Find a scene by its id."""
        collection, _, index = asset_id.rpartition("/")
        match = _INDEX.fullmatch(index)
        if collection not in self._kinds or match is None or not self._exists(match):
            return None
        mission = self._kinds[collection][0]
        day = match[4]
        try:
            start = seconds(f"{day[:4]}-{day[4:6]}-{day[6:]}")
        except ValueError:
            return None
        frame = CYCLE.frame(orbit_of(int(match[2])), int(match[3]) - 1)
        found = sights(CYCLE, mission.satellite, frame, start, start + 86400.0)
        return next((scene for sight in found if (scene := self._seen(collection, sight)) is not None), None)

    @staticmethod
    def _exists(match: re.Match[str]) -> bool:
        return match[1] in MISSIONS and 1 <= int(match[2]) <= 233 and 1 <= int(match[3]) <= _ROWS

    def _seen(self, collection: str, sight: Sight) -> Picture | None:
        mission, tier, _ = self._kinds[collection]
        frame = sight.frame
        lot = chance(self._earth.seed, 51, int(mission.code[-1]), sight.number, frame.number)
        if ("T2" if lot < _SECOND_TIER else "T1") != tier:
            return None
        azimuth, zenith = orbit.sun(np.asarray(frame.lon), np.asarray(frame.lat), np.asarray(sight.time))
        elevation = 90.0 - float(zenith)
        if elevation < _LOWEST_SUN:
            return None
        return self._picture(collection, View(mission, sight, tier, float(azimuth), elevation))

    def _make(self, collection: str, view: View) -> Picture:
        return self._kinds[collection][2].picture(collection, view, self._earth)
