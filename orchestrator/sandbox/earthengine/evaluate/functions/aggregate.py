"""Statistics of one property over a collection."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated, shown
from orchestrator.sandbox.earthengine.evaluate.functions.number import plain
from orchestrator.sandbox.earthengine.evaluate.functions.sequence import distinct
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import (
    Collection,
    property_of,
)


@function("AggregateFeatureCollection.array")
def values_of(collection: Collection, name: str) -> list[Any]:
    found = [property_of(element, name) for element in collection.elements()]
    return [value for value in found if value is not None]


def _numbers(collection: Collection, name: str) -> list[Any]:
    found = values_of(collection, name)
    for value in found:
        if not isinstance(value, (int, float)):
            raise EvaluationError(f"AggregateFeatureCollection: Property '{name}' is not a number: {shown(value)}.")
    return found


def _extreme(pick: Callable[..., Any], collection: Collection, name: str) -> Any:
    found = values_of(collection, name)
    if not all(isinstance(value, str) for value in found):
        found = _numbers(collection, name)
    return pick(found, default=None)


@function("AggregateFeatureCollection.min")
def smallest(collection: Collection, name: str) -> Any:
    return _extreme(min, collection, name)


@function("AggregateFeatureCollection.max")
def largest(collection: Collection, name: str) -> Any:
    return _extreme(max, collection, name)


@function("AggregateFeatureCollection.first")
def first_value(collection: Collection, name: str) -> Any:
    found = collection.head(1)
    return property_of(found[0], name) if found else None


@function("AggregateFeatureCollection.sum")
def total(collection: Collection, name: str) -> Any:
    return sum(_numbers(collection, name))


@function("AggregateFeatureCollection.mean")
def mean(collection: Collection, name: str) -> Any:
    found = _numbers(collection, name)
    return sum(found) / len(found) if found else None


@function("AggregateFeatureCollection.count")
def count(collection: Collection, name: str) -> int:
    return len(values_of(collection, name))


@function("AggregateFeatureCollection.histogram")
def histogram(collection: Collection, name: str) -> dict[str, int]:
    """Count each value; its text is the key."""
    counts: dict[str, int] = {}
    for value in values_of(collection, name):
        key = value if isinstance(value, str) else plain("AggregateFeatureCollection.histogram", value)
        counts[key] = counts.get(key, 0) + 1
    return dict(sorted(counts.items()))


@function("AggregateFeatureCollection.count_distinct")
def count_distinct(collection: Collection, name: str) -> int:
    return len(distinct(values_of(collection, name)))


def _sample(function_name: str, collection: Collection, name: str, least: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """
    Give the numbers of a property.

    Raises:
        EvaluationError: If there are fewer than `least`: what follows is not documented.
    """
    found = np.asarray(_numbers(collection, name), np.float64)
    if len(found) < least:
        raise not_imitated(f"AggregateFeatureCollection.{function_name} of {len(found)} values")
    return found


@function("AggregateFeatureCollection.product")
def product(collection: Collection, name: str) -> float:
    return float(np.prod(_sample("product", collection, name, 1)))


@function("AggregateFeatureCollection.sample_var")
def sample_variance(collection: Collection, name: str) -> float:
    """Give the squares around the mean, divided by one less than their number."""
    return float(np.var(_sample("sample_var", collection, name, 2), ddof=1))


@function("AggregateFeatureCollection.sample_sd")
def sample_deviation(collection: Collection, name: str) -> float:
    return math.sqrt(sample_variance(collection, name))


@function("AggregateFeatureCollection.total_var")
def total_variance(collection: Collection, name: str) -> float:
    """Give the squares around the mean, divided by their number."""
    return float(np.var(_sample("total_var", collection, name, 1)))


@function("AggregateFeatureCollection.total_sd")
def total_deviation(collection: Collection, name: str) -> float:
    return math.sqrt(total_variance(collection, name))


@function("AggregateFeatureCollection.stats")
def stats(collection: Collection, name: str) -> dict[str, float]:
    """Give all statistics under the names of the page's example; every element must have the property."""
    found = _sample("stats", collection, name, 2)
    if len(found) < len(collection.elements()):
        raise not_imitated(f"AggregateFeatureCollection.stats: elements without '{name}'")
    total = float(found.sum())
    return {
        "max": float(found.max()),
        "mean": total / len(found),
        "min": float(found.min()),
        "sample_sd": sample_deviation(collection, name),
        "sample_var": sample_variance(collection, name),
        "sum": total,
        "sum_sq": float((found**2).sum()),
        "total_count": len(found),
        "total_sd": total_deviation(collection, name),
        "total_var": total_variance(collection, name),
        "valid_count": len(found),
        "weight_sum": len(found),
        "weighted_sum": total,
    }
