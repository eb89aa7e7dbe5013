"""
Hashed lattice noise on the whole globe, without stored state.

Ground positions are world coordinates: spherical Mercator scaled so that the Earth's circumference is 1,
x to the east from 180° W, y to the south. A lattice of zoom z has 2**z cells around the globe, so it closes
on itself at 180° and one cell is `WORLD_METRES / 2**z` Mercator metres wide. Arrays are (row, col).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from orchestrator.sandbox.scenes.store import Store

Floats = NDArray[np.floating]
WORLD_METRES = 2.0 * np.pi * 6378137.0

_ROUNDS = ((16, 0x85EBCA6B), (13, 0xC2B2AE35))  # shifts and factors of MurmurHash3's finalizer
_MASK = 0xFFFFFFFF

# Standard deviation of a cubic B-spline surface over independent uniform values in [-1, 1]:
# (1/3)**0.5 times the mean of the summed squared weights, 151/315 in one dimension.
_SPLINE_STD = (1.0 / 3.0) ** 0.5 * (151.0 / 315.0)


def mix(*parts: int | NDArray[np.integer]) -> NDArray[np.uint32]:
    """Hash integers (arrays broadcast) to uniform uint32; the finalizer of MurmurHash3 after each part."""
    lone = next((at for at, part in enumerate(parts) if isinstance(part, np.ndarray)), len(parts))
    state = np.asarray(np.uint32(_mixed(tuple(int(part) for part in parts[:lone]))))
    for part in parts[lone:]:
        state = _finalize(state ^ _bits(np.asarray(part)))
    return state


@lru_cache(maxsize=1 << 14)
def _mixed(parts: tuple[int, ...]) -> int:
    """Hash single integers; numpy takes fifty times as long for one number."""
    state = 0x9E3779B9
    for part in parts:
        state ^= part & _MASK
        for shift, factor in _ROUNDS:
            state = (state ^ state >> shift) * factor & _MASK
        state = state + 0x9E3779B9 & _MASK
        state ^= state >> 16
    return state


def _bits(value: NDArray[np.integer]) -> NDArray[np.uint32]:
    """The low 32 bits of integers, two's complement."""
    if value.dtype in (np.int32, np.uint32):
        return value.view(np.uint32)
    return (value.astype(np.int64) & _MASK).astype(np.uint32)


