"""
Frames of a satellite on a circular, sun-synchronous orbit that repeats: paths and rows, tracks and slices.

An orbit of a cycle begins at its ascending node; an angle along it is counted from there, in degrees. The plane of a
sun-synchronous orbit turns once a year, so that the Earth turns 360 degrees under it in 24 hours of mean solar time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.mgrs import on_earth
from orchestrator.sandbox.scenes.sensors.lattice import Patch

KM_PER_DEGREE = 111.195
_DAY_SECONDS = 86400.0
_NODE_STEP = 64  # pixels
_GEODETIC = (6378137.0 / 6356752.314) ** 2
Angle = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """
    One frame of the cycle.

    Attributes:
        orbit: Which orbit of the cycle, from 0, in the order of time.
        number: Which frame along it.
        after: Seconds from the orbit's ascending node to the frame's middle.
        lon: Longitude of the middle in degrees.
        lat: Latitude.
        heading: Direction of flight, clockwise from north in degrees.
    """

    orbit: int
    number: int
    after: float
    lon: float
    lat: float
    heading: float


@dataclass(frozen=True)
class Cycle:
    """
    How a satellite flies and what it frames.

    Attributes:
        inclination: In degrees.
        orbits: In a cycle.
        days: Of a cycle.
        node_longitude: Of the ascending node of orbit 0, in degrees.
        angles: Along the orbit, from the ascending node in degrees: where the middles of the frames are.
        right_km: How far right of the track the middle of a frame lies.
        half_across_km: Half of a frame's width.
        half_along_km: Half of its length.
    """

    inclination: float
    orbits: int
    days: int
    node_longitude: float
    angles: tuple[float, ...]
    right_km: float
    half_across_km: float
    half_along_km: float

    @property
    def period(self) -> float:
        """Seconds of an orbit."""
        return self.days * _DAY_SECONDS / self.orbits

    @property
    def seconds(self) -> float:
        """Seconds of a cycle."""
        return self.days * _DAY_SECONDS

    @cached_property
    def _centres(self) -> tuple[Angle, Angle, Angle]:
        """Longitude, latitude and heading of each frame, (orbit, frame)."""
        along = np.radians(np.array(self.angles))
        tilt = np.radians(self.inclination)
        lat = np.arcsin(np.sin(tilt) * np.sin(along))
        turned = np.degrees(np.arctan2(np.cos(tilt) * np.sin(along), np.cos(along)))
        seconds = np.array(self.angles) / 360.0 * self.period
        node = self.node_longitude - 360.0 * self.period / _DAY_SECONDS * np.arange(self.orbits)
        lon = node[:, None] + turned - seconds * 360.0 / _DAY_SECONDS
        # The Earth turns eastward below, so that the track over the ground leans to the west.
        east = np.cos(tilt) / np.cos(lat) - self.period / _DAY_SECONDS * np.cos(lat)
        heading = np.degrees(np.arctan2(east, np.cos(along) * np.sin(tilt) / np.cos(lat)))
        side = np.radians(heading + 90.0)
        # From the angle at the Earth's centre to the latitude of maps.
        lat = np.degrees(np.arctan(np.tan(lat) * _GEODETIC))
        middle_lat = lat + self.right_km * np.cos(side) / KM_PER_DEGREE
        lon = lon + self.right_km * np.sin(side) / KM_PER_DEGREE / np.cos(np.radians(middle_lat))
        shape = lon.shape
        around = (lon + 180.0) % 360.0 - 180.0
        return around, np.broadcast_to(middle_lat, shape), np.broadcast_to(heading, shape)

    def frame(self, orbit: int, number: int) -> Frame:
        """One frame by its orbit in the cycle and its number along it."""
        lon, lat, heading = self._centres
        after = self.angles[number] / 360.0 * self.period
        return Frame(
            orbit,
            number,
            after,
            float(lon[orbit, number]),
            float(lat[orbit, number]),
            float(heading[orbit, number]),
        )

    def outline(self, frame: Frame) -> BaseGeometry:
        """What a frame covers, in EPSG:4326."""
        ring = self._rings(np.array([frame.lon]), np.array([frame.lat]), np.array([frame.heading]))[0]
        return on_earth(shapely.polygons(ring))

    def offsets(self, frame: Frame, lon: Angle, lat: Angle) -> tuple[Angle, Angle]:
        """Kilometres of places in degrees from a frame's middle: along the flight, and to the right of it."""
        east = ((lon - frame.lon + 180.0) % 360.0 - 180.0) * np.cos(np.radians(lat)) * KM_PER_DEGREE
        north = (lat - frame.lat) * KM_PER_DEGREE
        turn = np.radians(frame.heading)
        along = east * np.sin(turn) + north * np.cos(turn)
        return np.asarray(along), np.asarray(east * np.cos(turn) - north * np.sin(turn))

    def seen(self, frame: Frame, patch: Patch, cut: Cut) -> NDArray[np.bool_] | None:
        """Which pixels of a part of a patch lie in a frame; None is all of them."""
        along, across = self.offsets(frame, *patch.nodes())
        beyond = np.maximum(np.abs(along) - self.half_along_km, np.abs(across) - self.half_across_km)
        if beyond.max() < -1.0:
            return None
        mesh = patch.mesh(_NODE_STEP)
        inside = [
            np.abs(mesh.spread(field, patch.offset, cut)) <= half
            for field, half in ((along, self.half_along_km), (across, self.half_across_km))
        ]
        return np.asarray(inside[0] & inside[1])

    def right_of_middle(self, frame: Frame, patch: Patch, cut: Cut) -> NDArray[np.float32]:
        """Kilometres to the right of a frame's middle line of the pixels of a part of a patch."""
        mesh = patch.mesh(_NODE_STEP)
        return mesh.spread(self.offsets(frame, *patch.nodes())[1], patch.offset, cut)

    def _rings(self, lon: Angle, lat: Angle, heading: Angle) -> NDArray[np.float64]:
        """Outlines (frame, corner, lon and lat) with nine points to a side; longitudes may run beyond 180."""
        steps = np.linspace(-1.0, 1.0, 9)[:-1]
        still = np.ones(8)
        across = self.half_across_km * np.concatenate([steps, still, -steps, -still])
        along = self.half_along_km * np.concatenate([still, -steps, -still, steps])
        turn = np.radians(heading)[:, None]
        east = along * np.sin(turn) + across * np.cos(turn)
        north = along * np.cos(turn) - across * np.sin(turn)
        lats = np.clip(lat[:, None] + north / KM_PER_DEGREE, -89.0, 89.0)
        lons = lon[:, None] + np.clip(east / KM_PER_DEGREE / np.cos(np.radians(lats)), -90.0, 90.0)
        return np.stack([lons, lats], axis=-1)

    def touching(self, region: BaseGeometry) -> list[Frame]:
        """Frames whose outlines touch `region` (EPSG:4326)."""
        if region.is_empty:
            return []
        tree, shapes = _index(self)
        found: set[int] = set()
        for turn in (-360.0, 0.0, 360.0):
            moved = translate(region, turn)
            for at in tree.query(moved):
                if shapely.intersects(shapes[at], moved):
                    found.add(int(at))
        count = len(self.angles)
        return [self.frame(at // count, at % count) for at in sorted(found)]


@lru_cache(maxsize=16)
def _index(cycle: Cycle) -> tuple[STRtree, NDArray[np.object_]]:
    lon, lat, heading = cycle._centres  # noqa: SLF001 - our own
    shapes = shapely.polygons(cycle._rings(lon.ravel(), lat.ravel(), heading.ravel()))  # noqa: SLF001
    outlines = np.asarray(shapes, object)
    return STRtree(outlines), outlines
