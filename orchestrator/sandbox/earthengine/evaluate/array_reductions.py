"""Reductions along axes of batches of arrays, whose first axis counts arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import Batch, checked_axis, whole_numbers
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Reducer, not_for_images
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.untold import told
from orchestrator.sandbox.scenes.catalogue import PixelType


def reduced(name: str, reducer: Reducer, batch: Batch, axes: Sequence[int], field: int | None) -> Batch:
    """
    Reduce along axes, which keep the length 1.

    Args:
        name: Of the function that reduces.
        reducer: How.
        batch: The arrays.
        axes: What is reduced.
        field: The axis that holds the reducer's inputs, and in the result its outputs; null if it has one of each.
    """
    along = sorted({checked_axis(name, axis, batch.ndim - 1) for axis in whole_numbers(name, axes)})
    if field is None:
        if reducer.inputs != 1 or len(reducer.outputs) != 1:
            raise EvaluationError(f"{name}: A reducer of several inputs or outputs needs a 'fieldAxis'.")
    else:
        checked_axis(name, field, batch.ndim - 1)
        if field in along:
            raise EvaluationError(f"{name}: The field axis {field} cannot be reduced.")
        if batch.shape[field + 1] != reducer.inputs:
            raise EvaluationError(
                f"{name}: The field axis must have length {reducer.inputs}, found {batch.shape[field + 1]}."
            )
    places = tuple(axis + 1 for axis in along)
    records = np.moveaxis(batch, places, range(len(places)))
    rest = records.shape[len(places) :]
    records = records.reshape(-1, *rest).astype(np.float64)  # (record, array, other axes...)
    if not len(records):
        raise not_imitated(f"{name}: the reduction of no elements")
    if field is None:
        (found,) = _outputs(name, reducer, [records])
    else:
        at = 2 + field - sum(axis < field for axis in along)
        columns = [records.take(number, at) for number in range(reducer.inputs)]
        found = np.stack(_outputs(name, reducer, columns), at - 1)
    return np.expand_dims(found, places)


def _outputs(name: str, reducer: Reducer, columns: Sequence[Batch]) -> list[Batch]:
    """Reduce the first axis of each input at all other places; one result per output."""
    shape = columns[0].shape[1:]
    if reducer.planes is not not_for_images or reducer.many is not None:
        flat = [column.reshape(len(column), 1, -1) for column in columns]
        records = [[Tile(plane) for plane in record] for record in zip(*flat, strict=True)]
        planes = [told(plane) for plane in reducer.reduce(records, np.dtype(np.float64))]
        if not all(plane.mask().all() for plane in planes):
            raise not_imitated(f"{name}: a reduction without a result")
        return [np.asarray(plane.values, np.float64).reshape(shape) for plane in planes]
    rows = [column.reshape(len(column), -1) for column in columns]
    found = [
        list(map(told, reducer.scalars(Inputs.of(*(np.ascontiguousarray(row[:, at]) for row in rows)))))
        for at in range(rows[0].shape[1])
    ]
    if not all(isinstance(value, (int, float, np.number)) for row in found for value in row):
        raise EvaluationError(f"{name}: Each output of the reducer must be a number.")
    return [np.asarray([row[at] for row in found], np.float64).reshape(shape) for at in range(len(reducer.outputs))]


def accumulated(name: str, reducer: Reducer | None, batch: Batch, axis: int) -> Batch:
    """Put at each position of an axis the reduction of what stands there and before; the sum without a reducer."""
    checked_axis(name, axis, batch.ndim - 1)
    if reducer is None:
        return np.cumsum(batch, axis + 1)
    if reducer.inputs != 1 or len(reducer.outputs) != 1:
        raise not_imitated(f"{name}: a reducer of several inputs or outputs")
    length = batch.shape[axis + 1]
    heads = [batch.take(np.arange(end), axis + 1) for end in range(1, length + 1)]
    parts = [reduced(name, reducer, head, [axis], None) for head in heads]
    return np.concatenate(parts, axis + 1) if parts else batch


def reduced_kinds(reducer: Reducer, kind: PixelType, count: int) -> PixelType:
    """Give one type for all outputs: integers stay so where the reducer says, everything else is a double."""
    try:
        found = pixel_types.union(reducer.kinds(kind, count))
    except NotImitatedError:
        raise
    except EvaluationError:
        return pixel_types.DOUBLE
    return found if found.precision == "int" else pixel_types.DOUBLE
