"""
Angles of the sun and of the view, as metadata of tiles tell them: 23 × 23 nodes every 5 km from the north west corner.

The instrument has twelve detectors side by side across its swath, numbered from west to east on the descending side of
the orbit; every other one looks a little ahead, the others a little behind, and so do bands (Sentinel-2 User Handbook,
focal plane). A node that no detector sees is NaN. How far they look ahead is ours: in the published order, no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.safe.bands import BANDS, Band
from orchestrator.sandbox.safe.product import COARSEST, Product
from orchestrator.sandbox.scenes.ground import lonlat
from orchestrator.sandbox.scenes.orbit import HALF_SWATH_KM, Pass

NODES, STEP_METRES = 23, 5000
DETECTORS = 12
_OVERLAP_KM = 1.0  # of a detector over each of its neighbours
_EARTH_KM, _HEIGHT_KM = 6371.0, 786.0
_AHEAD_DEGREES, _BAND_DEGREES = 1.0, 0.05
# Bands along the track, from those that look farthest ahead or behind to those that look least.
_ALONG = ("B09", "B01", "B12", "B8A", "B07", "B06", "B11", "B05", "B04", "B10", "B03", "B08", "B02")
_PROBE_DEGREES = 0.01
Angles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AngleGrid:
    """Zenith and azimuth (clockwise from north) at the nodes, (row, col), degrees; NaN where there is none."""

    zenith: Angles
    azimuth: Angles

    def vectors(self) -> Angles:
        """Return unit vectors (3, row, col): north, east, up."""
        zenith, azimuth = np.radians(self.zenith), np.radians(self.azimuth)
        flat = np.sin(zenith)
        return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.cos(zenith)])


def sun(product: Product) -> AngleGrid:
    """Where the sun stands as each node is seen."""
    azimuth, zenith = product.scene.overpass.sun(*_nodes(product))
    return AngleGrid(np.asarray(zenith), np.asarray(azimuth))


def view(product: Product, band: Band) -> Mapping[int, AngleGrid]:
    """Where the satellite stands for each detector that sees a node, by number of the detector."""
    lon, lat = _nodes(product)
    overpass = product.scene.overpass
    across = overpass.across(lon, lat)
    right = _azimuth_across(overpass, lon, lat)
    found = {}
    for number in range(1, DETECTORS + 1):
        seen = _sees(number, across)
        if seen.any():
            found[number] = _seen_by(number, band, across, right, seen)
    return found


def mean(grids: list[AngleGrid]) -> tuple[float, float]:
    """Zenith and azimuth of the mean line of sight over all nodes; NaN where there is none."""
    vectors = np.concatenate([grid.vectors().reshape(3, -1) for grid in grids], axis=1) if grids else np.empty((3, 0))
    known = vectors[:, ~np.isnan(vectors[0])]
    if known.size == 0:
        return float("nan"), float("nan")
    north, east, up = known.mean(axis=1)
    azimuth = np.degrees(np.arctan2(east, north)) % 360.0
    return float(np.degrees(np.arctan2(np.hypot(north, east), up))), float(azimuth)


def _nodes(product: Product) -> tuple[Angles, Angles]:
    """Longitude and latitude of the nodes."""
    grid = product.grid(COARSEST)
    steps = np.arange(NODES) * float(STEP_METRES)
    return lonlat(grid.epsg, *np.meshgrid(grid.west + steps, grid.north - steps))


def _sees(number: int, across: Angles) -> NDArray[np.bool_]:
    """Which places a detector sees; the outermost ones end with the swath."""
    width = 2.0 * HALF_SWATH_KM / DETECTORS
    middle = (number - 0.5) * width - HALF_SWATH_KM
    return np.asarray((np.abs(across - middle) <= width / 2 + _OVERLAP_KM) & (np.abs(across) <= HALF_SWATH_KM))


def _azimuth_across(overpass: Pass, lon: Angles, lat: Angles) -> Angles:
    """Radians clockwise from north in which the distance across the track grows."""
    here = overpass.across(lon, lat)
    east = (overpass.across(lon + _PROBE_DEGREES, lat) - here) / np.cos(np.radians(lat))
    north = overpass.across(lon, lat + _PROBE_DEGREES) - here
    return np.asarray(np.arctan2(east, north))


def _seen_by(number: int, band: Band, across: Angles, right: Angles, seen: NDArray[np.bool_]) -> AngleGrid:
    """The line of sight from the ground to the satellite: towards the track, and along it."""
    turn = across / _EARTH_KM
    off_nadir = np.arctan2(_EARTH_KM * np.sin(turn), _EARTH_KM + _HEIGHT_KM - _EARTH_KM * np.cos(turn))
    sideways = -np.tan(off_nadir + turn)
    ahead = np.tan(np.radians(_AHEAD_DEGREES + _BAND_DEGREES * _ALONG[::-1].index(band.name)))
    along = ahead if number % 2 else -ahead
    north = sideways * np.cos(right) - along * np.sin(right)
    east = sideways * np.sin(right) + along * np.cos(right)
    zenith, azimuth = np.degrees(np.arctan(np.hypot(north, east))), np.degrees(np.arctan2(east, north)) % 360.0
    return AngleGrid(np.where(seen, zenith, np.nan), np.where(seen, azimuth, np.nan))


def views(product: Product) -> Mapping[int, Mapping[int, AngleGrid]]:
    """The views of all bands, by id of the band and number of the detector."""
    return {band.number: view(product, band) for band in BANDS}
