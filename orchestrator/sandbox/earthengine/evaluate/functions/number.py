"""Numbers and booleans."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
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
# What the reference allows as the pattern of `format`: flags, width and precision, conversion.
_PATTERN = re.compile(r"[^%]*%(?P<flags>[#\-+ 0,(]*)(?P<width>\d*)(?:\.(?P<places>\d+))?(?P<kind>[sdoxXeEfgGaA])[^%]*")
_WHOLE = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


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
        return int(result) if isinstance(result, bool) else result

    return apply


def _binary(name: str, operation: Callable[[Any, Any], Any]) -> None:
    apply = _refusing(f"Number.{name}", operation)
    function(f"Number.{name}")(apply)


for _name, _operation in (
    ("add", operator.add),
    ("subtract", operator.sub),
    ("multiply", operator.mul),
    ("divide", lambda a, b: a / b if b else 0),
    ("mod", math.fmod),
    ("pow", operator.pow),
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
    ("bitwiseAnd", lambda a, b: int(a) & int(b)),
    ("bitwiseOr", lambda a, b: int(a) | int(b)),
    ("leftShift", lambda a, b: int(a) << int(b)),
    ("rightShift", lambda a, b: int(a) >> int(b)),
):
    _binary(_name, _operation)

for _name, _curve in (
    ("round", lambda value: math.floor(value + 0.5)),
    ("floor", math.floor),
    ("ceil", math.ceil),
    ("abs", abs),
    ("sqrt", math.sqrt),
    ("exp", math.exp),
    ("log", math.log),
    ("log10", math.log10),
    ("sin", math.sin),
    ("cos", math.cos),
    ("tan", math.tan),
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


@function("Number.format")
def formatted(value: float, pattern: str) -> str:
    """Write a number as Java's formatter does, which rounds half up."""
    found = _PATTERN.fullmatch(pattern)
    if found is None:
        raise EvaluationError(f"Number.format: Invalid format string: '{pattern}'.")
    kind = found["kind"]
    if kind in "gGaA" or set(found["flags"]) & {",", "(", "#"} or (kind in "oxX" and value < 0):
        raise not_imitated(f"Number.format: the format string '{pattern}' for {value}")
    shown: Any = value
    if kind == "s":
        shown = encoded(value)
    elif kind in "doxX":
        shown = int(value)
    else:
        shown = _half_up(value, int(found["places"] or 6), scientific=kind in "eE")
    return str(pattern % shown)


def _half_up(value: float, places: int, *, scientific: bool) -> float:
    exact = Decimal(repr(float(value)))
    if not exact.is_finite():
        raise not_imitated(f"Number.format: the number {value}")
    last = (exact.adjusted() if scientific and exact else 0) - places
    _, digits, exponent = exact.as_tuple()
    if not isinstance(exponent, int) or exponent >= last or not any(digits):
        return value
    return float(exact.quantize(Decimal(1).scaleb(last), ROUND_HALF_UP))


@function("Number.parse")
def parse(text: str, radix: int) -> float:
    """Read a number; in another base than ten, an integer."""
    if radix == 10 and _DECIMAL.fullmatch(text):
        return int(text) if _WHOLE.fullmatch(text) else float(text)
    try:
        if radix != 10 and "_" not in text:
            return int(text, radix)
    except ValueError:
        pass
    raise EvaluationError(f"Number.parse: Cannot parse '{text}' as a number of radix {radix}.")
