"""Where the tiles of synthetic Sentinel-2 lie, and which part of one a pass sees."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes import mgrs
from orchestrator.sandbox.scenes.ground import lonlat
from orchestrator.sandbox.scenes.mgrs import TILE_METRES, Tile
from orchestrator.sandbox.scenes.orbit import HALF_SWATH_KM, Pass

SLACK_DEGREES = 0.0001  # a footprint is drawn with few points and must not cut a pixel off


@lru_cache(maxsize=256)
def nodes_of(tile: Tile, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitudes and latitudes of count × count points over a tile, its corners among them."""
    steps = np.linspace(0.0, TILE_METRES, count)
    return lonlat(tile.epsg, *np.meshgrid(tile.west + steps, tile.north - steps))


@lru_cache(maxsize=4096)
def middle_of(tile: Tile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    half = TILE_METRES / 2
    return lonlat(tile.epsg, np.asarray(tile.west + half), np.asarray(tile.north - half))


@lru_cache(maxsize=4096)
def whole(tile: Tile) -> BaseGeometry:
    """What is seen of a tile that lies in the swath."""
    return mgrs.on_earth(tile.outline.buffer(SLACK_DEGREES))


def swath(overpass: Pass, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Polygon:
    """The strip that a pass sees near points, in degrees, about 100 m too wide."""
    lats = np.linspace(lat.min() - 0.1, lat.max() + 0.1, 33)
    middle = np.full_like(lats, float(np.mean(lon)))
    at = overpass.across(middle, lats)
    # Kilometres across grow linearly with longitude, so two probes give the edges.
    per_degree = overpass.across(middle + 0.01, lats) - at
    edges = [middle + (side * (HALF_SWATH_KM + 0.1) - at) * 0.01 / per_degree for side in (-1.0, 1.0)]
    ring = np.concatenate([np.column_stack([edges[0], lats]), np.column_stack([edges[1], lats])[::-1]])
    return Polygon(ring)
