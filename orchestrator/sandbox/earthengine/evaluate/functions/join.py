"""Joins of two collections by a condition on pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.collection import sorted_by
from orchestrator.sandbox.earthengine.evaluate.functions.filter import Equality
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import (
    Collection,
    Date,
    Feature,
    Predicate,
    property_of,
    with_properties,
)

Match = tuple[Any, float | None]  # an element of the secondary collection, and the measure of the pair
Combine = Callable[[Any, list[Match]], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Join:
    """
    A join.

    Attributes:
        name: For its refusals.
        combine: What becomes of a primary element and its matches.
        kind: Of the result, if it is not that of the primary collection.
        measured: Whether it needs the measure of the condition.
    """

    name: str
    combine: Combine
    kind: str | None = None
    measured: bool = False


@function("Join.apply")
def apply(join: Join, primary: Collection, secondary: Collection, condition: Predicate) -> Collection:
    measure = getattr(condition, "measure", None)
    if join.measured and measure is None:
        raise not_imitated(f"{join.name}: the measure of a condition other than a lone maxDifference")

    def produce() -> Iterator[Any]:
        find = _finder(secondary, condition)
        for element in primary.elements():
            matches = [
                (other, measure(element, other) if join.measured and measure else None) for other in find(element)
            ]
            yield from join.combine(element, matches)

    return primary.derived(produce, join.kind)


def _finder(secondary: Collection, condition: Predicate) -> Callable[[Any], list[Any]]:
    """Find matches; equality of two properties is looked up instead of tried on every pair."""
    fields = _equal_fields(condition)
    if fields is None:
        return lambda element: [other for other in secondary.elements() if condition.accepts(element, other)]
    left, right = fields
    index: defaultdict[Any, list[Any]] = defaultdict(list)
    for other in secondary.elements():
        index[_key(property_of(other, right))].append(other)

    def find(element: Any) -> list[Any]:
        candidates = index.get(_key(property_of(element, left)), [])
        return [other for other in candidates if condition.accepts(element, other)]

    return find


def _key(value: Any) -> Any:
    """Give what equal values share: 1 and 1.0 are equal, a date and its milliseconds too."""
    if isinstance(value, Date):
        return value.ms
    return value if value is None or isinstance(value, (int, float, str)) else repr(value)


def _equal_fields(condition: Predicate) -> tuple[str, str] | None:
    if not isinstance(condition, Equality) or condition.left.field is None or condition.right.field is None:
        return None
    return condition.left.field, condition.right.field


def _measured(match: Match, key: str | None) -> Any:
    element, measure = match
    return element if key is None else with_properties(element, {key: measure})


def _sorted(matches: list[Match], ordering: str | None, *, ascending: bool) -> list[Match]:
    if ordering is None:
        return matches
    measures = {id(element): measure for element, measure in matches}
    ordered = sorted_by([element for element, _ in matches], ordering, ascending=ascending)
    return [(element, measures[id(element)]) for element in ordered]


@function("Join.saveFirst")
def save_first(key: str, ordering: str | None, ascending: bool, measure: str | None, outer: bool) -> Join:
    def combine(element: Any, matches: list[Match]) -> Iterator[Any]:
        ordered = _sorted(matches, ordering, ascending=ascending)
        if ordered:
            yield with_properties(element, {key: _measured(ordered[0], measure)})
        elif outer:
            yield element

    return Join("Join.saveFirst", combine, measured=measure is not None)


@function("Join.saveBest")
def save_best(key: str, measure: str, outer: bool) -> Join:
    """Save the match of the smallest measure, which is saved on it."""

    def combine(element: Any, matches: list[Match]) -> Iterator[Any]:
        best = min(matches, key=lambda match: match[1] or 0.0, default=None)
        if best is not None:
            yield with_properties(element, {key: _measured(best, measure)})
        elif outer:
            yield element

    return Join("Join.saveBest", combine, measured=True)


@function("Join.saveAll")
def save_all(key: str, ordering: str | None, ascending: bool, measure: str | None, outer: bool) -> Join:
    def combine(element: Any, matches: list[Match]) -> Iterator[Any]:
        ordered = _sorted(matches, ordering, ascending=ascending)
        if ordered:
            yield with_properties(element, {key: [_measured(match, measure) for match in ordered]})
        elif outer:
            raise not_imitated(f"Join.saveAll: the value of '{key}' of an element without a match")

    return Join("Join.saveAll", combine, measured=measure is not None)


@function("Join.simple")
def simple() -> Join:
    def combine(element: Any, matches: list[Match]) -> Iterator[Any]:
        if matches:
            yield element

    return Join("Join.simple", combine)


@function("Join.inverted")
def inverted() -> Join:
    def combine(element: Any, matches: list[Match]) -> Iterator[Any]:
        if not matches:
            yield element

    return Join("Join.inverted", combine)


@function("Join.inner")
def inner(primary: str, secondary: str, measure: str | None) -> Join:
    def combine(element: Any, matches: list[Match]) -> Iterator[Any]:
        for match, distance in matches:
            pair = {primary: element, secondary: match}
            yield Feature(None, pair if measure is None else {**pair, measure: distance})

    return Join("Join.inner", combine, "FeatureCollection", measured=measure is not None)
