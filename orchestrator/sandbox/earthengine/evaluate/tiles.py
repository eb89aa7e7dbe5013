"""Pixels of one band in one window, with their mask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.projection import Grid

Values = NDArray[Any]
Mask = NDArray[np.bool_]
Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tile:
    """
    Values and validity of a window, both (height, width).

    The values of an array band are (height, width, axis 0, axis 1, ...) where all its pixels have one shape, and
    else (height, width) of objects, each an array. A tile without a valid pixel may have any values.

    Arrays are shared and must never be written to. A uniform tile is a single value seen through zero strides.
    Under an invalid pixel the value means nothing.

    Attributes:
        values: The pixels.
        valid: Where they mean something; None is everywhere.
        weight: The mask as fractions from 0 to 1, where it is more than yes or no; None is 1 where valid, else 0. A
            pixel that a clip covers in part weighs something even if it is not valid, because its centre lies outside.
    """

    values: Values
    valid: Mask | None = None
    weight: Weights | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether no pixel is valid, nor weighs anything."""
        if self.valid is None or thin(self.valid).any():
            return False
        return self.weight is None or not self.weight.any()

    @property
    def shape(self) -> tuple[int, int]:
        """Give (height, width)."""
        height, width, *_ = self.values.shape
        return height, width

    def mask(self) -> Mask:
        """Give the validity as an array."""
        return uniform(True, self.shape, np.dtype(np.bool_)) if self.valid is None else self.valid

    def weights(self) -> Values:
        """Give the mask as an array of numbers from 0 to 1, or of yes and no."""
        return self.mask() if self.weight is None else self.weight

    def seen(self) -> Mask | None:
        """Tell where the mask is not zero; None is everywhere."""
        return self.valid if self.weight is None else self.weight > 0


def uniform(value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Values:
    """Give a window of one value, a number or an array, that takes the memory of one value."""
    one = np.asarray(value, dtype=dtype)
    return np.broadcast_to(one, (*shape, *one.shape))


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Tile:
    """Give a tile without any valid pixel."""
    return Tile(uniform(0, shape, dtype), uniform(False, shape, np.dtype(np.bool_)))


def thin(values: Values) -> Values:
    """Reduce a uniform array to (1, 1), so that numpy broadcasts it instead of walking over it."""
    return values[:1, :1] if values.ndim == 2 and values.strides == (0, 0) and values.size else values


def both(left: Mask | None, right: Mask | None) -> Mask | None:
    """Intersect two masks."""
    if left is None or left is right:
        return right
    if right is None:
        return left
    return np.broadcast_to(thin(left) & thin(right), left.shape)


def picked(tile: Tile, rows: Any, cols: Any, *, separable: bool, seen: Mask | None) -> Tile:
    """Take pixels by their row and column; see `resampling.Places` for the shapes."""
    shape = (rows.size, cols.size) if separable else rows.shape
    values = _take(tile.values, rows, cols, shape, separable=separable)
    valid = None if tile.valid is None else _take(tile.valid, rows, cols, shape, separable=separable)
    weight = None if tile.weight is None else _take(tile.weight, rows, cols, shape, separable=separable)
    return Tile(values, both(valid, seen), lightened(weight, seen))


def lightened(weight: Weights | None, kept: Mask | None) -> Weights | None:
    """Take the weight from what is not kept."""
    return weight if weight is None or kept is None else np.where(kept, weight, np.float32(0))


def _take(values: Values, rows: Any, cols: Any, shape: tuple[int, ...], *, separable: bool) -> Values:
    if values.strides[:2] == (0, 0):
        return np.broadcast_to(values[:1, :1], (*shape, *values.shape[2:]))
    if not separable:
        taken: Values = values[rows, cols]
        return taken
    if values.shape[:2] == shape and _counts_up(rows) and _counts_up(cols):
        return values
    # Picking columns is slow, copying rows is fast: columns are picked from the side with fewer rows.
    if values.shape[0] < rows.size:
        return np.asarray(values.take(cols, axis=1).take(rows, axis=0))
    return np.asarray(values.take(rows, axis=0).take(cols, axis=1))


def _counts_up(numbers: Any) -> bool:
    return bool(numbers[0] == 0 and (np.diff(numbers) == 1).all())


def assembled(grid: Grid, pieces: Iterable[tuple[Grid, Tile]]) -> Tile:
    """Join tiles of windows that cover `grid`."""
    every = list(pieces)
    filled = [tile for _, tile in every if not tile.is_empty] or [every[0][1]]
    lengths = {tile.values.shape[2:] for tile in filled}
    ragged = len(lengths) > 1 or any(tile.values.dtype == object for tile in filled)
    dtype = np.dtype(object) if ragged else np.result_type(*(tile.values.dtype for tile in filled))
    values = np.zeros(grid.shape if ragged else (*grid.shape, *lengths.pop()), dtype)
    valid = np.zeros(grid.shape, np.bool_)
    for part, tile in every:
        row, col = part.row - grid.row, part.col - grid.col
        window = slice(row, row + part.height), slice(col, col + part.width)
        valid[window] = tile.mask()
        if not tile.is_empty:
            values[window] = _objects(tile.values) if ragged else tile.values
    if all(tile.weight is None for _, tile in every):
        return Tile(values, valid)
    weight = np.zeros(grid.shape, np.float32)
    for part, tile in every:
        row, col = part.row - grid.row, part.col - grid.col
        weight[row : row + part.height, col : col + part.width] = tile.weights()
    return Tile(values, valid, weight)


def _objects(values: Values) -> Values:
    """Give a window of arrays as (height, width) of objects."""
    if values.dtype == object:
        return values
    found = np.empty(values.shape[:2], object)
    for place in np.ndindex(found.shape):
        found[place] = values[place]
    return found
