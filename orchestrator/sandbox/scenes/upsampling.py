"""Interpolates fields from nodes to pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def upsample(
    nodes: Floats, step: int, margin: int, offset: float, rows: tuple[int, int], cols: tuple[int, int]
) -> NDArray[np.float32]:
    """
    Interpolate nodes every `step` pixels to pixels with Catmull-Rom splines, columns then rows.

    Pixel i stands at node coordinate `margin + (i + offset) / step`, where 0 <= offset < 1; a margin of 1 node
    before the first pixel and 2 after the last suffices. Plain sums rather than matrix products, whose threads
    would fight over the cores and whose order of summation differs between machines; a pixel's value does not
    depend on which others are asked for.

    Args:
        nodes: (row, col).
        step: Pixels from node to node.
        margin: Nodes before the one at the first pixel's edge.
        offset: Where in a pixel its value is taken.
        rows: First pixel, and the one after the last.
        cols: The same.
    """
    taps = _taps(step, offset)
    down, right = (slice(start // step, -(-end // step)) for start, end in (rows, cols))
    part = nodes[down.start + margin - 1 : down.stop + margin + 2, right.start + margin - 1 : right.stop + margin + 2]
    field = _between(np.ascontiguousarray(part.T, np.float32), taps)
    # From (step, node, row) to rows of pixels.
    field = field.transpose(2, 1, 0).reshape(part.shape[0], -1)[:, cols[0] - right.start * step :]
    field = _between(np.ascontiguousarray(field[:, : cols[1] - cols[0]]), taps)
    field = field.transpose(1, 0, 2).reshape(-1, cols[1] - cols[0])
    return field[rows[0] - down.start * step : rows[1] - down.start * step]


def _between(nodes: NDArray[np.float32], taps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values between rows of nodes, (n, m) to (step, n - 3, m): whole blocks at once, however short a row is."""
    count, width = nodes.shape[0] - 3, nodes.shape[1]
    flat = nodes.reshape(-1)
    between = flat[: count * width] * taps[:, :1]
    spare = np.empty_like(between)
    for tap in range(1, 4):
        block = flat[tap * width : (tap + count) * width]
        between += np.multiply(block, taps[:, tap : tap + 1], out=spare)
    return between.reshape(-1, count, width)


@lru_cache(maxsize=32)
def _taps(step: int, offset: float) -> NDArray[np.float32]:
    """Weights (step, 4) of the four nodes around each pixel between two nodes."""
    return np.stack(catmull_rom((np.arange(step) + offset) / step), axis=1).astype(np.float32)


def catmull_rom(t: NDArray[np.float64]) -> list[Floats]:
    """Weights of the four nodes around a point at `t` (0 to 1) between the middle two."""
    return [
        ((2.0 - t) * t - 1.0) * t / 2.0,
        (3.0 * t - 5.0) * t * t / 2.0 + 1.0,
        ((4.0 - 3.0 * t) * t + 1.0) * t / 2.0,
        (t - 1.0) * t * t / 2.0,
    ]
