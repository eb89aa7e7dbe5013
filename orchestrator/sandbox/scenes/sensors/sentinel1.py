"""
Sentinel-1 GRD: backscatter of the invented ground (Earth Engine Data Catalog, COPERNICUS/S1_GRD).

Interferometric wide swath, dual polarisation VV and VH, ascending and descending, cut into slices of 25 s. The orbit
is set by a published scene: relative orbit 175 of Sentinel-1A, orbit 30172, crossed its ascending node on 2019-12-02
at 16:21:46.150 UTC, and slice 13 began 789.4466 s later.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Scene
from orchestrator.sandbox.scenes.grain import grain
from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.noise import mix
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.flights import (
    LAST_DAY,
    Satellite,
    Sight,
    in_order,
    seconds,
    sights,
    span_of,
    stamp,
    utm_lattice,
)
from orchestrator.sandbox.scenes.sensors.frames import Cycle, Frame
from orchestrator.sandbox.scenes.sensors.lattice import Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import DOUBLE, FLOAT, Layer, Painted, Picture
from orchestrator.sandbox.scenes.sensors.sensor import described

DECIBELS, POWER = "COPERNICUS/S1_GRD", "COPERNICUS/S1_GRD_FLOAT"
_PERIOD = 12 * 86400.0 / 175
_SLICE_SECONDS, _FIRST_START = 25.0, 14.4466
_SLICES = 236
_STARTS = tuple(_FIRST_START + _SLICE_SECONDS * number for number in range(_SLICES))
_FARTHEST_LATITUDE = 78.0
_KNOWN_NODE, _KNOWN_ORBIT = 1575303706.150, 30172
_SIX_DAYS = 6 * 86400.0
_NODE_LONGITUDE = 24.8  # of relative orbit 175, so that the known slice lies where it was published
CYCLE = Cycle(
    98.18,
    175,
    12,
    _NODE_LONGITUDE,
    tuple((start + _SLICE_SECONDS / 2) / _PERIOD * 360.0 for start in _STARTS),
    490.0,
    126.0,
    86.0,
)
_A = Satellite("A", seconds("2014-10-03") + _SLICE_SECONDS / 2, seconds(LAST_DAY) + 86400.0, _KNOWN_NODE, _KNOWN_ORBIT)
_B = Satellite("B", seconds("2016-09-28"), seconds("2021-12-23"), _KNOWN_NODE + _SIX_DAYS, 19276)
_SATELLITES = {"A": _A, "B": _B}
_ID = re.compile(r"S1([AB])_IW_GRDH_1SDV_(\d{8}T\d{6})_(\d{8}T\d{6})_(\d{6})_[0-9A-F]{6}_[0-9A-F]{4}")
# Backscatter in dB at 38 degrees, in the order of Cover: water, conifer, broadleaf, meadow, crop, soil, town, road.
_VV = np.array([-21.0, -8.6, -8.2, -12.2, -11.4, -13.4, -4.5, -14.5], np.float32)
_VH = np.array([-28.0, -14.4, -13.8, -19.0, -17.6, -21.5, -11.5, -22.0], np.float32)
_LUSH = np.array([0.0, 0.8, 0.8, 1.5, 2.0, 0.5, 3.0, 0.0], np.float32)  # dB between vigour 0 and 1
_SPECKLE_DB = 2.0  # standard deviation of 4.4 looks
_NEAREST_DEGREES, _FARTHEST_DEGREES = 30.5, 45.7
_PER_DEGREE_DB = 0.12
_SLOPE_DB = 9.0  # per unit of slope towards the radar
_ANGLE_METRES = 20000.0


class Sentinel1:
    """Both collections, in decibels and in power."""

    images: tuple[str, ...] = ()
    crowded_days = 2.0
    collections: Mapping[str, Mapping[str, Any]] = {
        DECIBELS: described("Sentinel-1 SAR GRD: C-band Synthetic Aperture Radar Ground Range Detected, log scaling"),
        POWER: described("Sentinel-1 SAR GRD, float values"),
    }

    def __init__(self, earth: Earth) -> None:
        self._earth = earth
        self._picture = lru_cache(maxsize=2048)(self._make)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """Yield scenes in order; see `Sensor.scenes`."""
        # A scene's time is that of its start, half a slice before its middle, in whole seconds.
        start, end = span_of(start_ms, end_ms)
        span = (
            (math.ceil(start) + _SLICE_SECONDS / 2 if math.isfinite(start) else start),
            (math.ceil(end) + _SLICE_SECONDS / 2 if math.isfinite(end) else end),
        )
        return in_order(CYCLE, (_A, _B), region, span, partial(self._seen, collection))

    def scene(self, asset_id: str) -> Scene | None:
        """Find a scene by its id."""
        collection, _, index = asset_id.rpartition("/")
        match = _ID.fullmatch(index)
        if collection not in self.collections or match is None:
            return None
        satellite = _SATELLITES[match[1]]
        number = int(match[4]) - satellite.node_orbit
        node = satellite.node_time + number * _PERIOD
        day = match[2]
        try:
            begun = seconds(f"{day[:4]}-{day[4:6]}-{day[6:8]}T{day[9:11]}:{day[11:13]}:{day[13:]}")
        except ValueError:
            return None
        at = round((begun - node - _FIRST_START) / _SLICE_SECONDS)
        if not 0 <= at < _SLICES:
            return None
        frame = CYCLE.frame(number % CYCLE.orbits, at)
        found = sights(CYCLE, satellite, frame, begun, begun + 2 * _SLICE_SECONDS)
        scene = next((self._seen(collection, sight) for sight in found), None)
        return scene if scene is not None and scene.asset_id == asset_id else None

    def _seen(self, collection: str, sight: Sight) -> Picture | None:
        if abs(sight.frame.lat) > _FARTHEST_LATITUDE:
            return None
        return self._picture(collection, sight)

    def _make(self, collection: str, sight: Sight) -> Picture:
        frame = sight.frame
        epsg = (32601 if frame.lat >= 0 else 32701) + int((frame.lon + 180.0) // 6.0) % 60
        kind = DOUBLE if collection == DECIBELS else FLOAT
        layers = (Layer("VV", kind), Layer("VH", kind), Layer("angle", FLOAT, lattice="angle"))
        return Picture(
            f"{collection}/{_index(sight, self._earth.seed)}",
            layers,
            {"": _lattice(frame, epsg, 10.0), "angle": _lattice(frame, epsg, _ANGLE_METRES)},
            _outline(frame),
            partial(_properties, sight, self._earth.seed),
            partial(self._paint, collection, sight),
        )

    def _paint(self, collection: str, sight: Sight, band: str, patch: Patch, cut: Cut) -> Painted:
        seen = CYCLE.seen(sight.frame, patch, cut)
        angle = _incidence(sight.frame, patch, cut)
        if band == "angle":
            return angle, seen
        value = self._backscatter(band, sight, patch, cut, angle)
        return (value if collection == DECIBELS else np.asarray(10.0 ** (value / 10.0))), seen

    def _backscatter(
        self, band: str, sight: Sight, patch: Patch, cut: Cut, angle: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        surface = self._earth.surface(patch).cut(cut)
        relief = self._earth.relief(patch)
        value = np.take(_VV if band == "VV" else _VH, surface.cover)
        value += np.take(_LUSH, surface.cover) * surface.vigour
        value -= np.float32(_PER_DEGREE_DB) * (angle - np.float32(38.0))
        # A slope that rises along the look, to the right of the flight, faces the radar.
        look = math.radians(sight.frame.heading + 90.0)
        rise = relief.east[cut] * np.float32(math.sin(look)) - relief.south[cut] * np.float32(math.cos(look))
        value += np.float32(_SLOPE_DB) * np.clip(rise, -1.0, 1.0)
        return np.asarray(value + self._speckle(band, sight, patch, cut), np.float32)

    def _speckle(self, band: str, sight: Sight, patch: Patch, cut: Cut) -> NDArray[np.float32]:
        key = (len(band) + ord(band[1]), ord(sight.satellite.name), sight.number)
        bits = int(mix(self._earth.seed, *key, patch.row, patch.col))
        row, col = bits % 512, bits // 512 % 512
        table = grain(0.0, 1.0).counts[row + cut[0].start : row + cut[0].stop, col + cut[1].start : col + cut[1].stop]
        fine = _SPECKLE_DB * min(1.0, 10.0 / patch.spacing)
        return np.asarray(table * np.float32(fine))


def _incidence(frame: Frame, patch: Patch, cut: Cut) -> NDArray[np.float32]:
    """Angle from the ellipsoid's normal in degrees, from the near edge to the far one."""
    share = (CYCLE.right_of_middle(frame, patch, cut) / CYCLE.half_across_km + 1.0) / 2.0
    return np.asarray(_NEAREST_DEGREES + (_FARTHEST_DEGREES - _NEAREST_DEGREES) * share, np.float32)


