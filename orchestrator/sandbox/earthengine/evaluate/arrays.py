"""
Arrays: numbers along axes, all of one type.

Functions of arrays are written once, for a batch: many arrays of one shape, (array, axis 0, axis 1, ...). A single
array is a batch of one; the pixels of an array band are as many batches as they have shapes, see `array_bands`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.scenes.catalogue import PixelType

Batch = NDArray[Any]  # (array, axis 0, axis 1, ...); results of several shapes are a vector of objects

INT32 = pixel_types.NAMED_TYPES["int32"]
INT64 = PixelType("int", -(2**63), 2**63 - 1)
_MAX_ELEMENTS = 10_000_000
_EXACT = 2.0**53  # beyond, not every integer is a double


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """
    An array.

    Attributes:
        values: int64 of integers, else float32 or float64; a number alone has no axis. Never written to.
        kind: The type of each number; its own `dimensions` mean nothing here.
    """

    values: NDArray[Any]
    kind: PixelType

    @classmethod
    def of(cls, values: NDArray[Any], kind: PixelType) -> Array:
        """Give values as the dtype that carries their type."""
        return cls(np.asarray(values).astype(storage(kind), copy=False), kind)

    def __eq__(self, other: object) -> bool:
        """Refuse: when two arrays are equal as elements of lists or in filters is not told."""
        if isinstance(other, (Array, list)):
            raise not_imitated("The comparison of an array as a whole")
        return NotImplemented

    __hash__ = object.__hash__

    @property
    def dimensions(self) -> int:
        return self.values.ndim


def storage(kind: PixelType) -> np.dtype[Any]:
    """Choose the dtype of an array's numbers: int64 holds every integer type."""
    return np.dtype(np.int64) if kind.precision == "int" else pixel_types.dtype_of(kind)


def shaped(kind: PixelType, dimensions: int) -> PixelType:
    """Give the type of a band whose pixels are arrays of such numbers."""
    return replace(kind, dimensions=dimensions)


def made(value: Any, kind: PixelType | None = None) -> Array:
    """
    Make an array of a number, or of a nested list of numbers whose inner lists are equally long.

    Raises:
        EvaluationError: If it is none, or holds no number and no type is given.
    """
    if isinstance(value, Array):
        return value if kind is None else cast(value, kind)
    numbers: list[Any] = []
    shape = _measured(value, numbers)
    if kind is None:
        if not numbers:
            raise EvaluationError("Array: A pixel type must be given for an array without numbers.")
        kind = _inferred(numbers)
    elif kind.precision == "int" and not all(_whole_within(number, kind) for number in numbers):
        raise not_imitated("Array: a number outside its integer type")
    return Array.of(np.asarray(numbers, storage(kind)).reshape(shape), kind)


def _measured(value: Any, numbers: list[Any]) -> tuple[int, ...]:
    """Give the shape of a nested list, and collect its numbers."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        numbers.append(value)
        if len(numbers) > _MAX_ELEMENTS:  # before the rest is looked at: lists may be shared, and have no end
            raise EvaluationError(f"Array: More than {_MAX_ELEMENTS} elements are too many.")
        return ()
    if not isinstance(value, (list, tuple)):
        raise EvaluationError(f"Array: Expected a number or a nested list of numbers, found: {value}.")
    shapes = {_measured(item, numbers) for item in value}
    if len(shapes) > 1:
        raise EvaluationError("Array: All inner arrays at the same depth must have the same length.")
    return (len(value), *(shapes.pop() if shapes else ()))


def _inferred(numbers: list[Any]) -> PixelType:
    if not all(isinstance(number, int) or number.is_integer() for number in numbers):
        return pixel_types.DOUBLE
    if all(_whole_within(number, INT32) for number in numbers):
        return INT32
    return INT64 if all(_whole_within(number, INT64) for number in numbers) else pixel_types.DOUBLE


def _whole_within(number: Any, kind: PixelType) -> bool:
    low, high = pixel_types.bounds(kind)
    return bool(low <= number <= high and float(number).is_integer())


def cast(array: Array, kind: PixelType) -> Array:
    """Cast the numbers: to an integer, they are rounded half up and held in the type's range."""
    return Array.of(cast_numbers(array.values, kind), kind)


def cast_numbers(values: NDArray[Any], kind: PixelType) -> NDArray[Any]:
    """
    Cast numbers as the page of `Array.byte` shows.

    Raises:
        NotImitatedError: If a number is undefined, or a negative half: which way that goes is not told.
    """
    if kind.precision != "int":
        with np.errstate(over="ignore"):
            return values.astype(storage(kind), copy=False)
    if values.dtype.kind == "f":
        values = rounded("The cast of an array", values)
    low, high = (int(bound) for bound in pixel_types.bounds(kind))
    if values.dtype.kind != "f":
        return np.asarray(np.clip(values, low, high), np.int64)
    inside = (values > low) & (
        values < high
    )  # as doubles, which cannot tell the bounds of 64 bits from their neighbours
    bound = np.where(values >= high, high, low)
    return np.asarray(np.where(inside, np.where(inside, values, 0).astype(np.int64), bound))


def rounded(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Round half up."""
    if np.isnan(values).any():
        raise not_imitated(f"{name}: NaN as an integer")
    near = np.abs(values) < _EXACT
    small = np.where(near, values, 0.0)
    if ((small < 0) & (small - np.floor(small) == 0.5)).any():
        raise not_imitated(f"{name}: the rounding of a negative half")
    return np.where(near, np.floor(small + 0.5), values)


def single(function: Callable[..., Batch], *arrays: Array) -> NDArray[Any]:
    """Apply a function of batches to single arrays."""
    found = function(*(array.values[np.newaxis] for array in arrays))
    return np.asarray(found[0])


def aligned(name: str, *batches: Batch) -> list[Batch]:
    """
    Bring operands of an element-wise function to one shape; a number meets every element.

    Raises:
        NotImitatedError: If their shapes differ in any other way.
    """
    shapes = {batch.shape[1:] for batch in batches if batch.ndim > 1}
    if len(shapes) > 1:
        raise not_imitated(f"{name}: arrays of different shapes, {' and '.join(map(str, sorted(shapes)))},")
    axes = len(shapes.pop()) if shapes else 0
    return [batch if batch.ndim > 1 else batch.reshape((len(batch), *(1,) * axes)) for batch in batches]


def checked_axis(name: str, axis: int, dimensions: int) -> int:
    """
    Give an axis that exists.

    Raises:
        EvaluationError: If it does not.
    """
    if not 0 <= axis < dimensions:
        raise EvaluationError(f"{name}: Axis {axis} is out of range of an array of {dimensions} dimensions.")
    return axis


def checked_size(name: str, *lengths: int) -> None:
    """
    Refuse an array that would not fit into memory.

    Raises:
        EvaluationError: If it has too many elements.
    """
    count = math.prod(int(length) for length in lengths)
    if count > _MAX_ELEMENTS:
        raise EvaluationError(f"{name}: An array of {count} elements is too large, at most {_MAX_ELEMENTS} are held.")


def whole_numbers(name: str, values: Sequence[Any]) -> list[int]:
    """
    Give a list of integers.

    Raises:
        EvaluationError: If one is none.
    """
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not float(value).is_integer():
            raise EvaluationError(f"{name}: Expected a list of integers, found: {value}.")
    return [int(value) for value in values]
