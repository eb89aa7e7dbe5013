"""Whether two values are equal, as lists and comparisons of anything ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import Projection
from orchestrator.sandbox.earthengine.evaluate.values import Date, DateRange
from orchestrator.sandbox.scenes.catalogue import PixelType

_PLAIN = (Date, DateRange, Projection, PixelType)


def same(left: Any, right: Any) -> bool:
    """
    Tell whether two values are equal: numbers by value, lists and dictionaries by their members.

    Raises:
        EvaluationError: If both are of a kind whose equality is not documented, such as two images.
    """
    if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
        return left is right  # a boolean is no number here, and so 1 is not True
    if isinstance(left, (int, float, str)) or isinstance(right, (int, float, str)):
        return bool(left == right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    return left is right or (type(left) is type(right) and _same_objects(left, right))


def _same_objects(left: Any, right: Any) -> bool:
    if isinstance(left, _PLAIN):
        return bool(left == right)
    if isinstance(left, Geometry):
        return bool(left.geojson() == right.geojson())
    raise not_imitated(f"The equality of two values of type {type(left).__name__}")


def position(items: Sequence[Any], element: Any) -> int:
    """Give the position of the first equal member, or -1."""
    return next((at for at, item in enumerate(items) if same(item, element)), -1)
