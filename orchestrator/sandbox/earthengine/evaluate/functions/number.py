"""Numbers, booleans and choices."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Collection


def _binary(name: str, operation: Callable[[Any, Any], Any]) -> None:
    def apply(left: float, right: float) -> Any:
        result = operation(left, right)
        return int(result) if isinstance(result, bool) else result

    function(f"Number.{name}")(apply)


for _name, _operation in (
    ("add", operator.add),
    ("subtract", operator.sub),
    ("multiply", operator.mul),
    ("divide", lambda a, b: a / b if b else 0),
    ("mod", lambda a, b: math.fmod(a, b) if b else 0),
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
    ("atan2", math.atan2),
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
    ("toInt", int),
    ("int", int),
    ("toFloat", float),
    ("toDouble", float),
    ("float", float),
    ("double", float),
    ("toByte", lambda value: max(0, min(255, int(value)))),
):
    function(f"Number.{_name}")(_curve)


@function("Number.clamp")
def clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@function("Number.format")
def formatted(value: float, pattern: str) -> str:
    return pattern % (int(value) if pattern.endswith("d") else value)


@function("Number.parse")
def parse(text: str, radix: int) -> float:
    return float(text) if radix == 10 else int(text, radix)


@function("If")
def choose(condition: Any, when_true: Any, when_false: Any) -> Any:
    """Choose: zero, null, the empty text and the empty collection are false."""
    if isinstance(condition, Collection):
        return when_true if condition.elements() else when_false
    return when_true if condition not in (None, 0, False, "", []) else when_false


@function("IsEqual")
def is_equal(left: Any, right: Any) -> bool:
    return bool(left == right)
