"""
The one mask: which pixels of a grid lie inside an area, as runs of columns per row.

The rule is the scanline rule of GDAL's polygon fill (`GDALdllImageFilledPolygon`): an edge crosses row r where
y1 <= r + 0.5 < y2, crossings are rounded with floor(x + 0.5), sorted and paired, polygon by polygon, and the
polygons are united. Edges are intersected with all their rows at once, so the cost grows with the length of
the boundary and never with the number of pixels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import AreaError
from orchestrator.model.grid import Grid, Window
from orchestrator.raster.arrays import Floats, Ints
from orchestrator.raster.touched import touched_spans

POLYGON = 3  # shapely's type number
# Crossings computed at once: each needs about 100 bytes while it is sorted.
MAX_CROSSINGS = 1 << 20


@dataclass(frozen=True, slots=True)
class SpanTable:
    """
    The pixels of a grid that lie inside an area.

    Attributes:
        height: Rows of the grid.
        width: Columns of the grid.
        first: For each row, the index of its first span; `height + 1` numbers.
        start: First column of each span.
        stop: First column after each span. Spans of a row are sorted and neither overlap nor touch.
    """

    height: int
    width: int
    first: Ints
    start: Ints
    stop: Ints

    @classmethod
    def from_geometry(cls, geometry: BaseGeometry, grid: Grid, *, all_touched: bool = False) -> SpanTable:
        """
        Return the pixels of `grid` that GDAL's rasterize would burn for `geometry`.

        Args:
            geometry: Polygons, or a collection holding them, in the grid's CRS; points and lines are ignored.
            grid: Where the pixels live.
            all_touched: Take every pixel the area touches, not only those whose centre lies inside.

        Raises:
            AreaError: A coordinate is not a finite number.
        """
        edges = Edges.of(geometry, grid)
        rows, starts, stops = filled_spans(edges, grid.height)
        if all_touched:
            ends = np.stack((edges.x1, edges.y1, edges.x2, edges.y2), axis=1)
            more = touched_spans(ends, grid.height, grid.width)
            rows, starts, stops = (np.concatenate(pair) for pair in zip((rows, starts, stops), more, strict=True))
        return cls._united(rows, starts, stops, grid.height, grid.width)

    @classmethod
    def full(cls, grid: Grid) -> SpanTable:
        """Return a table that holds every pixel of `grid`."""
        rows = np.arange(grid.height + 1, dtype=np.int64)
        return cls(
            grid.height, grid.width, rows, np.zeros(grid.height, np.int64), np.full(grid.height, grid.width, np.int64)
        )

    @classmethod
    def _united(cls, rows: Ints, starts: Ints, stops: Ints, height: int, width: int) -> SpanTable:
        starts, stops = starts.clip(0, width), stops.clip(0, width)
        keep = (stops > starts) & (rows >= 0) & (rows < height)
        # One axis for all rows; the spare column keeps the end of a row from touching the start of the next.
        stride = width + 1
        begin, end = unite(rows[keep] * stride + starts[keep], rows[keep] * stride + stops[keep])
        row = begin // stride
        first = np.searchsorted(row, np.arange(height + 1))
        return cls(height, width, first, begin - row * stride, end - row * stride)

    def pixels(self) -> int:
        """Return how many pixels lie inside."""
        return int((self.stop - self.start).sum())

    def counts(self, tile_height: int, tile_width: int) -> Ints:
        """Return how many pixels lie inside each tile, as (tile rows, tile cols); tiles start at pixel (0, 0)."""
        tile_rows, tile_cols = -(-self.height // tile_height), -(-self.width // tile_width)
        row = np.repeat(np.arange(self.height) // tile_height, np.diff(self.first))
        # Each span adds its length right of `start` and takes away what lies right of `stop`: two step
        # functions, each a partial tile followed by whole ones, summed along the row of tiles.
        total = _right_of(row, self.start, tile_rows, tile_cols, tile_width)
        total -= _right_of(row, self.stop, tile_rows, tile_cols, tile_width)
        return total

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """Return (height, width) of `window`, True where the pixel lies inside."""
        low, high = self.first[window.row], self.first[window.bottom]
        row = np.repeat(np.arange(window.height), np.diff(self.first[window.row : window.bottom + 1]))
        start, stop = self.start[low:high] - window.col, self.stop[low:high] - window.col
        near = (stop > 0) & (start < window.width)
        steps = np.zeros((window.height, window.width + 1), np.int8)
        # Spans of a row never touch, so no two of these fall on the same cell.
        steps[row[near], start[near].clip(min=0)] = 1
        steps[row[near], stop[near].clip(max=window.width)] = -1
        return np.cumsum(steps[:, :-1], axis=1, dtype=np.int8).view(np.bool_)


@dataclass(frozen=True, slots=True)
class Edges:
    """
    Edges of rings in pixel coordinates (x right, y down), with the polygon each belongs to.

    Every ring, hole or not, runs counter-clockwise on the map, as GDAL turns them before it fills.
    """

    polygon: Ints
    x1: Floats
    y1: Floats
    x2: Floats
    y2: Floats

    @classmethod
    def of(cls, geometry: BaseGeometry, grid: Grid) -> Edges:
        """Return the edges of all polygons in `geometry`, a geometry in the CRS of `grid`."""
        polygons = _polygons(geometry)
        rings, owner = shapely.get_rings(polygons, return_index=True)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        if not np.isfinite(points).all():
            raise AreaError("the area has a coordinate that is not a finite number; repair the area")
        x, y = _to_pixels(points, grid)
        here = np.flatnonzero(ring[:-1] == ring[1:])
        turned = ~shapely.is_ccw(rings)[ring[here]]
        start, stop = here + turned, here + ~turned
        return cls(owner[ring[here]].astype(np.int64), x[start], y[start], x[stop], y[stop])

    def __getitem__(self, chosen: Any) -> Edges:
        """Return the edges that a numpy index chooses."""
        return Edges(self.polygon[chosen], self.x1[chosen], self.y1[chosen], self.x2[chosen], self.y2[chosen])

    def downwards(self) -> Edges:
        """Return the same edges with y1 <= y2."""
        up = self.y1 > self.y2
        x1, x2 = np.where(up, self.x2, self.x1), np.where(up, self.x1, self.x2)
        return Edges(self.polygon, x1, np.minimum(self.y1, self.y2), x2, np.maximum(self.y1, self.y2))


def _polygons(geometry: BaseGeometry) -> NDArray[np.object_]:
    parts: NDArray[np.object_] = shapely.get_parts(geometry)
    while np.any(shapely.get_type_id(parts) > POLYGON):  # collections inside collections
        parts = shapely.get_parts(parts)
    polygons: NDArray[np.object_] = parts[(shapely.get_type_id(parts) == POLYGON) & ~shapely.is_empty(parts)]
    return polygons


def _to_pixels(points: Floats, grid: Grid) -> tuple[Floats, Floats]:
    # GDAL inverts a north-up transform in just this way; another order of operations rounds differently
    # and moves pixels whose centre lies on the boundary.
    a, _b, c, _d, e, f = grid.transform
    return -c / a + points[:, 0] * (1.0 / a), -f / e + points[:, 1] * (1.0 / e)


def filled_spans(edges: Edges, height: int) -> tuple[Ints, Ints, Ints]:
    """Return (row, start, stop) of the pixels whose centre lies inside; spans may overlap and leave the grid."""
    level = edges.y1 == edges.y2
    row, start, stop = _crossing_spans(edges[~level], height)
    flat_row, flat_start, flat_stop = _level_spans(edges[level], height)
    return (
        np.concatenate((row, flat_row)),
        np.concatenate((start, flat_start)),
        np.concatenate((stop, flat_stop)),
    )


def _crossing_spans(edges: Edges, height: int) -> tuple[Ints, Ints, Ints]:
    edges = edges.downwards()
    # y1 <= row + 0.5 < y2. The subtraction is rounded for large y, so the limits are taken one row wider and
    # the exact comparison decides later.
    first = np.clip(np.ceil(edges.y1 - 0.5) - 1, 0, height).astype(np.int64)
    last = np.clip(np.ceil(edges.y2 - 0.5) + 1, 0, height).astype(np.int64)
    pieces = [_crossings(edges[s], first[s], last[s]) for s in _slices(last - first)]
    owner, row, col = (np.concatenate(column) for column in zip(*pieces, strict=True))
    order = np.lexsort((col, row, owner))
    # A closed ring crosses a row an even number of times, so consecutive crossings are pairs.
    return row[order][::2], col[order][::2], col[order][1::2]


def _slices(rows: Ints) -> list[slice]:
    """Cut the edges so that no slice has many more than MAX_CROSSINGS; at least one slice."""
    reached = np.cumsum(rows) // MAX_CROSSINGS
    cuts = [0, *(np.flatnonzero(np.diff(reached)) + 1).tolist(), len(rows)]
    return [slice(a, b) for a, b in itertools.pairwise(cuts)]


def _crossings(edges: Edges, first: Ints, last: Ints) -> tuple[Ints, Ints, Ints]:
    """Return (polygon, row, column) of each crossing of an edge with the centre of a row in [first, last)."""
    repeats = last - first
    edge = np.repeat(np.arange(len(repeats)), repeats)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(repeats) - repeats, repeats) + first[edge]
    hit = (edges.y1[edge] <= row + 0.5) & (row + 0.5 < edges.y2[edge])
    row, edges = row[hit], edges[edge[hit]]
    # In GDAL's order of operations, so that it rounds as GDAL does.
    x = (row + 0.5 - edges.y1) * (edges.x2 - edges.x1) / (edges.y2 - edges.y1) + edges.x1
    return edges.polygon, row, np.floor(x + 0.5).astype(np.int64)


def _level_spans(edges: Edges, height: int) -> tuple[Ints, Ints, Ints]:
    """
    Return the spans of edges that run level through pixel centres.

    GDAL fills such an edge when it runs from left to right (the area lies above it), and no other: the edge
    that the area lies below is filled by the crossings of its neighbours.
    """
    row = np.floor(edges.y1)
    chosen = (edges.x1 < edges.x2) & (edges.y1 == row + 0.5) & (row >= 0) & (row < height)
    start, stop = np.floor(edges.x1[chosen] + 0.5), np.floor(edges.x2[chosen] + 0.5)
    return row[chosen].astype(np.int64), start.astype(np.int64), stop.astype(np.int64)


def unite(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Return the union of half-open intervals, sorted, as (start, stop); intervals that touch become one."""
    if not len(start):
        return start, stop
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate(stop[order])
    begins = np.concatenate(([True], start[1:] > reach[:-1]))
    ends = np.concatenate((begins[1:], [True]))
    return start[begins], reach[ends]


def _right_of(row: Ints, col: Ints, tile_rows: int, tile_cols: int, tile_width: int) -> Ints:
    """Sum over (row, col): the pixels of each tile that lie at or right of `col`, as (tile rows, tile cols)."""
    tile = col // tile_width
    # One spare tile: a span may stop at the right edge of the grid.
    cell = row * (tile_cols + 1) + tile
    size = tile_rows * (tile_cols + 1)
    passed = np.bincount(cell, minlength=size).reshape(tile_rows, -1)
    cut = np.bincount(cell, weights=col - tile * tile_width, minlength=size).reshape(tile_rows, -1)
    total = np.cumsum(passed, axis=1) * tile_width - cut.astype(np.int64)
    return total[:, :-1].astype(np.int64)
