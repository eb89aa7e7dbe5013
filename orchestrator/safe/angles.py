"""
Directions between the nodes of a tile's angles, by vectors.

The metadata has angles every 5,000 m. They hold at NODES, from the tile's upper left corner on: measured against a
solar ephemeris, where centres of cells would be half a cell off. They are averaged and interpolated as unit vectors:
north and east components and height, (sin z cos a, sin z sin a, cos z). Degrees of azimuth cannot be averaged: they
wrap at 360, and near the nadir two detectors differ by more than 160 degrees though they look almost the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.model.grid import Transform, Window
from orchestrator.safe.tile import AngleGrid, TileMetadata

Vectors = NDArray[np.float64]  # (3, row, col): north, east, up


def unit_vectors(grid: AngleGrid) -> Vectors:
    """Return directions as vectors of length 1, (3, row, col): north, east, up; NaN where there is none."""
    zenith, azimuth = np.radians(grid.zenith), np.radians(grid.azimuth)
    return np.stack([np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)])


def degrees(vectors: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return zenith (0 to 180) and azimuth (0 to below 360), each (row, col); NaN where a vector is 0 or NaN."""
    north, east, up = vectors
    across = np.hypot(north, east)
    nowhere = ~(np.hypot(across, up) > 0)
    azimuth = np.degrees(np.arctan2(east, north)) % 360
    azimuth[azimuth >= 360] = 0  # a hair below 0 is rounded up to 360
    return np.where(nowhere, np.nan, np.degrees(np.arctan2(across, up))), np.where(nowhere, np.nan, azimuth)


def merged(grids: Iterable[AngleGrid]) -> AngleGrid:
    """
    Join detectors: at each node the mean of the directions that are there; NaN where there is none.

    The order of `grids` does not matter, to the last bit.

    Raises:
        UserError: There is no grid, or they have different nodes.
    """
    listed = list(grids)
    if not listed:
        raise UserError("there is no detector whose angles could be merged: the tile's metadata has none for this band")
    if len({(grid.zenith.shape, grid.step) for grid in listed}) > 1:
        raise UserError("the detectors of a band have angles at different nodes: fetch the tile's metadata again")
    # Sorted, for sums of floating point numbers depend on their order.
    summed = np.nansum(np.sort([unit_vectors(grid) for grid in listed], axis=0), axis=0)
    zenith, azimuth = degrees(summed)
    return AngleGrid(zenith, azimuth, listed[0].step)


def angle_transform(tile: TileMetadata) -> Transform:
    """
    Return the transform of a raster whose pixels are the nodes of `tile.sun` and have them in their centres.

    Node (i, j) lies at (ULX + step·j, ULY - step·i), so that the raster begins half a step before the tile.
    """
    grid, step = next(iter(tile.grids.values())), tile.sun.step
    return (step, 0.0, grid.ulx - step / 2, 0.0, -step, grid.uly + step / 2)


def sample(grid: AngleGrid, nodes: Transform, pixels: Transform, window: Window) -> AngleGrid:
    """
    Return the directions at the centres of a window's pixels, by bilinear interpolation of unit vectors.

    Among the four nodes around a pixel those without a direction do not count; where none has one, and outside the
    outermost nodes, it is NaN. Memory is that of a few windows of 8-byte numbers.

    Args:
        grid: Directions at nodes.
        nodes: As `angle_transform` gives it.
        pixels: The transform of the grid in which `window` lies, in the same CRS, its rows going south.
        window: Which pixels.

    Returns:
        Angles of the shape (window.height, window.width); `step` is that of `pixels`.

    Raises:
        UserError: `pixels` is turned or skewed.
    """
    if pixels[1] or pixels[3]:
        raise UserError(f"angles are sampled on grids that are not turned; the transform is {pixels}")
    cols = (pixels[2] + pixels[0] * (window.col + np.arange(window.width) + 0.5) - nodes[2]) / nodes[0] - 0.5
    rows = (pixels[5] + pixels[4] * (window.row + np.arange(window.height) + 0.5) - nodes[5]) / nodes[4] - 0.5
    height, width = grid.zenith.shape
    down, across = _weights(rows, height), _weights(cols, width).T
    vectors = unit_vectors(grid)
    # Weights of missing nodes are left out and need no division: only the direction of the sum matters.
    zenith, azimuth = degrees(np.stack([down @ np.nan_to_num(part) @ across for part in vectors]))
    return AngleGrid(zenith, azimuth, abs(pixels[0]))


def _weights(places: NDArray[np.floating[Any]], count: int) -> NDArray[np.float64]:
    """Return what each of `count` nodes weighs at each place, (place, node); 0 outside of them all."""
    weights: NDArray[np.float64] = np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(count)[None, :]))
    # A place on the outermost node may lie a rounding outside of it.
    outside = (places < -1e-9) | (places > count - 1 + 1e-9)
    weights[outside] = 0.0
    return weights
