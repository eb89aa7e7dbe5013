"""
Reducers: many values to one, pixel by pixel over a stack of tiles or over a plain list of numbers.

A stack is a list of tiles of one shape; masked pixels do not take part, and a pixel that is masked in all of them is
masked in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask, Tile
from orchestrator.sandbox.earthengine.evaluate.untold import Untold
from orchestrator.sandbox.scenes.catalogue import PixelType

Array = NDArray[Any]
Planes = Callable[[Sequence[Tile], np.dtype[Any]], list[Tile]]
Many = Callable[[Sequence[Sequence[Tile]], np.dtype[Any]], list[Tile]]
Kinds = Callable[[PixelType, int], list[PixelType]]

_EQUAL = 1e-6  # weights that differ by less are equal but for rounding


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

    def without(self, at: int) -> Inputs:
        """Give all inputs but one."""
        columns, weights = list(self.columns), list(self.weights)
        del columns[at], weights[at]
        return Inputs(tuple(columns), tuple(weights), self.whole)

    def where(self, chosen: Array) -> Inputs:
        """Give some of the records."""
        weights = tuple(None if each is None else each[chosen] for each in self.weights)
        whole = None if self.whole is None else self.whole[chosen]
        return Inputs(tuple(column[chosen] for column in self.columns), weights, whole)

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
        many: Of several inputs: from records of a tile per input and a dtype to one tile per output.
        joint: Whether a record that lacks an input is left out whole; else it is not told what becomes of it.
        nulls: Whether nulls are inputs, too.
        drops: Whether records of which some inputs are null are told to be left out.
        arrays: Whether it reduces arrays.
        weighing: Of one input that heeds weights: what `planes` does, for tiles whose masks are fractions.
    """

    outputs: tuple[str, ...]
    planes: Planes
    scalars: Scalars
    kinds: Kinds
    weighted: tuple[bool, ...] = (False,)
    optional: int = 0
    many: Many | None = None
    joint: bool = True
    nulls: bool = False
    drops: bool = False
    arrays: bool = False
    weighing: Planes | None = None

    @property
    def inputs(self) -> int:
        return len(self.weighted)

    def reduce(self, records: Sequence[Sequence[Tile]], dtype: np.dtype[Any]) -> list[Tile]:
        """
        Reduce a stack of records, each of a tile per input, to one tile per output.

        Raises:
            EvaluationError: If this is no reducer for images, or masks are fractions that it does not weigh.
        """
        if self.inputs > 1:
            if self.many is None:
                raise not_imitated(f"The reducer of {', '.join(self.outputs)} pixel by pixel over several bands")
            return self.many(records, dtype)
        tiles = [record[0] for record in records]
        if all(tile.weight is None for tile in tiles):
            return self.planes(tiles, dtype)
        return self._of_fractions(tiles, dtype)

    def _of_fractions(self, tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        """Reduce tiles whose masks are fractions: the result has the greatest of the masks."""
        if not self.weighted[0]:
            found = self.planes([Tile(tile.values, tile.seen()) for tile in tiles], dtype)
        elif self.weighing is not None:
            found = self.weighing(tiles, dtype)
        else:
            found = self.planes(_alike(self.outputs, tiles), dtype)
        valid = any_valid(tiles)
        greatest = reduce(np.maximum, [np.asarray(tile.weights(), np.float32) for tile in tiles])
        return [_masked(result, valid, greatest) for result in found]

    def combined(self, other: Reducer, prefix: str) -> Reducer:
        """Apply two reducers to the same inputs."""
        return Reducer(
            self.outputs + tuple(prefix + name for name in other.outputs),
            lambda tiles, dtype: self.planes(tiles, dtype) + other.planes(tiles, dtype),
            lambda inputs: self.scalars(inputs) + other.scalars(inputs),
            lambda kind, count: self.kinds(kind, count) + other.kinds(kind, count),
            tuple(a or b for a, b in zip(self.weighted, other.weighted, strict=True)),
            many=lambda records, dtype: self.reduce(records, dtype) + other.reduce(records, dtype),
            joint=self.joint and other.joint,
            weighing=lambda tiles, dtype: [
                tile for each in (self, other) for tile in each.reduce([[tile] for tile in tiles], dtype)
            ],
        )


def _masked(result: Any, valid: Mask | None, weight: NDArray[np.float32]) -> Any:
    return result if isinstance(result, Untold) else Tile(result.values, valid, weight)


def _alike(outputs: Sequence[str], tiles: Sequence[Tile]) -> list[Tile]:
    """
    Give tiles with masks of yes and no, where that makes no difference.

    Raises:
        EvaluationError: If the pixels of a stack do not all weigh alike somewhere.
    """
    stack = np.stack([np.asarray(tile.weights(), np.float32) for tile in tiles])
    some = stack > 0
    most = stack.max(axis=0)
    if (some & (np.abs(stack - most) > _EQUAL)).any():
        raise not_imitated(f"The reducer of {', '.join(outputs)} over different fractional masks")
    return [Tile(tile.values, tile.seen()) for tile in tiles]


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
    return [Tile(mean.astype(fraction(dtype)), total.valid)]


def fraction(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def weighed_mean(tiles: Sequence[Tile], values: Sequence[Array]) -> Array:
    """Average values by the masks of tiles; where nothing weighs, give 0."""
    total, weight = np.zeros(values[0].shape), np.zeros(values[0].shape)
    for tile, each in zip(tiles, values, strict=True):
        share = np.asarray(tile.weights(), np.float64)
        total += np.where(share > 0, each, 0) * share
        weight += share
    return np.divide(total, weight, out=np.zeros(total.shape), where=weight > 0)


def weighed(*, moment: int, root: bool = False) -> Planes:
    """Sum (0), average (1) or spread (2) pixels by masks that are fractions."""

    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        values = [np.asarray(tile.values, np.float64) for tile in tiles]
        found = weighed_mean(tiles, values)
        if moment == 0:
            found = found * sum(np.asarray(tile.weights(), np.float64) for tile in tiles)
        if moment == 2:
            found = weighed_mean(tiles, [(each - found) ** 2 for each in values])
        return [Tile((np.sqrt(found) if root else found).astype(fraction(dtype)))]

    return planes


def spread(*, root: bool) -> Planes:
    """Population variance, or its root."""

    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        wide = [Tile(tile.values.astype(np.float64), tile.valid) for tile in tiles]
        mean = averaged(wide, np.dtype(np.float64))[0].values
        off = [Tile((tile.values - mean) ** 2, tile.valid) for tile in wide]
        (variance,) = averaged(off, np.dtype(np.float64))
        values = np.sqrt(variance.values) if root else variance.values
        return [Tile(values.astype(fraction(dtype)), variance.valid)]

    return planes


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


def weighed_kinds(reducer: Reducer, kind: PixelType, count: int) -> list[PixelType]:
    """Give the type of each output where records weigh in part: of integers, a sum is a fraction, too."""
    found = reducer.kinds(kind, count)
    if not any(reducer.weighted):
        return found
    # A sum is what depends on both the type and the number of the inputs.
    alone, others = reducer.kinds(kind, 1), reducer.kinds(PixelType("int", -7, 7.5), count)
    return [
        pixel_types.FLOAT if each.precision == "int" and each not in (one, other) else each
        for each, one, other in zip(found, alone, others, strict=True)
    ]
