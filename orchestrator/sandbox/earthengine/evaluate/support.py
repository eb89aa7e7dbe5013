"""Where a band can have valid pixels at all, so that windows far from a scene are answered without reading it."""

from __future__ import annotations

import math

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.projection import (
    METRES_PER_DEGREE,
    WGS84,
    Grid,
    reproject_shape,
)

# Footprints are drawn with few corners in longitude and latitude; an edge of 110 km at 60 degrees sags 400 m
# against the same edge in UTM. This margin (metres) is for that.
_MARGIN = 1500.0
_POLAR = 85.0  # degrees; nearer to the poles nothing is skipped


class Support:
    """
    An outline in EPSG:4326 and a reach in metres around it (of neighbourhood operations).

    Instances are shared by threads: the only state that changes is a cache whose entries are replaced whole.
    """

    __slots__ = ("_boxes", "outline", "reach")

    def __init__(self, outline: BaseGeometry, reach: float = 0.0) -> None:
        """Keep the outline; nothing is computed before it is asked for."""
        self.outline = outline
        self.reach = reach
        self._boxes: dict[str, tuple[float, float, float, float] | None] = {}

    def widened(self, metres: float) -> Support:
        """Give the support of an operation that looks `metres` around each pixel."""
        return Support(self.outline, self.reach + metres)

    def touches(self, grid: Grid) -> bool:
        """Tell whether a window may see valid pixels; in doubt, yes."""
        box = self._box(grid.crs)
        if box is None:
            return True
        x0, y0, x1, y1 = grid.bounds()
        return not (x1 < box[0] or box[2] < x0 or y1 < box[1] or box[3] < y0)

    def _box(self, crs: str) -> tuple[float, float, float, float] | None:
        if crs not in self._boxes:
            self._boxes[crs] = self._bounds_in(crs)
        return self._boxes[crs]

    def _bounds_in(self, crs: str) -> tuple[float, float, float, float] | None:
        west, south, east, north = self.outline.bounds
        if max(abs(south), abs(north)) > _POLAR or east - west > 180:
            return None
        down = (self.reach + _MARGIN) / METRES_PER_DEGREE
        across = down / math.cos(math.radians(max(abs(south), abs(north))))
        box = shapely.box(west - across, south - down, east + across, north + down)
        bounds = reproject_shape(box, WGS84, crs).bounds
        finite = all(abs(value) < 1e12 for value in bounds)
        return bounds if finite else None