@lru_cache(maxsize=1024)
def _lattice(frame: Frame, epsg: int, metres: float) -> Lattice:
    return utm_lattice(epsg, CYCLE.outline(frame), metres)


@lru_cache(maxsize=1024)
def _outline(frame: Frame) -> BaseGeometry:
    return CYCLE.outline(frame).buffer(0.0005)


def _begun(sight: Sight) -> float:
    return sight.time - _SLICE_SECONDS / 2


def _index(sight: Sight, seed: int) -> str:
    begun = _begun(sight)
    orbit = sight.satellite.node_orbit + sight.number
    name, bits = sight.satellite.name, int(mix(seed, 61, orbit, sight.frame.number))
    times = f"{stamp(begun)}_{stamp(begun + _SLICE_SECONDS)}"
    return f"S1{name}_IW_GRDH_1SDV_{times}_{orbit:06d}_{_datatake(sight):06X}_{bits & 0xFFFF:04X}"


def _datatake(sight: Sight) -> int:
    orbit = sight.satellite.node_orbit + sight.number
    return int(mix(62, ord(sight.satellite.name), orbit)) & 0xFFFFF


def _properties(sight: Sight, seed: int) -> dict[str, Any]:
    begun, satellite = _begun(sight), sight.satellite
    start = math.floor(begun) * 1000
    orbit = satellite.node_orbit + sight.number
    shift = 73 if satellite.name == "A" else 27
    relative = (orbit - shift) % 175 + 1
    node = satellite.node_time + sight.number * _PERIOD
    ascending = abs(sight.frame.heading) < 90.0
    after = (sight.frame.after - _SLICE_SECONDS / 2) * 1000.0
    made = start + 8_000_000
    return {
        "system:index": _index(sight, seed),
        "system:time_start": start,
        "system:time_end": start,
        "system:footprint": shapely.geometry.mapping(_outline(sight.frame)),
        "system:asset_size": 4_012_345_678,
        **_facilities(made),
        "startTimeANX": round(after, 4),
        "stopTimeANX": round(after + _SLICE_SECONDS * 1000.0, 4),
        "nssdcIdentifier": "2014-016A" if satellite.name == "A" else "2016-025A",
        "familyName": "SENTINEL-1",
        "platform_number": satellite.name,
        "platformHeading": round(sight.frame.heading, 6),
        "instrument": "Synthetic Aperture Radar",
        "instrumentMode": "IW",
        "instrumentSwath": "IW",
        "orbitNumber_start": orbit,
        "orbitNumber_stop": orbit,
        "relativeOrbitNumber_start": relative,
        "relativeOrbitNumber_stop": relative,
        "cycleNumber": (orbit - shift) // 175 + (15 if satellite.name == "A" else 1),
        "phaseIdentifier": 1,
        "orbitProperties_pass": "ASCENDING" if ascending else "DESCENDING",
        "orbitProperties_ascendingNodeTime": round(node * 1000),
        "resolution": "H",
        "resolution_meters": 10,
        "instrumentConfigurationID": 6,
        "missionDataTakeID": _datatake(sight),
        "transmitterReceiverPolarisation": ["VV", "VH"],
        "productClass": "S",
        "productClassDescription": "SAR Standard L1 Product",
        "productComposition": "Slice",
        "productType": "GRD",
        "productTimelinessCategory": "Fast-24h",
        "sliceProductFlag": "true",
        "segmentStartTime": round((node + _STARTS[0]) * 1000),
        "sliceNumber": sight.frame.number + 1,
        "totalSlices": _SLICES,
    }


def _facilities(made: int) -> dict[str, Any]:
    """Who processed it. The data sheet spells some names longer than published scenes do: both are given."""
    found: dict[str, Any] = {}
    for step in ("GRD_Post", "SLC"):
        found |= {
            f"{step}_Processing_facility_country": "Germany",
            f"{step}_Processing_facility_name": "Copernicus S1 Core Ground Segment - DPA",
            f"{step}_Processing_facility_org": "ESA",
            f"{step}_Processing_facility_organisation": "ESA",
            f"{step}_Processing_facility_site": "DLR-Oberpfaffenhofen",
            f"{step}_Processing_software_name": "Sentinel-1 IPF",
            f"{step}_Processing_software_version": "003.10",
            f"{step}_Processing_start": made,
            f"{step}_Processing_stop": made + 600_000,
        }
    versions = {"S1TBX_Calibration_Operator_version", "S1TBX_Calibration_vers"}
    versions |= {"S1TBX_SAR_Processing_version", "S1TBX_SAR_Processing_vers"}
    versions |= {"SNAP_Graph_Processing_Framework_GPF_version", "SNAP_Graph_Processing_Framework_GPF_vers"}
    return found | dict.fromkeys(sorted(versions), "6.0.4")
