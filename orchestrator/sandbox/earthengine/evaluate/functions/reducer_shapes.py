"""Reducers made of reducers: side by side, repeated, by groups, with other weights and other names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.limits import within_limit
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Many, Reducer, Scalars, not_for_images
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Feature, Image, indexed
from orchestrator.sandbox.scenes.catalogue import PixelType


def _no_kinds(kind: PixelType, count: int) -> list[PixelType]:
    del kind, count
    raise not_imitated("A reducer of lists or dictionaries as an image")


@function("Reducer.combine")
def combine(left: Reducer, right: Reducer, prefix: str | None, shared: bool) -> Reducer:
    """Run two reducers side by side, on the same inputs or each on its own."""
    if shared:
        if left.inputs != right.inputs:
            raise EvaluationError(
                f"Reducer.combine: Reducers that share inputs must have as many: {left.inputs} and {right.inputs}."
            )
        return left.combined(right, prefix or "")
    if not all(left.weighted) and any(right.weighted):
        raise EvaluationError("Reducer.combine: All weighted inputs must be before all unweighted inputs.")
    return _side_by_side([left, right], (*left.outputs, *((prefix or "") + name for name in right.outputs)))


def _side_by_side(reducers: Sequence[Reducer], outputs: tuple[str, ...]) -> Reducer:
    """Give each reducer its own inputs, in order; the results stand in order, too."""
    weighted = tuple(heeds for reducer in reducers for heeds in reducer.weighted)
    ends = list(accumulate(reducer.inputs for reducer in reducers))
    spans = [(end - reducer.inputs, end) for reducer, end in zip(reducers, ends, strict=True)]

    def scalars(inputs: Inputs) -> list[Any]:
        parts = zip(reducers, spans, strict=True)
        return [found for each, (start, end) in parts for found in each.scalars(inputs.part(start, end - start))]

    def many(records: Sequence[Sequence[Tile]], dtype: np.dtype[Any]) -> list[Tile]:
        parts = zip(reducers, spans, strict=True)
        return [
            tile
            for each, (start, end) in parts
            for tile in each.reduce([record[start:end] for record in records], dtype)
        ]

    def kinds(kind: PixelType, count: int) -> list[PixelType]:
        return [found for each in reducers for found in each.kinds(kind, count)]

    return Reducer(outputs, not_for_images, scalars, kinds, weighted, many=many, joint=len(reducers) == 1)


@function("Reducer.forEach")
def for_each(reducer: Reducer, names: list[Any]) -> Reducer:
    """Give each name a copy of a reducer with one output."""
    if len(reducer.outputs) != 1:
        raise not_imitated("Reducer.forEach: a reducer of several outputs, whose names get a prefix,")
    if not names:
        raise EvaluationError("Reducer.forEach: At least one output name is required.")
    return _side_by_side([reducer] * len(names), tuple(str(name) for name in names))


@function("Reducer.forEachBand")
def for_each_band(reducer: Reducer, image: Image) -> Reducer:
    return for_each(reducer, image.names)


@function("Reducer.repeat")
def repeat(reducer: Reducer, count: int) -> Reducer:
    """Reduce each of `count` groups of inputs by a copy; every output is a list of the copies' outputs."""
    within_limit("Reducer.repeat", count, "copies")
    if count < 1:
        raise EvaluationError(f"Reducer.repeat: The count must be positive, found {count}.")

    def scalars(inputs: Inputs) -> list[Any]:
        copies = [reducer.scalars(inputs.part(at * reducer.inputs, reducer.inputs)) for at in range(count)]
        return [list(found) for found in zip(*copies, strict=True)]

    return Reducer(
        reducer.outputs,
        not_for_images,
        scalars,
        _no_kinds,
        reducer.weighted * count,
        joint=count == 1 and reducer.joint,
    )


