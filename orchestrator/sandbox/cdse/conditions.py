"""What a $filter says of a product, as values that can be asked."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.cdse.products import Bounds, Product, moment_of
from orchestrator.sandbox.cdse.records import parts_of

LONGEST_DATATAKE = timedelta(hours=2)
_TILE = re.compile(r"_T\d{2}[A-Z]{3}_")
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
MATCHES: Mapping[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


class Condition(Protocol):
    """Something that holds of a product or does not."""

    def holds(self, product: Product) -> bool: ...

    def narrowed(self, bounds: Bounds) -> Bounds:
        """Return bounds that still hold every product this holds of."""
        ...


@dataclass(frozen=True, slots=True)
class Both:
    """`and`."""

    conditions: tuple[Condition, ...]

    def holds(self, product: Product) -> bool:
        return all(each.holds(product) for each in self.conditions)

    def narrowed(self, bounds: Bounds) -> Bounds:
        for each in self.conditions:
            bounds = each.narrowed(bounds)
        return bounds


@dataclass(frozen=True, slots=True)
class Either:
    """`or`."""

    conditions: tuple[Condition, ...]

    def holds(self, product: Product) -> bool:
        return any(each.holds(product) for each in self.conditions)

    def narrowed(self, bounds: Bounds) -> Bounds:
        return bounds


@dataclass(frozen=True, slots=True)
class Not:
    """`not`."""

    condition: Condition

    def holds(self, product: Product) -> bool:
        return not self.condition.holds(product)

    def narrowed(self, bounds: Bounds) -> Bounds:
        return bounds


def named(bounds: Bounds, text: str) -> Bounds:
    """
    Narrow bounds to products whose names contain a text.

    A tile inside the text becomes a part of its own, and a whole name tells the hours of the sensing, too.
    """
    tile = _TILE.search(text)
    parts = (*bounds.parts, text, *([tile[0]] if tile and tile[0] != text else []))
    if (told := parts_of(text)) is None:
        return replace(bounds, parts=parts)
    start, end = told.datatake - LONGEST_DATATAKE, told.datatake + LONGEST_DATATAKE
    start = start if bounds.start is None else max(start, bounds.start)
    return replace(bounds, parts=parts, start=start, end=end if bounds.end is None else min(end, bounds.end))


@dataclass(frozen=True, slots=True)
class NameMatches:
    """`contains`, `startswith` or `endswith` of the name, or `eq`."""

    function: str
    text: str

    def holds(self, product: Product) -> bool:
        if self.function == "eq":
            return product.name == self.text
        return MATCHES[self.function](product.name, self.text)

    def narrowed(self, bounds: Bounds) -> Bounds:
        return named(bounds, self.text)


@dataclass(frozen=True, slots=True)
class InCollection:
    name: str

    def holds(self, product: Product) -> bool:
        return product.collection == self.name

    def narrowed(self, bounds: Bounds) -> Bounds:
        return bounds


@dataclass(frozen=True, slots=True)
class DateIs:
    """A comparison of `ContentDate/Start`, `ContentDate/End`, or a date of the record."""

    field: str
    operator: str
    moment: datetime

    def holds(self, product: Product) -> bool:
        return OPERATORS[self.operator](self._date(product), self.moment)

    def _date(self, product: Product) -> datetime:
        if self.field.startswith("ContentDate/"):
            return product.start if self.field.endswith("Start") else product.end
        return product.date(self.field)

    def narrowed(self, bounds: Bounds) -> Bounds:
        start, end = bounds.start, bounds.end
        if self.field == "ContentDate/Start" and self.operator in ("gt", "ge", "eq"):
            start = self.moment if start is None else max(start, self.moment)
        if self.field == "ContentDate/Start" and self.operator in ("lt", "le", "eq"):
            end = self.moment if end is None else min(end, self.moment)
        return replace(bounds, start=start, end=end)


@dataclass(frozen=True, slots=True)
class AttributeIs:
    """One `any()` of the attributes: of a type, by name and value."""

    kind: str
    name: str
    operator: str
    value: Any

    def holds(self, product: Product) -> bool:
        value = product.attributes.get((self.kind, self.name))
        if value is None:
            return False
        compared = moment_of(value) if self.kind == "DateTimeOffset" else value
        return OPERATORS[self.operator](compared, self.value)

    def narrowed(self, bounds: Bounds) -> Bounds:
        if self.operator != "eq" or self.kind == "DateTimeOffset":
            return bounds
        return replace(bounds, values={**bounds.values, self.name: self.value})


@dataclass(frozen=True, slots=True)
class Touches:
    """`OData.CSC.Intersects`."""

    area: BaseGeometry

    def holds(self, product: Product) -> bool:
        footprint = product.footprint
        return footprint is not None and bool(shapely.intersects(footprint, self.area))

    def narrowed(self, bounds: Bounds) -> Bounds:
        both = self.area if bounds.area is None else shapely.intersection(bounds.area, self.area)
        return replace(bounds, area=both)
