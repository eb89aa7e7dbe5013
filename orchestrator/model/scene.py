"""Which scenes are wanted, and what is known of each."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Self

from orchestrator.core.errors import UserError

OPERATORS = ("==", "!=", "<=", ">=", "<", ">", "in", "has")
_CONDITION = re.compile(r"\s*([A-Za-z_][\w:.-]*)\s*(==|!=|<=|>=|<|>|\s(?:in|has)\s)\s*(\S.*?)\s*")
FOOTPRINT_DIGITS = 5  # of a degree, about a metre: outlines are no better
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_QUOTED = re.compile(r"(['\"])(.*)\1")
Value = str | int | float


@dataclass(frozen=True, slots=True)
class PropertyFilter:
    """
    What a property of a scene must be.

    Attributes:
        key: Name of the property.
        operator: One of `OPERATORS`; `in` is one of several values, `has` is for properties that are lists.
        values: One value; with `in` one or more.
    """

    key: str
    operator: str
    values: tuple[Value, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """
        Read `KEY OPERATOR VALUE`; values of `in` stand between commas, a value in quotes is a text.

        Raises:
            UserError: It is something else.
        """
        found = _CONDITION.fullmatch(text)
        if found is None or re.match("[=<>!]", found[3]):
            raise UserError(
                f"the filter {text!r} is not understood; write KEY OPERATOR VALUE, such as `MGRS_TILE == 33TWM` or "
                f"`SUN_ELEVATION > 20`, with one of {', '.join(OPERATORS)}"
            )
        operator = found[2].strip()
        words = found[3].split(",") if operator == "in" else [found[3]]
        return cls(found[1], operator, tuple(_value(word.strip()) for word in words if word.strip()))

    def __post_init__(self) -> None:
        if not self.values:
            raise UserError(f"the filter on {self.key} names no value; write them between commas")

    def __str__(self) -> str:
        told = (f"{one:g}" if isinstance(one, float) else str(one) for one in self.values)
        return f"{self.key} {self.operator} {','.join(told)}"


def _value(word: str) -> Value:
    if quoted := _QUOTED.fullmatch(word):
        return quoted[2]
    if _NUMBER.fullmatch(word):
        return float(word) if "." in word else int(word)
    return word


def moment(day: date) -> datetime:
    """Return when a day begins, UTC; a time of day is kept, and is UTC where it has no zone."""
    if not isinstance(day, datetime):
        return datetime.combine(day, time(), UTC)
    return day.astimezone(UTC) if day.tzinfo else day.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SceneQuery:
    """
    Which scenes of a collection are wanted.

    Attributes:
        collection: A short name of the catalogue, such as `s2-l2a`, or Earth Engine's id of any collection of images.
        start: First day, UTC; a `datetime` begins within it.
        end: The day after the last; a `datetime` ends within it.
        area_wkb: The area in degrees (EPSG:4326, longitude first), as WKB.
        max_cloud: The greatest cloud cover in per cent; 100 takes every scene.
        filters: Conditions on properties, such as `MGRS_TILE == 33TWM`.
        unique: Whether scenes are left out that add nothing of the area on their solar day and satellite.
    """

    collection: str
    start: date
    end: date
    area_wkb: bytes
    max_cloud: float = 100.0
    filters: tuple[str, ...] = ()
    unique: bool = True

    def __post_init__(self) -> None:
        if moment(self.end) <= moment(self.start):
            raise UserError(
                f"the dates are reversed or empty: {self.start} to {self.end}; the end is the day after the last one"
            )
        if not 0 <= self.max_cloud <= 100:
            raise UserError(f"the greatest cloud cover is {self.max_cloud:g}; give per cent, from 0 to 100")
        self.conditions()

    def conditions(self) -> tuple[PropertyFilter, ...]:
        """Return the filters, read."""
        return tuple(PropertyFilter.of(text) for text in self.filters)


@dataclass(frozen=True, slots=True, order=True)
class Scene:
    """
    One scene that was found.

    Attributes:
        time_ms: When it was taken, milliseconds since 1970, UTC.
        asset: Earth Engine's id of the image.
        satellite: Such as `S2A` or `LC08`; scenes of one satellite and solar day belong together.
        solar_day: The day at the scene's longitude, ISO 8601.
        overlap: Per cent of the area that its footprint covers; NaN where nobody said.
        cloud: Per cent of it that is cloud, likewise.
        footprint: Where it lies, as WKT in degrees, within 180; empty where nobody said.
    """

    time_ms: int
    asset: str
    satellite: str
    solar_day: str
    overlap: float = field(default=math.nan, compare=False)
    cloud: float = field(default=math.nan, compare=False)
    footprint: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class StoredBand:
    """
    What the service says of a band of a stored image.

    Attributes:
        name: Of the band.
        precision: `int`, `float` or `double`.
        low: The least number it may hold.
        high: The greatest.
        scale: Side of a pixel in metres; of a grid in degrees, at the equator.
        crs: Of its pixels, a code or WKT; empty where it is not known.
        transform: Of its pixels, affine order a, b, c, d, e, f; None where it is not known.
    """

    name: str
    precision: str
    low: float
    high: float
    scale: float
    crs: str = ""
    transform: tuple[float, float, float, float, float, float] | None = None
