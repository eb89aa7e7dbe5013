"""Reducers of records of two numbers: lines, slopes and correlations; and extremes with what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pairs
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.reducer import MAX, MIN
from orchestrator.sandbox.earthengine.evaluate.records import Stack, Statistic, at_once, plane_by_plane
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer, not_for_images
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.untold import Untold
from orchestrator.sandbox.scenes.catalogue import PixelType


def _of_records(
    name: str,
    outputs: tuple[str, ...],
    statistic: Statistic,
    inputs: int = 2,
    *,
    heeds: bool = False,
    every_pair: bool = False,
) -> Reducer:
    what = f"Reducer.{name}"

    def kinds(kind: PixelType, count: int) -> list[PixelType]:
        del kind, count
        return [PixelType("double")] * len(outputs)

    return Reducer(
        outputs,
        not_for_images,
        at_once(statistic, len(outputs), heeds=heeds, what=what, pairs=every_pair),
        kinds,
        (True,) * inputs,
        many=plane_by_plane(statistic, len(outputs), heeds=heeds, what=what),
        drops=True,
    )


@function("Reducer.linearFit")
def linear_fit() -> Reducer:
    return _of_records(
        "linearFit",
        ("scale", "offset"),
        lambda columns, weights: list(pairs.line(columns[0], columns[1], weights)),
        heeds=True,
    )


@function("Reducer.pearsonsCorrelation")
def pearson() -> Reducer:
    return _of_records(
        "pearsonsCorrelation", ("correlation", "p-value"), lambda columns, _weights: list(pairs.pearson(*columns))
    )


@function("Reducer.spearmansCorrelation")
def spearman() -> Reducer:
    return _of_records(
        "spearmansCorrelation", ("correlation",), lambda columns, _weights: list(pairs.spearman(*columns))
    )


@function("Reducer.sensSlope")
def sen() -> Reducer:
    """Give the slope; of the several offsets that go with it, the documentation tells none."""
    offset = Untold("Reducer.sensSlope: the offset")
    return _of_records(
        "sensSlope", ("slope", "offset"), lambda columns, _weights: [*pairs.sen(*columns), offset], every_pair=True
    )


@function("Reducer.kendallsCorrelation")
def kendall(count: int) -> Reducer:
    """Give tau-b, of one input against its order; how its p-value is approximated is not documented."""
    if count not in {1, 2}:
        raise not_imitated(f"Reducer.kendallsCorrelation of {count} inputs")
    chance = Untold("Reducer.kendallsCorrelation: the p-value")

    def statistic(columns: Sequence[Stack], weights: Stack) -> list[Any]:
        del weights
        y = columns[-1]
        order = np.broadcast_to(np.arange(len(y), dtype=np.float64)[:, None], y.shape)
        x = np.where(np.isnan(y), np.nan, order) if count == 1 else columns[0]
        return [*pairs.kendall(x, y), chance]

    made = _of_records("kendallsCorrelation", ("tau", "p-value"), statistic, count, every_pair=True)
    if count == 2:
        return made
    many = made.many
    assert many is not None  # noqa: S101 - it is made of records
    return Reducer(
        made.outputs,
        lambda tiles, dtype: many([[tile] for tile in tiles], dtype),
        made.scalars,
        made.kinds,
        (True,),
        weighing=lambda tiles, dtype: many([[tile] for tile in tiles], dtype),
    )


def _extreme(name: str, count: int | None) -> Reducer:
    """Give an extreme of the first input, and what the other inputs are there."""
    greatest = name == "max"
    plain = MAX if greatest else MIN
    if count in (None, 1):
        return plain
    assert count is not None  # noqa: S101 - established above
    what = f"Reducer.{name}"

    def statistic(columns: Sequence[Stack], weights: Stack) -> list[Any]:
        del weights
        first = columns[0] if greatest else -columns[0]
        shown = np.where(np.isnan(first), -np.inf, first)
        best = shown.max(axis=0)
        at = shown.argmax(axis=0)
        found = [column[at, np.arange(column.shape[1])] for column in columns]
        for column, chosen in zip(columns[1:], found[1:], strict=True):
            if ((shown == best) & (column != chosen) & ~np.isnan(column)).any():
                raise not_imitated(f"{what}: which of several equal records the other inputs are taken from")
        return found

    outputs = (name, *(f"{name}{at}" for at in range(1, count)))

    def kinds(kind: PixelType, number: int) -> list[PixelType]:
        return plain.kinds(kind, number) * count

    many = plane_by_plane(statistic, count, heeds=False, what=what)
    scalars = at_once(statistic, count, heeds=False, what=what, pairs=False)
    return Reducer(
        outputs, not_for_images, lambda inputs: scalars(inputs.unweighted()), kinds, (False,) * count, many=many
    )


@function("Reducer.max")
def largest(count: int | None) -> Reducer:
    return _extreme("max", count)


@function("Reducer.min")
def smallest(count: int | None) -> Reducer:
    return _extreme("min", count)