@function("Reducer.group")
def group(reducer: Reducer, field: int, name: str) -> Reducer:
    """Reduce the records of each value of one input for themselves; the groups stand in the order of the values."""
    if not 0 <= field <= reducer.inputs:
        raise EvaluationError(f"Reducer.group: The group field {field} is none of {reducer.inputs + 1} inputs.")

    def scalars(inputs: Inputs) -> list[Any]:
        keys = inputs.columns[field]
        inner = inputs.without(field)
        found = []
        for key in _distinct(keys):
            results = reducer.scalars(inner.where(keys == key))
            found.append({name: key, **dict(zip(reducer.outputs, results, strict=True))})
        return [found]

    weighted = (*reducer.weighted[:field], False, *reducer.weighted[field:])
    return Reducer(("groups",), not_for_images, scalars, _no_kinds, weighted, joint=reducer.joint)


def _distinct(keys: Any) -> list[Any]:
    """
    Give the different values in order.

    Raises:
        EvaluationError: If they are of several kinds, or undefined.
    """
    values = set(keys.tolist())
    if any(value != value for value in values) or len({isinstance(value, str) for value in values}) > 1:  # noqa: PLR0124
        raise not_imitated("Reducer.group: groups of several kinds, or of undefined numbers,")
    try:
        return sorted(values)
    except TypeError:
        raise not_imitated("Reducer.group: groups of anything but numbers or texts") from None


@function("Reducer.toCollection")
def to_collection(names: list[Any], optional: int) -> Reducer:
    """Collect records as features without a geometry."""
    if optional and optional >= len(names):
        raise not_imitated("Reducer.toCollection: 'numOptional' as large as the number of properties")

    def scalars(inputs: Inputs) -> list[Any]:
        columns = [column.tolist() for column in inputs.unweighted().columns]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        made = list(indexed(Feature(None, row) for row in rows))
        return [Collection(lambda: made, kind="FeatureCollection", most=None)]

    return Reducer(("features",), not_for_images, scalars, _no_kinds, (False,) * len(names), optional, drops=True)


@function("Reducer.disaggregate")
def disaggregate(reducer: Reducer, axis: int | None) -> Reducer:
    """Reduce the members of lists and dictionaries one by one; what is neither is itself a member."""
    if axis is not None or reducer.inputs != 1:
        raise not_imitated("Reducer.disaggregate along an axis, or for several inputs,")

    def scalars(inputs: Inputs) -> list[Any]:
        members: list[Any] = []
        for value in inputs.unweighted().columns[0].tolist():
            members += value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]
        if any(isinstance(member, (list, dict)) or member is None for member in members):
            raise not_imitated("Reducer.disaggregate: nulls, lists or dictionaries inside of others")
        return reducer.scalars(Inputs.of(column(members)))

    return Reducer(reducer.outputs, not_for_images, scalars, _no_kinds, (False,))


def column(members: list[Any]) -> Any:
    """Make an array of numbers or, of anything else, of objects."""
    if all(isinstance(member, (int, float)) for member in members):
        return np.asarray(members)
    found = np.empty(len(members), object)
    found[:] = members
    return found


@function("Reducer.unweighted")
def unweighted(reducer: Reducer) -> Reducer:
    """Let every record that counts at all count alike."""
    return replace(
        reducer,
        planes=reducer.planes,
        scalars=lambda inputs: reducer.scalars(inputs.unweighted()),
        weighted=(False,) * reducer.inputs,
        many=None if reducer.many is None else _of_yes_and_no(reducer.many),
        weighing=None,
    )


def _of_yes_and_no(many: Many) -> Many:
    def seen(records: Sequence[Sequence[Tile]], dtype: np.dtype[Any]) -> list[Tile]:
        return many([[Tile(tile.values, tile.seen()) for tile in record] for record in records], dtype)

    return seen


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

    many, weighing, whole = reducer.many, reducer.weighing, reducer.scalars
    scalars: Scalars = lambda inputs: chosen(whole(inputs))  # noqa: E731
    return replace(
        reducer,
        outputs=tuple(str(names[at]) for at in kept),
        planes=lambda tiles, dtype: chosen(reducer.planes(tiles, dtype)),
        scalars=scalars,
        kinds=lambda kind, count: chosen(reducer.kinds(kind, count)),
        many=None if many is None else lambda records, dtype: chosen(many(records, dtype)),
        weighing=None if weighing is None else lambda tiles, dtype: chosen(weighing(tiles, dtype)),
    )


@function("Reducer.getOutputs")
def get_outputs(reducer: Reducer) -> list[str]:
    return list(reducer.outputs)
