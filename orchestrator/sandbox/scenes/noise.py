"""
Hashed lattice noise on the whole globe, without stored state.

Ground positions are world coordinates: spherical Mercator scaled so that the Earth's circumference is 1,
x to the east from 180° W, y to the south. A lattice of zoom z has 2**z cells around the globe, so it closes
on itself at 180° and one cell is `WORLD_METRES / 2**z` Mercator metres wide. Arrays are (row, col).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

Floats = NDArray[np.floating]
WORLD_METRES = 2.0 * np.pi * 6378137.0

# Zooms whose cells of 2.4 km and more are smooth enough for nodes every BROAD_METRES, and all others.
BROAD, DETAILED, BROAD_METRES = range(15), range(15, 32), 320

# Standard deviation of a cubic B-spline surface over independent uniform values in [-1, 1]:
# (1/3)**0.5 times the mean of the summed squared weights, 151/315 in one dimension.
_SPLINE_STD = (1.0 / 3.0) ** 0.5 * (151.0 / 315.0)


def mix(*parts: int | NDArray[np.integer]) -> NDArray[np.uint32]:
    """Hash integers (arrays broadcast) to uniform uint32; the finalizer of MurmurHash3 after each part."""
    state = np.asarray(np.uint32(0x9E3779B9))
    for part in parts:
        state = _finalize(state ^ _bits(np.asarray(part)))
    return state


def _bits(value: NDArray[np.integer]) -> NDArray[np.uint32]:
    """The low 32 bits of integers, two's complement."""
    if value.dtype in (np.int32, np.uint32):
        return value.view(np.uint32)
    return (value.astype(np.int64) & 0xFFFFFFFF).astype(np.uint32)


def _finalize(value: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Scramble bits in place: fields are large, and memory is what takes the time."""
    value = np.asarray(value)
    spare = np.empty_like(value)
    # Unlike numbers, arrays wrap around silently.
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        np.bitwise_xor(value, np.right_shift(value, np.uint32(shift), out=spare), out=value)
        np.multiply(value, np.uint32(factor), out=value)
    np.add(value, np.uint32(0x9E3779B9), out=value)
    return np.bitwise_xor(value, np.right_shift(value, np.uint32(16), out=spare), out=value)


def unit(bits: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Turn hashed bits into floats in [0, 1)."""
    return (bits >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


@lru_cache(maxsize=1 << 14)
def chance(*parts: int) -> float:
    """One uniform float in [0, 1) for a tuple of integers."""
    return float(unit(mix(*parts)))


def octave(x: Floats, y: Floats, zoom: int, *key: int) -> NDArray[np.float64]:
    """
    Smooth noise of unit variance at world coordinates `x`, `y`; features are about one cell of `zoom` wide.

    The value depends on position, zoom and key alone.
    """
    col, row = x * 2.0**zoom, y * 2.0**zoom
    first_col, first_row = int(np.floor(col.min())) - 2, int(np.floor(row.min())) - 2
    cols = np.arange(first_col, int(np.floor(col.max())) + 4, dtype=np.int64) % (1 << zoom)
    rows = np.arange(first_row, int(np.floor(row.max())) + 4, dtype=np.int64)
    lattice = unit(mix(*key, zoom, cols[None, :], rows[:, None])).astype(np.float64) * 2.0 - 1.0
    at = np.stack([row - first_row, col - first_col])
    return map_coordinates(lattice, at, order=3, prefilter=False, mode="nearest") / _SPLINE_STD


def spectrum(
    x: Floats, y: Floats, weights: dict[int, float], spacing: float, *key: int, zooms: range = range(32)
) -> NDArray[np.float64]:
    """
    Sum octaves (zoom to weight) into noise of unit variance.

    Octaves with cells narrower than `spacing` (metres) are left out, as an average over a pixel would do. With
    `zooms`, only those octaves are summed, so that parts of a spectrum add up to the whole.
    """
    total = np.zeros(x.shape)
    for zoom, weight in weights.items():
        if zoom in zooms and WORLD_METRES / 2**zoom >= spacing:
            total += weight * octave(x, y, zoom, *key)
    return total / float(np.sqrt(sum(weight**2 for weight in weights.values())))


def upsample(nodes: Floats, size: int, step: int, margin: int, offset: float) -> NDArray[np.float32]:
    """
    Interpolate nodes every `step` pixels to (size, size) pixels with Catmull-Rom splines, rows then columns.

    Pixel i stands at node coordinate `margin + (i + offset) / step`, where 0 <= offset < 1; a margin of 1 node
    before the first pixel and 2 after the last suffices. Plain sums rather than matrix products, whose threads
    would fight over the cores and whose order of summation differs between machines.
    """
    taps = _taps(step, offset)
    first, count = margin - 1, size // step
    field = nodes.astype(np.float32)
    rows = np.zeros((count, step, field.shape[1]), np.float32)
    for tap in range(4):
        rows += field[first + tap : first + tap + count, None, :] * taps[:, tap][None, :, None]
    field = rows.reshape(size, -1)
    pixels = field[:, first : first + count, None] * taps[:, 0]
    spare = np.empty_like(pixels)
    for tap in range(1, 4):
        pixels += np.multiply(field[:, first + tap : first + tap + count, None], taps[:, tap], out=spare)
    return pixels.reshape(size, size)


@lru_cache(maxsize=32)
def _taps(step: int, offset: float) -> NDArray[np.float32]:
    """Weights (step, 4) of the four nodes around each pixel between two nodes."""
    return np.stack(catmull_rom((np.arange(step) + offset) / step), axis=1).astype(np.float32)


def catmull_rom(t: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Weights of the four nodes around a point at `t` (0 to 1) between the middle two."""
    return [
        ((2.0 - t) * t - 1.0) * t / 2.0,
        (3.0 * t - 5.0) * t * t / 2.0 + 1.0,
        ((4.0 - 3.0 * t) * t + 1.0) * t / 2.0,
        (t - 1.0) * t * t / 2.0,
    ]


@lru_cache(maxsize=16)
def halved_grain(seed: int, row: int, col: int) -> NDArray[np.int16]:
    """Means of 2 × 2 values of `grain` from (row, col) on, which are 0 or 1: (511, 511) or more."""
    table = grain(seed)[row : row + 1024 - 2 * row, col : col + 1024 - 2 * col]
    blocks = table.reshape(table.shape[0] // 2, 2, table.shape[1] // 2, 2)
    return np.asarray(np.rint(blocks.mean(axis=(1, 3))), np.int16)


@lru_cache(maxsize=4)
def grain(seed: int) -> NDArray[np.int16]:
    """A fixed (1024, 1024) table of standard normal noise × 1000, to be cut at hashed offsets."""
    table = np.random.default_rng(seed).standard_normal((1024, 1024))
    return np.clip(table * 1000.0, -4000, 4000).astype(np.int16)
