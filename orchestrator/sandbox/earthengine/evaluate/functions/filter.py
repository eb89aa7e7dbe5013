"""Filters of collections, of one element or of pairs in a join."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated, shown
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.moments import moment
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import (
    Date,
    DateRange,
    Feature,
    Image,
    Predicate,
    SceneQuery,
    geometry_of,
    property_of,
)


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison: a property of the element, or a value."""

    field: str | None
    value: Any

    def of(self, element: Any) -> Any:
        """Give the side's value for an element."""
        if self.field is None:
            return self.value
        if self.field in {".all", ".geo"}:
            return geometry_of(element)
        return property_of(element, self.field)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares two operands; false where either is missing."""

    left: Operand
    right: Operand
    test: Callable[[Any, Any], bool]

    def operands(self, left: Any, right: Any = None) -> tuple[Any, Any]:
        """Take the left field from the first element; the right one from the second, if there is one."""
        return self.left.of(left), self.right.of(left if right is None else right)

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Compare, if both operands are there."""
        a, b = self.operands(left, right)
        return a is not None and b is not None and bool(self.test(a, b))


@dataclass(frozen=True, slots=True)
class Equality(Comparison):
    """The operands are equal; a join looks them up instead of trying every pair."""

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Compare; null, asked for as a value, equals a missing property."""
        a, b = self.operands(left, right)
        if a is None and b is None and self.left.field is not None and self.right.field is not None:
            raise not_imitated(f"Filter.equals: that '{self.left.field}' and '{self.right.field}' are both null")
        return a is b is None or (a is not None and b is not None and bool(self.test(a, b)))

    def wanted(self, field: str) -> Any:
        """Give the value that `field` must have; None if the filter is not of that kind."""
        sides = {self.left.field: self.right, self.right.field: self.left}
        other = sides.get(field)
        return None if other is None or other.field is not None else other.value


@dataclass(frozen=True, slots=True)
class Difference(Comparison):
    """The operands are numbers not more than `most` apart; how far is the measure of a join."""

    most: float

    def measure(self, left: Any, right: Any) -> float:
        """Give the distance of two elements that the filter accepts."""
        a, b = self.operands(left, right)
        return float(abs(_number(a) - _number(b)))


@dataclass(frozen=True, slots=True)
class Intersects(Comparison):
    """The geometries have a point in common."""

    def narrow(self, query: SceneQuery) -> SceneQuery | None:
        """Ask the catalogue for a region, if it was not asked for one."""
        shape = shape_of(self.right.value)
        if self.left.field not in {".all", ".geo"} or shape is None or query.region is not None:
            return None
        return replace(query, region=shape)


@dataclass(frozen=True, slots=True)
class Within(Comparison):
    """A moment lies in a range of dates."""

    def narrow(self, query: SceneQuery) -> SceneQuery | None:
        """Ask the catalogue for a span of time, within the one it was asked for."""
        span = self.left.value
        if self.right.field != "system:time_start" or not isinstance(span, DateRange):
            return None
        return narrowed(query, span)


def narrowed(query: SceneQuery, span: DateRange) -> SceneQuery:
    """Ask the catalogue for a span of time, within the one it was asked for."""
    starts, ends = (
        [time for time in pair if time is not None]
        for pair in ((query.start_ms, span.start_ms), (query.end_ms, span.end_ms))
    )
    return replace(query, start_ms=max(starts, default=None), end_ms=min(ends, default=None))


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a filter."""

    inner: Predicate

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Accept what the inner filter does not."""
        return not self.inner.accepts(left, right)


@dataclass(frozen=True, slots=True)
class Unless:
    """
    The opposite of a comparison, as a filter of its own.

    What becomes of a missing value is refused: by its page it passes, by the release notes no such filter passes it.
    `Not`, of which the client makes `neq`, `lte` and `gte`, has no such doubt.
    """

    name: str
    inner: Comparison

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Accept what the comparison does not; a null may be asked for as a value."""
        asked = any(side.field is side.value is None for side in (self.inner.left, self.inner.right))
        if not asked and None in self.inner.operands(left, right):
            raise not_imitated(f"{self.name}: a missing value")
        return not self.inner.accepts(left, right)


@dataclass(frozen=True, slots=True)
class Every:
    """All of several filters."""

    inner: tuple[Predicate, ...]

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Accept what all accept."""
        return all(item.accepts(left, right) for item in self.inner)


@dataclass(frozen=True, slots=True)
class Some:
    """One of several filters at least."""

    inner: tuple[Predicate, ...]

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Accept what one accepts."""
        return any(item.accepts(left, right) for item in self.inner)


def shape_of(value: Any) -> Any:
    geometry = geometry_of(value) if isinstance(value, (Feature, Image)) else value
    return geometry.in_crs(WGS84) if isinstance(geometry, Geometry) else None


def operands(
    left_field: str | None, right_value: Any, right_field: str | None, left_value: Any
) -> tuple[Operand, Operand]:
    return Operand(left_field, left_value), Operand(right_field, right_value)


def _comparable(value: Any) -> Any:
    return value.ms if isinstance(value, Date) else value


