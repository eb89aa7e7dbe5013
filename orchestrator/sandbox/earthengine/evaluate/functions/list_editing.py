"""Lists with members replaced, moved, inserted and taken out, and lists within lists."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate.equality import position, same
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated, shown
from orchestrator.sandbox.earthengine.evaluate.functions.sequence import get
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.registry import function


def _place(name: str, items: list[Any], at: int) -> int:
    """
    Give a position counted from the front; a negative one is counted backwards from the end.

    Raises:
        EvaluationError: If no member is there.
    """
    if not -len(items) <= at < len(items):
        raise EvaluationError(
            f"{name}: List index must be between 0 and {len(items) - 1}, or -1 and -{len(items)}. Found {at}."
        )
    return at % len(items)


@function("List.set")
def put(items: list[Any], at: int, element: Any) -> list[Any]:
    place = _place("List.set", items, at)
    return [*items[:place], element, *items[place + 1 :]]


@function("List.insert")
def insert(items: list[Any], at: int, element: Any) -> list[Any]:
    """Insert before the member at a position; whether an element may go behind the last one is not documented."""
    if at == len(items):
        raise not_imitated(f"List.insert: an insertion behind the end, at {at},")
    place = _place("List.insert", items, at)
    return [*items[:place], element, *items[place:]]


@function("List.swap")
def swap(items: list[Any], first: int, second: int) -> list[Any]:
    one, other = (_place("List.swap", items, at) for at in (first, second))
    swapped = list(items)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    return swapped


@function("List.replace")
def replace(items: list[Any], old: Any, new: Any) -> list[Any]:
    """Replace the first equal member."""
    at = position(items, old)
    return items if at < 0 else [*items[:at], new, *items[at + 1 :]]


@function("List.replaceAll")
def replace_all(items: list[Any], old: Any, new: Any) -> list[Any]:
    return [new if same(item, old) else item for item in items]


@function("List.rotate")
def rotate(items: list[Any], distance: int) -> list[Any]:
    """Move every member by a distance towards the end, as Java's `Collections.rotate`, whose words these are."""
    if not items:
        return items
    start = -distance % len(items)
    return [*items[start:], *items[:start]]


@function("List.splice")
def splice(items: list[Any], start: int, count: int, other: list[Any] | None) -> list[Any]:
    """Take `count` members out and put the members of another list in their place."""
    at = start + len(items) if start < 0 else start
    if not 0 <= at <= at + count <= len(items):
        raise not_imitated(f"List.splice: {count} elements from {start} on in a list of {len(items)}")
    return [*items[:at], *(other or []), *items[at + count :]]


@function("List.equals")
def equals(items: list[Any], other: list[Any]) -> bool:
    return same(items, other)


@function("List.frequency")
def frequency(items: list[Any], element: Any) -> int:
    return sum(same(item, element) for item in items)


def _starts(items: list[Any], target: list[Any]) -> list[int]:
    length = len(target)
    return [at for at in range(len(items) - length + 1) if same(items[at : at + length], target)]


@function("List.indexOfSublist")
def index_of_sublist(items: list[Any], target: list[Any]) -> int:
    return next(iter(_starts(items, target)), -1)


@function("List.lastIndexOfSubList")
def last_index_of_sublist(items: list[Any], target: list[Any]) -> int:
    return next(reversed(_starts(items, target)), -1)


@function("List.unzip")
def unzip(items: list[Any]) -> list[Any]:
    """Transpose a list of lists, up to the length of the shortest."""
    if not all(isinstance(item, list) for item in items):
        raise EvaluationError("List.unzip: Every element must be a list.")
    if not items:
        raise not_imitated("List.unzip: an empty list")
    return [list(column) for column in zip(*items, strict=False)]


@function("List.getGeometry")
def get_geometry(items: list[Any], at: int) -> Geometry:
    found = get(items, at)
    if not isinstance(found, Geometry):
        raise EvaluationError(f"List.getGeometry: The value is not a geometry: {shown(found)}.")
    return found
