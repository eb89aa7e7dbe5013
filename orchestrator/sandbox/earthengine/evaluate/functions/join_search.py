"""Finds the matches of an element in a join without trying every pair."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from shapely import STRtree

from orchestrator.sandbox.earthengine.evaluate.functions.filter import (
    Comparison,
    Difference,
    Equality,
    Every,
    Intersects,
    shape_of,
)
from orchestrator.sandbox.earthengine.evaluate.keeping import PLACE
from orchestrator.sandbox.earthengine.evaluate.values import Date, Predicate

Find = Callable[[Any], Iterable[Any]]


def finder(secondary: list[Any], condition: Predicate) -> Callable[[Any], list[Any]]:
    """
    Find all elements that a condition accepts beside another, in their order.

    One part of the condition, which is looked up, says which pairs are tried.
    """
    parts = condition.inner if isinstance(condition, Every) else (condition,)
    candidates = next((found for part in parts if (found := _looked_up(part, secondary))), lambda _: secondary)
    return lambda element: [other for other in candidates(element) if condition.accepts(element, other)]


def _looked_up(part: Predicate, secondary: list[Any]) -> Find | None:
    """Give which elements may pass a part of the condition, if they can be told without trying them."""
    if not isinstance(part, Comparison) or part.left.field is None or part.right.field is None:
        return None
    if isinstance(part, Equality):
        return _equal(part, secondary)
    if isinstance(part, Difference):
        return _close(part, secondary)
    places = {".all", PLACE}
    at_places = isinstance(part, Intersects) and part.left.field in places and part.right.field in places
    return _meeting(part, secondary) if at_places else None


def _equal(part: Comparison, secondary: list[Any]) -> Find:
    index: defaultdict[Any, list[Any]] = defaultdict(list)
    for other in secondary:
        index[_key(part.right.of(other))].append(other)
    return lambda element: index.get(_key(part.left.of(element)), [])


def _key(value: Any) -> Any:
    """Give what equal values share: 1 and 1.0 are equal, a date and its milliseconds too."""
    if isinstance(value, Date):
        return value.ms
    return value if value is None or isinstance(value, (int, float, str)) else repr(value)


def _close(part: Difference, secondary: list[Any]) -> Find | None:
    """Numbers in their order; whoever has none is accepted by nobody, and other values are for the filter to refuse."""
    found = [(_key(part.right.of(other)), at) for at, other in enumerate(secondary)]
    known = [pair for pair in found if pair[0] is not None]
    if not all(_is_number(value) for value, _ in known):
        return None
    ordered = sorted(known)
    values = [value for value, _ in ordered]

    def find(element: Any) -> Iterable[Any]:
        middle = _key(part.left.of(element))
        if not _is_number(middle):
            return secondary
        # A breath wider than asked for, against rounding: the filter decides.
        reach = part.most + 1e-9 * (abs(middle) + abs(part.most))
        span = slice(bisect_left(values, middle - reach), bisect_right(values, middle + reach))
        return [secondary[at] for at in sorted(at for _, at in ordered[span])]

    return find


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not math.isnan(value)


def _meeting(part: Comparison, secondary: list[Any]) -> Find:
    placed = [(other, shape) for other in secondary if (shape := shape_of(part.right.of(other))) is not None]
    tree = STRtree([shape for _, shape in placed])

    def find(element: Any) -> Iterable[Any]:
        shape = shape_of(part.left.of(element))
        return [] if shape is None else [placed[at][0] for at in sorted(tree.query(shape))]

    return find
