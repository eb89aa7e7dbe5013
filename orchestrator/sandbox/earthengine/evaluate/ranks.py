"""Reducers by rank: stacks of tiles sorted pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.reducing import Array, Planes, any_valid, fraction
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile

_STRIP_PIXELS = 1 << 15  # a strip of the stack should stay in the processor's cache


@lru_cache(maxsize=256)
def comparators(count: int) -> tuple[tuple[int, int], ...]:
    """
    Give the pairs of a sorting network for `count` values.

    Batcher's merge exchange (Knuth, The Art of Computer Programming, 5.2.2, algorithm M). Applied to whole planes it
    sorts every pixel at the speed of `minimum` and `maximum`.
    """
    pairs: list[tuple[int, int]] = []
    top = 1 << max(count - 1, 1).bit_length() - 1
    step = top
    while step > 0:
        pivot, rest, distance = top, 0, step
        while distance > 0:
            pairs += [(at, at + distance) for at in range(count - distance) if at & step == rest]
            distance, pivot, rest = pivot - step, pivot >> 1, step
        step >>= 1
    return tuple(pairs)


def ordered(stack: Array) -> None:
    """Sort along the first axis, in place."""
    spare = np.empty_like(stack[0])
    for low, high in comparators(len(stack)):
        np.minimum(stack[low], stack[high], out=spare)
        np.maximum(stack[low], stack[high], out=stack[high])
        stack[low] = spare


def ranked(pick: Callable[[Array, Array], list[Array]]) -> Planes:
    """
    Reduce by rank.

    Args:
        pick: From a stack (image, pixel) sorted with the invalid pixels last, and the number of valid ones per
            pixel (at least 1), to a row of results per output.
    """

    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        height, width = tiles[0].values.shape
        valid = any_valid(tiles)
        results: list[Array] = []
        rows = max(1, _STRIP_PIXELS // max(width, 1))
        for top in range(0, height, rows):
            strip = slice(top, top + rows)
            found = pick(*_sorted_strip(tiles, strip, fraction(dtype)))
            if not results:
                results = [np.empty((height, width), fraction(dtype)) for _ in found]
            for whole, part in zip(results, found, strict=True):
                whole[strip] = part.reshape(-1, width)
        return [Tile(whole, valid) for whole in results]

    return planes


def _sorted_strip(tiles: Sequence[Tile], rows: slice, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    size = tiles[0].values[rows].size
    stack = np.empty((len(tiles), size), dtype)
    count = np.zeros(size, np.int64)
    for plane, tile in zip(stack, tiles, strict=True):
        plane[:] = tile.values[rows].ravel()
        if tile.valid is None:
            count += 1
        else:
            inside = tile.valid[rows].ravel()
            count += inside
            plane[~inside] = np.inf
    ordered(stack)
    return stack, np.maximum(count, 1)


def middle(stack: Array, count: Array) -> list[Array]:
    """Give the median: the middle value, or the mean of the two middle ones."""
    return [(_at(stack, (count - 1) // 2) + _at(stack, count // 2)) * stack.dtype.type(0.5)]


def _at(stack: Array, rank: Array) -> Array:
    first = rank[0]
    found: Array = stack[first] if (rank == first).all() else stack[rank, np.arange(stack.shape[1])]
    return found


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
