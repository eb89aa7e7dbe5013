"""Choices and comparisons of any values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.equality import same
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Feature, Image

Promise = Callable[[], Any] | None


def _kept(promise: Promise) -> Any:
    return None if promise is None else promise()


def is_true(value: Any) -> bool:
    """
    Tell whether a condition holds.

    Zero, NaN and null are false, and so are the empty text, list and dictionary; everything else is true, an empty
    collection too.
    """
    if value is None:
        return False
    if isinstance(value, (bool, int, float)):
        return value != 0 and not math.isnan(value)
    return not isinstance(value, (str, list, dict)) or len(value) > 0


@function("If", lazy=True)
def choose(condition: Promise, when_true: Promise, when_false: Promise) -> Any:
    """Evaluate the condition, and then only the case that it chooses."""
    return _kept(when_true if is_true(_kept(condition)) else when_false)


@function("IsEqual")
def is_equal(left: Any, right: Any) -> bool:
    return same(left, right)


@function("ObjectType")
def object_type(value: Any) -> str:
    """Name the type; of numbers it depends on how they came about, of others than these no source tells."""
    if isinstance(value, Collection):
        return value.kind
    names = ((str, "String"), (list, "List"), (Image, "Image"), (Feature, "Feature"), (Geometry, "Geometry"))
    if (name := next((name for kind, name in names if isinstance(value, kind)), None)) is not None:
        return name
    raise not_imitated(f"ObjectType: the name of the type of a value of type {type(value).__name__}")
