"""Reducers as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import reducing, sorting
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


def _double_kind(kind: PixelType, count: int) -> list[PixelType]:
    del kind, count
    return [PixelType("double")]


def _plain(name: str, planes: Planes, reduce: Callable[[Array], Any], kinds: reducing.Kinds) -> Reducer:
    """Make a reducer that heeds no weights; of nothing it gives null."""

    def scalars(inputs: Inputs) -> list[Any]:
        (values,) = inputs.unweighted().columns
        return [reduce(values) if len(values) else None]

    return Reducer((name,), planes, scalars, kinds)


def _weighing(
    name: str, planes: Planes, reduce: Callable[[Array, Array], Any], kinds: reducing.Kinds, *, empty: Any = None
) -> Reducer:
    """Make a reducer of values and weights, which are 1 where nobody gives them."""

    def scalars(inputs: Inputs) -> list[Any]:
        values, weights = _weighed(inputs)
        return [reduce(values, weights) if len(values) else empty]

    return Reducer((name,), planes, scalars, kinds, (True,))


def _weighed(inputs: Inputs) -> tuple[Array, Array]:
    """Give the values of weight, and the weights."""
    (values,), (weights,) = inputs.columns, inputs.weights
    if weights is None:
        return values, np.ones(len(values))
    return values[weights > 0], weights[weights > 0]


def _of_equals(name: str, reduce: Callable[[Array], list[Any]], count: int) -> reducing.Scalars:
    """Reduce by rank, which is documented for records that count alike."""

    def scalars(inputs: Inputs) -> list[Any]:
        values, weights = _weighed(inputs)
        if len(weights) and np.ptp(weights) > _EQUAL:
            raise not_imitated(f"Reducer.{name} of values with different weights (call unweighted() on it): this")
        return reduce(values) if len(values) else [None] * count

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


def _mode(values: Array, weights: Array) -> Any:
    found, totals = _totals(values, weights)
    return found[np.argmax(totals)]


def _frequencies(values: Array, weights: Array) -> dict[str, float]:
    found, totals = _totals(values, weights)
    return {_key(value): float(total) for value, total in zip(found, totals, strict=True)}


def _key(value: Any) -> str:
    number = float(value) if not isinstance(value, str) else value
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


MIN = _plain("min", reducing.accumulated(np.minimum, _highest), np.min, reducing.same_kind)
MAX = _plain("max", reducing.accumulated(np.maximum, _lowest), np.max, reducing.same_kind)
FIRST = _plain("first", reducing.taken(1), lambda values: values[0], reducing.same_kind)
LAST = _plain("last", reducing.taken(-1), lambda values: values[-1], reducing.same_kind)

REDUCERS: dict[str, Reducer] = {
    "min": MIN,
    "max": MAX,
    "minMax": MIN.combined(MAX, ""),
    "count": Reducer(
        ("count",), reducing.counted, lambda inputs: [len(inputs.unweighted().columns[0])], reducing.count_kind
    ),
    "median": Reducer(
        ("median",),
        reducing.ranked(reducing.middle, sorting.middle_ranks),
        _of_equals("median", lambda values: [np.median(values)], 1),
        reducing.fraction_kind,
        (True,),
    ),
    "mean": _weighing("mean", reducing.averaged, _mean, reducing.fraction_kind),
    "sum": _weighing("sum", _summed, _sum, reducing.sum_kind, empty=0.0),
    "product": _plain("product", _product, lambda values: np.prod(values, dtype=np.float64), _double_kind),
    "mode": _weighing("mode", reducing.ranked(reducing.most_frequent), _mode, reducing.same_kind),
    "variance": _weighing("variance", reducing.spread(root=False), _variance, reducing.fraction_kind),
    "stdDev": _weighing(
        "stdDev",
        reducing.spread(root=True),
        lambda values, weights: np.sqrt(_variance(values, weights)),
        reducing.fraction_kind,
    ),
    "firstNonNull": FIRST,
    "lastNonNull": LAST,
    "allNonZero": _plain("all", _truth(every=True), lambda values: int(np.all(values)), reducing.boolean_kind),
    "anyNonZero": _plain("any", _truth(every=False), lambda values: int(np.any(values)), reducing.boolean_kind),
    "frequencyHistogram": _weighing("histogram", not_for_images, _frequencies, _double_kind, empty={}),
}


def _register(name: str, reducer: Reducer) -> None:
    def make(*limits: Any) -> Reducer:
        """Give the reducer; limits of its histogram do not matter to an exact one."""
        if name in {"min", "max"} and limits and limits[0] not in (None, 1):
            raise not_imitated(f"Reducer.{name}: 'numInputs' other than 1")
        return reducer

    function(f"Reducer.{name}")(make)


for _name, _reducer in REDUCERS.items():
    if _name != "frequencyHistogram":
        _register(_name, _reducer)


@function("Reducer.frequencyHistogram")
def frequency_histogram() -> Reducer:
    return REDUCERS["frequencyHistogram"]


# Of inputs that may be null, which only lists have, these two take the null itself.
WITH_NULLS = (replace(FIRST), replace(LAST))


@function("Reducer.first")
def first() -> Reducer:
    return WITH_NULLS[0]


@function("Reducer.last")
def last() -> Reducer:
    return WITH_NULLS[1]


@function("Reducer.toList")
def to_list(size: int | None, optional: int) -> Reducer:
    """Collect values or, with a size, tuples of as many inputs."""
    if optional and (size is None or optional >= size):
        raise not_imitated("Reducer.toList: 'numOptional' as large as the tuple")

    def scalars(inputs: Inputs) -> list[Any]:
        columns = [column.tolist() for column in inputs.unweighted().columns]
        return [columns[0] if size is None else [list(row) for row in zip(*columns, strict=True)]]

    return Reducer(("list",), not_for_images, scalars, _double_kind, (False,) * (size or 1), optional)


@function("Reducer.percentile")
def percentile(wanted: list[Any], names: list[str] | None, buckets: Any, width: Any, raw: Any) -> Reducer:
    del buckets, width, raw
    outputs = tuple(names) if names else tuple(f"p{_key(value)}" for value in wanted)
    scalars = _of_equals(
        "percentile", lambda values: [float(np.percentile(values, value)) for value in wanted], len(wanted)
    )

    def kinds(kind: PixelType, count: int) -> list[PixelType]:
        return reducing.fraction_kind(kind, count) * len(wanted)

    return Reducer(outputs, reducing.ranked(reducing.percentiles(wanted)), scalars, kinds, (True,))


@function("Reducer.combine")
def combine(left: Reducer, right: Reducer, prefix: str, shared: bool) -> Reducer:
    """Run two reducers side by side, on the same inputs or each on its own."""
    if shared:
        if left.inputs != right.inputs:
            raise EvaluationError(
                f"Reducer.combine: Reducers that share inputs must have as many: {left.inputs} and {right.inputs}."
            )
        return left.combined(right, prefix)

    def scalars(inputs: Inputs) -> list[Any]:
        return [
            *left.scalars(inputs.part(0, left.inputs)),
            *right.scalars(inputs.part(left.inputs, right.inputs)),
        ]

    outputs = (*left.outputs, *(prefix + name for name in right.outputs))
    return Reducer(outputs, not_for_images, scalars, _no_kinds, left.weighted + right.weighted)


def _no_kinds(kind: PixelType, count: int) -> list[PixelType]:
    del kind, count
    raise EvaluationError("This sandbox does not imitate this reducer on images; only on regions and lists.")


@function("Reducer.repeat")
def repeat(reducer: Reducer, count: int) -> Reducer:
    """Reduce each of `count` groups of inputs by a copy; every output is a list of the copies' outputs."""

    def scalars(inputs: Inputs) -> list[Any]:
        copies = [reducer.scalars(inputs.part(at * reducer.inputs, reducer.inputs)) for at in range(count)]
        return [list(found) for found in zip(*copies, strict=True)]

    return Reducer(reducer.outputs, not_for_images, scalars, _no_kinds, reducer.weighted * count)


