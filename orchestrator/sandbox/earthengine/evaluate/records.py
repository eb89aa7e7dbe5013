"""
Records of several numbers, pixel by pixel: stacks of tiles as arrays, reduced strip by strip.

A record takes part where all of its inputs do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import Array
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Many
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile

Stack = NDArray[np.float64]
Statistic = Callable[[Sequence[Stack], Stack], list[Any]]

_STRIP_VALUES = 1 << 20  # numbers of a strip; statistics of pairs of records take many times as much
_EQUAL = 1e-6  # weights that differ by less are equal but for rounding
_MOST_RECORDS = 4000  # of a statistic that looks at every pair of records


def plane_by_plane(statistic: Statistic, outputs: int, *, heeds: bool, what: str) -> Many:
    """
    Reduce stacks of tiles.

    Args:
        statistic: From a stack (record, pixel) per input, NaN where there is no record, and their weights to a row of
            results per output, numbers or arrays, NaN where there is none.
        outputs: How many results it gives.
        heeds: Whether it weighs records.
        what: Names it, for the refusal.
    """

    def many(records: Sequence[Sequence[Tile]], dtype: np.dtype[Any]) -> list[Tile]:
        del dtype
        height, width = records[0][0].values.shape
        found: list[Any] = [[] for _ in range(outputs)]
        rows = max(1, _STRIP_VALUES // max(len(records) * len(records[0]) * width, 1))
        for top in range(0, height, rows):
            part = slice(top, top + rows)
            columns, weights = _stacks(records, part, heeds=heeds, what=what)
            for kept, row in zip(found, statistic(columns, weights), strict=True):
                kept.append(row if not isinstance(row, np.ndarray) else row.reshape(-1, width, *row.shape[1:]))
        return [_tile(pieces) for pieces in found]

    return many


def _tile(pieces: Sequence[Any]) -> Any:
    if not isinstance(pieces[0], np.ndarray):
        return pieces[0]  # a result whose rule was not found
    values = np.concatenate(pieces)
    known = np.isfinite(values).reshape((*values.shape[:2], -1)).all(axis=-1)
    if known.all():
        return Tile(values)
    values[~known] = 0
    return Tile(values, known)


def _stacks(records: Sequence[Sequence[Tile]], part: slice, *, heeds: bool, what: str) -> tuple[list[Stack], Stack]:
    size = records[0][0].values[part].size
    columns = [np.empty((len(records), size)) for _ in records[0]]
    weights = np.empty((len(records), size))
    for at, record in enumerate(records):
        shares = [np.asarray(tile.weights()[part], np.float64).ravel() for tile in record]
        weights[at] = joint_weights(shares, what)
        for column, tile in zip(columns, record, strict=True):
            column[at] = np.where(weights[at] > 0, tile.values[part].ravel(), np.nan)
    if not heeds:
        refuse_unequal(weights, what)
    return columns, weights


def joint_weights(shares: Sequence[Any], what: str) -> Any:
    """
    Give the weight of records whose inputs weigh alike; one without an input weighs nothing.

    Raises:
        EvaluationError: If two inputs of a record weigh differently.
    """
    least, most = np.minimum.reduce(shares), np.maximum.reduce(shares)
    if ((least > 0) & (most - least > _EQUAL)).any():
        raise not_imitated(f"{what} of inputs with different weights")
    return least


def refuse_unequal(weights: Any, what: str) -> None:
    """
    Refuse records of different weights, (record, place).

    Raises:
        EvaluationError: If the records of a place do not all weigh alike.
    """
    if ((weights > 0) & (weights.max(axis=0, initial=0) - weights > _EQUAL)).any():
        raise not_imitated(f"{what} of values with different weights (call unweighted() on it): this")


def at_once(
    statistic: Statistic, outputs: int, *, heeds: bool, what: str, pairs: bool
) -> Callable[[Inputs], list[Any]]:
    """Reduce plain records by the same statistic; nothing gives null."""

    def scalars(inputs: Inputs) -> list[Any]:
        given = [np.ones(len(inputs.columns[0])) if weights is None else weights for weights in inputs.weights]
        shares = joint_weights(given, what)
        kept = shares > 0
        columns = [np.asarray(column, np.float64)[kept][:, None] for column in inputs.columns]
        weights = shares[kept][:, None]
        if not heeds:
            refuse_unequal(weights, what)
        if not kept.any():
            return [None] * outputs
        if pairs and len(weights) > _MOST_RECORDS:
            raise not_imitated(f"{what} of more than {_MOST_RECORDS} records")
        return [_number(row, what) for row in statistic(columns, weights)]

    return scalars


def _number(row: Any, what: str) -> Any:
    """
    Give the only result of a row; an array that is undefined is null.

    Raises:
        EvaluationError: If the statistic is undefined.
    """
    if not isinstance(row, np.ndarray):
        return row
    if row.ndim > 1:
        return Array.of(row[0], pixel_types.DOUBLE) if np.isfinite(row[0]).all() else None
    if not np.isfinite(row[0]):
        raise not_imitated(f"{what} where it is undefined")
    return float(row[0])
