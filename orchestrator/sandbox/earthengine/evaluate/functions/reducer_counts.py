"""Reducers that count, join bits, average angles, and spread samples."""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import ranks, reducing
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.reducer import (
    REDUCERS,
    Array,
    double_kind,
    of_equals,
    plain,
    weighing,
)
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Planes, Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, both


def _key(value: Any) -> Any:
    """Give what tells a value from others: numbers are equal by their value, whatever their type."""
    return value if isinstance(value, (int, float, str, type(None))) else repr(value)


def _distinct(*, nulls: bool) -> reducing.Scalars:
    def scalars(inputs: Inputs) -> list[Any]:
        found = {_key(value) for value in inputs.unweighted().columns[0].tolist()}
        return [len(found if nulls else found - {None})]

    return scalars


def _different(stack: Array, count: Array) -> list[Array]:
    """Count the different values of a stack sorted with the invalid pixels last."""
    found = np.ones(stack.shape[1])
    for at in range(1, len(stack)):
        found += (stack[at] != stack[at - 1]) & (at < count)
    return [found]


def _runs(inputs: Inputs) -> list[Any]:
    values = [_key(value) for value in inputs.unweighted().columns[0].tolist()]
    known = [value for value in values if value is not None]
    for before, gap, after in zip(values, values[1:], values[2:], strict=False):
        if gap is None and before == after is not None:
            raise not_imitated("Reducer.countRuns: a null amid equal values")
    return [sum(at == 0 or value != known[at - 1] for at, value in enumerate(known))]


COUNT = REDUCERS["count"]
EVERY = replace(COUNT, nulls=True, scalars=lambda inputs: [len(inputs.unweighted().columns[0])])
DISTINCT = replace(COUNT, nulls=True, planes=ranks.ranked(_different), scalars=_distinct(nulls=True))


@function("Reducer.countEvery")
def count_every() -> Reducer:
    return EVERY


@function("Reducer.countDistinct")
def count_distinct() -> Reducer:
    return DISTINCT


@function("Reducer.countDistinctNonNull")
def count_distinct_non_null() -> Reducer:
    return replace(DISTINCT, scalars=_distinct(nulls=False))


@function("Reducer.countRuns")
def count_runs() -> Reducer:
    return replace(COUNT, nulls=True, planes=reducing.not_for_images, scalars=_runs)


def _register(name: str, made: Reducer) -> None:
    function(f"Reducer.{name}")(lambda: made)


def _bits(name: str, operation: np.ufunc, blank: int) -> None:
    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        del dtype
        if any(tile.values.dtype.kind == "f" for tile in tiles):
            raise not_imitated(f"Reducer.{name} of fractions")
        return reducing.accumulated(operation, lambda _dtype: blank)(tiles, np.dtype(np.int64))

    def joined(values: Array) -> int:
        if any(not float(value).is_integer() for value in values.tolist()):
            raise not_imitated(f"Reducer.{name} of fractions")
        return int(reduce(operation, (int(value) for value in values.tolist())))

    made = plain(name, planes, joined, reducing.same_kind)
    _register(name, made)


_bits("bitwiseAnd", np.bitwise_and, -1)
_bits("bitwiseOr", np.bitwise_or, 0)


def _resultant(values: Array, weights: Array) -> complex:
    """Give the mean of the directions as a complex number (Mardia and Jupp, Directional Statistics, 2.2)."""
    return complex((np.exp(1j * values.astype(np.float64)) * weights).sum() / weights.sum())


def _deviation(values: Array, weights: Array) -> float:
    length = min(abs(_resultant(values, weights)), 1.0)
    if length < 1e-15:
        raise not_imitated("Reducer.circularStdDev of directions that cancel out")
    return float(np.sqrt(max(0.0, -2 * np.log(length))))


def _direction(values: Array, weights: Array) -> float:
    found = _resultant(values, weights)
    if abs(found) < 1e-12:
        raise not_imitated("Reducer.circularMean of directions that cancel out")
    return cmath.phase(found)


_ANGLES = {
    "circularMean": ("circularMean", lambda total, _weight: np.angle(total), _direction),
    "circularVariance": (
        "circularVariance",
        lambda total, weight: 1 - np.abs(total) / weight,
        lambda values, weights: max(0.0, 1 - abs(_resultant(values, weights))),
    ),
    "circularStddev": (
        "circularStdDev",
        lambda total, weight: np.sqrt(np.maximum(-2 * np.log(np.abs(total) / weight), 0)),
        _deviation,
    ),
}


def _angles(curve: Any) -> Planes:
    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        del dtype
        total, weight = np.zeros(tiles[0].values.shape, np.complex128), np.zeros(tiles[0].values.shape)
        for tile in tiles:
            share = np.asarray(tile.weights(), np.float64)
            total += np.where(share > 0, np.exp(1j * tile.values.astype(np.float64)), 0) * share
            weight += share
        with np.errstate(all="ignore"):
            values = np.nan_to_num(curve(total, weight))
        return [Tile(values, reducing.any_valid(tiles))]

    return planes


for _name, (_output, _curve, _scalar) in _ANGLES.items():
    _made = weighing(_output, _angles(_curve), _scalar, double_kind, heavy=_angles(_curve))
    _register(_name, _made)


def _sample(name: str, *, root: bool) -> None:
    """Divide by one less than the number, which is told of records that count alike."""
    output = "stdDev" if root else "variance"

    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        (variance,) = reducing.spread(root=False)(tiles, np.dtype(np.float64))
        count = reducing.counted(tiles)[0].values.astype(np.float64)
        wide = variance.values * count / np.maximum(count - 1, 1)
        values = (np.sqrt(wide) if root else wide).astype(reducing.fraction(dtype))
        # Of a single value it is undefined.
        return [Tile(values, both(variance.valid, count != 1))]

    def spread(values: Array) -> float:
        if len(values) == 1:
            raise not_imitated(f"Reducer.{name} of a single value")
        return float((np.std if root else np.var)(values.astype(np.float64), ddof=1))

    scalars = of_equals(name, spread)
    made = Reducer((output,), planes, scalars, reducing.fraction_kind, (True,))
    _register(name, made)


_sample("sampleVariance", root=False)
_sample("sampleStdDev", root=True)
