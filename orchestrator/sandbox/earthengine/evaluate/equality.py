"""Whether two values are equal, as lists and comparisons of anything ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


class Members:
    """Values with their positions, found by equality: plain ones at once, others one by one."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        """Take the first values."""
        self._plain: dict[tuple[str, Any], int] = {}
        self._others: list[tuple[int, Any]] = []
        self._count = 0
        for item in items:
            self.add(item)

    def add(self, item: Any) -> None:
        """Take one more value."""
        key = _key(item)
        if key is None:
            self._others.append((self._count, item))
        else:
            self._plain.setdefault(key, self._count)
        self._count += 1

    def find(self, element: Any) -> int:
        """Give the position of the first equal value, or -1."""
        key = _key(element)
        if key is not None:
            return self._plain.get(key, -1)
        return next((at for at, item in self._others if same(item, element)), -1)


def _key(value: Any) -> tuple[str, Any] | None:
    """Give what equal plain values share; a boolean is no number."""
    if value is None or isinstance(value, (bool, str)):
        return type(value).__name__, value
    return ("number", value) if isinstance(value, (int, float)) else None
