"""
How much of the Earth a pixel covers, in square metres of the WGS 84 ellipsoid.

Corners of pixels are carried to the cylindrical equal-area projection (Snyder, Map Projections, equations 10-1 and
3-12), where the area of a polygon is its area on the ellipsoid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.projection import WGS84, Floats, Grid, reproject_points

_RADIUS = 6378137.0
_FLATTENING = 1 / 298.257223563
_E2 = _FLATTENING * (2 - _FLATTENING)
_E = float(np.sqrt(_E2))
_SMOOTH = 20_000.0  # metres over which the area of a pixel is interpolated: it bends by a millionth
_MOST_STEP = 64  # pixels


def pixel_areas(grid: Grid) -> NDArray[np.float64]:
    """
    Give the area of each pixel of a window, (height, width); a pixel that lies nowhere on the Earth is NaN.

    Areas are measured at whole steps of the lattice and interpolated between them, never from the window, so that a
    pixel has one area whatever window it is asked in.
    """
    step = int(2 ** np.floor(np.log2(np.clip(_SMOOTH / grid.projection.nominal_scale(), 1, _MOST_STEP))))
    rows = _knots(grid.row, grid.height, step)
    cols = _knots(grid.col, grid.width, step)
    measured = _measured(grid, rows, cols)
    if step == 1:
        return measured[: grid.height, : grid.width]
    row_at, row_part = _between(grid.row, grid.height, step)
    col_at, col_part = _between(grid.col, grid.width, step)
    strips = measured[row_at] + (measured[row_at + 1] - measured[row_at]) * row_part[:, None]
    return np.asarray(strips[:, col_at] + (strips[:, col_at + 1] - strips[:, col_at]) * col_part[None, :])


def _knots(start: int, count: int, step: int) -> NDArray[np.int64]:
    return np.arange(start // step, (start + count - 1) // step + 2) * step


def _between(start: int, count: int, step: int) -> tuple[NDArray[np.int64], Floats]:
    numbers = np.arange(start, start + count)
    cells = numbers // step
    return cells - start // step, (numbers - cells * step) / step


def _measured(grid: Grid, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
    """Measure the pixels at some rows and columns of the lattice: twice the area is the sum over their corners."""
    x, y = zip(
        *(_corner(grid, rows + down, cols + right) for down, right in ((0, 0), (0, 1), (1, 1), (1, 0))), strict=True
    )
    # A pixel over the antimeridian is as narrow as any other.
    east = [_near(each, x[0]) for each in x]
    twice = sum(east[at] * y[(at + 1) % 4] - east[(at + 1) % 4] * y[at] for at in range(4))
    return np.abs(np.asarray(twice, np.float64)) / 2


def _near(east: Any, first: Any) -> Any:
    round_the_earth = 2 * np.pi * _RADIUS
    # Relative to the first corner, so that the products of small numbers keep their digits.
    away = east - first
    return away - round_the_earth * np.round(away / round_the_earth)


def _corner(grid: Grid, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> tuple[Any, Any]:
    across, down = np.meshgrid(cols.astype(np.float64), rows.astype(np.float64))
    lon, lat = reproject_points(grid.crs, WGS84, *grid.projection.world(across, down))
    with np.errstate(invalid="ignore"):
        lon, lat = (np.where(np.isfinite(part), part, np.nan) for part in (lon, lat))
        sine = np.sin(np.radians(np.clip(lat, -90, 90)))
        q = (1 - _E2) * (sine / (1 - _E2 * sine * sine) + np.arctanh(_E * sine) / _E)
    return _RADIUS * np.radians(lon), _RADIUS * q / 2
