"""
The one mask: which pixels of a grid lie inside an area, as runs of columns per row.

The rule is the scanline rule of GDAL's polygon fill (`GDALdllImageFilledPolygon`): an edge crosses row r where
y1 <= r + 0.5 < y2, crossings are rounded with floor(x + 0.5), sorted and paired, polygon by polygon, and the
polygons are united. Edges are intersected with all rows of a band at once, so the cost grows with the length of
the boundary and never with the number of pixels; memory grows with what is found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
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

RowSpans = tuple[Ints, Ints, Ints]  # (row, start, stop) of each
Narrow = NDArray[np.int32]

POLYGON = 3  # shapely's type number
# Crossings computed at once, in a band of rows: each needs about 100 bytes meanwhile.
MAX_CROSSINGS = 1 << 18
# Polygons taken out of an area at once: GEOS copies each, and each of its rings.
POLYGONS_AT_ONCE = 4_096


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
        # What is found is kept in half the bytes until the edges are gone: numbers of columns fit into 32 bits.
        counts, starts, stops = _filled(geometry, grid, all_touched=all_touched)
        first = np.cumsum(np.append(0, counts))
        start = np.concatenate(starts, dtype=np.int64)
        starts.clear()
        return cls(grid.height, grid.width, first, start, np.concatenate(stops, dtype=np.int64))

    @classmethod
    def full(cls, grid: Grid) -> SpanTable:
        """Return a table that holds every pixel of `grid`."""
        rows = np.arange(grid.height + 1, dtype=np.int64)
        return cls(
            grid.height, grid.width, rows, np.zeros(grid.height, np.int64), np.full(grid.height, grid.width, np.int64)
        )

    def pixels(self) -> int:
        """Return how many pixels lie inside."""
        return int((self.stop - self.start).sum())

    def counts(self, tile_height: int, tile_width: int) -> Ints:
        """Return how many pixels lie inside each tile, as (tile rows, tile cols); tiles start at pixel (0, 0)."""
        tile_cols = -(-self.width // tile_width)
        reached = self.first[np.append(np.arange(0, self.height, tile_height), self.height)]
        bands = [
            _counts_of(reached[band.start : band.stop + 1], self.start, self.stop, (tile_cols, tile_width))
            for band in _even(reached, MAX_CROSSINGS)
        ]
        return np.concatenate(bands)

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
    def joined(cls, edges: list[Edges]) -> Edges:
        """Return the edges of all."""
        names = ("polygon", "x1", "y1", "x2", "y2")
        return cls(*(np.concatenate([getattr(one, name) for one in edges]) for name in names))

    @classmethod
    def of(cls, polygons: Sequence[Any] | NDArray[np.object_], number: int, grid: Grid) -> Edges:
        """Return the edges of polygons in the CRS of `grid`, the first of which is called `number`."""
        rings, owner = shapely.get_rings(np.array(polygons, dtype=object), return_index=True)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        if not np.isfinite(points).all():
            raise AreaError("the area has a coordinate that is not a finite number; repair the area")
        x, y = _to_pixels(points, grid)
        here = np.flatnonzero(ring[:-1] == ring[1:])
        turned = ~shapely.is_ccw(rings)[ring[here]]
        start, stop = here + turned, here + ~turned
        return cls(owner[ring[here]].astype(np.int64) + number, x[start], y[start], x[stop], y[stop])

    def __getitem__(self, chosen: Any) -> Edges:
        """Return the edges that a numpy index chooses."""
        return Edges(self.polygon[chosen], self.x1[chosen], self.y1[chosen], self.x2[chosen], self.y2[chosen])

    def falling(self) -> Edges:
        """Return the edges that are not level, each with y1 < y2."""
        edges = self[self.y1 != self.y2]
        up = edges.y1 > edges.y2
        x1, x2 = np.where(up, edges.x2, edges.x1), np.where(up, edges.x1, edges.x2)
        return Edges(edges.polygon, x1, np.minimum(edges.y1, edges.y2), x2, np.maximum(edges.y1, edges.y2))

    def rows(self, height: int) -> tuple[Ints, Ints]:
        """Return the rows [first, last) of a grid among which are all whose centre each falling edge crosses."""
        # y1 <= row + 0.5 < y2. The subtraction is rounded for large y, so the limits are taken one row wider and
        # the exact comparison decides later.
        first = np.clip(np.ceil(self.y1 - 0.5) - 1, 0, height).astype(np.int64)
        last = np.clip(np.ceil(self.y2 - 0.5) + 1, 0, height).astype(np.int64)
        return first, last


def some_polygons(geometry: BaseGeometry) -> Iterator[NDArray[np.object_]]:
    """Yield the polygons of a geometry, also of collections in it, thousands at a time."""
    count = int(shapely.get_num_geometries(geometry))
    for first in range(0, count, POLYGONS_AT_ONCE):
        last = min(first + POLYGONS_AT_ONCE, count)
        parts: NDArray[np.object_] = shapely.get_geometry([geometry], np.arange(first, last))
        while np.any(shapely.get_type_id(parts) > POLYGON):  # collections inside collections
            parts = shapely.get_parts(parts)
        yield parts[(shapely.get_type_id(parts) == POLYGON) & ~shapely.is_empty(parts)]


def _to_pixels(points: Floats, grid: Grid) -> tuple[Floats, Floats]:
    # GDAL inverts a north-up transform in just this way; another order of operations rounds differently
    # and moves pixels whose centre lies on the boundary.
    a, _b, c, _d, e, f = grid.transform
    return -c / a + points[:, 0] * (1.0 / a), -f / e + points[:, 1] * (1.0 / e)


def _edges_and_spans(geometry: BaseGeometry, grid: Grid, *, all_touched: bool) -> tuple[Edges, RowSpans]:
    """Return the falling edges of an area, and the spans of what its other edges fill or what all of them touch."""
    falling, spans, ends = [Edges.of((), 0, grid)], [level_spans(Edges.of((), 0, grid), grid.height)], []
    number = 0
    for polygons in some_polygons(geometry):
        edges = Edges.of(polygons, number, grid)
        number += len(polygons)
        falling.append(edges.falling())
        spans.append(level_spans(edges, grid.height))
        if all_touched:
            ends.append(np.stack((edges.x1, edges.y1, edges.x2, edges.y2), axis=1))
    if ends:
        spans.append(touched_spans(np.concatenate(ends), grid.height, grid.width))
    row, start, stop = (np.concatenate(column) for column in zip(*spans, strict=True))
    return Edges.joined(falling), (row, start, stop)


def _filled(geometry: BaseGeometry, grid: Grid, *, all_touched: bool) -> tuple[Ints, list[Narrow], list[Narrow]]:
    """Return how many spans an area has in each row, and their starts and stops, band by band."""
    edges, spans = _edges_and_spans(geometry, grid, all_touched=all_touched)
    rows = edges.rows(grid.height)
    counts = np.zeros(grid.height, np.int64)
    starts, stops = [], []
    for band in _bands(*rows, grid.height):
        row, start, stop = _united_in(band, edges, rows, spans, grid.width)
        counts[band.start : band.stop] = np.bincount(row - band.start, minlength=len(band))
        starts.append(start.astype(np.int32))
        stops.append(stop.astype(np.int32))
    return counts, starts, stops


def _bands(first: Ints, last: Ints, height: int) -> Iterator[range]:
    """Cut the rows of a grid into bands with MAX_CROSSINGS or few more of edges, each of which is in [first, last)."""
    under_way = np.cumsum(np.bincount(first, minlength=height + 1) - np.bincount(last, minlength=height + 1))
    return _even(np.cumsum(np.append(0, under_way[:height])), MAX_CROSSINGS)


def _even(reached: Ints, most: int) -> Iterator[range]:
    """Cut rows into bands of about `most` things, at least of a row; `reached` tells how many come before each."""
    cuts = np.flatnonzero(np.diff(reached[:-1] // most)) + 1
    return itertools.starmap(range, itertools.pairwise([0, *cuts.tolist(), len(reached) - 1]))


def _united_in(band: range, edges: Edges, rows: tuple[Ints, Ints], spans: RowSpans, width: int) -> RowSpans:
    """Return the spans of a band of rows: sorted, within the grid, none of a row overlapping or touching another."""
    filled = _filled_spans(band, edges, rows, width)
    here = (spans[0] >= band.start) & (spans[0] < band.stop)
    row, start, stop = (np.concatenate((one, other[here])) for one, other in zip(filled, spans, strict=True))
    start, stop = start.clip(0, width), stop.clip(0, width)
    keep = stop > start
    # One axis for all rows; the spare column keeps the end of a row from touching the start of the next.
    along = row[keep] * (width + 1)
    begin, end = unite(along + start[keep], along + stop[keep])
    row = begin // (width + 1)
    along = row * (width + 1)
    return row, begin - along, end - along


def _filled_spans(band: range, edges: Edges, rows: tuple[Ints, Ints], width: int) -> RowSpans:
    """Return (row, start, stop) of the pixels in a band whose centre lies inside a polygon, polygon by polygon."""
    chosen = np.flatnonzero((rows[0] < band.stop) & (rows[1] > band.start))
    first, last = rows[0][chosen].clip(min=band.start), rows[1][chosen].clip(max=band.stop)
    edges = edges[chosen]
    edge, row, col = _crossings(edges, first, last)
    # A slot is one row of one polygon. Polygons come one after the other, and each has crossings in all its rows.
    begins = np.flatnonzero(np.diff(edges.polygon, prepend=-1))
    top = np.minimum.reduceat(first, begins) if len(begins) else begins
    slots = np.maximum.reduceat(last, begins) - top if len(begins) else begins
    before = top - (np.cumsum(slots) - slots)  # what makes a slot of the polygon a row
    polygon = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(edges.polygon)))
    # Sorted by slot and column, as one number: beyond the grid it is all the same by how far.
    ordered = np.sort((row - before[polygon][edge]) * (width + 1) + col.clip(0, width))
    # A closed ring crosses a row an even number of times, so consecutive crossings are pairs.
    slot = ordered[::2] // (width + 1)
    along = slot * (width + 1)
    return slot + np.repeat(before, slots)[slot], ordered[::2] - along, ordered[1::2] - along


def _crossings(edges: Edges, first: Ints, last: Ints) -> tuple[Ints, Ints, Ints]:
    """Return (edge, row, column) of each crossing of an edge with the centre of a row in [first, last)."""
    repeats = last - first
    edge = np.repeat(np.arange(len(repeats)), repeats)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(repeats) - repeats - first, repeats)
    hit = (edges.y1[edge] <= row + 0.5) & (row + 0.5 < edges.y2[edge])
    edge, row = edge[hit], row[hit]
    x1, y1 = edges.x1[edge], edges.y1[edge]
    # In GDAL's order of operations, so that it rounds as GDAL does.
    x = (row + 0.5 - y1) * (edges.x2[edge] - x1) / (edges.y2[edge] - y1) + x1
    return edge, row, np.floor(x + 0.5).astype(np.int64)


def level_spans(edges: Edges, height: int) -> RowSpans:
    """
    Return the spans of edges that run level through pixel centres.

    GDAL fills such an edge when it runs from left to right (the area lies above it), and no other: the edge
    that the area lies below is filled by the crossings of its neighbours.
    """
    row = np.floor(edges.y1)
    chosen = (edges.y1 == edges.y2) & (edges.x1 < edges.x2) & (edges.y1 == row + 0.5) & (row >= 0) & (row < height)
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


def _counts_of(first: Ints, start: Ints, stop: Ints, cols: tuple[int, int]) -> Ints:
    """
    Return how many pixels of spans lie in each tile of some rows of tiles, as (tile rows, tile cols).

    Args:
        first: For each row of tiles, the index of its first span; one number more.
        start: First column of all spans.
        stop: First column after each.
        cols: How many tiles a row has, and columns of a tile.
    """
    row = np.repeat(np.arange(len(first) - 1), np.diff(first))
    # Each span adds its length right of `start` and takes away what lies right of `stop`: two step
    # functions, each a partial tile followed by whole ones, summed along the row of tiles.
    total = _right_of(row, start[first[0] : first[-1]], len(first) - 1, *cols)
    total -= _right_of(row, stop[first[0] : first[-1]], len(first) - 1, *cols)
    return total


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
