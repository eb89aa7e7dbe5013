"""
Types of pixels: Earth Engine's `PixelType` and the numpy dtype that carries it.

Integers are intervals: `constant(1)` is the interval [1, 1], a sum adds the bounds. The dtype is the smallest that
holds the interval, so nothing wraps around.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from orchestrator.sandbox.scenes.catalogue import PixelType

FLOAT = PixelType("float")
DOUBLE = PixelType("double")
BOOLEAN = PixelType("int", 0, 1)
BYTE = PixelType("int", 0, 255)

NAMED_TYPES: dict[str, PixelType] = {
    "byte": BYTE,
    "uint8": BYTE,
    "int8": PixelType("int", -128, 127),
    "uint16": PixelType("int", 0, 65535),
    "int16": PixelType("int", -32768, 32767),
    "short": PixelType("int", -32768, 32767),
    "uint32": PixelType("int", 0, 2**32 - 1),
    "int32": PixelType("int", -(2**31), 2**31 - 1),
    "int": PixelType("int", -(2**31), 2**31 - 1),
    "int64": PixelType("int", -(2**63), 2**63 - 1),
    "long": PixelType("int", -(2**63), 2**63 - 1),
    "float": FLOAT,
    "double": DOUBLE,
}
# `toByte`, `byte` and so on, of images and arrays; those of 64 bits have more to say.
CASTS = (
    ("Byte", "uint8"),
    ("Uint8", "uint8"),
    ("Int8", "int8"),
    ("Uint16", "uint16"),
    ("Int16", "int16"),
    ("Short", "int16"),
    ("Uint32", "uint32"),
    ("Int32", "int32"),
    ("Int", "int32"),
    ("Float", "float"),
    ("Double", "double"),
)
_INTEGER_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32")


def bounds(kind: PixelType) -> tuple[float, float]:
    """Give the closed interval of an `int` type; one without bounds is 32 bit signed."""
    low = -(2.0**31) if kind.minimum is None else kind.minimum
    high = 2.0**31 - 1 if kind.maximum is None else kind.maximum
    return low, high


def dtype_of(kind: PixelType) -> np.dtype[np.generic]:
    """Choose the smallest dtype that holds every value of `kind`; wider than 32 bit becomes float64."""
    if kind.precision == "float":
        return np.dtype(np.float32)
    if kind.precision == "double":
        return np.dtype(np.float64)
    low, high = bounds(kind)
    for name in _INTEGER_DTYPES:
        limits = np.iinfo(name)
        if limits.min <= low and high <= limits.max:
            return np.dtype(name)
    return np.dtype(np.float64)


def union(kinds: Iterable[PixelType]) -> PixelType:
    """Give the narrowest type that holds all of `kinds`: double over float over the hull of the integers."""
    every = list(kinds)
    precisions = {kind.precision for kind in every}
    if "double" in precisions:
        return DOUBLE
    if "float" in precisions:
        return FLOAT
    intervals = [bounds(kind) for kind in every]
    return PixelType("int", min(low for low, _ in intervals), max(high for _, high in intervals))


def arithmetic(left: PixelType, right: PixelType, operation: Callable[[float, float], float]) -> PixelType:
    """Type of a monotone operation: of integers, the hull of the operation on their bounds."""
    joint = union((left, right))
    if joint.precision != "int":
        return joint
    corners = [operation(a, b) for a in bounds(left) for b in bounds(right)]
    low, high = min(corners), max(corners)
    if low < -(2.0**31) or high > 2.0**32 - 1 or (low < 0 and high > 2.0**31 - 1):
        return DOUBLE
    return PixelType("int", low, high)


def quotient(left: PixelType, right: PixelType) -> PixelType:
    """Type of a division: always a fraction, double only if an operand is."""
    return DOUBLE if "double" in {left.precision, right.precision} else FLOAT


def of_number(value: float) -> PixelType:
    """Type of a constant: an integer is the interval of itself, any other number is a double."""
    if float(value).is_integer() and abs(value) < 2.0**32:
        return PixelType("int", value, value)
    return DOUBLE
