"""
The pixels that the boundary of an area touches, as GDAL's `all_touched` finds them.

GDAL's rule for a boundary has tolerances of its own, so GDAL itself is asked, tile by tile, about the edges
near the tile: memory is bounded by the tile, and the number of tiles by the length of the boundary.

On grids of up to WHOLE pixels GDAL sees the whole boundary at once and the answer is its own. On larger ones
it can differ from a burn of the whole grid where an edge runs exactly through corners of pixels: whether it
touches the pixels beside the corner is then a matter of rounding, and rounding depends on the tile's origin.
"""

from __future__ import annotations

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import Affine

from orchestrator.model.grid import Window
from orchestrator.raster.arrays import Floats, Ints

TILE = 512
WHOLE = 1 << 24
# GDAL cuts an edge at the border of what it burns, and may then choose other pixels along that border.
MARGIN = 8


def touched_spans(ends: Floats, height: int, width: int) -> tuple[Ints, Ints, Ints]:
    """
    Return (row, start, stop) of the runs of pixels touched by edges.

    Args:
        ends: Edges in pixel coordinates, as (edge, [x1, y1, x2, y2]).
        height: Rows of the grid.
        width: Columns of the grid.
    """
    if not len(ends):
        return (np.empty(0, np.int64),) * 3
    if height * width <= WHOLE:
        found = _burn(ends, Window(0, 0, height, width), height, width)
        return found[0], found[1], found[2]
    runs = [np.empty((3, 0), np.int64)]
    tile, edge = _near(ends, height, width)
    order = np.argsort(tile, kind="stable")
    tile, edge = tile[order], edge[order]
    tile_cols = -(-width // TILE)
    for group in np.split(np.arange(len(tile)), np.flatnonzero(np.diff(tile)) + 1):
        if not len(group):
            continue
        row, col = (int(v) * TILE for v in divmod(tile[group[0]], tile_cols))
        tile_window = Window(row, col, min(TILE, height - row), min(TILE, width - col))
        runs.append(_burn(ends[edge[group]], tile_window, height, width))
    found = np.concatenate(runs, axis=1)
    return found[0], found[1], found[2]


def _near(ends: Floats, height: int, width: int) -> tuple[Ints, Ints]:
    """Return (tile, edge) for each tile an edge comes near."""
    y1, y2 = ends[:, 1], ends[:, 3]
    first, count = _tiles(np.minimum(y1, y2), np.maximum(y1, y2), height)
    edge = np.repeat(np.arange(len(ends)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    low, high = _columns(ends[edge], row)
    first, count = _tiles(low, high, width)
    tile_row, edge = np.repeat(row, count), np.repeat(edge, count)
    col = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    return tile_row * -(-width // TILE) + col, edge


def _tiles(low: Floats, high: Floats, size: int) -> tuple[Ints, Ints]:
    """Return the first tile, and how many, that [low, high] with the margin meets."""
    last = -(-size // TILE) - 1
    first = np.floor((low - MARGIN) / TILE).clip(0, last + 1).astype(np.int64)
    end = np.floor((high + MARGIN) / TILE).clip(-1, last).astype(np.int64)
    return first, (end - first + 1).clip(min=0)


def _columns(ends: Floats, tile_row: Ints) -> tuple[Floats, Floats]:
    """Return the leftmost and rightmost x of each edge within its row of tiles, with the margin."""
    x1, y1, x2, y2 = ends.T
    rise = np.where(y1 == y2, 1.0, y2 - y1)
    at = [np.clip((tile_row * TILE + limit - y1) / rise, 0, 1) for limit in (-MARGIN, TILE + MARGIN)]
    a, b = (np.where(y1 == y2, end, x1 + t * (x2 - x1)) for t, end in zip(at, (x1, x2), strict=True))
    return np.minimum(a, b), np.maximum(a, b)


def _burn(ends: Floats, tile: Window, height: int, width: int) -> Ints:
    """
    Return (row, start, stop) of the runs of pixels that edges touch in a tile.

    Args:
        ends: Edges near the tile, as (edge, [x1, y1, x2, y2]).
        tile: Where to look.
        height: Rows of the grid.
        width: Columns of the grid.
    """
    top, left = max(tile.row - MARGIN, 0), max(tile.col - MARGIN, 0)
    shape = (min(tile.bottom + MARGIN, height) - top, min(tile.right + MARGIN, width) - left)
    # There and back twice: a ring of the four points a polygon must have, whose only edges are the edge itself
    # and whose inside is empty.
    rings = (ends - (left, top, left, top))[:, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]].reshape(-1, 1, 5, 2)
    polygons = {"type": "MultiPolygon", "coordinates": rings.tolist()}
    burnt = rasterize([polygons], out_shape=shape, transform=Affine.identity(), all_touched=True, dtype="uint8")
    inside = burnt[tile.row - top : tile.bottom - top, tile.col - left : tile.right - left].astype(np.int8)
    steps = np.diff(np.pad(inside, ((0, 0), (1, 1))), axis=1)
    found, start = np.nonzero(steps == 1)
    return np.stack((found + tile.row, start + tile.col, np.nonzero(steps == -1)[1] + tile.col)).astype(np.int64)