def _finalize(value: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Scramble bits in place: fields are large, and memory is what takes the time."""
    value = np.asarray(value)
    spare = np.empty_like(value)
    # Unlike numbers, arrays wrap around silently.
    for shift, factor in _ROUNDS:
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


@dataclass(frozen=True, slots=True)
class Lattice:
    """
    Control values of a cubic B-spline surface, float32 (row, col); the surface lies between the least and the greatest.

    Attributes:
        values: At whole numbers of cells; shared, never to be written to.
        zoom: 2**zoom cells go around the globe.
        row: Cell of the first row.
        col: Cell of the first column, which may lie beyond 180°.
    """

    values: NDArray[np.float32]
    zoom: int
    row: int
    col: int

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + 256

    @property
    def greatest(self) -> float:
        """What the surface never rises over."""
        return float(self.values.max())

    def at(self, x: Floats, y: Floats) -> NDArray[np.float64]:
        """The surface at world coordinates inside."""
        places = np.stack([y * 2.0**self.zoom - self.row, x * 2.0**self.zoom - self.col])
        return np.asarray(map_coordinates(self.values, places, np.float64, order=3, prefilter=False, mode="nearest"))

    def near(self, x: Floats, y: Floats) -> NDArray[np.float32]:
        """The surface at world coordinates inside, drawn as planes between its values every half cell."""
        half = self.halved()
        table = _smoothed(_smoothed(half.values).T).T
        # The smoothed table begins one value later.
        down, right = y * 2.0**half.zoom - (half.row + 1), x * 2.0**half.zoom - (half.col + 1)
        rows, cols = down.astype(np.int32), right.astype(np.int32)
        below, beside = (down - rows).astype(np.float32), (right - cols).astype(np.float32)
        width, flat = table.shape[1], np.ascontiguousarray(table).ravel()
        corner = rows * width + cols
        upper, lower = flat.take(corner), flat.take(corner + width)
        upper += (flat.take(corner + 1) - upper) * beside
        lower += (flat.take(corner + width + 1) - lower) * beside
        upper += (lower - upper) * below
        return np.asarray(upper, np.float32)

    def halved(self) -> Lattice:
        """The same surface from control values every half cell, the outermost ones left out."""
        values = _split(_split(self.values).T).T
        return Lattice(values, self.zoom + 1, 2 * self.row + 1, 2 * self.col + 1)


def _split(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put a row between each two, as knots are inserted in a uniform cubic B-spline: 2 n - 3 rows of n, contiguous."""
    split = np.empty((2 * values.shape[0] - 3, values.shape[1]), np.float32)
    between = np.add(values[:-1], values[1:], out=split[::2])
    between *= np.float32(0.5)
    # (c[i - 1] + 6 c[i] + c[i + 1]) / 8
    np.add(between[:-1], between[1:], out=split[1::2])
    split[1::2] += 2.0 * values[1:-1]
    split[1::2] *= np.float32(0.25)
    return split


def _smoothed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values of a B-spline at its knots, without the first and last row: (c[i - 1] + 4 c[i] + c[i + 1]) / 6."""
    smooth = values[:-2] + values[2:]
    smooth += 4.0 * values[1:-1]
    smooth *= np.float32(1.0 / 6.0)
    return smooth


def lattice(bounds: tuple[float, float, float, float], weights: dict[int, float], *key: int) -> Lattice:
    """
    Sum octaves of smooth noise (zoom to weight) as one surface that covers `bounds`.

    An octave of weight 1 has unit variance, and features about one cell of its zoom wide; a value depends on
    position, zoom and key alone. Each octave's cells are halved until they are the next one's, which leaves its
    surface as it is.

    Args:
        bounds: World coordinates (west, north, east, south).
        weights: At least one.
        key: Tells noises apart.
    """
    zoom = max(weights)
    west, north, east, south = (int(np.floor(edge * 2.0**zoom)) for edge in bounds)
    # A surface needs a cell before and two after; two more are for drawing it from half cells.
    span = (north - 2, south + 4), (west - 2, east + 4)
    return _summed(zoom, span, tuple(sorted(weights.items())), key)


_Span = tuple[tuple[int, int], tuple[int, int]]  # rows and columns of cells, half-open
_KEPT_CELLS = 1 << 14
_MOST_CELLS = 1 << 20  # that are made for a surface
_ALIGNED = 8  # cells: neighbours then share what is broad
_lattices: Store[Lattice] = Store(16 << 20)


def _summed(zoom: int, span: _Span, weights: tuple[tuple[int, float], ...], key: tuple[int, ...]) -> Lattice:
    (top, bottom), (left, right) = span
    if (bottom - top) * (right - left) > _KEPT_CELLS:
        return _sum(zoom, span, weights, key)
    return _lattices.get((zoom, span, weights, key), lambda: _sum(zoom, span, weights, key))


def _sum(zoom: int, span: _Span, weights: tuple[tuple[int, float], ...], key: tuple[int, ...]) -> Lattice:
    """Sum the octaves up to `zoom`: those before it, with halved cells, and its own."""
    (top, bottom), (left, right) = span
    *before, (last, weight) = weights
    values = None
    if before or last < zoom:
        coarse = tuple((_aligned(start - 1, down=True), _aligned(end + 4, down=False)) for start, end in span)
        half = _summed(zoom - 1, (coarse[0], coarse[1]), tuple(before) if last == zoom else weights, key).halved()
        values = half.values[top - half.row : bottom - half.row, left - half.col : right - half.col]
    if last == zoom:
        cells = _cells(zoom, span, key)
        cells *= np.float32(weight / _SPLINE_STD)
        values = cells if values is None else np.add(values, cells, out=cells)
    return Lattice(np.asarray(values), zoom, top, left)


def _aligned(cell: int, *, down: bool) -> int:
    """The half of a cell's number, moved out to a whole multiple."""
    return cell // 2 // _ALIGNED * _ALIGNED if down else -(-cell // 2 // _ALIGNED) * _ALIGNED


def _cells(zoom: int, span: _Span, key: tuple[int, ...]) -> NDArray[np.float32]:
    """Independent uniform values in [-1, 1) for cells; around the globe they begin again."""
    (top, bottom), (left, right) = span
    rows, cols = np.arange(top, bottom, dtype=np.int64), np.arange(left, right, dtype=np.int64) % (1 << zoom)
    cells = unit(mix(*key, zoom, cols[None, :], rows[:, None]))
    cells *= np.float32(2.0)
    cells -= np.float32(1.0)
    return cells


def octave(x: Floats, y: Floats, zoom: int, *key: int) -> NDArray[np.float64]:
    """Smooth noise of unit variance at world coordinates `x`, `y`; features are about one cell of `zoom` wide."""
    return surface(extent(x, y), {zoom: 1.0}, *key).at(x, y)


@dataclass(frozen=True, slots=True)
class Scattered:
    """A sum of octaves of which only the cells around each asked place are made; stands in for a vast `Lattice`."""

    weights: tuple[tuple[int, float], ...]
    key: tuple[int, ...]

    @property
    def greatest(self) -> float:
        """What the surface never rises over."""
        return sum(abs(weight) for _, weight in self.weights) / _SPLINE_STD

    def at(self, x: Floats, y: Floats) -> NDArray[np.float64]:
        """The surface at world coordinates."""
        if len(self.weights) > 1:
            return np.asarray(sum(surface(extent(x, y), {zoom: by}, *self.key).at(x, y) for zoom, by in self.weights))
        [(zoom, weight)] = self.weights
        return np.asarray(weight / _SPLINE_STD * _scattered(x * 2.0**zoom, y * 2.0**zoom, zoom, self.key))

    def near(self, x: Floats, y: Floats) -> NDArray[np.float32]:
        """The surface at world coordinates."""
        return self.at(x, y).astype(np.float32)


def surface(bounds: tuple[float, float, float, float], weights: dict[int, float], *key: int) -> Lattice | Scattered:
    """Sum octaves over `bounds` as `lattice` does, or place by place where there would be too many cells."""
    west, north, east, south = bounds
    if (east - west) * (south - north) * 4.0 ** max(weights) > _MOST_CELLS:
        return Scattered(tuple(sorted(weights.items())), key)
    return lattice(bounds, weights, *key)


def _scattered(right: Floats, down: Floats, zoom: int, key: tuple[int, ...]) -> NDArray[np.float64]:
    """A cubic B-spline surface at places given in cells, from the sixteen cells around each."""
    col, row = np.floor(right).astype(np.int64), np.floor(down).astype(np.int64)
    across, along = _spline(right - col), _spline(down - row)
    total = np.zeros(right.shape)
    for step_x, share in zip(range(-1, 3), across, strict=True):
        for step_y, part in zip(range(-1, 3), along, strict=True):
            value = 2.0 * unit(mix(*key, zoom, (col + step_x) % (1 << zoom), row + step_y)) - 1.0
            total += share * part * value
    return total


def _spline(t: Floats) -> list[Floats]:
    """Weights of the four values around a point at `t` (0 to 1) between the middle two."""
    rest = 1.0 - t
    first, last = rest**3 / 6.0, t**3 / 6.0
    second = 2.0 / 3.0 - t**2 + t**3 / 2.0
    return [first, second, 1.0 - first - second - last, last]


def extent(x: Floats, y: Floats) -> tuple[float, float, float, float]:
    """West, north, east and south of points."""
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def resolved(weights: dict[int, float], spacing: float) -> dict[int, float]:
    """
    Octaves of a spectrum of unit variance, scaled, without those that pixels of `spacing` metres average out.

    An octave is left out if its cells are narrower than a pixel.
    """
    norm = float(np.sqrt(sum(weight**2 for weight in weights.values())))
    return {zoom: weight / norm for zoom, weight in weights.items() if WORLD_METRES / 2**zoom >= spacing}


def spectrum(x: Floats, y: Floats, weights: dict[int, float], spacing: float, *key: int) -> NDArray[np.float64]:
    """Sum octaves (zoom to weight) into noise of unit variance, as far as pixels of `spacing` metres show them."""
    wanted = resolved(weights, spacing)
    return surface(extent(x, y), wanted, *key).at(x, y) if wanted else np.zeros(x.shape)
