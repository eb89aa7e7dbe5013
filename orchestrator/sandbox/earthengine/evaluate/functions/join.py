"""Joins of two collections by a condition on pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.collection import sorted_by
from orchestrator.sandbox.earthengine.evaluate.functions.join_search import finder
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Feature, Predicate, with_properties

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
        find = finder(secondary.elements(), condition)
        for element in primary.elements():
            matches = [
                (other, measure(element, other) if join.measured and measure else None) for other in find(element)
            ]
            yield from join.combine(element, matches)

    return primary.derived(produce, join.kind)


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
