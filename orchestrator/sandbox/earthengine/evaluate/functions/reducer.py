"""Reducers as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import ranks, reducing, sorting
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Planes, Reducer, not_for_images
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.scenes.catalogue import PixelType

Array = NDArray[Any]

_EQUAL = 1e-9  # weights that differ by less are equal but for rounding


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


def double_kind(kind: PixelType, count: int) -> list[PixelType]:
    del kind, count
    return [PixelType("double")]


def plain(name: str, planes: Planes, reduce: Callable[[Array], Any], kinds: reducing.Kinds) -> Reducer:
    """Make a reducer that heeds no weights; of nothing it gives null."""

    def scalars(inputs: Inputs) -> list[Any]:
        (values,) = inputs.unweighted().columns
        return [reduce(values) if len(values) else None]

    return Reducer((name,), planes, scalars, kinds)


def weighing(
    name: str,
    planes: Planes,
    reduce: Callable[[Array, Array], Any],
    kinds: reducing.Kinds,
    *,
    empty: Any = None,
    heavy: Planes | None = None,
) -> Reducer:
    """Make a reducer of values and weights, which are 1 where nobody gives them."""

    def scalars(inputs: Inputs) -> list[Any]:
        values, weights = weighed(inputs)
        return [reduce(values, weights) if len(values) else empty]

    return Reducer((name,), planes, scalars, kinds, (True,), weighing=heavy)


def weighed(inputs: Inputs) -> tuple[Array, Array]:
    """Give the values of weight, and the weights."""
    (values,), (weights,) = inputs.columns, inputs.weights
    if weights is None:
        return values, np.ones(len(values))
    return values[weights > 0], weights[weights > 0]


def of_equals(name: str, reduce: Callable[[Array], Any]) -> reducing.Scalars:
    """Reduce what is documented for records that count alike."""

    def scalars(inputs: Inputs) -> list[Any]:
        values, weights = weighed(inputs)
        if len(weights) and np.ptp(weights) > _EQUAL:
            raise not_imitated(f"Reducer.{name} of values with different weights (call unweighted() on it): this")
        return [reduce(values) if len(values) else None]

    return scalars


def _sum(values: Array, weights: Array) -> Any:
    return np.sum(values * weights, dtype=np.float64)


def _mean(values: Array, weights: Array) -> Any:
    return np.sum(values * weights, dtype=np.float64) / np.sum(weights, dtype=np.float64)


def _variance(values: Array, weights: Array) -> Any:
    return _mean((values.astype(np.float64) - _mean(values, weights)) ** 2, weights)


def _totals(values: Array, weights: Array) -> tuple[Array, Array]:
    """Give the distinct values in order, and the weight of each."""
    found, at = np.unique(values, return_inverse=True)
    return found, np.bincount(at, weights=weights, minlength=len(found))


def _median(values: Array, weights: Array) -> Any:
    """Give the value with half the weight on each side, or the mean of two (REST reference, `PyramidingPolicy`)."""
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    half = sums[-1] / 2
    tie = np.abs(sums - half) <= _EQUAL * sums[-1]
    if tie.any():
        at = int(np.argmax(tie))
        return (values[order[at]] + values[order[at + 1]]) / 2
    return float(values[order[np.searchsorted(sums, half)]])


def _mode(values: Array, weights: Array) -> Any:
    found, totals = _totals(values, weights)
    return found[np.argmax(totals)]


def _frequencies(values: Array, weights: Array) -> dict[str, float]:
    found, totals = _totals(values, weights)
    return {_key(value): float(total) for value, total in zip(found, totals, strict=True)}


def _key(value: Any) -> str:
    number = float(value) if not isinstance(value, str) else value
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


MIN = plain("min", reducing.accumulated(np.minimum, _highest), np.min, reducing.same_kind)
MAX = plain("max", reducing.accumulated(np.maximum, _lowest), np.max, reducing.same_kind)
FIRST = plain("first", reducing.taken(1), lambda values: values[0], reducing.same_kind)
LAST = plain("last", reducing.taken(-1), lambda values: values[-1], reducing.same_kind)

REDUCERS: dict[str, Reducer] = {
    "min": MIN,
    "max": MAX,
    "minMax": MIN.combined(MAX, ""),
    "count": Reducer(
        ("count",), reducing.counted, lambda inputs: [len(inputs.unweighted().columns[0])], reducing.count_kind
    ),
    "median": weighing("median", ranks.ranked(ranks.middle, sorting.middle_ranks), _median, reducing.fraction_kind),
    "mean": weighing("mean", reducing.averaged, _mean, reducing.fraction_kind, heavy=reducing.weighed(moment=1)),
    "sum": weighing("sum", _summed, _sum, reducing.sum_kind, empty=0.0, heavy=reducing.weighed(moment=0)),
    "product": plain("product", _product, lambda values: np.prod(values, dtype=np.float64), double_kind),
    "mode": weighing("mode", ranks.ranked(ranks.most_frequent), _mode, reducing.same_kind),
    "variance": weighing(
        "variance", reducing.spread(root=False), _variance, reducing.fraction_kind, heavy=reducing.weighed(moment=2)
    ),
    "stdDev": weighing(
        "stdDev",
        reducing.spread(root=True),
        lambda values, weights: np.sqrt(_variance(values, weights)),
        reducing.fraction_kind,
        heavy=reducing.weighed(moment=2, root=True),
    ),
    "firstNonNull": FIRST,
    "lastNonNull": LAST,
    "allNonZero": plain("all", _truth(every=True), lambda values: int(np.all(values)), reducing.boolean_kind),
    "anyNonZero": plain("any", _truth(every=False), lambda values: int(np.any(values)), reducing.boolean_kind),
    "frequencyHistogram": weighing("histogram", not_for_images, _frequencies, double_kind, empty={}),
}


def _register(name: str, reducer: Reducer, *aliases: str) -> None:
    def make(*limits: Any) -> Reducer:
        """Give the reducer; limits of its histogram do not matter to an exact one."""
        del limits
        return reducer

    function(f"Reducer.{name}", *aliases)(make)


for _name, _reducer in REDUCERS.items():
    if _name not in {"frequencyHistogram", "min", "max"}:
        _register(_name, _reducer)
_register("and", REDUCERS["allNonZero"])
_register("or", REDUCERS["anyNonZero"])


@function("Reducer.frequencyHistogram")
def frequency_histogram() -> Reducer:
    return REDUCERS["frequencyHistogram"]


@function("Reducer.first")
def first() -> Reducer:
    """Give the first input, which in a list may be a null."""
    return replace(FIRST, nulls=True)


@function("Reducer.last")
def last() -> Reducer:
    """Give the last input, which in a list may be a null."""
    return replace(LAST, nulls=True)


@function("Reducer.toList")
def to_list(size: int | None, optional: int) -> Reducer:
    """Collect values or, with a size, tuples of as many inputs."""
    if optional and (size is None or optional >= size):
        raise not_imitated("Reducer.toList: 'numOptional' as large as the tuple")

    def scalars(inputs: Inputs) -> list[Any]:
        columns = [column.tolist() for column in inputs.unweighted().columns]
        return [columns[0] if size is None else [list(row) for row in zip(*columns, strict=True)]]

    return Reducer(("list",), not_for_images, scalars, double_kind, (False,) * (size or 1), optional, drops=True)


def _least(values: Array, weights: Array) -> Any:
    del weights
    return np.min(values)


def _greatest(values: Array, weights: Array) -> Any:
    del weights
    return np.max(values)


_RANKS: dict[float, Reducer] = {
    0: weighing("p0", MIN.planes, _least, reducing.same_kind, heavy=MIN.planes),
    50: REDUCERS["median"],
    100: weighing("p100", MAX.planes, _greatest, reducing.same_kind, heavy=MAX.planes),
}


@function("Reducer.percentile")
def percentile(wanted: list[Any], names: list[str] | None, buckets: Any, width: Any, raw: Any) -> Reducer:
    """Give least, middle and greatest value: how ranks between are interpolated is not documented."""
    del buckets, width, raw
    for value in wanted:
        if value not in _RANKS:
            what = f"Reducer.percentile: {value}, any but 0, 50 and 100,"
            raise not_imitated(what, "How ranks between values are interpolated is not told.")
    if not wanted or (names is not None and len(names) != len(wanted)):
        raise EvaluationError(f"Reducer.percentile: {len(wanted)} percentiles, and {len(names or ())} names.")
    every = _RANKS[wanted[0]]
    for value in wanted[1:]:
        every = every.combined(_RANKS[value], "")
    return replace(every, outputs=tuple(names) if names else tuple(f"p{_key(value)}" for value in wanted))


def column_of(values: Sequence[Any]) -> Array:
    """Make an array of numbers or, of anything else, of objects."""
    if all(isinstance(value, (int, float)) for value in values):
        return np.asarray(values)
    column = np.empty(len(values), object)
    for at, value in enumerate(values):
        column[at] = value
    return column


def _plain(result: Any) -> Any:
    if isinstance(result, np.bool_):
        return int(result)  # yes and no are numbers here
    if isinstance(result, np.generic):
        return result.item()
    if isinstance(result, list):
        return [_plain(each) for each in result]
    if isinstance(result, dict):
        return {key: _plain(each) for key, each in result.items()}
    return result


def reduced(name: str, reducer: Reducer, inputs: Inputs) -> list[Any]:
    """
    Reduce records to numbers of Python's, which functions of numbers take, or to lists and dictionaries of them.

    Raises:
        EvaluationError: If they are not of a kind that the reducer takes.
    """
    try:
        return [_plain(result) for result in reducer.scalars(inputs)]
    except (TypeError, ValueError):
        raise EvaluationError(
            f"{name}: The reducer of {', '.join(reducer.outputs)} does not take values of these types."
        ) from None


def full_records(name: str, reducer: Reducer, rows: Sequence[Sequence[Any]]) -> list[int]:
    """
    Number the records that a reducer sees: those without a null, but in the inputs that may be null.

    Raises:
        EvaluationError: If a record lacks some of its inputs, and it is not told what becomes of it.
    """
    if reducer.nulls:
        return list(range(len(rows)))
    full = [at for at, row in enumerate(rows) if None not in row[: len(row) - reducer.optional]]
    whole = {at for at, row in enumerate(rows) if all(value is None for value in row)}
    if not reducer.drops and len(full) + len(whole) < len(rows):
        raise not_imitated(f"{name}: records of several inputs of which some are null")
    return full


@function("List.reduce")
def reduce_list(items: list[Any], reducer: Reducer) -> Any:
    """Reduce a list, of lists if the reducer has several inputs."""
    rows = [[item] for item in items] if reducer.inputs == 1 else items
    if not all(isinstance(row, list) and len(row) == reducer.inputs for row in rows):
        raise EvaluationError(f"List.reduce: Elements must be lists of {reducer.inputs} inputs.")
    kept = full_records("List.reduce", reducer, rows)
    columns = [column_of([rows[at][number] for at in kept]) for number in range(reducer.inputs)]
    found = reduced("List.reduce", reducer, Inputs.of(*columns))
    return found[0] if len(found) == 1 else dict(zip(reducer.outputs, found, strict=True))
