"""
When and where Sentinel-2 passes, and where the sun stands then.

Both platforms fly the same 143 ground tracks in ten days, half a turn apart, so each track is flown every
five days; a swath is 290 km wide (Sentinel-2 User Handbook). The orbit is a circle of inclination 98.62°.
Times are seconds since 1970 in UTC, angles degrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Angle = NDArray[np.float64]

PERIOD = 10 * 86400.0 / 143
TRACKS = 143
_SIN_INCLINATION = np.sin(np.radians(98.62))
_COS_INCLINATION = np.cos(np.radians(98.62))
_TAN_INCLINATION = np.tan(np.radians(180.0 - 98.62))
_NODE_HOUR = 10.5  # mean local solar time of the descending node
HALF_SWATH_KM = 145.0
_KM_PER_DEGREE = 111.32
# S2A, orbit 42590 (track 122), was over 45.55° N on 2023-08-18 at 10:08:08.248 UTC.
_KNOWN_TIME = 1692353288.248
_KNOWN_LATITUDE = 45.55


def seconds_from_node(latitude: Angle | float) -> Angle:
    """Seconds after the descending node (negative to the north) at which a latitude is passed."""
    ratio = np.clip(np.sin(np.radians(latitude)) / _SIN_INCLINATION, -1.0, 1.0)
    return np.asarray(-np.arcsin(ratio) * PERIOD / (2.0 * np.pi))


@dataclass(frozen=True, slots=True)
class Platform:
    """A satellite: its name, its first second in service, and its count of orbits at a known node."""

    name: str
    since: float
    node_time: float
    node_orbit: int
    track_shift: int  # relative orbit = (absolute + shift) mod 143 + 1

    def orbits(self, start: float, end: float) -> range:
        """Absolute numbers of the orbits whose day side overlaps the seconds [start, end)."""
        first = np.ceil((max(start, self.since) - self.node_time) / PERIOD - 0.5)
        last = np.floor((end - self.node_time) / PERIOD + 0.5)
        return range(int(first) + self.node_orbit, int(last) + self.node_orbit + 1)


_NODE = _KNOWN_TIME - float(seconds_from_node(_KNOWN_LATITUDE))
PLATFORMS = (
    Platform("Sentinel-2A", 1435363200.0, _NODE, 42590, 2),  # 2015-06-27
    Platform("Sentinel-2B", 1498780800.0, _NODE + 71.5 * PERIOD, 33753, -27),  # 2017-06-30
)


@dataclass(frozen=True, slots=True)
class Pass:
    """One crossing of the day side, from north to south: what Sentinel-2 calls a datatake."""

    platform: Platform
    orbit: int

    @property
    def node_time(self) -> float:
        return self.platform.node_time + (self.orbit - self.platform.node_orbit) * PERIOD

    @property
    def node_longitude(self) -> float:
        return float(node_longitude(np.asarray(self.node_time)))

    @property
    def track(self) -> int:
        """Relative orbit, 1 to 143."""
        return (self.orbit + self.platform.track_shift) % TRACKS + 1

    @property
    def start(self) -> float:
        """Second at which the datatake starts, at 73° N."""
        return self.node_time + float(seconds_from_node(73.0))

    def time(self, latitude: Angle | float) -> Angle:
        """Second at which a latitude is seen."""
        return self.node_time + seconds_from_node(latitude)

    def across(self, lon: Angle, lat: Angle) -> Angle:
        """Kilometres across the track, positive to the east; within ±HALF_SWATH_KM there is data."""
        return across(lon, lat, np.asarray(self.node_longitude))

    def sun(self, lon: Angle, lat: Angle) -> tuple[Angle, Angle]:
        """Azimuth (clockwise from north) and zenith of the sun as the place is seen."""
        return sun(lon, lat, self.time(lat))


def node_longitude(node_time: Angle) -> Angle:
    """Longitude at which the descending node falls, from its local solar time."""
    hour = node_time % 86400.0 / 3600.0
    return np.asarray(((_NODE_HOUR - hour) * 15.0 + 180.0) % 360.0 - 180.0)


def across(lon: Angle, lat: Angle, node: Angle) -> Angle:
    """Kilometres east of the ground track whose descending node lies at longitude `node`."""
    ratio = np.tan(np.radians(lat)) / _TAN_INCLINATION
    turned = seconds_from_node(lat) / 240.0  # the Earth turns a degree in 240 s
    track = node + np.degrees(np.arcsin(np.clip(ratio, -1.0, 1.0))) - turned
    apart = (lon - track + 180.0) % 360.0 - 180.0
    narrow = np.cos(np.radians(lat))
    tilt = np.sqrt(np.maximum(1.0 - (_COS_INCLINATION / np.maximum(narrow, 1e-6)) ** 2, 0.0))
    # Beyond the northernmost point of the track nothing is seen.
    unseen = np.where(np.abs(ratio) > 1.0, 1e6, 0.0)
    return np.asarray(apart * narrow * tilt * _KM_PER_DEGREE + unseen)


def passes(lon: Angle, lat: Angle, start: float, end: float) -> Iterator[tuple[Pass, Angle]]:
    """
    Yield passes in [start, end) that see any of the points, and which points they see (bool).

    Order is by platform, then time.
    """
    for platform in PLATFORMS:
        orbits = np.array(platform.orbits(start, end), dtype=np.int64)
        nodes = platform.node_time + (orbits - platform.node_orbit).astype(np.float64) * PERIOD
        for chunk in np.array_split(np.arange(orbits.size), max(1, orbits.size // 4096)):
            seen = np.abs(across(lon, lat, node_longitude(nodes[chunk])[:, None])) <= HALF_SWATH_KM
            for index in np.flatnonzero(seen.any(axis=1)):
                yield Pass(platform, int(orbits[chunk[index]])), seen[index]


def sun(lon: Angle, lat: Angle, time: Angle) -> tuple[Angle, Angle]:
    """
    Azimuth and zenith of the sun in degrees.

    After NOAA, General Solar Position Calculations (Fourier series in the fractional year; about 0.2° good).
    """
    days = time / 86400.0
    hour = days % 1.0 * 24.0
    # 10957 days to 2000-01-01, then years of 365.2425 days.
    year = 2.0 * np.pi * ((days - 10957.0) % 365.2425 - 0.5) / 365.2425
    minutes = 229.18 * (
        0.000075
        + 0.001868 * np.cos(year)
        - 0.032077 * np.sin(year)
        - 0.014615 * np.cos(2 * year)
        - 0.040849 * np.sin(2 * year)
    )
    declination = (
        0.006918
        - 0.399912 * np.cos(year)
        + 0.070257 * np.sin(year)
        - 0.006758 * np.cos(2 * year)
        + 0.000907 * np.sin(2 * year)
        - 0.002697 * np.cos(3 * year)
        + 0.00148 * np.sin(3 * year)
    )
    angle = np.radians((hour * 60.0 + minutes + 4.0 * lon) / 4.0 - 180.0)
    place = np.radians(lat)
    high = np.sin(place) * np.sin(declination) + np.cos(place) * np.cos(declination) * np.cos(angle)
    azimuth = np.arctan2(
        -np.cos(declination) * np.sin(angle),
        np.sin(declination) * np.cos(place) - np.cos(declination) * np.cos(angle) * np.sin(place),
    )
    return np.degrees(azimuth) % 360.0, np.degrees(np.arccos(np.clip(high, -1.0, 1.0)))
