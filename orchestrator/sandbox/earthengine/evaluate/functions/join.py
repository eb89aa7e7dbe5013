"""Joins of two collections by a condition on pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.functions.collection import sorted_by
from orchestrator.sandbox.earthengine.evaluate.functions.filter import Equality
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Feature, Predicate, with_properties

Matches = Callable[[Any, list[Any]], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Join:
    """A join: what becomes of a primary element and its matches."""

    combine: Matches
    kind: str | None = None


@function("Join.apply")
def apply(join: Join, primary: Collection, secondary: Collection, condition: Predicate) -> Collection:
    def produce() -> Iterator[Any]:
        find = _finder(secondary, condition)
        for element in primary.elements():
            yield from join.combine(element, find(element))

    return primary.derived(produce, join.kind)


def _finder(secondary: Collection, condition: Predicate) -> Callable[[Any], list[Any]]:
    """Find matches; equality of two properties is looked up instead of tried on every pair."""
    fields = _equal_fields(condition)
    if fields is None:
        return lambda element: [other for other in secondary.elements() if condition.accepts(element, other)]
    left, right = fields
    index: defaultdict[str, list[Any]] = defaultdict(list)
    for other in secondary.elements():
        index[repr(other.properties.get(right))].append(other)

    def find(element: Any) -> list[Any]:
        candidates = index.get(repr(element.properties.get(left)), [])
        return [other for other in candidates if condition.accepts(element, other)]

    return find


def _equal_fields(condition: Predicate) -> tuple[str, str] | None:
    if not isinstance(condition, Equality) or condition.left.field is None or condition.right.field is None:
        return None
    return condition.left.field, condition.right.field


@function("Join.saveFirst")
def save_first(key: str, ordering: str | None, ascending: bool, measure: str | None, outer: bool) -> Join:
    del measure

    def combine(element: Any, matches: list[Any]) -> Iterator[Any]:
        ordered = sorted_by(matches, ordering, ascending=ascending) if ordering else matches
        if ordered:
            yield with_properties(element, {key: ordered[0]})
        elif outer:
            yield with_properties(element, {key: None})

    return Join(combine)


@function("Join.saveBest")
def save_best(key: str, measure: str, outer: bool) -> Join:
    """Save the first match: the measures of our filters are all or nothing, so every match is as good."""
    return save_first(key, None, True, measure, outer)


@function("Join.saveAll")
def save_all(key: str, ordering: str | None, ascending: bool, measure: str | None, outer: bool) -> Join:
    del measure

    def combine(element: Any, matches: list[Any]) -> Iterator[Any]:
        ordered = sorted_by(matches, ordering, ascending=ascending) if ordering else matches
        if ordered or outer:
            yield with_properties(element, {key: ordered})

    return Join(combine)


@function("Join.simple")
def simple() -> Join:
    def combine(element: Any, matches: list[Any]) -> Iterator[Any]:
        if matches:
            yield element

    return Join(combine)


@function("Join.inverted")
def inverted() -> Join:
    def combine(element: Any, matches: list[Any]) -> Iterator[Any]:
        if not matches:
            yield element

    return Join(combine)


@function("Join.inner")
def inner(primary: str, secondary: str, measure: str | None) -> Join:
    del measure

    def combine(element: Any, matches: list[Any]) -> Iterator[Any]:
        for match in matches:
            yield Feature(None, {primary: element, secondary: match})

    return Join(combine, "FeatureCollection")
