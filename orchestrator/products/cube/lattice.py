"""The lattice of a cube's shards: regular, each one request, none where the area is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Grid, Window
from orchestrator.plan.requests import RequestSize

if TYPE_CHECKING:
    from orchestrator.raster.spans import SpanTable

# Rows and columns of a chunk: what is read and decoded at once.
CHUNK = 256


def shard_shape(grid: Grid, size: RequestSize) -> tuple[int, int]:
    """
    Return rows and columns of a shard, multiples of CHUNK: the fewest requests, and of those the squarest.

    Raises:
        PlanError: A request does not hold one chunk.
    """
    best = min(_shapes(grid, size), default=None)
    if best is None:
        raise PlanError(
            f"a request of {size.most} {size.counted} does not hold {CHUNK} × {CHUNK} pixels of {size.per_pixel:g}; "
            "take fewer bands"
        )
    return best[2] * CHUNK, best[3] * CHUNK


def _shapes(grid: Grid, size: RequestSize) -> Iterator[tuple[int, int, int, int]]:
    """Yield (requests, how far from a square, rows of chunks, columns of chunks) of every shape that fits."""
    rows, cols = -(-grid.height // CHUNK), -(-grid.width // CHUNK)
    for high in range(1, rows + 1):
        # What is asked for ends at the edge of the grid.
        height = min(high * CHUNK, grid.height)
        widest = int(min(size.max_side, size.most / size.per_pixel / height))
        wide = cols if widest >= grid.width else min(widest // CHUNK, cols)
        if height > size.max_side or not wide:
            return
        across = -(-cols // wide)
        wide = -(-cols // across)  # as narrow as the same number of requests allows
        yield -(-rows // high) * across, abs(high - wide), high, wide


def shard_windows(grid: Grid, shard: tuple[int, int], spans: SpanTable) -> tuple[Window, ...]:
    """Return the windows of the lattice that hold something of the area, row by row."""
    counts = spans.counts(*shard)
    tiles = grid.window.tiles(*shard)
    return tuple(window for window, count in zip(tiles, counts.ravel(), strict=True) if count)