def _equal(left: Any, right: Any) -> bool:
    return bool(_comparable(left) == _comparable(right))


def _number(value: Any) -> float:
    found = _comparable(value)
    if not isinstance(found, (int, float)):
        raise not_imitated(f"Filter.maxDifference: the difference of '{shown(value)}', which is no number,")
    return found


def _ordered(name: str, test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Compare numbers and dates, or texts; the order of one kind against another is not documented."""

    def compare(left: Any, right: Any) -> bool:
        a, b = _comparable(left), _comparable(right)
        numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
        if not numbers and not (isinstance(a, str) and isinstance(b, str)):
            raise not_imitated(
                f"Filter.{name}: the order of '{shown(left)}' and '{shown(right)}', which are of different kinds,"
            )
        return test(a, b)

    return compare


def _register(
    name: str,
    test: Callable[[Any, Any], bool],
    *aliases: str,
    kind: type[Comparison] = Comparison,
    unless: bool = False,
) -> None:
    """Register a filter that passes if a comparison holds; with `unless`, one that passes if it does not."""

    def make(left_field: Any, right_value: Any, right_field: Any, left_value: Any) -> Predicate:
        found = kind(*operands(left_field, right_value, right_field, left_value), test)
        return Unless(f"Filter.{name}", found) if unless else found

    function(f"Filter.{name}", *(f"Filter.{alias}" for alias in aliases))(make)


_less, _greater = _ordered("lessThan", operator.lt), _ordered("greaterThan", operator.gt)
_register("equals", _equal, "eq", kind=Equality)
_register("notEquals", _equal, "neq", kind=Equality, unless=True)
_register("greaterThan", _greater, "gt")
_register("lessThanOrEquals", _greater, "lte", unless=True)
_register("lessThan", _less, "lt")
_register("greaterThanOrEquals", _less, "gte", unless=True)


def _holds(name: str) -> Callable[[Any, Any], bool]:
    def test(members: Any, element: Any) -> bool:
        if not isinstance(members, list):
            raise not_imitated(f"Filter.{name}: a value of type {type(members).__name__} in place of a list")
        return any(_equal(member, element) for member in members)

    return test


def _of_texts(name: str, test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def compare(text: Any, part: Any) -> bool:
        if not isinstance(text, str) or not isinstance(part, str):
            raise not_imitated(f"Filter.{name}: '{shown(part)}' in '{shown(text)}', which are not both texts,")
        return test(text, part)

    return compare


# In `inList` the element is on the left; in `listContains` the list is.
_register("inList", lambda element, members: _holds("inList")(members, element))
_register("listContains", _holds("listContains"))
for _name, _test in (
    ("stringContains", operator.contains),
    ("stringStartsWith", str.startswith),
    ("stringEndsWith", str.endswith),
):
    _register(_name, _of_texts(_name, _test))


@function("Filter.intersects")
def intersects(
    left_field: str | None, right_value: Any, right_field: str | None, left_value: Any, margin: Any
) -> Intersects:
    del margin
    return Intersects(*operands(left_field, right_value, right_field, left_value), _meet)


def _meet(left: Any, right: Any) -> bool:
    return bool(shape_of(left).intersects(shape_of(right)))


@function("Filter.dateRangeContains")
def date_range_contains(left_field: str | None, right_value: Any, right_field: str | None, left_value: Any) -> Within:
    if isinstance(left_value, DateRange) and left_value.is_empty:
        raise EvaluationError("Filter.dateRangeContains: Empty date ranges not supported for the current operation.")
    return Within(*operands(left_field, right_value, right_field, left_value), _contains)


def _contains(span: Any, when: Any) -> bool:
    if not isinstance(span, DateRange):
        raise EvaluationError("Filter.dateRangeContains: the left operand must be a DateRange.")
    return span.contains(moment(when).ms)


@function("Filter.maxDifference")
def max_difference(
    difference: float, left_field: Any, right_value: Any, right_field: Any, left_value: Any
) -> Difference:
    sides = operands(left_field, right_value, right_field, left_value)
    return Difference(*sides, lambda a, b: abs(_number(a) - _number(b)) <= difference, difference)


@function("Filter.not")
def negation(inner: Predicate) -> Not:
    return Not(inner)


@function("Filter.and")
def every(inner: list[Predicate]) -> Every:
    return Every(tuple(inner))


@function("Filter.or")
def some(inner: list[Predicate]) -> Some:
    return Some(tuple(inner))


@dataclass(frozen=True, slots=True)
class Present:
    """Every named property is there and not null."""

    names: tuple[str, ...]

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Look at the first element only."""
        del right
        return all(property_of(left, name) is not None for name in self.names)


@function("Filter.notNull")
def present(names: list[str]) -> Present:
    return Present(tuple(names))


@function("Filter.rangeContains")
def range_contains(field: str, low: Any, high: Any) -> Comparison:
    """The property lies between two values, both included."""
    below, above = _ordered("rangeContains", operator.lt), _ordered("rangeContains", operator.gt)
    return Comparison(Operand(field, None), Operand(None, True), lambda a, _: not below(a, low) and not above(a, high))
