"""Which windows of a grid the scenes of a date may touch: one that none touches is never asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.core.errors import AreaError, UserError
from orchestrator.model.grid import Grid, Window
from orchestrator.plan.reproject import METRES_PER_DEGREE, polygons_only, shift_longitude, to_lonlat
from orchestrator.raster.arrays import Floats

MARGIN_METRES = 2_500.0  # outlines are of few vertices: pixels with data lie up to two kilometres beyond them
_EARTH_METRES = 6_371_000.0
_HIGHEST = 85.0  # degrees of latitude: of a footprint that reaches farther nothing is concluded


class Reach:
    """The windows of one grid, in degrees."""

    def __init__(self, grid: Grid, windows: Sequence[Window]) -> None:
        self._bounds = np.array([_degrees(grid.crop(window)) for window in windows], float).reshape(-1, 4)

    def untouched(self, footprints: Sequence[str]) -> tuple[int, ...]:
        """
        Return the indices of the windows that lie outside all footprints of a date, and not near them.

        Args:
            footprints: WKT in degrees, within 180; where one is empty, its scene may lie anywhere.

        Raises:
            UserError: One is no WKT of an area.
        """
        if not all(footprints):
            return ()
        shapes = [_read(text) for text in footprints]
        bend = max(_bend(shape) for shape in shapes)
        whole = shapely.union_all([shift_longitude(shape, turn) for shape in shapes for turn in (-360.0, 0.0, 360.0)])
        shapely.prepare(whole)
        grown = _grown(self._bounds, MARGIN_METRES + bend)
        known = np.asarray(np.isfinite(grown).all(axis=1))
        touched = shapely.intersects(whole, shapely.box(*np.where(known[:, np.newaxis], grown, 0.0).T))
        return tuple(np.flatnonzero(known & ~touched).tolist())


def _degrees(grid: Grid) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a grid, longitudes continuous; NaN where a corner lies nowhere on Earth."""
    try:
        west, south, east, north = to_lonlat(shapely.box(*grid.bounds()), grid.crs).bounds
    except AreaError:
        return (np.nan,) * 4
    return west, south, east, north


def _read(text: str) -> Any:
    try:
        shape = shapely.from_wkt(text)
    except shapely.errors.ShapelyError:
        shape = None
    if shape is None or shape.is_empty or not shape.area:
        raise UserError(f"the footprint {text[:60]!r} of a scene is no WKT of an area in degrees; leave it out")
    return polygons_only(shape)


def _bend(shape: Any) -> float:
    """
    Return how many metres an edge that is a great circle lies beside the one that is straight in degrees, at most.

    Of an edge of length L at latitude φ that is L² · tan φ / 8R: how far a great circle rises above its parallel.
    """
    rings = shapely.get_rings(shapely.get_parts(shape))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[:-1] == ring[1:]
    across, up = (xy[1:] - xy[:-1])[same].T
    latitude = np.maximum(np.abs(xy[1:, 1]), np.abs(xy[:-1, 1]))[same]
    if latitude.max() > _HIGHEST:
        return np.inf
    length = np.hypot(across * np.cos(np.radians(latitude)), up) * METRES_PER_DEGREE
    return float((length**2 * np.tan(np.radians(latitude)) / (8 * _EARTH_METRES)).max())


def _grown(bounds: Floats, metres: float) -> NDArray[np.float64]:
    """Return boxes (n, [west, south, east, north]) that reach so many metres farther on each side."""
    up = metres / METRES_PER_DEGREE
    highest = np.abs(bounds[:, [1, 3]]).max(axis=1) + up
    # Round a pole a metre is many degrees.
    across = np.where(highest < _HIGHEST, up / np.cos(np.radians(np.minimum(highest, _HIGHEST))), 360.0)
    return np.column_stack((bounds[:, 0] - across, bounds[:, 1] - up, bounds[:, 2] + across, bounds[:, 3] + up))
