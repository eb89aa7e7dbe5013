"""Reducers as values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import reducing
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.reducing import Planes, Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.scenes.catalogue import PixelType

Array = NDArray[Any]


def _or_null(reduce: Callable[[Array], Any]) -> Callable[[Array], list[Any]]:
    return lambda values: [reduce(values) if len(values) else None]


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _highest(dtype: np.dtype[Any]) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def _summed(tiles: Any, dtype: np.dtype[Any]) -> Any:
    wide = dtype if dtype.kind == "f" else np.dtype(np.int64)
    return reducing.accumulated(np.add, lambda _dtype: 0)(tiles, wide)


def _product(tiles: Any, dtype: np.dtype[Any]) -> Any:
    del dtype
    return reducing.accumulated(np.multiply, lambda _dtype: 1)(tiles, np.dtype(np.float64))


def _truth(*, every: bool) -> Planes:
    def planes(tiles: Any, dtype: np.dtype[Any]) -> Any:
        del dtype
        yes = [Tile(tile.values != 0, tile.valid) for tile in tiles]
        operation = np.logical_and if every else np.logical_or
        (found,) = reducing.accumulated(operation, lambda _dtype: every)(yes, np.dtype(np.bool_))
        return [Tile(found.values.view(np.uint8), found.valid)]

    return planes


def _mode(values: Array) -> Any:
    found, counts = np.unique(values, return_counts=True)
    return found[np.argmax(counts)]


def _double_kind(kind: PixelType, count: int) -> list[PixelType]:
    del kind, count
    return [PixelType("double")]


def _simple(name: str, planes: Planes, scalar: Callable[[Array], Any], kinds: reducing.Kinds) -> Reducer:
    return Reducer((name,), planes, _or_null(scalar), kinds)


MIN = _simple("min", reducing.accumulated(np.minimum, _highest), np.min, reducing.same_kind)
MAX = _simple("max", reducing.accumulated(np.maximum, _lowest), np.max, reducing.same_kind)
COUNT = Reducer(("count",), reducing.counted, lambda values: [len(values)], reducing.count_kind)
MEDIAN = _simple("median", reducing.ranked(reducing.middle), np.median, reducing.fraction_kind)
MEAN = _simple("mean", reducing.averaged, lambda values: np.mean(values, dtype=np.float64), reducing.fraction_kind)

REDUCERS: dict[str, Reducer] = {
    "min": MIN,
    "max": MAX,
    "minMax": MIN.combined(MAX, ""),
    "count": COUNT,
    "median": MEDIAN,
    "mean": MEAN,
    "sum": Reducer(("sum",), _summed, lambda values: [np.sum(values, dtype=np.float64)], reducing.sum_kind),
    "product": _simple("product", _product, np.prod, _double_kind),
    "mode": _simple("mode", reducing.ranked(reducing.most_frequent), _mode, reducing.same_kind),
    "variance": _simple(
        "variance", reducing.spread(root=False), partial(np.var, dtype=np.float64), reducing.fraction_kind
    ),
    "stdDev": _simple("stdDev", reducing.spread(root=True), partial(np.std, dtype=np.float64), reducing.fraction_kind),
    "first": _simple("first", reducing.taken(1), lambda values: values[0], reducing.same_kind),
    "firstNonNull": _simple("first", reducing.taken(1), lambda values: values[0], reducing.same_kind),
    "last": _simple("last", reducing.taken(-1), lambda values: values[-1], reducing.same_kind),
    "lastNonNull": _simple("last", reducing.taken(-1), lambda values: values[-1], reducing.same_kind),
    "allNonZero": _simple("all", _truth(every=True), lambda values: int(np.all(values)), reducing.boolean_kind),
    "anyNonZero": _simple("any", _truth(every=False), lambda values: int(np.any(values)), reducing.boolean_kind),
}


def _register(name: str, reducer: Reducer) -> None:
    def make(*_limits: Any) -> Reducer:
        """Give the reducer; limits of its histogram do not matter to an exact one."""
        return reducer

    function(f"Reducer.{name}")(make)


for _name, _reducer in REDUCERS.items():
    if _name not in {"first", "last"}:
        _register(_name, _reducer)


@function("Reducer.first")
def first() -> Reducer:
    return REDUCERS["first"]


@function("Reducer.last")
def last() -> Reducer:
    return REDUCERS["last"]


def _not_for_images(tiles: Any, dtype: np.dtype[Any]) -> list[Any]:
    del tiles, dtype
    raise EvaluationError("This sandbox does not imitate this reducer on images; only on regions and lists.")


@function("Reducer.toList")
def to_list(size: int | None, optional: int) -> Reducer:
    del size, optional
    return Reducer(("list",), _not_for_images, lambda values: [values.tolist()], _double_kind)


@function("Reducer.frequencyHistogram")
def frequency_histogram() -> Reducer:
    def scalars(values: Array) -> list[Any]:
        found, counts = np.unique(values, return_counts=True)
        return [{_key(value): int(count) for value, count in zip(found, counts, strict=True)}]

    return Reducer(("histogram",), _not_for_images, scalars, _double_kind)


def _key(value: Any) -> str:
    number = float(value) if not isinstance(value, str) else value
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


@function("Reducer.percentile")
def percentile(wanted: list[Any], names: list[str] | None, buckets: Any, width: Any, raw: Any) -> Reducer:
    del buckets, width, raw
    outputs = tuple(names) if names else tuple(f"p{_key(value)}" for value in wanted)

    def scalars(values: Array) -> list[Any]:
        if not len(values):
            return [None] * len(wanted)
        return [float(np.percentile(values, value)) for value in wanted]

    def kinds(kind: PixelType, count: int) -> list[PixelType]:
        return reducing.fraction_kind(kind, count) * len(wanted)

    return Reducer(outputs, reducing.ranked(reducing.percentiles(wanted)), scalars, kinds)


@function("Reducer.combine")
def combine(left: Reducer, right: Reducer, prefix: str, shared: bool) -> Reducer:
    if not shared:
        raise EvaluationError("Reducer.combine: this sandbox imitates only sharedInputs = true.")
    return left.combined(right, prefix)


@function("Reducer.repeat")
def repeat(reducer: Reducer, count: int) -> Reducer:
    """Give the reducer: a region or a column reduces each of its inputs by it in any case."""
    del count
    return reducer


@function("Reducer.unweighted")
def unweighted(reducer: Reducer) -> Reducer:
    return reducer


@function("Reducer.setOutputs")
def set_outputs(reducer: Reducer, names: list[str]) -> Reducer:
    return Reducer(tuple(names), reducer.planes, reducer.scalars, reducer.kinds)


@function("List.reduce")
def reduce_list(items: list[Any], reducer: Reducer) -> Any:
    values = [item for item in items if item is not None]
    if reducer.outputs == ("first",):
        return values[0] if values else None
    found = reducer.scalars(np.asarray(values))
    return found[0] if len(found) == 1 else dict(zip(reducer.outputs, found, strict=True))
