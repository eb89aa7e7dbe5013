"""
Reducers: many values to one, pixel by pixel over a stack of tiles or over a plain list of numbers.

A stack is a list of tiles of one shape; masked pixels do not take part, and a pixel that is masked in all of them is
masked in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.sorting import Span, every_rank, sorted_strip
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask, Tile
from orchestrator.sandbox.scenes.catalogue import PixelType

Array = NDArray[Any]
Planes = Callable[[Sequence[Tile], np.dtype[Any]], list[Tile]]
Kinds = Callable[[PixelType, int], list[PixelType]]

_STRIP_PIXELS = 1 << 15  # a strip of the stack should stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Inputs:
    """
    Records of plain values for a reducer, without nulls.

    Attributes:
        columns: One array per input, all of one length.
        weights: The weights of each input, or null where every record counts alike.
        whole: Which records an input without weights sees; null is all of them.
    """

    columns: tuple[Array, ...]
    weights: tuple[Array | None, ...]
    whole: Array | None = None

    @classmethod
    def of(cls, *columns: Array) -> Inputs:
        """Give records without weights."""
        return cls(columns, (None,) * len(columns))

    def part(self, start: int, count: int) -> Inputs:
        """Give some of the inputs."""
        end = start + count
        return Inputs(self.columns[start:end], self.weights[start:end], self.whole)

    def unweighted(self) -> Inputs:
        """Give the records that count without weights."""
        if self.whole is None:
            return Inputs.of(*self.columns)
        return Inputs.of(*(column[self.whole] for column in self.columns))


Scalars = Callable[[Inputs], list[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Reducer:
    """
    A reducer.

    Attributes:
        outputs: Names of what it gives, in order.
        planes: From a stack (never empty) and the dtype of its union to one tile per output.
        scalars: From records to one value per output; null of nothing.
        kinds: From the union of the inputs' types and their number to the type of each output.
        weighted: For each input, whether it heeds weights.
        optional: How many of the last inputs may be null.
    """

    outputs: tuple[str, ...]
    planes: Planes
    scalars: Scalars
    kinds: Kinds
    weighted: tuple[bool, ...] = (False,)
    optional: int = 0

    @property
    def inputs(self) -> int:
        return len(self.weighted)

    def combined(self, other: Reducer, prefix: str) -> Reducer:
        """Apply two reducers to the same inputs."""
        return Reducer(
            self.outputs + tuple(prefix + name for name in other.outputs),
            lambda tiles, dtype: self.planes(tiles, dtype) + other.planes(tiles, dtype),
            lambda inputs: self.scalars(inputs) + other.scalars(inputs),
            lambda kind, count: self.kinds(kind, count) + other.kinds(kind, count),
            tuple(a or b for a, b in zip(self.weighted, other.weighted, strict=True)),
        )


def not_for_images(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
    """Stand for the planes of a reducer that has none here."""
    del tiles, dtype
    raise EvaluationError("This sandbox does not imitate this reducer on images; only on regions and lists.")


def any_valid(tiles: Sequence[Tile]) -> Mask | None:
    """Where at least one tile is valid; None is everywhere."""
    found: Mask | None = None
    for tile in tiles:
        if tile.valid is None:
            return None
        found = tile.valid.copy() if found is None else np.logical_or(found, tile.valid, out=found)
    return found


def accumulated(operation: np.ufunc, neutral: Callable[[np.dtype[Any]], Any]) -> Planes:
    """Reduce by an associative operation; masked pixels count as its neutral element."""

    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        blank = neutral(dtype)
        total = np.full(tiles[0].values.shape, blank, dtype)
        for tile in tiles:
            values = tile.values if tile.valid is None else np.where(tile.valid, tile.values, blank)
            operation(total, values, out=total, casting="unsafe")
        return [Tile(total, any_valid(tiles))]

    return planes


def counted(tiles: Sequence[Tile], dtype: np.dtype[Any] | None = None) -> list[Tile]:
    """Count valid pixels; a pixel that nobody has is masked."""
    del dtype
    total = np.zeros(tiles[0].values.shape, np.uint16)
    for tile in tiles:
        total += np.uint16(1) if tile.valid is None else tile.valid
    return [Tile(total, any_valid(tiles))]


def averaged(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
    """Average valid pixels, adding up in double precision."""
    (total,) = accumulated(np.add, lambda _dtype: 0)(tiles, np.dtype(np.float64))
    count = counted(tiles)[0].values
    mean = np.divide(total.values, count, out=np.zeros(count.shape), where=count > 0)
    return [Tile(mean.astype(_fraction(dtype)), total.valid)]


def _fraction(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


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
            found = pick(*sorted_strip(tiles, strip, _fraction(dtype), span))
            if not results:
                results = [np.empty((height, width), _fraction(dtype)) for _ in found]
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


def percentiles(wanted: Sequence[float]) -> Callable[[Array, Array], list[Array]]:
    """Give percentiles by the nearest rank, interpolated linearly between neighbours."""

    def pick(stack: Array, count: Array) -> list[Array]:
        found = []
        for percent in wanted:
            position = (count - 1) * (percent / 100)
            low = np.floor(position).astype(np.int64)
            high = np.minimum(low + 1, count - 1)
            below, above = _at(stack, low), _at(stack, high)
            found.append(below + (above - below) * (position - low).astype(stack.dtype))
        return found

    return pick


def spread(*, root: bool) -> Planes:
    """Population variance, or its root."""

    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        wide = [Tile(tile.values.astype(np.float64), tile.valid) for tile in tiles]
        mean = averaged(wide, np.dtype(np.float64))[0].values
        off = [Tile((tile.values - mean) ** 2, tile.valid) for tile in wide]
        (variance,) = averaged(off, np.dtype(np.float64))
        values = np.sqrt(variance.values) if root else variance.values
        return [Tile(values.astype(_fraction(dtype)), variance.valid)]

    return planes


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


def taken(order: int) -> Planes:
    """Take the first (1) or the last (-1) valid pixel of the stack."""

    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        values = np.zeros(tiles[0].values.shape, dtype)
        missing = np.ones(values.shape, np.bool_)
        for tile in tiles[::order]:
            new = missing if tile.valid is None else missing & tile.valid
            np.copyto(values, tile.values, where=new, casting="unsafe")
            missing = missing & ~new
            if not missing.any():
                return [Tile(values)]
        return [Tile(values, ~missing)]

    return planes


def same_kind(kind: PixelType, count: int) -> list[PixelType]:
    """The result is one of the inputs."""
    del count
    return [kind]


def fraction_kind(kind: PixelType, count: int) -> list[PixelType]:
    """The result lies between the inputs."""
    del count
    return [pixel_types.quotient(kind, kind)]


def sum_kind(kind: PixelType, count: int) -> list[PixelType]:
    """The result is a sum of up to `count` inputs."""
    if kind.precision != "int":
        return [kind]
    low, high = pixel_types.bounds(kind)
    span = PixelType("int", min(0, low * count), max(0, high * count))
    return [pixel_types.arithmetic(span, PixelType("int", 0, 0), lambda a, b: a + b)]


def count_kind(kind: PixelType, count: int) -> list[PixelType]:
    """The result is a number of inputs."""
    del kind
    return [PixelType("int", 0, count)]


def boolean_kind(kind: PixelType, count: int) -> list[PixelType]:
    """The result is yes or no."""
    del kind, count
    return [pixel_types.BOOLEAN]
