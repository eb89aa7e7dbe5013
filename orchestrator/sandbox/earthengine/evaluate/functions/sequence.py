"""Lists."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.equality import Members, position
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.extent import MAX_LENGTH, bounded, too_large
from orchestrator.sandbox.earthengine.evaluate.functions.number import plain
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Algorithm, Feature, Image, number_in, text_in


@function("List.sequence")
def sequence(start: float, end: float | None, step: float, count: int | None) -> list[float]:
    if count is not None and count > MAX_LENGTH:
        raise too_large()
    if count is not None:
        width = step if end is None else (end - start) / max(count - 1, 1)
        return [start + at * width for at in range(count)]
    if end is None or step == 0:
        raise EvaluationError("List.sequence: 'end' or 'count' must be given, and a step other than 0.")
    length = math.floor((end - start) / step + 1e-9) + 1
    if length > MAX_LENGTH:
        raise EvaluationError("List.sequence: the sequence is too long.")
    return [start + at * step for at in range(max(length, 0))]


@function("List.map")
def mapped(items: list[Any], algorithm: Algorithm, drop_nulls: bool) -> list[Any]:
    results = [algorithm(item) for item in items]
    return [item for item in results if item is not None] if drop_nulls else results


@function("List.iterate")
def iterate(items: list[Any], algorithm: Algorithm, first: Any) -> Any:
    state = first
    for item in items:
        state = algorithm(item, state)
    return state


@function("List.get")
def get(items: list[Any], at: int) -> Any:
    if not -len(items) <= at < len(items):
        raise EvaluationError(
            f"List.get: List index must be between 0 and {len(items) - 1}, or -1 and -{len(items)}. Found {at}."
        )
    return items[at]


@function("List.getNumber")
def get_number(items: list[Any], at: int) -> float:
    return number_in("List.getNumber", get(items, at))


@function("List.getString")
def get_string(items: list[Any], at: int) -> str:
    return text_in("List.getString", get(items, at))


@function("List.add")
def add(items: list[Any], element: Any) -> list[Any]:
    return [*items, element]


@function("List.cat")
def cat(items: list[Any], other: list[Any]) -> list[Any]:
    return [*items, *other]


@function("List.contains")
def contains(items: list[Any], element: Any) -> bool:
    return position(items, element) >= 0


@function("List.containsAll")
def contains_all(items: list[Any], other: list[Any]) -> bool:
    members = Members(items)
    return all(members.find(item) >= 0 for item in other)


@function("List.distinct")
def distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    members = Members()
    for item in items:
        if members.find(item) < 0:
            members.add(item)
            found.append(item)
    return found


@function("List.remove")
def remove(items: list[Any], element: Any) -> list[Any]:
    at = position(items, element)
    return items if at < 0 else [*items[:at], *items[at + 1 :]]


@function("List.removeAll")
def remove_all(items: list[Any], other: list[Any]) -> list[Any]:
    members = Members(other)
    return [item for item in items if members.find(item) < 0]


@function("List.size", "List.length")
def size(items: list[Any]) -> int:
    return len(items)


@function("List.slice")
def cut(items: list[Any], start: int, end: int | None, step: int | None) -> list[Any]:
    if step is not None and step < 1:
        raise not_imitated(f"List.slice: a step of {step}")
    if min(start, end or 0) < -len(items):
        raise not_imitated(f"List.slice: a position before the first of {len(items)} elements")
    return items[start:end:step]


@function("List.sort")
def ordered(items: list[Any], keys: list[Any] | None) -> list[Any]:
    """Sort numbers, or texts, upwards; where nulls and other kinds go among them is not documented."""
    order = items if keys is None else keys
    if len(order) != len(items):
        raise EvaluationError("List.sort: 'keys' must have the same length as 'list'.")
    plain = all(isinstance(key, (int, float)) and not isinstance(key, bool) for key in order) or all(
        isinstance(key, str) for key in order
    )
    if not plain:
        raise not_imitated("List.sort: an order of nulls or of values of several kinds")
    return [item for _, item in sorted(zip(order, items, strict=True), key=lambda pair: pair[0])]


@function("List.reverse")
def backwards(items: list[Any]) -> list[Any]:
    return items[::-1]


@function("List.flatten")
def flatten(items: list[Any]) -> list[Any]:
    return list(_leaves(bounded(items)))


def _leaves(items: list[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list):
            yield from _leaves(item)
        else:
            yield item


@function("List.zip")
def pairs(items: list[Any], other: list[Any]) -> list[Any]:
    return [list(pair) for pair in zip(items, other, strict=False)]


@function("List.join")
def joined(items: list[Any], separator: str) -> str:
    return separator.join(map(_written, items))


def _written(item: Any) -> str:
    """Write texts and numbers; of booleans, no source tells how they are written."""
    return item if isinstance(item, str) else plain("List.join", item)


@function("List.indexOf")
def index_of(items: list[Any], element: Any) -> int:
    return position(items, element)


@function("List.filter")
def filtered(items: list[Any], condition: Any) -> list[Any]:
    """Filter images and features by their properties, anything else by the property `item`."""
    return [item for item in items if condition.accepts(_tested(item))]


def _tested(item: Any) -> Image | Feature:
    return item if isinstance(item, (Image, Feature)) else Feature(None, {"item": item})


@function("List.repeat")
def repeated(value: Any, count: int) -> list[Any]:
    if count > MAX_LENGTH:
        raise too_large()
    return [value] * count
