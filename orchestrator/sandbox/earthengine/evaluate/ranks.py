"""Reducers by rank: stacks of tiles sorted pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.reducing import Array, Planes, any_valid, fraction
from orchestrator.sandbox.earthengine.evaluate.sorting import Span, every_rank, sorted_strip
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile

_STRIP_PIXELS = 1 << 15  # a strip of the stack should stay in the processor's cache


def ranked(pick: Callable[[Array, Array], list[Array]], span: Span = every_rank) -> Planes:
    """
    Reduce by rank.

    Args:
        pick: From a stack (image, pixel) sorted with the invalid pixels last, and the number of valid ones per
            pixel (at least 1), to a row of results per output.
        span: From the fewest and the most valid pixels to the first and last rank that `pick` looks at; rows of other
            ranks mean nothing.
    """

    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        height, width = tiles[0].values.shape
        valid = any_valid(tiles)
        results: list[Array] = []
        rows = max(1, _STRIP_PIXELS // max(width, 1))
        for top in range(0, height, rows):
            strip = slice(top, top + rows)
            found = pick(*sorted_strip(tiles, strip, fraction(dtype), span))
            if not results:
                results = [np.empty((height, width), fraction(dtype)) for _ in found]
            for whole, part in zip(results, found, strict=True):
                whole[strip] = part.reshape(-1, width)
        return [Tile(whole, valid) for whole in results]

    return planes


def middle(stack: Array, count: Array) -> list[Array]:
    """Give the median: the middle value, or the mean of the two middle ones."""
    return [(_at(stack, (count - 1) // 2) + _at(stack, count // 2)) * stack.dtype.type(0.5)]


def _at(stack: Array, rank: Array) -> Array:
    first = rank[0]
    if (rank == first).all():
        return np.asarray(stack[first])
    return np.asarray(stack.ravel().take(rank * stack.shape[1] + np.arange(stack.shape[1])))


def most_frequent(stack: Array, count: Array) -> list[Array]:
    """Give the value met most often; the smallest of several."""
    best, most = stack[0].copy(), np.zeros(stack.shape[1], np.int64)
    run = np.zeros(stack.shape[1], np.int64)
    for at in range(len(stack)):
        same = (stack[at] == stack[at - 1]) if at else np.zeros(stack.shape[1], np.bool_)
        run = np.where(same, run + 1, 1)
        better = (run > most) & (at < count)
        best[better], most[better] = stack[at][better], run[better]
    return [best]
