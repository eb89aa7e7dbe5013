"""
Squares of the ground on any lattice of pixels: UTM zones, degrees, MODIS's sinusoidal grid.

A patch is a `Square` whose pixels lie on a lattice of its own. It is anchored to the lattice, never to a window, so
that a pixel has one value whatever window asks for it. Axis order is (row, col).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.catalogue import Affine6
from orchestrator.sandbox.scenes.ground import SQUARE, Cut, Square, blocks, lonlat

WGS84 = "EPSG:4326"
SINUSOIDAL = "SR-ORG:6974"  # MODIS's, on a sphere
SINUSOIDAL_RADIUS = 6371007.181
METRES_PER_DEGREE = 6378137.0 * math.pi / 180.0
SIDE = 128  # pixels of a patch
_BEYOND = 181.0  # degrees of longitude; what lies farther out on a sinusoidal grid is no place
Angle = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lattice:
    """
    Where the pixels of a raster lie: an axis-parallel affine transform in a CRS, and its size.

    Attributes:
        crs: `EPSG:326zz`, `EPSG:327zz`, `EPSG:4326` or `SR-ORG:6974`.
        transform: As `affine.Affine`; rows may go north (e > 0).
    """

    crs: str
    transform: Affine6
    height: int
    width: int

    @property
    def metres(self) -> float:
        """Side of a pixel in metres, on the equator for degrees."""
        side = abs(self.transform[0])
        return side * METRES_PER_DEGREE if self.crs == WGS84 else side

    def coarsened(self, level: int) -> Lattice:
        """The lattice of a pyramid level."""
        a, b, c, d, e, f = self.transform
        side = 1 << level
        transform = (a * side, b, c, d, e * side, f)
        return Lattice(self.crs, transform, -(-self.height // side), -(-self.width // side))

    def patches(
        self, row: int, col: int, height: int, width: int, offset: float, side: int = SIDE
    ) -> Iterator[tuple[Cut, Patch, Cut]]:
        """
        Yield (where in the window, patch, where in the patch) for a window.

        Args:
            row: First row of the window on this lattice.
            col: First column.
            height: Rows of the window.
            width: Columns.
            offset: Where in a pixel its value is taken; 0.5 is the centre.
            side: Of the patches, in pixels.
        """
        a, _, c, _, e, f = self.transform
        # Lattices of one CRS and spacing that differ by whole pixels share their patches.
        first_col, left = _anchor(c, a)
        first_row, top = _anchor(f, e)
        spacing = max(1, round(self.metres))
        for place, (down, right), cut in blocks(row + first_row, col + first_col, height, width, side):
            yield place, Patch(0, spacing, 0, 0, down, right, offset, side, self.crs, a, e, left, top), cut

    def lonlat(self, rows: NDArray[np.floating], cols: NDArray[np.floating]) -> tuple[Angle, Angle]:
        """Longitude and latitude in degrees of (row, col) given as fractions."""
        a, _, c, _, e, f = self.transform
        return to_lonlat(self.crs, c + a * np.asarray(cols, np.float64), f + e * np.asarray(rows, np.float64))


def _anchor(origin: float, step: float) -> tuple[int, float]:
    """Whole pixels from the lattice's own zero to `origin`, and what is left over in units of the CRS."""
    pixels = math.floor(origin / step + 1e-6)
    return pixels, round(origin - pixels * step, 9)


@dataclass(frozen=True)
class Patch(Square):
    """
    A square of pixels of a lattice.

    Attributes:
        crs: Of the lattice.
        step_x: Pixel size along a row in units of the CRS.
        step_y: Along a column; negative where rows go south.
        left: x of the west edge of column 0 of patch column 0.
        top: y of the upper edge of row 0 of patch row 0.
    """

    crs: str = WGS84
    step_x: float = 1.0
    step_y: float = -1.0
    left: float = 0.0
    top: float = 0.0

    @property
    def first(self) -> tuple[int, int]:
        """Row and column of its first pixel, counted from `top` and `left`."""
        return self.row * self.side, self.col * self.side

    def around(self) -> tuple[Patch, Cut]:
        """The patch of SQUARE x SQUARE pixels in which this one lies, and where."""
        times = SQUARE // self.side
        wide = replace(self, row=self.row // times, col=self.col // times, side=SQUARE)
        top, left = (at % times * self.side for at in (self.row, self.col))
        return wide, (slice(top, top + self.side), slice(left, left + self.side))

    def lonlat_at(self, rows: NDArray[np.number], cols: NDArray[np.number]) -> tuple[Angle, Angle]:
        """Longitude and latitude (rows, cols) of pixel coordinates within the patch."""
        x = self.left + (self.col * self.side + np.asarray(cols, np.float64)) * self.step_x
        y = self.top + (self.row * self.side + np.asarray(rows, np.float64)) * self.step_y
        return to_lonlat(self.crs, *np.meshgrid(x, y))

    def centres(self, cut: Cut) -> tuple[Angle, Angle]:
        """Longitude and latitude of the pixels of a part of the patch, where their values are taken."""
        rows = np.arange(cut[0].start, cut[0].stop) + self.offset
        cols = np.arange(cut[1].start, cut[1].stop) + self.offset
        return self.lonlat_at(rows, cols)


def to_lonlat(crs: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Angle, Angle]:
    """Longitude and latitude in degrees; beyond the edge of the sinusoidal world, the longitude is more than 180."""
    if crs == WGS84:
        return x, y
    if crs == SINUSOIDAL:
        lat = np.degrees(y / SINUSOIDAL_RADIUS)
        narrow = np.maximum(np.cos(np.radians(np.clip(lat, -90.0, 90.0))), 1e-6)
        lon = np.degrees(x / SINUSOIDAL_RADIUS / narrow)
        return np.clip(lon, -_BEYOND, _BEYOND), lat
    number = int(crs.removeprefix("EPSG:"))
    # NAD 83 and WGS 84 are the same to a metre or two, which no field here is fine enough for.
    return lonlat(number + 5700 if number // 100 == 269 else number, x, y)
