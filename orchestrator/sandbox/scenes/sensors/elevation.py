"""
Elevation models: one invented relief on the grid of each product.

All show the ground itself: surface models are not raised by trees and houses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Scene
from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.sensors.earth import Earth, is_water
from orchestrator.sandbox.scenes.sensors.flights import seconds
from orchestrator.sandbox.scenes.sensors.lattice import WGS84, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import FLOAT, INT16, UINT8, WHOLE_EARTH, Layer, Painted, Picture
from orchestrator.sandbox.scenes.sensors.sensor import described
from orchestrator.sandbox.scenes.sensors.series import Products, Single

_ARC = 1.0 / 3600.0
_SHUTTLE = shapely.box(-180.0, -56.0, 180.0, 60.0)  # where the Shuttle looked
_STATES = shapely.box(-175.0, 13.0, -64.0, 72.0)
_ELEVATION = (Layer("elevation", INT16, smooth=True),)


def elevation(earth: Earth) -> Products:
    """Make the elevation models that are single images."""
    paint = partial(_paint, earth)
    nasadem = (*_ELEVATION, Layer("num", UINT8, "sample"), Layer("swb", UINT8, "sample"))
    ice = (Layer("bedrock", INT16, smooth=True), Layer("ice_surface", INT16, smooth=True))
    third = Lattice(WGS84, (_ARC / 3, 0.0, -180.0, 0.0, -_ARC / 3, 72.0), 59 * 10800, 116 * 10800)
    return Products(
        (),
        (
            Single("USGS/SRTMGL1_003", _ELEVATION, _half_out(_ARC, 60.0, 417601), paint, _flown("30m"), _SHUTTLE),
            Single("NASA/NASADEM_HGT/001", nasadem, _half_out(_ARC, 60.0, 417601), paint, _flown("NASADEM"), _SHUTTLE),
            Single("CGIAR/SRTM90_V4", _ELEVATION, _whole(3 * _ARC, 60.0, 144000), paint, _flown("90m"), _SHUTTLE),
            Single(
                "MERIT/DEM/v1_0_3",
                (Layer("dem", FLOAT, smooth=True),),
                _half_out(3 * _ARC, 85.0, 174000),
                paint,
                _made("1987-01-01", "2017-01-01"),
            ),
            Single(
                "USGS/GTOPO30", _ELEVATION, _whole(30 * _ARC, 90.0, 21600), paint, _made("1996-01-01", "1996-01-01")
            ),
            Single("NOAA/NGDC/ETOPO1", ice, _whole(60 * _ARC, 90.0, 10800), paint, _made("2008-08-01", "2008-08-01")),
            Single(
                "USGS/3DEP/10m",
                (Layer("elevation", FLOAT, smooth=True),),
                {"": third},
                paint,
                _made("1998-08-16", "2020-05-06"),
                _STATES,
            ),
        ),
    )


def _paint(earth: Earth, band: str, patch: Patch, cut: Cut) -> Painted:
    if band == "num":  # how many scenes a height is made of; 0 is water
        return np.where(is_water(earth.surface(patch).cut(cut)), 0, 10).astype(np.uint8), None
    if band == "swb":
        return np.where(is_water(earth.surface(patch).cut(cut)), 255, 0).astype(np.uint8), None
    return earth.relief(patch).height[cut], None


def _half_out(step: float, north: float, height: int) -> dict[str, Lattice]:
    """A grid around the globe whose pixel centres lie on whole degrees."""
    transform = (step, 0.0, -180.0 - step / 2, 0.0, -step, north + step / 2)
    return {"": Lattice(WGS84, transform, height, round(360.0 / step) + height % 2)}


def _whole(step: float, north: float, height: int) -> dict[str, Lattice]:
    """A grid around the globe whose pixel edges lie on whole degrees."""
    return {"": Lattice(WGS84, (step, 0.0, -180.0, 0.0, -step, north), height, round(360.0 / step))}


def _flown(what: str) -> dict[str, Any]:
    return {**_made("2000-02-11", "2000-02-22"), "title": f"SRTM {what}"}


def _made(start: str, end: str) -> dict[str, Any]:
    begin, stop = (round(seconds(day) * 1000) for day in (start, end))
    return {"system:time_start": begin, "system:time_end": stop, "system:asset_size": 101_234_567_890}


_GLO30, _AW3D30 = "COPERNICUS/DEM/GLO30", "JAXA/ALOS/AW3D30/V3_2"
_GLO30_LAYERS = (
    Layer("DEM", FLOAT, smooth=True),
    Layer("EDM", UINT8, "sample"),
    Layer("FLM", UINT8, "sample"),
    Layer("HEM", FLOAT, smooth=True),
    Layer("WBM", UINT8, "sample"),
)
_AW3D30_LAYERS = (Layer("DSM", INT16, smooth=True), Layer("STK", UINT8, smooth=True), Layer("MSK", UINT8, "sample"))


class DegreeTiles:
    """Elevation models whose images are tiles of one degree."""

    images: tuple[str, ...] = ()
    crowded_days = math.inf

    def __init__(self, earth: Earth) -> None:
        self._earth = earth
        self.collections: Mapping[str, Mapping[str, Any]] = {
            _GLO30: described("Copernicus DEM GLO-30: Global 30m Digital Elevation Model"),
            _AW3D30: described("ALOS DSM: Global 30m v3.2"),
        }
        self._picture = lru_cache(maxsize=1024)(self._make)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """Yield tiles from south west to north east; see `Sensor.scenes`."""
        begin = _time(collection)
        if (start_ms is not None and begin < start_ms) or (end_ms is not None and begin >= end_ms):
            return
        west, south, east, north = (WHOLE_EARTH if region is None else region).bounds
        for lat in range(max(-90, math.floor(south)), min(89, math.floor(north)) + 1):
            for lon in range(max(-180, math.floor(west)), min(179, math.floor(east)) + 1):
                tile = shapely.box(lon, lat, lon + 1, lat + 1)
                if region is None or tile.intersects(region):
                    yield self._picture(collection, lon, lat)

    def scene(self, asset_id: str) -> Scene | None:
        """Find a tile by its id."""
        collection, _, index = asset_id.rpartition("/")
        if collection not in self.collections:
            return None
        corner = _corner(collection, index)
        return None if corner is None else self._picture(collection, *corner)

    def _make(self, collection: str, lon: int, lat: int) -> Picture:
        index = _index(collection, lon, lat)
        begin = _time(collection)
        # Towards the poles GLO-30 has fewer columns.
        thin = next((many for above, many in _THINNED if abs(lat + 0.5) >= above), 1.0) if collection == _GLO30 else 1.0
        columns = round(3600 / thin)
        shift = (0.5 / columns, 0.5 / 3600) if collection == _GLO30 else (0.0, 0.0)
        step = 1.0 / columns
        transform = (step, 0.0, lon - shift[0], 0.0, -_ARC, lat + 1 + shift[1])
        layers = _GLO30_LAYERS if collection == _GLO30 else _AW3D30_LAYERS
        properties = {"system:index": index, "system:time_start": begin, "system:asset_size": 31_234_567}
        return Picture(
            f"{collection}/{index}",
            layers,
            {"": Lattice(WGS84, transform, 3600, columns)},
            shapely.box(lon - 0.001, lat - 0.001, lon + 1.001, lat + 1.001),
            lambda: properties,
            self._paint,
        )

    def _paint(self, band: str, patch: Patch, cut: Cut) -> Painted:
        if band in {"DEM", "DSM"}:
            return self._earth.relief(patch).height[cut], None
        flat = np.zeros((cut[0].stop - cut[0].start, cut[1].stop - cut[1].start), np.float32)
        if band in {"HEM", "FLM", "STK", "MSK"}:
            return flat + {"HEM": 0.5, "FLM": 2.0, "STK": 8.0, "MSK": 0.0}[band], None
        water = is_water(self._earth.surface(patch).cut(cut))
        return np.where(water, 3 if band == "WBM" else 10, 0 if band == "WBM" else 1).astype(np.uint8), None


# Latitudes from which the Copernicus DEM has columns so many times wider (Copernicus DEM Product Handbook).
_THINNED = ((85.0, 10.0), (80.0, 5.0), (70.0, 3.0), (60.0, 2.0), (50.0, 1.5))


def _time(collection: str) -> int:
    return round(seconds("2010-12-01" if collection == _GLO30 else "2006-01-24") * 1000)


def _index(collection: str, lon: int, lat: int) -> str:
    north, east = "S" if lat < 0 else "N", "W" if lon < 0 else "E"
    if collection == _GLO30:
        return f"Copernicus_DSM_COG_10_{north}{abs(lat):02d}_00_{east}{abs(lon):03d}_00_DEM"
    return f"ALPSMLC30_{north}{abs(lat):03d}{east}{abs(lon):03d}_DSM"


def _corner(collection: str, index: str) -> tuple[int, int] | None:
    body = index.removeprefix("Copernicus_DSM_COG_10_").removeprefix("ALPSMLC30_")
    digits = "".join(sign for sign in body.replace("_00", "") if sign.isdigit())
    if not digits or len(digits) > 6:
        return None
    lat, lon = int(digits[:-3] or 0), int(digits[-3:])
    lat, lon = -lat if body[:1] == "S" else lat, -lon if "W" in body else lon
    return (lon, lat) if _index(collection, lon, lat) == index else None
