"""Types of pixels."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate.arrays import INT64
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.scenes.catalogue import PixelType

_PRECISIONS = ("int", "float", "double")


@function("PixelType")
def pixel_type(precision: Any, low: float | None, high: float | None, dimensions: int) -> PixelType:
    """Make a type; of fractions, one bound alone makes an unbounded type, as the page's examples have it."""
    if isinstance(precision, PixelType) and low is None and high is None and not dimensions:
        return precision
    if precision not in _PRECISIONS:
        raise EvaluationError(
            f"PixelType: The precision must be one of 'int', 'float' or 'double', found: {precision}."
        )
    if dimensions < 0:
        raise EvaluationError(f"PixelType: The dimensions must not be negative, found {dimensions}.")
    if low is None or high is None:
        if precision == "int":
            raise not_imitated("PixelType: an integer type without both bounds")
        return PixelType(precision, dimensions=dimensions)
    if low > high:
        raise EvaluationError(f"PixelType: The minimum {low} is above the maximum {high}.")
    return PixelType(precision, low, high, dimensions)


@function("PixelType.int64")
def int64() -> PixelType:
    return INT64


@function("PixelType.precision")
def precision(kind: PixelType) -> str:
    return kind.precision


@function("PixelType.dimensions")
def dimensions(kind: PixelType) -> int:
    return kind.dimensions


@function("PixelType.minValue")
def minimum(kind: PixelType) -> float:
    return _bound("minValue", kind.minimum)


@function("PixelType.maxValue")
def maximum(kind: PixelType) -> float:
    return _bound("maxValue", kind.maximum)


def _bound(name: str, value: float | None) -> float:
    if value is None:
        raise not_imitated(f"PixelType.{name}: the bound of a type without bounds")
    return value
