"""Distances to the nearest non-zero pixel: in one direction, or in any."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.images import default_band
from orchestrator.sandbox.earthengine.evaluate.nodes import NeighbourhoodNode
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask, Tile, empty
from orchestrator.sandbox.earthengine.evaluate.values import Image

_LARGEST_PIXEL = 1000.0  # metres; see functions.focal
_MOST_REACH = 1024  # pixels to each side of a window, all of which are held at once


def _expect_near(name: str, parameter: str, reach: int) -> None:
    """Refuse what would not fit into memory."""
    if not 0 <= reach <= _MOST_REACH:
        raise EvaluationError(
            f"{name}: '{parameter}' must be between 0 and {_MOST_REACH} pixels in this sandbox, found {reach}."
        )


def _always(reach: int) -> Callable[[Grid], int]:
    return lambda _grid: reach


@function("Image.directionalDistanceTransform")
def directional_distance_transform(image: Image, angle: float, reach: int, label: str | None) -> Image:
    """
    For each zero pixel, give the distance in pixels to the nearest non-zero one in a direction.

    The direction is `angle` degrees counter-clockwise from the direction of growing x. Masked where nothing is found
    within `reach` pixels; 0 on non-zero pixels. Masked pixels count as zero.
    """
    if label is not None:
        raise EvaluationError("Image.directionalDistanceTransform: 'labelBand' is not imitated by this sandbox.")
    _expect_near("Image.directionalDistanceTransform", "maxDistance", reach)
    if not image.bands:
        raise EvaluationError("Image.directionalDistanceTransform: The image has no bands.")
    band = image.bands[0]
    support = band.node.support.widened(reach * _LARGEST_PIXEL) if band.node.support else None
    search = partial(_search, angle=angle, reach=reach)
    node = NeighbourhoodNode(search, band.node, _always(reach), support)
    return image.with_bands([default_band("distance", node, pixel_types.FLOAT, band)])


def _search(tile: Tile, grid: Grid, *, angle: float, reach: int) -> Tile:
    filled = (tile.values != 0) & tile.mask()
    distance = np.zeros(grid.shape, np.float32)
    found = np.zeros(grid.shape, np.bool_)
    # From far to near, so that the nearest has the last word.
    for step in range(reach, -1, -1):
        rows, cols = _offset(grid, angle, step)
        top, left = reach + rows, reach + cols
        hit = filled[top : top + grid.height, left : left + grid.width]
        distance[hit] = step
        found |= hit
    return Tile(distance, found)


def _offset(grid: Grid, angle: float, step: int) -> tuple[int, int]:
    """Give (rows, cols) of a point `step` pixels away; x and y grow as the lattice says."""
    a, _, _, _, e, _ = grid.projection.transform
    radians = math.radians(angle)
    rows = step * math.sin(radians) * (-1 if e < 0 else 1)
    cols = step * math.cos(radians) * (-1 if a < 0 else 1)
    return math.floor(rows + 0.5), math.floor(cols + 0.5)


@function("Image.fastDistanceTransform")
def fast_distance_transform(image: Image, neighbourhood: int, units: str, metric: str) -> Image:
    """Give the distance to the nearest non-zero pixel; masked where there is none within the neighbourhood."""
    if metric not in {"squared_euclidean", "manhattan", "chebyshev"} or units != "pixels":
        raise EvaluationError(f"Image.fastDistanceTransform: Invalid metric '{metric}' or units '{units}'.")
    _expect_near("Image.fastDistanceTransform", "neighborhood", neighbourhood)
    if not image.bands:
        raise EvaluationError("Image.fastDistanceTransform: The image has no bands.")
    band = image.bands[0]
    measure = partial(_nearest, reach=neighbourhood, metric=metric)
    support = band.node.support.widened(neighbourhood * _LARGEST_PIXEL) if band.node.support else None
    node = NeighbourhoodNode(measure, band.node, _always(neighbourhood), support)
    return image.with_bands([default_band("distance", node, pixel_types.FLOAT, band)])


def _nearest(tile: Tile, grid: Grid, *, reach: int, metric: str) -> Tile:
    filled = (tile.values != 0) & tile.mask()
    if not filled.any():
        return empty(grid.shape, np.dtype(np.float32))
    whole = distances(~filled, metric.removeprefix("squared_"))
    found = whole[reach : reach + grid.height, reach : reach + grid.width]
    return Tile((found**2 if metric == "squared_euclidean" else found).astype(np.float32), found <= reach)


def distances(blank: Mask, metric: str) -> NDArray[np.float64]:
    """Give the distance of each blank pixel from the nearest one that is not, at least one."""
    if metric == "euclidean":
        return np.asarray(scipy.ndimage.distance_transform_edt(blank))
    if metric == "manhattan":
        return np.asarray(scipy.ndimage.distance_transform_cdt(blank, metric="taxicab"), np.float64)
    return np.asarray(scipy.ndimage.distance_transform_cdt(blank, metric="chessboard"), np.float64)
