"""Satellites that fly the frames of a cycle: when which frame is seen, and the scenes of a collection in order."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes import orbit
from orchestrator.sandbox.scenes.catalogue import Scene, UnboundedQueryError
from orchestrator.sandbox.scenes.orbit import Angle, Pass, Platform
from orchestrator.sandbox.scenes.sensors.frames import Cycle, Frame
from orchestrator.sandbox.scenes.sensors.lattice import Lattice
from orchestrator.sandbox.scenes.sensors.sensor import MOST_UNBOUNDED

LAST_DAY = "2034-12-31"  # of all that still flies


def seconds(day: str) -> float:
    """Second since 1970 at which a day (`2023-08-18`) begins in UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Satellite:
    """
    A satellite in a cycle.

    Attributes:
        name: `LANDSAT_8`.
        since: First second with scenes; `until`: the second after the last.
        node_time: Second of the ascending node of orbit 0 of some cycle.
        node_orbit: Absolute number of that orbit.
    """

    name: str
    since: float
    until: float
    node_time: float
    node_orbit: int = 0


@dataclass(frozen=True, slots=True)
class Sight:
    """One frame as a satellite sees it once; `number` counts its orbits from `Satellite.node_time`."""

    satellite: Satellite
    frame: Frame
    number: int
    time: float


@dataclass(frozen=True, slots=True)
class Flyby(Pass):
    """A pass as the sky is asked for it: one moment, and nothing of Sentinel-2's swath."""

    moment: float

    def time(self, latitude: Angle | float) -> Angle:
        """Give the one moment."""
        return np.full_like(np.asarray(latitude, np.float64), self.moment)

    def across(self, lon: Angle, lat: Angle) -> Angle:
        """Give 0: what is seen is told by the frame."""
        return np.zeros_like(np.asarray(lat, np.float64) + lon)

    def sun(self, lon: Angle, lat: Angle) -> tuple[Angle, Angle]:
        """Azimuth and zenith of the sun in degrees."""
        return orbit.sun(lon, lat, self.time(lat))


def flyby(name: str, number: int, moment: float) -> Flyby:
    """Give a pass of a satellite whose sky is told by its name and a number."""
    return Flyby(Platform(name, 0.0, 0.0, 0, 0), number, moment)


def sights(cycle: Cycle, satellite: Satellite, frame: Frame, start: float, end: float) -> Iterator[Sight]:
    """Yield when a satellite sees a frame in the seconds [start, end), in order."""
    first = satellite.node_time + frame.orbit * cycle.period + frame.after
    start, end = max(start, satellite.since), min(end, satellite.until)
    turn = math.ceil((start - first) / cycle.seconds)
    while (time := first + turn * cycle.seconds) < end:
        yield Sight(satellite, frame, turn * cycle.orbits + frame.orbit, time)
        turn += 1


def everywhere(cycle: Cycle, satellite: Satellite, start: float, end: float) -> Iterator[Sight]:
    """Yield all that a satellite sees in the seconds [start, end), in order."""
    start, end = max(start, satellite.since), min(end, satellite.until)
    number = math.floor((start - satellite.node_time) / cycle.period)
    while (node := satellite.node_time + number * cycle.period) < end:
        for at in range(len(cycle.angles)):
            frame = cycle.frame(number % cycle.orbits, at)
            if start <= node + frame.after < end:
                yield Sight(satellite, frame, number, node + frame.after)
        number += 1


def in_order(
    cycle: Cycle,
    satellites: tuple[Satellite, ...],
    region: BaseGeometry | None,
    span: tuple[float, float],
    make: Callable[[Sight], Scene | None],
) -> Iterator[Scene]:
    """
    Yield the scenes of satellites by (time, index).

    Args:
        cycle: What they fly.
        satellites: Whose scenes are wanted.
        region: In EPSG:4326, or None.
        span: Seconds [start, end).
        make: Makes a scene, or None where there is none.

    Raises:
        UnboundedQueryError: After MOST_UNBOUNDED scenes without a region.
    """
    if region is None:
        streams = [everywhere(cycle, satellite, *span) for satellite in satellites]
        yield from _some(map(make, heapq.merge(*streams, key=lambda sight: sight.time)))
        return
    frames = cycle.touching(region)
    found = [
        (sight.time, scene.asset_id, scene)
        for satellite in satellites
        for frame in frames
        for sight in sights(cycle, satellite, frame, *span)
        if (scene := make(sight)) is not None
    ]
    # Not by the scenes' properties: those are worked out when somebody asks.
    yield from (scene for _, _, scene in sorted(found, key=lambda each: each[:2]))


def _some(scenes: Iterator[Scene | None]) -> Iterator[Scene]:
    count = 0
    for scene in scenes:
        if scene is None:
            continue
        if count == MOST_UNBOUNDED:
            raise UnboundedQueryError("A collection of the whole Earth: filter it by bounds first")
        yield scene
        count += 1


def span_of(start_ms: int | None, end_ms: int | None) -> tuple[float, float]:
    """Milliseconds since 1970 as seconds; None is without end."""
    return -math.inf if start_ms is None else start_ms / 1000.0, math.inf if end_ms is None else end_ms / 1000.0


def utm_lattice(epsg: int, outline: BaseGeometry, metres: float, phase: float = 0.0) -> Lattice:
    """The smallest raster in a UTM zone around an outline; its edges are at multiples of `metres` plus `phase`."""
    points = np.vstack([np.asarray(part.exterior.coords) for part in getattr(outline, "geoms", [outline])])
    x, y = _from_lonlat(epsg).transform(points[:, 0], points[:, 1])
    left = math.floor((float(np.min(x)) - phase) / metres) * metres + phase
    top = math.ceil((float(np.max(y)) - phase) / metres) * metres + phase
    width = math.ceil((float(np.max(x)) - left) / metres)
    height = math.ceil((top - float(np.min(y))) / metres)
    return Lattice(f"EPSG:{epsg}", (metres, 0.0, left, 0.0, -metres, top), height, width)


@lru_cache(maxsize=256)
def _from_lonlat(epsg: int) -> Transformer:
    return Transformer.from_crs(4326, epsg, always_xy=True)


def iso(moment: float) -> str:
    """`2023-08-18T10:08:08Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(moment: float, form: str = "%Y%m%dT%H%M%S") -> str:
    """A moment as names of products have it."""
    return datetime.fromtimestamp(moment, UTC).strftime(form)
