"""
An expression of Earth Engine with a place for the polygon of a tile.

A user's function is handed the polygon of a tile, and there are thousands of tiles. It is called once, with a polygon
that no tile has; where its corners then stand in the expression, those of each tile are put.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Ring = tuple[tuple[float, float], ...]  # longitude, latitude; the last is the first

# A kite, so that west, south, east and north are each of another corner. No tile has such digits.
PLACEHOLDER: Ring = (
    (-171.31290413, -0.71827313),
    (-171.21738219, -0.83917273),
    (-171.11928371, -0.74192837),
    (-171.20918273, -0.61827391),
    (-171.31290413, -0.71827313),
)


def bounds_of(ring: Ring) -> tuple[float, float, float, float]:
    """Return west, south, east and north."""
    lons, lats = zip(*ring, strict=True)
    return min(lons), min(lats), max(lons), max(lats)


def depends_on_tile(expression: str) -> bool:
    """Tell whether an expression has a place for the polygon of a tile."""
    return any(repr(number) in expression for corner in PLACEHOLDER for number in corner)


def for_tile(expression: str, ring: Ring) -> str:
    """
    Return an expression with the polygon of a tile in the place for it.

    Args:
        expression: JSON, as the client of Earth Engine makes it of an image.
        ring: Corners of the tile; rings of the placeholder become this one, its bounds those of this one.
    """
    whole = json.loads(expression)
    numbers = dict(zip(bounds_of(PLACEHOLDER), bounds_of(ring), strict=True))
    return _compact(_Substitution(whole["values"], ring, numbers).of(whole))


def folded(expression: str) -> str:
    """Return an expression with its constant lists written in place, as `for_tile` leaves them."""
    whole = json.loads(expression)
    return _compact(_Substitution(whole["values"], (), {}).of(whole))


class _Substitution:
    """Goes through an expression; lists of constants are written in place, since a corner may be a value of its own."""

    def __init__(self, values: dict[str, Any], ring: Ring, numbers: dict[float, float]) -> None:
        self._values = values
        self._ring = [list(corner) for corner in ring]
        self._numbers = numbers
        self._kept: dict[str, Any] = {}

    def of(self, whole: dict[str, Any]) -> dict[str, Any]:
        self._keep(whole["result"])
        return {"result": whole["result"], "values": self._kept}

    def _keep(self, name: str) -> None:
        if name not in self._kept:
            self._kept[name] = None  # a value may be met again while it is walked
            self._kept[name] = self._walk(self._values[name])

    def _walk(self, node: Any) -> Any:
        constant, value = self._constant(node)
        if constant:
            return {"constantValue": self._placed(value)}
        if isinstance(node, dict):
            if set(node) == {"valueReference"}:
                self._keep(node["valueReference"])
                return node
            if isinstance(body := node.get("body"), str) and body in self._values:  # of a function
                self._keep(body)
            return {key: self._walk(each) for key, each in node.items()}
        return [self._walk(each) for each in node] if isinstance(node, list) else node

    def _constant(self, node: Any) -> tuple[bool, Any]:
        """Return whether a node is made of constants alone, and which."""
        if not isinstance(node, dict) or len(node) != 1:
            return False, None
        (kind, inside), *_ = node.items()
        if kind == "constantValue":
            return True, inside
        if kind == "valueReference":
            return self._constant(self._values[inside])
        if kind != "arrayValue":
            return False, None
        items = [self._constant(each) for each in inside["values"]]
        return all(constant for constant, _ in items), [value for _, value in items]

    def _placed(self, value: Any) -> Any:
        if isinstance(value, list):
            if self._ring and value == _CLOSED:
                return self._ring
            if self._ring and value == _CLOSED[:-1]:
                return self._ring[:-1]
            return [self._placed(each) for each in value]
        if isinstance(value, dict):
            return {key: self._placed(each) for key, each in value.items()}
        is_number = isinstance(value, float)
        return self._numbers.get(value, value) if is_number else value


_CLOSED: Sequence[list[float]] = [list(corner) for corner in PLACEHOLDER]


def _compact(whole: dict[str, Any]) -> str:
    return json.dumps(whole, sort_keys=True, separators=(",", ":"))
