"""Numbers and booleans."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import java_format
from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.limits import whole
from orchestrator.sandbox.earthengine.evaluate.registry import function

_WIDTHS = {
    "Byte": (0, 2**8 - 1),
    "Uint8": (0, 2**8 - 1),
    "Int8": (-(2**7), 2**7 - 1),
    "Uint16": (0, 2**16 - 1),
    "Int16": (-(2**15), 2**15 - 1),
    "Short": (-(2**15), 2**15 - 1),
    "Uint32": (0, 2**32 - 1),
    "Int32": (-(2**31), 2**31 - 1),
    "Int": (-(2**31), 2**31 - 1),
    "Int64": (-(2**63), 2**63 - 1),
    "Long": (-(2**63), 2**63 - 1),
}
_ONLY_JAVA = re.compile(r"[+-]?(NaN|Infinity|0[xX].*|[0-9.eE+-]+[dDfF])")  # what Java's numbers may be besides
_BITS = 64
_LEAST_PLAIN, _MOST_PLAIN = 1e-3, 1e7  # numbers that Java's `Double.toString` writes without an exponent
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DIGITS = re.compile(r"[+-]?([0-9a-zA-Z]{1,400})")


def _refusing(name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse by name what is undefined: roots of negative numbers, logarithms of zero, results beyond a double."""

    def apply(*numbers: float) -> Any:
        try:
            result = operation(*numbers)
        except (ValueError, OverflowError, ZeroDivisionError):
            result = None
        if result is None or isinstance(result, complex):
            given = ", ".join(str(encoded(number)) for number in numbers)
            raise not_imitated(f"{name}: the undefined result for ({given})")
        if isinstance(result, int):
            return whole(name, result)
        return float(result)

    return apply


def _remainder(left: float, right: float) -> float:
    """Give what division leaves, with the sign of the dividend; of integers an integer."""
    if isinstance(left, float) or isinstance(right, float):
        return math.fmod(left, right)
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _power(base: float, exponent: float) -> Any:
    """
    Raise to a power.

    Raises:
        OverflowError: If a whole result has far more than 64 bits, which would take long to find out.
    """
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() > 1 and exponent > _BITS:
        raise OverflowError
    return base**exponent


def _binary(name: str, operation: Callable[[Any, Any], Any]) -> None:
    apply = _refusing(f"Number.{name}", operation)
    function(f"Number.{name}")(apply)


for _name, _operation in (
    ("add", operator.add),
    ("subtract", operator.sub),
    ("multiply", operator.mul),
    ("divide", lambda a, b: a / b if b else 0),
    ("mod", _remainder),
    ("pow", _power),
    ("min", min),
    ("max", max),
    ("gt", operator.gt),
    ("gte", operator.ge),
    ("lt", operator.lt),
    ("lte", operator.le),
    ("eq", operator.eq),
    ("neq", operator.ne),
    ("and", lambda a, b: bool(a) and bool(b)),
    ("or", lambda a, b: bool(a) or bool(b)),
    # The reference: the left input is x and the right one y of the point (x, y).
    ("atan2", lambda x, y: math.atan2(y, x)),
    ("hypot", math.hypot),
    ("first", lambda a, b: a),  # noqa: ARG005
    ("firstNonZero", lambda a, b: a or b),
    ("first_nonzero", lambda a, b: a or b),
):
    _binary(_name, _operation)


def _whole(number: float) -> int:
    """
    Give the bits of a number.

    Raises:
        ValueError: If it has a fraction or more than 64 bits: the reference does not tell what they become.
    """
    if number != int(number) or not -(2 ** (_BITS - 1)) <= number < 2 ** (_BITS - 1):
        raise ValueError
    return int(number)


def _on_bits(operation: Callable[..., int]) -> Callable[..., int]:
    return lambda *numbers: _whole(operation(*map(_whole, numbers)))


def _shifted_left(value: int, count: int) -> int:
    """Shift; whether bits beyond 32 are kept depends on a type that no source tells."""
    if count >= _BITS or not -(2**31) <= value << count < 2**31:
        raise ValueError
    return value << count


def _shifted_right(value: int, count: int) -> int:
    if count >= _BITS:
        raise ValueError
    return value >> count


