"""Images of places: longitude and latitude, coordinates and areas of pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.images import default_band
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, GroupedNode, Node, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import (
    WGS84,
    Floats,
    Grid,
    Projection,
    parse_crs,
    reproject_points,
)
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image

_FLOAT64 = np.dtype(np.float64)
_SEMI_MAJOR, _ECCENTRICITY2 = 6378137.0, 0.00669437999014132  # WGS 84: metres, and the square of its eccentricity


class Coordinates(Group):
    """Both coordinates of the centres of pixels, carried over together: 0 is x or longitude, 1 is y or latitude."""

    def __init__(self, projection: Projection) -> None:
        """Keep the projection the coordinates are given in."""
        self.projection = projection

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Any]) -> dict[Any, Tile]:
        del pull
        rows = np.arange(grid.row, grid.row + grid.height)[:, None] + 0.5
        cols = np.arange(grid.col, grid.col + grid.width)[None, :] + 0.5
        x, y = grid.projection.world(*np.broadcast_arrays(cols, rows))
        there = self.projection.pixel(*reproject_points(grid.crs, self.projection.crs, x, y))
        return {axis: Tile(np.asarray(there[axis], _FLOAT64)) for axis in wanted}


def _coordinates(projection: Projection, names: Iterable[str]) -> Image:
    group = Coordinates(projection)
    nodes = [GroupedNode(group, axis, (), None) for axis in (0, 1)]
    return Image(tuple(default_band(n, node, pixel_types.DOUBLE) for n, node in zip(names, nodes, strict=True)))


class AreaNode(Node):
    """
    Square metres of pixels on the ellipsoid of WGS 84.

    Corners are carried to the cylindrical equal-area projection, where a pixel is a quadrilateral. The areas of the
    pixels of a region add up to the region's own.
    """

    __slots__ = ()

    def __init__(self) -> None:
        """Need nothing."""
        super().__init__((), None)

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        del pull
        straight = grid.projection.is_axis_aligned and parse_crs(grid.crs).is_geographic
        columns = 1 if straight else grid.width  # along a parallel, pixels are equal
        rows = np.arange(grid.row, grid.row + grid.height + 1.0)[:, None]
        cols = np.arange(grid.col, grid.col + columns + 1.0)[None, :]
        x, y = grid.projection.world(*np.broadcast_arrays(cols, rows))
        areas = _quadrilaterals(*reproject_points(grid.crs, WGS84, x, y))
        return Tile(np.broadcast_to(areas, grid.shape))


def _quadrilaterals(longitudes: Floats, latitudes: Floats) -> Floats:
    """Give the square metres between each four corners, (height, width) from (height + 1, width + 1) degrees."""
    x, y = _SEMI_MAJOR * np.radians(longitudes), _authalic_height(latitudes)
    across = [(x[1:, 1:] - x[:-1, :-1], y[1:, 1:] - y[:-1, :-1]), (x[1:, :-1] - x[:-1, 1:], y[1:, :-1] - y[:-1, 1:])]
    turn = 2 * np.pi * _SEMI_MAJOR  # a pixel on the antimeridian has corners on both sides of the world
    (ax, ay), (bx, by) = ((dx - turn * np.round(dx / turn), dy) for dx, dy in across)
    return np.asarray(np.abs(ax * by - ay * bx) / 2)


def _authalic_height(latitudes: Floats) -> Floats:
    """Give metres above the equator in the cylindrical equal-area projection (Snyder 1987, 3-12 and 10-15)."""
    sine, e = np.sin(np.radians(latitudes)), math.sqrt(_ECCENTRICITY2)
    bent = sine / (1 - _ECCENTRICITY2 * sine**2) + np.arctanh(e * sine) / e
    return np.asarray(_SEMI_MAJOR * (1 - _ECCENTRICITY2) / 2 * bent)


@function("Image.pixelLonLat")
def pixel_lon_lat() -> Image:
    return _coordinates(Projection(WGS84), ("longitude", "latitude"))


@function("Image.pixelCoordinates")
def pixel_coordinates(projection: Projection) -> Image:
    return _coordinates(projection, "xy")


@function("Image.pixelArea")
def pixel_area() -> Image:
    return Image((default_band("area", AreaNode(), pixel_types.DOUBLE),))
