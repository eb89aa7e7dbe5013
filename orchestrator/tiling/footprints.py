"""Tiles as they lie on a raster: its CRS, its lattice, its rows and columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.model.grid import Transform
from orchestrator.plan.reproject import (
    LONLAT,
    MAX_EDGE_METRES,
    crs_name,
    parse_crs,
    reproject,
    shift_longitude,
    to_lonlat,
    transformer_between,
    units_per_metre,
    within_180,
)
from orchestrator.tiling.degrees import in_degrees

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

Shapes = NDArray[np.object_]


class Footprints:
    """
    The shapes of tiles in any CRS, kept for the next who asks; threads that ask at once work them out side by side.

    Edges are straight where the tiles were laid out. A tile across longitude 180 is cut there.
    """

    def __init__(self, frame: GeoDataFrame) -> None:
        self._crs = crs_name(pyproj.CRS.from_user_input(frame.crs))
        self._shapes: Shapes = frame.geometry.to_numpy()
        west, _south, east, _north = shapely.bounds(in_degrees(frame)).T
        self._across_180 = np.flatnonzero((west < -180) | (east > 180))
        self._known: dict[str, Shapes] = {}

    def within(self, crs: str) -> Shapes:
        """
        Return the shape of each tile in `crs`; None for one that cannot be drawn there.

        Raises:
            PlanError: The CRS is not known.
        """
        if (found := self._known.get(crs)) is None:
            found = self._known[crs] = self._drawn(crs)
        return found

    def _drawn(self, crs: str) -> Shapes:
        source, target = parse_crs(self._crs), parse_crs(crs)
        if source.equals(target, ignore_axis_order=True):
            return self._shapes
        found = _moved(shapely.segmentize(self._shapes, MAX_EDGE_METRES * units_per_metre(source)), source, target)
        for index in self._across_180:
            cut = within_180(to_lonlat(self._shapes[index], self._crs))
            pieces = [reproject(piece, LONLAT, crs) for piece in shapely.get_parts(cut)]
            found[index] = together([one for piece in pieces for one in shapely.get_parts(piece)])
        xy, owner = shapely.get_coordinates(found, return_index=True)
        found[owner[~np.isfinite(xy).all(axis=1)]] = None
        return found


def together(polygons: Sequence[BaseGeometry]) -> BaseGeometry:
    """Return polygons as one geometry."""
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon([*polygons])  # type: ignore[list-item]


def _moved(shapes: Shapes, source: pyproj.CRS, target: pyproj.CRS) -> Shapes:
    transformer = transformer_between(source, target)
    moved: Shapes = shapely.transform(shapes, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))
    return moved


@dataclass(frozen=True, slots=True)
class RasterLattice:
    """
    The pixels of a raster, without end in every direction.

    Attributes:
        crs: Of the raster.
        transform: (a, b, c, d, e, f) of its pixel (0, 0).
        height: Rows that the raster has.
        width: Columns that it has.
    """

    crs: str
    transform: Transform
    height: int
    width: int

    @property
    def is_north_up(self) -> bool:
        a, b, _c, d, e, _f = self.transform
        return not b and not d and a > 0 > e

    def laid(self, shape: BaseGeometry) -> tuple[BaseGeometry, Transform]:
        """
        Return a shape of the raster's CRS with the north-up transform by which its pixels are found.

        A raster that is rotated or has south on top is turned: its pixels become squares of 1.
        """
        if self.is_north_up:
            return self._turned(shape), self.transform
        a, b, c, d, e, f = self.transform
        size = a * e - b * d

        def to_pixels(xy: NDArray[Any]) -> NDArray[Any]:
            x, y = xy[:, 0] - c, xy[:, 1] - f
            return np.column_stack(((e * x - b * y) / size, -(a * y - d * x) / size))

        return shapely.transform(shape, to_pixels), (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)

    def _turned(self, shape: BaseGeometry) -> BaseGeometry:
        """Return a shape in degrees where a raster from 0 to 360 has it."""
        left, right = self.transform[2], self.transform[2] + self.transform[0] * self.width
        if right <= 180 or not parse_crs(self.crs).is_geographic:
            return shape
        pieces = shapely.get_parts(shape)
        beyond = shapely.bounds(pieces)[:, 2] <= left
        moved = [shift_longitude(piece, 360.0) if away else piece for piece, away in zip(pieces, beyond, strict=True)]
        return together(moved)


@dataclass(frozen=True, slots=True)
class Patch:
    """
    A rectangle of a lattice's pixels, which may lie beyond the raster.

    Attributes:
        row: First row; may be negative.
        col: First column; may be negative.
        height: Rows.
        width: Columns.
    """

    row: int
    col: int
    height: int
    width: int

    def meets(self, other: Patch) -> bool:
        return (
            self.row < other.row + other.height
            and other.row < self.row + self.height
            and self.col < other.col + other.width
            and other.col < self.col + self.width
        )

    def joined(self, other: Patch) -> Patch:
        row, col = min(self.row, other.row), min(self.col, other.col)
        bottom = max(self.row + self.height, other.row + other.height)
        right = max(self.col + self.width, other.col + other.width)
        return Patch(row, col, bottom - row, right - col)


def patches(shape: BaseGeometry, transform: Transform) -> list[tuple[Patch, BaseGeometry]]:
    """Return rectangles of which no two share a pixel, each with the polygons that lie in it; all of them together."""
    found: list[tuple[Patch, list[BaseGeometry]]] = []
    for polygon in shapely.get_parts(shape):
        patch, members = _around(polygon, transform), [polygon]
        while near := next((one for one in found if one[0].meets(patch)), None):
            found.remove(near)
            patch, members = patch.joined(near[0]), [*near[1], *members]
        found.append((patch, members))
    return [(patch, together(members)) for patch, members in found]


def _around(polygon: BaseGeometry, transform: Transform) -> Patch:
    a, _b, c, _d, e, f = transform
    left, bottom, right, top = polygon.bounds
    col, row = math.floor((left - c) / a) - 1, math.floor((top - f) / e) - 1
    return Patch(row, col, math.ceil((bottom - f) / e) + 1 - row, math.ceil((right - c) / a) + 1 - col)
