"""Functions of the numbers in arrays, element by element, as functions of numpy arrays that are broadcast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import INT32, INT64, rounded
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.scenes.catalogue import PixelType

Values = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Elementwise:
    """
    A function of elements.

    Attributes:
        apply: From the values of the operands, broadcast against each other, to values.
        kind: From the types of the operands to the result's.
    """

    apply: Callable[..., Values]
    kind: Callable[..., PixelType]


def fraction(*kinds: PixelType) -> PixelType:
    """The type of fractions: 32 bit unless an operand is a double, as the results on the page of `pow` have it."""
    return pixel_types.DOUBLE if any(kind.precision == "double" for kind in kinds) else pixel_types.FLOAT


def _precise(*kinds: PixelType) -> PixelType:
    """The type of curves: double of integers, too, as the multiples of pi on the pages of `acos` and `asin` have it."""
    return pixel_types.FLOAT if all(kind.precision == "float" for kind in kinds) else pixel_types.DOUBLE


def _union(*kinds: PixelType) -> PixelType:
    return pixel_types.union(kinds)


def _boolean(*kinds: PixelType) -> PixelType:
    del kinds
    return pixel_types.BOOLEAN


def _long(*kinds: PixelType) -> PixelType:
    del kinds
    return INT64


def _whole(kind: PixelType) -> PixelType:
    return kind if kind.precision == "int" else INT32


def _as_is(kind: PixelType) -> PixelType:
    return kind


def _divided(left: Values, right: Values) -> Values:
    left, right = np.broadcast_arrays(left, right)
    return np.divide(left, right, out=np.zeros(left.shape), where=right != 0)


def _first_non_zero(left: Values, right: Values) -> Values:
    return np.asarray(np.where(left != 0, left, right))


def _remainder(left: Values, right: Values) -> Values:
    if (right == 0).any():
        raise not_imitated("Array.mod: the remainder of a division by zero")
    return np.asarray(np.fmod(left, right))


def _power(left: Values, right: Values) -> Values:
    return np.asarray(np.power(left.astype(np.float64), right.astype(np.float64)))


def _integers(name: str, operation: Callable[..., Values]) -> Callable[..., Values]:
    def apply(*operands: Values) -> Values:
        if any(operand.dtype.kind == "f" for operand in operands):
            raise not_imitated(f"{name}: bits of fractions")
        return operation(*operands)

    return apply


def _shifted(name: str, *, left: bool) -> Callable[..., Values]:
    def operation(values: Values, count: Values) -> Values:
        if ((count < 0) | (count > 62)).any():
            raise not_imitated(f"{name}: a shift by less than 0 or more than 62 bits")
        if not left:
            return np.right_shift(values, count)
        found = np.left_shift(values, count)
        if (np.right_shift(found, count) != values).any():
            raise not_imitated(f"{name}: a result of more than 64 bits")
        return found

    return _integers(name, operation)


def _rounded(name: str) -> Callable[[Values], Values]:
    return lambda values: rounded(name, values) if values.dtype.kind == "f" else values


def _curve(function: Callable[..., Any]) -> Elementwise:
    return Elementwise(lambda *values: function(*(each.astype(np.float64) for each in values)), _precise)


def _compared(operation: Callable[..., Any]) -> Elementwise:
    return Elementwise(operation, _boolean)


UNARY: dict[str, Elementwise] = {
    "abs": Elementwise(np.abs, _as_is),
    "signum": Elementwise(np.sign, lambda _kind: PixelType("int", -1, 1)),
    "floor": Elementwise(np.floor, _whole),
    "ceil": Elementwise(np.ceil, _whole),
    "round": Elementwise(_rounded("Array.round"), _whole),
    "not": _compared(lambda values: values == 0),
    "bitCount": Elementwise(
        _integers("Array.bitCount", lambda values: np.bitwise_count(values.view(np.uint64))), _long
    ),
    "bitwiseNot": Elementwise(_integers("Array.bitwiseNot", np.invert), _long),
    **{
        name: _curve(function)
        for name, function in (
            ("sin", np.sin), ("cos", np.cos), ("tan", np.tan), ("asin", np.arcsin), ("acos", np.arccos),
            ("atan", np.arctan), ("sinh", np.sinh), ("cosh", np.cosh), ("tanh", np.tanh), ("sqrt", np.sqrt),
            ("log", np.log), ("log10", np.log10), ("exp", np.exp), ("cbrt", np.cbrt),
            ("gamma", scipy.special.gamma), ("digamma", scipy.special.digamma),
            ("trigamma", lambda values: scipy.special.polygamma(1, values)),
            ("erf", scipy.special.erf), ("erfc", scipy.special.erfc),
            ("erfInv", scipy.special.erfinv), ("erfcInv", scipy.special.erfcinv),
        )
    },
}  # fmt: skip

BINARY: dict[str, Elementwise] = {
    "add": Elementwise(np.add, _union),
    "subtract": Elementwise(np.subtract, _union),
    "multiply": Elementwise(np.multiply, _union),
    "divide": Elementwise(_divided, fraction),
    "mod": Elementwise(_remainder, _union),
    "pow": Elementwise(_power, fraction),
    "max": Elementwise(np.maximum, _union),
    "min": Elementwise(np.minimum, _union),
    "hypot": _curve(np.hypot),
    "first": Elementwise(
        lambda left, right: np.broadcast_to(left, np.broadcast_shapes(left.shape, right.shape)),
        lambda left, _right: left,
    ),
    "firstNonZero": Elementwise(_first_non_zero, _union),
    "and": _compared(np.logical_and),
    "or": _compared(np.logical_or),
    "eq": _compared(np.equal),
    "neq": _compared(np.not_equal),
    "lt": _compared(np.less),
    "lte": _compared(np.less_equal),
    "gt": _compared(np.greater),
    "gte": _compared(np.greater_equal),
    "bitwiseAnd": Elementwise(_integers("Array.bitwiseAnd", np.bitwise_and), _long),
    "bitwiseOr": Elementwise(_integers("Array.bitwiseOr", np.bitwise_or), _long),
    "bitwiseXor": Elementwise(_integers("Array.bitwiseXor", np.bitwise_xor), _long),
    "leftShift": Elementwise(_shifted("Array.leftShift", left=True), _long),
    "rightShift": Elementwise(_shifted("Array.rightShift", left=False), _long),
    # The community tutorial "imad-tutorial-pt2" calls it as (quantile / 2, degrees / 2), so x comes first.
    "gammainc": _curve(lambda x, a: scipy.special.gammainc(a, x)),
}
