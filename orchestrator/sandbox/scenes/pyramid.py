"""
Pyramid levels from level 0: the mean of valid pixels, or the top left one.

Level n has blocks of 2**n × 2**n native pixels, anchored at the scene's origin. Axis order is (row, col).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = tuple[NDArray[np.generic], NDArray[np.bool_]]


class Reader(Protocol):
    """Reads a native window, which lies inside the scene."""

    def __call__(self, row: int, col: int, height: int, width: int) -> Pixels: ...


# Native rows that are in memory at once while a coarse window is averaged.
_STRIP_ROWS = 1024


def reduce_mean(values: NDArray[np.generic], valid: NDArray[np.bool_], side: int) -> Pixels:
    """
    Average blocks of side × side pixels over their valid ones; a block without any is invalid.

    Both sides of the arrays must be multiples of `side`. The mean is float32.
    """
    if valid.all():
        total = _added(values, side)
        return (total / side**2).astype(np.float32), np.ones(total.shape, np.bool_)
    count = _added(valid, side)
    total = _added(np.where(valid, values, 0), side)
    return (total / np.maximum(count, 1)).astype(np.float32), count > 0


def _added(values: NDArray[np.generic], side: int) -> NDArray[np.float64]:
    """Sums over blocks; row by row and column by column, which numpy does four times as fast as block by block."""
    rows = np.zeros((values.shape[0] // side, values.shape[1]))
    for at in range(side):
        rows += values[at::side]
    total = np.zeros((rows.shape[0], rows.shape[1] // side))
    for at in range(side):
        total += rows[:, at::side]
    return total


def reduce_sample(values: NDArray[np.generic], valid: NDArray[np.bool_], side: int) -> Pixels:
    """Take the top left pixel of blocks of side × side pixels."""
    return values[::side, ::side].copy(), valid[::side, ::side].copy()


def read_level(
    read: Reader, shape: tuple[int, int], mode: str, level: int, window: tuple[int, int, int, int]
) -> Pixels:
    """
    Read `window` (row, col, height, width in pixels of the level) by reducing native strips.

    Args:
        read: Reads native windows inside the scene.
        shape: Native (height, width) of the scene; blocks over its edge use what is inside.
        mode: `mean` or `sample`.
        level: 0 is native.
        window: May reach beyond the scene; there pixels are invalid.
    """
    if level == 0:
        return _padded(read, shape, window)
    side = 1 << level
    reduce: Callable[[NDArray[np.generic], NDArray[np.bool_], int], Pixels]
    reduce = reduce_sample if mode == "sample" else reduce_mean
    row, col, height, width = window
    step = max(1, _STRIP_ROWS // side)
    strips = [
        reduce(*_padded(read, shape, (at * side, col * side, min(step, row + height - at) * side, width * side)), side)
        for at in range(row, row + height, step)
    ]
    if len(strips) == 1:
        return strips[0]
    return np.concatenate([values for values, _ in strips]), np.concatenate([valid for _, valid in strips])


def _padded(read: Reader, shape: tuple[int, int], window: tuple[int, int, int, int]) -> Pixels:
    """Read a native window, invalid where it leaves the scene."""
    row, col, height, width = window
    top, bottom = max(row, 0), min(row + height, shape[0])
    left, right = max(col, 0), min(col + width, shape[1])
    if top >= bottom or left >= right:
        values, _ = read(0, 0, 1, 1)
        return np.zeros((height, width), values.dtype), np.zeros((height, width), np.bool_)
    values, valid = read(top, left, bottom - top, right - left)
    if values.shape == (height, width):
        return values, valid
    pads = ((top - row, row + height - bottom), (left - col, col + width - right))
    return np.pad(values, pads), np.pad(valid, pads)