for _names, _combine in (
    (("bitwiseAnd", "bitwise_and"), operator.and_),
    (("bitwiseOr", "bitwise_or"), operator.or_),
    (("bitwiseXor", "bitwise_xor"), operator.xor),
    # In the smallest signed type that holds the input, whichever that is.
    (("bitwiseNot", "bitwise_not"), operator.invert),
    (("leftShift", "left_shift"), _shifted_left),
    (("rightShift", "right_shift"), _shifted_right),
    (("bitCount",), lambda value: (value % 2**_BITS).bit_count()),
):
    for _name in _names:
        _binary(_name, _on_bits(_combine))


def _rounded(value: float) -> float:
    """Give the nearest integer; of a positive half the one above, as an example shows, of a negative one none."""
    if value < 0 and (value - 0.5).is_integer():
        raise ValueError
    return type(value)(math.floor(value + 0.5))


for _name, _curve in (
    ("round", _rounded),
    ("floor", lambda value: type(value)(math.floor(value))),
    ("ceil", lambda value: type(value)(math.ceil(value))),
    ("abs", abs),
    ("sqrt", math.sqrt),
    ("exp", math.exp),
    ("log", math.log),
    ("log10", math.log10),
    ("sin", math.sin),
    ("cos", math.cos),
    ("tan", math.tan),
    ("asin", math.asin),
    ("acos", math.acos),
    ("atan", math.atan),
    ("sinh", math.sinh),
    ("cosh", math.cosh),
    ("tanh", math.tanh),
    ("cbrt", np.cbrt),
    ("signum", lambda value: (value > 0) - (value < 0)),
    ("not", lambda value: int(not value)),
    ("toDouble", float),
    ("double", float),
):
    function(f"Number.{_name}")(_refusing(f"Number.{_name}", _curve))


def clamped(value: float, low: int, high: int) -> int:
    """Cast to an integer of a range: the fraction is cut off, what lies outside becomes the nearest bound."""
    if math.isnan(value):
        raise not_imitated("The cast of NaN to an integer")
    return int(min(max(value, low), high))


for _name, (_low, _high) in _WIDTHS.items():
    function(f"Number.to{_name}", f"Number.{_name.lower()}")(partial(clamped, low=_low, high=_high))


@function("Number.toFloat", "Number.float")
def single(value: float) -> float:
    """Cast to 32 bit."""
    return float(np.float32(value))


@function("Number.clamp")
def clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@function("Number.unitScale")
def unit_scaled(value: float, low: float, high: float) -> float:
    """Map [low, high] to [0, 1], without clamping; an empty range gives 0."""
    return 0 if low == high else (value - low) / (high - low)


@function("Number.format")
def formatted(value: float, pattern: str) -> str:
    """Write a number as Java's formatter does."""
    return java_format.written(value, pattern, partial(plain, "Number.format", value))


def plain(name: str, value: Any) -> str:
    """
    Write a number as its shortest digits.

    Raises:
        EvaluationError: If the reference does not tell them: of a result of division that is whole, of NaN, and of
            numbers that Java writes with an exponent, and of anything else.
    """
    written = str(value)
    exotic = isinstance(value, float) and (value.is_integer() or not _LEAST_PLAIN <= abs(value) < _MOST_PLAIN)
    if exotic or isinstance(value, bool) or not isinstance(value, (int, float)):
        raise not_imitated(f"{name}: the text of the number {value}")
    return written


@function("Number.parse")
def parse(text: str, radix: int) -> float:
    """Read a number; in another base than ten, an integer. Digits are ASCII's, whole numbers have 64 bits."""
    if radix == 10 and _DECIMAL.fullmatch(text):
        if _WHOLE.fullmatch(text):
            return whole("Number.parse", int(text))
        if math.isfinite(found := float(text)):
            return found
        raise not_imitated(f"Number.parse: '{text}', which is beyond a double,")
    digits = _DIGITS.fullmatch(text)
    if radix != 10 and digits and 2 <= radix <= 36 and max(int(digit, 36) for digit in digits[1]) < radix:
        return whole("Number.parse", int(text, radix))
    if text != text.strip() or _ONLY_JAVA.fullmatch(text):
        raise not_imitated(f"Number.parse: '{text}'")
    raise EvaluationError(f"Number.parse: Cannot parse '{text}' as a number of radix {radix}.")
