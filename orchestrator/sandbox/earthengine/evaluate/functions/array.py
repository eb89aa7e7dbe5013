"""Arrays: made, put together, taken apart and turned."""

from __future__ import annotations

from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import array_shapes as shapes
from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import INT32, Array, Batch, checked_size, made, single
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.scenes.catalogue import PixelType

_BIT = PixelType("int", 0, 1)


@function("Array")
def array(values: Any, kind: PixelType | None) -> Array:
    return made(values, kind)


@function("Array.identity")
def identity(size: int) -> Array:
    if size < 0:
        raise EvaluationError(f"Array.identity: The size must not be negative, found {size}.")
    checked_size("Array.identity", size, size)
    return Array.of(np.eye(size), _BIT)


@function("Array.cat")
def cat(arrays: list[Any], axis: int) -> Array:
    every = [made(each) for each in arrays]
    if not every:
        raise EvaluationError("Array.cat: At least one array is required.")
    kind = pixel_types.union(each.kind for each in every)

    def join(*batches: Batch) -> Batch:
        return shapes.joined("Array.cat", batches, axis)

    return Array.of(single(join, *every), kind)


@function("Array.bitsToArray")
def bits_to_array(value: float) -> Array:
    """Give the bits of an integer; in which direction is not told, so only those that read alike both ways."""
    if not float(value).is_integer():
        raise not_imitated(f"Array.bitsToArray: the bits of {value}")
    whole = int(value) & (2**64 - 1) if value < 0 else int(value)
    digits = [int(digit) for digit in f"{whole:b}"]
    if digits != digits[::-1]:
        raise not_imitated("Array.bitsToArray: the order of bits that do not read alike in both directions")
    return Array.of(np.asarray(digits), _BIT)


@function("Array.length")
def length(array: Array) -> Array:
    return Array.of(np.asarray(array.values.shape, np.int64), INT32)


@function("Array.toList")
def to_list(array: Array) -> list[Any]:
    if array.dimensions == 0:
        raise not_imitated("Array.toList: the list of a number")
    found: list[Any] = array.values.tolist()
    return found


@function("Array.get")
def get(array: Array, position: list[Any]) -> Any:
    return single(lambda batch: shapes.picked("Array.get", batch, position), array).item()


@function("Array.argmax")
def argmax(array: Array) -> list[int] | None:
    if array.dimensions == 0:
        raise not_imitated("Array.argmax: the position in a number")
    if not array.values.size:
        return None
    found: list[int] = single(shapes.first_highest, array).tolist()
    return found


@function("Array.cut")
def cut(array: Array, position: list[Any]) -> Array:
    return Array(single(lambda batch: shapes.cut("Array.cut", batch, position), array), array.kind)


@function("Array.slice")
def cut_out(array: Array, axis: int, start: int, end: int | None, step: int) -> Array:
    found = single(lambda batch: shapes.sliced("Array.slice", batch, axis, start, end, step), array)
    return Array(found, array.kind)


@function("Array.mask")
def mask(array: Array, mask: Array) -> Array:
    return Array(single(lambda batch, kept: shapes.masked("Array.mask", batch, kept), array, mask), array.kind)


@function("Array.sort")
def sort(array: Array, keys: Array | None) -> Array:
    operands = [array] if keys is None else [array, keys]
    found = single(lambda batch, key=None: shapes.ordered("Array.sort", batch, key), *operands)
    return Array(found, array.kind)


@function("Array.pad")
def pad(array: Array, lengths: list[Any], value: float) -> Array:
    return Array(single(lambda batch: shapes.padded("Array.pad", batch, lengths, value), array), array.kind)


@function("Array.project")
def project(array: Array, axes: list[Any]) -> Array:
    return Array(single(lambda batch: shapes.projected("Array.project", batch, axes), array), array.kind)


@function("Array.repeat")
def repeat(array: Array, axis: int, copies: int) -> Array:
    return Array(single(lambda batch: shapes.repeated("Array.repeat", batch, axis, copies), array), array.kind)


@function("Array.reshape")
def reshape(array: Array, shape: Array) -> Array:
    if shape.dimensions != 1:
        raise EvaluationError("Array.reshape: The shape must be an array of one dimension.")
    lengths = shape.values.tolist()
    return Array(single(lambda batch: shapes.reshaped("Array.reshape", batch, lengths), array), array.kind)


@function("Array.transpose", "Array.matrixTranspose")
def transpose(array: Array, first: int, second: int) -> Array:
    found = single(lambda batch: shapes.transposed("Array.transpose", batch, first, second), array)
    return Array(found, array.kind)


@function("Array.dotProduct")
def dot_product(left: Array, right: Array) -> Any:
    if left.dimensions != 1 or left.values.shape != right.values.shape:
        raise EvaluationError("Array.dotProduct: Both arrays must be vectors of the same length.")
    return (left.values * right.values).sum().item()