@function("Reducer.unweighted")
def unweighted(reducer: Reducer) -> Reducer:
    """Let every record that counts at all count alike."""
    return replace(
        reducer,
        scalars=lambda inputs: reducer.scalars(inputs.unweighted()),
        weighted=(False,) * reducer.inputs,
    )


@function("Reducer.splitWeights")
def split_weights(reducer: Reducer) -> Reducer:
    """Let a second input be the weight of the first."""
    if reducer.weighted != (True,):
        raise not_imitated("Reducer.splitWeights: a reducer without exactly one input, which heeds weights,")

    def scalars(inputs: Inputs) -> list[Any]:
        values, weights = inputs.unweighted().columns
        return reducer.scalars(Inputs((values,), (weights,)))

    return Reducer(reducer.outputs, not_for_images, scalars, _no_kinds, (False, False))


@function("Reducer.setOutputs")
def set_outputs(reducer: Reducer, names: list[Any]) -> Reducer:
    """Rename the outputs; one whose new name is null or empty is dropped."""
    if len(names) != len(reducer.outputs):
        raise EvaluationError(f"Reducer.setOutputs: {len(names)} names were given for {len(reducer.outputs)} outputs.")
    kept = [at for at, name in enumerate(names) if name]

    def chosen(found: Sequence[Any]) -> list[Any]:
        return [found[at] for at in kept]

    return replace(
        reducer,
        outputs=tuple(str(names[at]) for at in kept),
        planes=lambda tiles, dtype: chosen(reducer.planes(tiles, dtype)),
        scalars=lambda inputs: chosen(reducer.scalars(inputs)),
        kinds=lambda kind, count: chosen(reducer.kinds(kind, count)),
    )


def column_of(values: Sequence[Any]) -> Array:
    """Make an array of numbers or, of anything else, of objects."""
    if all(isinstance(value, (int, float)) for value in values):
        return np.asarray(values)
    column = np.empty(len(values), object)
    for at, value in enumerate(values):
        column[at] = value
    return column


def reduced(name: str, reducer: Reducer, inputs: Inputs) -> list[Any]:
    """
    Reduce records.

    Raises:
        EvaluationError: If they are not of a kind that the reducer takes.
    """
    try:
        return reducer.scalars(inputs)
    except (TypeError, ValueError):
        raise EvaluationError(
            f"{name}: The reducer of {', '.join(reducer.outputs)} does not take values of these types."
        ) from None


@function("List.reduce")
def reduce_list(items: list[Any], reducer: Reducer) -> Any:
    """Reduce a list, of lists if the reducer has several inputs."""
    if reducer in WITH_NULLS and None in items:
        raise not_imitated("List.reduce: the first or last of a list with nulls")
    if reducer.inputs == 1:
        columns = [[item for item in items if item is not None]]
    else:
        if not all(isinstance(item, list) and len(item) == reducer.inputs and None not in item for item in items):
            raise EvaluationError(f"List.reduce: Elements must be lists of {reducer.inputs} inputs.")
        columns = [[item[at] for item in items] for at in range(reducer.inputs)]
    found = reduced("List.reduce", reducer, Inputs.of(*map(column_of, columns)))
    return found[0] if len(found) == 1 else dict(zip(reducer.outputs, found, strict=True))
