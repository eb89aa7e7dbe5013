"""Reductions of arrays along their axes."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate.array_reductions import accumulated, reduced, reduced_kinds
from orchestrator.sandbox.earthengine.evaluate.arrays import INT64, Array, single
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function


@function("Array.reduce")
def reduce(array: Array, reducer: Reducer, axes: list[Any], field: int | None) -> Array:
    found = single(lambda batch: reduced("Array.reduce", reducer, batch, axes, field), array)
    return Array.of(found, reduced_kinds(reducer, array.kind, array.values.size))


@function("Array.accum")
def accumulate(array: Array, axis: int, reducer: Reducer | None) -> Array:
    found = single(lambda batch: accumulated("Array.accum", reducer, batch, axis), array)
    if reducer is None:
        return Array.of(found, INT64 if array.kind.precision == "int" else array.kind)
    return Array.of(found, reduced_kinds(reducer, array.kind, array.values.size))
