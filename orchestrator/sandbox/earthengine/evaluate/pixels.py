"""Pixels of a region as plain numbers, read strip by strip: what aggregations and samples are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.nodes import Plan, Pull
from orchestrator.sandbox.earthengine.evaluate.outlines import outline
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
_SLIVER = 0.005  # of a pixel: less of it is no part of a region
_TILE = 64  # pixels


@dataclass(frozen=True, slots=True)
class Strip:
    """
    A window of a region.

    Attributes:
        grid: Where.
        inside: Pixels whose centre the region covers.
        values: (band, height, width).
        valid: Where the mask is not zero, (band, height, width).
        weights: The masks as numbers from 0 to 1, or as yes and no, (band, height, width).
        coverage: The fraction of each pixel that the region covers, 0 where it is under half a percent; null if it
            was not asked for.
    """

    grid: Grid
    inside: Mask
    values: list[NDArray[Any]]
    valid: list[Mask]
    weights: list[NDArray[Any]]
    coverage: NDArray[np.float64] | None = None

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
    areas, points = _areas_and_points(shape)
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


def _areas_and_points(shape: Any) -> tuple[list[Any], list[Any]]:
    """
    Take a region apart.

    Raises:
        EvaluationError: If there are lines in it: which pixels a line covers, and how much, is not documented.
    """
    parts = _parts(shape)
    if any("Line" in part.geom_type for part in parts):
        raise not_imitated("A region of lines")
    return [part for part in parts if part.area > 0], [part for part in parts if part.area == 0]


def coverage(shape: Any, grid: Grid) -> NDArray[np.float64]:
    """Give the fraction of each pixel that a shape (in the grid's CRS) covers; the pixel of a point is covered."""
    areas, points = _areas_and_points(shape)
    found = np.zeros(grid.shape)
    if areas:
        whole = shapely.union_all(areas)
        found = covered(whole, grid).astype(np.float64)
        transform = rasterio.Affine(*grid.transform)
        # Only a pixel that the outline touches is covered in part.
        edge = ~rasterio.features.geometry_mask([whole.boundary], grid.shape, transform, all_touched=True)
        _measure(grid.projection.shape_to_pixels(whole), grid, edge, found)
    found[found < _SLIVER] = 0.0
    for point in points:
        found[covered(point, grid)] = 1.0
    return found


def _measure(shape: Any, grid: Grid, edge: Mask, found: NDArray[np.float64]) -> None:
    """Write the covered fraction of the marked pixels; `shape` is in pixels of the lattice."""
    # Tile by tile, so that a long border is not cut with every pixel along it.
    for top in range(0, grid.height, _TILE):
        for left in range(0, grid.width, _TILE):
            tile = slice(top, top + _TILE), slice(left, left + _TILE)
            rows, cols = np.nonzero(edge[tile])
            if not rows.size:
                continue
            rows, cols = rows + top, cols + left
            x, y = cols + grid.col, rows + grid.row
            near = shapely.intersection(shape, shapely.box(x.min(), y.min(), x.max() + 1, y.max() + 1))
            found[rows, cols] = shapely.area(shapely.intersection(near, shapely.box(x, y, x + 1, y + 1)))


def _parts(shape: Any) -> list[Any]:
    if not hasattr(shape, "geoms"):
        return [] if shape.is_empty else [shape]
    return [part for inner in shape.geoms for part in _parts(inner)]


def region_grid(region: Geometry, projection: Projection) -> Grid:
    """Give the window of whole pixels around a region; a point on a boundary belongs to the pixel after it."""
    if region.shape.is_empty:
        raise not_imitated("An empty region")
    shape = projection.shape_to_pixels(outline(region, projection.crs))
    col0, row0, col1, row1 = shape.bounds
    rows = int(np.floor(row0 + 1e-6)), int(np.ceil(row1 - 1e-6))
    cols = int(np.floor(col0 + 1e-6)), int(np.ceil(col1 - 1e-6))
    height, width = max(rows[1] - rows[0], 1), max(cols[1] - cols[0], 1)
    lone = any(part.area == 0 for part in _parts(shape))
    return Grid(projection, rows[0], cols[0], height + lone, width + lone)


def pixel_count(region: Geometry, projection: Projection) -> float:
    """Estimate how many pixels of a lattice lie in a region: its area, or its points."""
    shape = projection.shape_to_pixels(outline(region, projection.crs))
    return float(shape.area) + sum(len(shapely.get_coordinates(part)) for part in _parts(shape) if part.area == 0)


def points_inside(region: Geometry, grid: Grid, *, most: int) -> int:
    """
    Count the pixels whose centre a region covers, in its window of whole pixels.

    Beyond twice `most`, and a pixel for each step along the outline, the area is answer enough.
    """
    shape = outline(region, grid.crs)
    estimate = round(pixel_count(region, grid.projection))
    doubt = 2 * grid.projection.shape_to_pixels(shape).length
    if estimate - doubt > 2 * most:
        return estimate
    return sum(int(covered(shape, window).sum()) for window in _windows(shape, grid))


def _windows(shape: Any, grid: Grid) -> Iterator[Grid]:
    """Cut the window of a region: strips of it where it has areas, tiles around its points where it has none."""
    areas, points = _areas_and_points(shape)
    if areas:
        rows = max(1, _STRIP_PIXELS // grid.width)
        for top in range(0, grid.height, rows):
            yield grid.part(top, 0, min(rows, grid.height - top), grid.width)
        return
    # Points may be a continent apart: what lies between them is not looked at.
    at = shapely.get_coordinates(points)
    cols, rows_of = grid.projection.pixel(at[:, 0], at[:, 1])
    tops = np.floor(rows_of + 1e-6).astype(int) - grid.row
    lefts = np.floor(cols + 1e-6).astype(int) - grid.col
    for top, left in sorted(set(zip((tops // _TILE).tolist(), (lefts // _TILE).tolist(), strict=True))):
        row, col = top * _TILE, left * _TILE
        yield grid.part(row, col, min(_TILE, grid.height - row), min(_TILE, grid.width - col))


def strips(image: Image, region: Geometry, grid: Grid, *, weighted: bool = False) -> Iterator[Strip]:
    """
    Read the pixels of a region strip by strip; strips without a pixel that counts are not read.

    Args:
        image: What is read.
        region: Where.
        grid: The window of whole pixels around it.
        weighted: Whether the fraction of each pixel that the region covers is wanted.
    """
    nodes = [band.node for band in image.bands]
    plan = Plan(nodes)
    shape = outline(region, grid.crs)
    for window in _windows(shape, grid):
        inside = covered(shape, window)
        fraction = coverage(shape, window) if weighted else None
        if not inside.any() and (fraction is None or not fraction.any()):
            continue
        pull = Pull(plan, weighted=True)
        tiles = [pull.read(node, window) for node in nodes]
        seen = [tile.mask() if tile.weight is None else tile.weight > 0 for tile in tiles]
        values, weights = [tile.values for tile in tiles], [tile.weights() for tile in tiles]
        yield Strip(window, inside, values, seen, weights, fraction)


def lonlat(grid: Grid, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Carry world coordinates of a grid to longitude and latitude."""
    return reproject_points(grid.crs, WGS84, x, y)
