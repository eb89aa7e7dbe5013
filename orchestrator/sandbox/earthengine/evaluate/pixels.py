"""Pixels of a region as plain numbers, read strip by strip: what aggregations and samples are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.nodes import Plan, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import (
    DEFAULT_PROJECTION,
    WGS84,
    Floats,
    Grid,
    Projection,
    reproject_points,
)
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask
from orchestrator.sandbox.earthengine.evaluate.values import Image

_STRIP_PIXELS = 1 << 20


@dataclass(frozen=True, slots=True)
class Strip:
    """
    A window of a region.

    Attributes:
        grid: Where.
        inside: Pixels whose centre the region covers.
        values: (band, height, width).
        valid: (band, height, width).
    """

    grid: Grid
    inside: Mask
    values: list[NDArray[Any]]
    valid: list[Mask]

    def centres(self) -> tuple[Floats, Floats]:
        """Give (x, y) of the centres of the pixels inside, in the grid's CRS."""
        rows, cols = np.nonzero(self.inside)
        return self.grid.projection.world(cols + self.grid.col + 0.5, rows + self.grid.row + 0.5)


def working_projection(
    name: str, image: Image, crs: Projection | None, transform: Sequence[Any] | None, scale: float | None
) -> Projection:
    """
    Choose the lattice an aggregation works on.

    Raises:
        EvaluationError: With the service's sentence if nothing but one degree of WGS 84 is known.
    """
    base = crs if crs is not None else image.bands[0].projection if image.bands else DEFAULT_PROJECTION
    if transform is not None:
        a, b, c, d, e, f = (float(value) for value in transform)
        return Projection(base.crs, (a, b, c, d, e, f))
    if scale is not None:
        return base.at_scale(scale)
    if base == DEFAULT_PROJECTION:
        raise EvaluationError(
            f"{name}: The default WGS84 projection is invalid for aggregations. Specify a scale or crs & crs_transform."
        )
    return base


def covered(shape: Any, grid: Grid) -> Mask:
    """Tell which pixels have their centre in a shape (in the grid's CRS); a point covers the pixel it lies in."""
    areas = [part for part in _parts(shape) if part.area > 0]
    points = [part for part in _parts(shape) if part.area == 0]
    mask = np.zeros(grid.shape, np.bool_)
    transform = rasterio.Affine(*grid.transform)
    if areas:
        mask |= rasterio.features.geometry_mask(areas, grid.shape, transform, invert=True)
    for point in points:
        coordinates = shapely.get_coordinates(point)
        cols, rows = grid.projection.pixel(coordinates[:, 0], coordinates[:, 1])
        at_row = np.floor(rows + 1e-6).astype(int) - grid.row
        at_col = np.floor(cols + 1e-6).astype(int) - grid.col
        near = (at_row >= 0) & (at_row < grid.height) & (at_col >= 0) & (at_col < grid.width)
        mask[at_row[near], at_col[near]] = True
    return mask


def _parts(shape: Any) -> list[Any]:
    return list(shape.geoms) if hasattr(shape, "geoms") else [shape]


def region_grid(region: Geometry, projection: Projection) -> Grid:
    """Give the window of whole pixels around a region; a point on a boundary belongs to the pixel after it."""
    shape = projection.shape_to_pixels(region.in_crs(projection.crs))
    col0, row0, col1, row1 = shape.bounds
    rows = int(np.floor(row0 + 1e-6)), int(np.ceil(row1 - 1e-6))
    cols = int(np.floor(col0 + 1e-6)), int(np.ceil(col1 - 1e-6))
    height, width = max(rows[1] - rows[0], 1), max(cols[1] - cols[0], 1)
    lone = any(part.area == 0 for part in _parts(shape))
    return Grid(projection, rows[0], cols[0], height + lone, width + lone)


def pixel_count(region: Geometry, projection: Projection) -> float:
    """Estimate how many pixels of a lattice lie in a region: its area, or its points."""
    shape = projection.shape_to_pixels(region.in_crs(projection.crs))
    return float(shape.area) + sum(len(shapely.get_coordinates(part)) for part in _parts(shape) if part.area == 0)


def strips(image: Image, region: Geometry, grid: Grid) -> Iterator[Strip]:
    """Read the pixels of a region strip by strip; strips without a pixel inside are not read."""
    nodes = [band.node for band in image.bands]
    plan = Plan(nodes)
    shape = region.in_crs(grid.crs)
    rows = max(1, _STRIP_PIXELS // grid.width)
    for top in range(0, grid.height, rows):
        window = grid.part(top, 0, min(rows, grid.height - top), grid.width)
        inside = covered(shape, window)
        if not inside.any():
            continue
        pull = Pull(plan)
        tiles = [pull.read(node, window) for node in nodes]
        yield Strip(window, inside, [tile.values for tile in tiles], [tile.mask() for tile in tiles])


def lonlat(grid: Grid, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Carry world coordinates of a grid to longitude and latitude."""
    return reproject_points(grid.crs, WGS84, x, y)
