"""Images of places: longitude and latitude, coordinates and areas of pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.areas import pixel_areas
from orchestrator.sandbox.earthengine.evaluate.images import default_band
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, GroupedNode, Node, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import (
    WGS84,
    Grid,
    Projection,
    reproject_points,
)
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image

_FLOAT64 = np.dtype(np.float64)


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
    """Square metres of the Earth that pixels cover."""

    __slots__ = ()

    def __init__(self) -> None:
        """Need nothing."""
        super().__init__((), None)

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        del pull
        areas = pixel_areas(grid)
        known = np.isfinite(areas)
        return Tile(areas, None if known.all() else known)


@function("Image.pixelLonLat")
def pixel_lon_lat() -> Image:
    return _coordinates(Projection(WGS84), ("longitude", "latitude"))


@function("Image.pixelCoordinates")
def pixel_coordinates(projection: Projection) -> Image:
    return _coordinates(projection, "xy")


@function("Image.pixelArea")
def pixel_area() -> Image:
    return Image((default_band("area", AreaNode(), pixel_types.DOUBLE),))
