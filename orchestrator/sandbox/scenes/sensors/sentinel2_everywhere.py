"""Sentinel-2's scenes without bounds: minute by minute, where the satellites are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes import orbit
from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.scenes.layout import REFLECTANCE
from orchestrator.sandbox.scenes.orbit import PERIOD, PLATFORMS, Pass, Platform
from orchestrator.sandbox.scenes.sensors.flights import seconds
from orchestrator.sandbox.scenes.sensors.sensor import MOST_UNBOUNDED
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue, SyntheticScene

_STEP = 120.0  # seconds
_FIRST, _LAST = seconds("2015-06-27"), seconds("2035-01-01")
_REACH = 3.2  # degrees of the equator: half a swath, and a tile beyond
_POLAR, _FARTHEST = 78.0, 79.9
_INCLINATION = np.radians(98.62)


def everywhere(source: SyntheticCatalogue, start_ms: int | None, end_ms: int | None) -> Iterator[SyntheticScene]:
    """
    Yield scenes of the whole Earth in order.

    Raises:
        UnboundedQueryError: After MOST_UNBOUNDED scenes.
    """
    first = max(_FIRST, -np.inf if start_ms is None else start_ms / 1000.0)
    last = min(_LAST, np.inf if end_ms is None else end_ms / 1000.0)
    count, at = 0, first
    while at < last:
        until = min(at + _STEP, last)
        for scene in _slot(source, at, until):
            if count == MOST_UNBOUNDED:
                raise UnboundedQueryError(f"{REFLECTANCE} covers the Earth: filter it by bounds first")
            count += 1
            yield scene
        at = until


def _slot(source: SyntheticCatalogue, start: float, end: float) -> list[SyntheticScene]:
    places = [place for platform in PLATFORMS if (place := _below(platform, start, end)) is not None]
    found = {
        scene.index: scene
        for place in places
        for scene in source.scenes(REFLECTANCE, place, round(start * 1000), round(end * 1000))
    }
    return sorted(found.values(), key=lambda scene: (round(scene.time * 1000), scene.index))


def _below(platform: Platform, start: float, end: float) -> BaseGeometry | None:
    """What a satellite may see in a short time, a little too wide; None on the night side."""
    if end < platform.since:
        return None
    number = round((((start + end) / 2) - platform.node_time) / PERIOD)
    overpass = Pass(platform, platform.node_orbit + number)
    after = (np.array([start, end]) - overpass.node_time) / PERIOD * 2.0 * np.pi
    if np.abs(after).min() > np.pi / 2 + 0.1:
        return None
    lat = np.degrees(np.arcsin(np.sin(_INCLINATION) * -np.sin(after)))
    south, north = float(lat.min()) - 1.2, float(lat.max()) + 1.2
    if min(abs(south), abs(north)) > _FARTHEST:
        return None
    if max(abs(south), abs(north)) > _POLAR:
        return shapely.box(-180.0, max(south, -_FARTHEST), 180.0, min(north, _FARTHEST))
    # The track's longitude is where nothing lies across it.
    lon = np.array([_longitude(overpass, each) for each in lat])
    middle = float(lon[0] + ((lon[1] - lon[0] + 180.0) % 360.0 - 180.0) / 2)
    spread = abs((float(lon[1] - lon[0]) + 180.0) % 360.0 - 180.0) / 2
    reach = spread + _REACH / np.cos(np.radians(max(abs(south), abs(north))))
    return _wrapped(middle - reach, south, middle + reach, north)


def _longitude(overpass: Pass, lat: float) -> float:
    node = overpass.node_longitude
    ratio = np.tan(np.radians(lat)) / np.tan(np.pi - _INCLINATION)
    turned = float(orbit.seconds_from_node(lat)) / 240.0
    return float(node + np.degrees(np.arcsin(np.clip(ratio, -1.0, 1.0))) - turned)


def _wrapped(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """A box as parts within 180 degrees on either side."""
    middle = ((west + east) / 2 + 180.0) % 360.0 - 180.0
    half = (east - west) / 2
    box = shapely.box(middle - half, south, middle + half, north)
    parts = [translate(box, turn) for turn in (-360.0, 0.0, 360.0)]
    return shapely.intersection(shapely.union_all(parts), shapely.box(-180.0, -90.0, 180.0, 90.0))
