"""Products on one grid of the whole Earth: single images, and series of images over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Protocol

from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Scene
from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.sensors.lattice import Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import WHOLE_EARTH, Layer, Paint, Painted, Picture
from orchestrator.sandbox.scenes.sensors.sensor import described


@dataclass(frozen=True, slots=True)
class Span:
    """What one image of a series is of: its index, and its time as milliseconds since 1970."""

    index: str
    start_ms: int
    end_ms: int

    @property
    def middle(self) -> float:
        """Second in the middle of the span."""
        return (self.start_ms + self.end_ms) / 2000.0


class Calendar(Protocol):
    """Gives, in order, the spans that begin in [start, end) milliseconds; ends may be infinite."""

    def __call__(self, start_ms: float, end_ms: float) -> Iterator[Span]: ...


class PaintAt(Protocol):
    """Gives a part of a patch of a band of the image of a span."""

    def __call__(self, span: Span, band: str, patch: Patch, cut: Cut) -> Painted: ...


@dataclass(frozen=True, slots=True)
class Series:
    """
    A collection of images of one grid.

    Attributes:
        collection: Its id.
        title: What it is called.
        layers: Bands of each image.
        lattices: By name; `` is the usual one.
        calendar: When there are images.
        paint: Their pixels.
        describe: Properties of an image beside index and times.
        footprint: In EPSG:4326.
        properties: Of the collection.
        timed: Whether images have `system:time_end`.
    """

    collection: str
    title: str
    layers: tuple[Layer, ...]
    lattices: Mapping[str, Lattice]
    calendar: Calendar
    paint: PaintAt
    describe: Callable[[Span], Mapping[str, Any]] = lambda span: {}  # noqa: ARG005
    footprint: BaseGeometry = WHOLE_EARTH
    properties: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Single:
    """An image that belongs to no collection."""

    asset_id: str
    layers: tuple[Layer, ...]
    lattices: Mapping[str, Lattice]
    paint: Paint
    properties: Mapping[str, Any]
    footprint: BaseGeometry = WHOLE_EARTH


class Products:
    """A family of such products."""

    crowded_days = math.inf

    def __init__(self, series: tuple[Series, ...], singles: tuple[Single, ...] = ()) -> None:
        self._series = {each.collection: each for each in series}
        self._singles = {each.asset_id: each for each in singles}
        self.images = tuple(self._singles)
        self.collections: Mapping[str, Mapping[str, Any]] = {
            each.collection: described(each.title, **(each.properties or {})) for each in series
        }
        self._picture = lru_cache(maxsize=512)(self._make)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """Yield scenes in order; see `Sensor.scenes`. Series have an end, so nothing is without one."""
        series = self._series[collection]
        if region is not None and (region.is_empty or not region.intersects(series.footprint)):
            return
        start = -math.inf if start_ms is None else start_ms
        for span in series.calendar(start, math.inf if end_ms is None else end_ms):
            yield self._picture(collection, span)

    def scene(self, asset_id: str) -> Scene | None:
        """Find an image by its id."""
        if asset_id in self._singles:
            return self._single(self._singles[asset_id])
        collection, _, index = asset_id.rpartition("/")
        if collection not in self._series:
            return None
        found = (span for span in _near(self._series[collection].calendar, index) if span.index == index)
        span = next(found, None)
        return None if span is None else self._picture(collection, span)

    def _make(self, collection: str, span: Span) -> Picture:
        series = self._series[collection]

        def properties() -> dict[str, Any]:
            times = {"system:index": span.index, "system:time_start": span.start_ms, "system:time_end": span.end_ms}
            return {**times, "system:asset_size": 112_345_678, **series.describe(span)}

        paint = partial(series.paint, span)
        asset_id = f"{collection}/{span.index}"
        return Picture(asset_id, series.layers, series.lattices, series.footprint, properties, paint)

    @staticmethod
    def _single(single: Single) -> Picture:
        index = single.asset_id.rpartition("/")[2]
        properties = {"system:index": index, **single.properties}
        return Picture(
            single.asset_id, single.layers, single.lattices, single.footprint, lambda: properties, single.paint
        )


def _near(calendar: Calendar, index: str) -> Iterator[Span]:
    """Spans that an index may name: it begins with a date; all of them where it does not."""
    digits = "".join(sign for sign in index if sign.isdigit())[:8]
    if not index[:1].isdigit():  # `F101992`
        return calendar(-math.inf, math.inf)
    try:
        day = datetime.strptime((digits + "20000101"[len(digits) :])[:8], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return calendar(-math.inf, math.inf)
    at = day.timestamp() * 1000.0
    return calendar(at - 400 * 86_400_000.0, at + 400 * 86_400_000.0)


def milliseconds(day: datetime) -> int:
    """Milliseconds since 1970 of a moment in UTC."""
    return round(day.timestamp() * 1000)


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _inside(spans: Iterator[Span], start_ms: float, end_ms: float) -> Iterator[Span]:
    for span in spans:
        if span.start_ms >= end_ms:
            return
        if span.start_ms >= start_ms:
            yield span


def _steps(first: datetime, last: datetime, step: timedelta, start_ms: float) -> Iterator[datetime]:
    """Moments every `step` from `first` to `last`, from the last one not after `start_ms` on."""
    skipped = 0
    if start_ms > milliseconds(first):
        skipped = int((min(start_ms, milliseconds(last)) - milliseconds(first)) // (step.total_seconds() * 1000))
    at = first + skipped * step
    while at <= last:
        yield at
        at += step


def every_day(first: str, last: str, form: str = "%Y%m%d") -> Calendar:
    """Give an image a day, its index the day in the given form."""

    def calendar(start_ms: float, end_ms: float) -> Iterator[Span]:
        days = _steps(_day(first), _day(last), timedelta(days=1), start_ms)
        spans = (Span(day.strftime(form), milliseconds(day), milliseconds(day + timedelta(days=1))) for day in days)
        return _inside(spans, start_ms, end_ms)

    return calendar


def every_hour(first: str, last: str) -> Calendar:
    """Give an image an hour, its index `20230818T10`."""

    def calendar(start_ms: float, end_ms: float) -> Iterator[Span]:
        end = _day(last) + timedelta(hours=23)
        hours = _steps(_day(first), end, timedelta(hours=1), start_ms)
        hour = timedelta(hours=1)
        spans = (Span(at.strftime("%Y%m%dT%H"), milliseconds(at), milliseconds(at + hour)) for at in hours)
        return _inside(spans, start_ms, end_ms)

    return calendar


def every_days(first: str, last: str, days: int, offset: int = 0) -> Calendar:
    """Give an image every so many days, counted anew from each 1 January (plus `offset`), its index `2023_08_18`."""

    def produce(start_ms: float) -> Iterator[Span]:
        begin, end = _day(first), _day(last)
        year = begin.year if start_ms == -math.inf else max(begin.year, _year_of(start_ms) - 1)
        while year <= end.year:
            day = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=offset)
            while day.year == year:
                if begin <= day <= end:
                    after = milliseconds(day + timedelta(days=days))
                    yield Span(day.strftime("%Y_%m_%d"), milliseconds(day), after)
                day += timedelta(days=days)
            year += 1

    return lambda start_ms, end_ms: _inside(produce(start_ms), start_ms, end_ms)


def every_month(first: str, last: str, form: str = "%Y%m") -> Calendar:
    """Give an image a month."""

    def produce() -> Iterator[Span]:
        day, end = _day(first), _day(last)
        while day <= end:
            after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            yield Span(day.strftime(form), milliseconds(day), milliseconds(after))
            day = after

    return lambda start_ms, end_ms: _inside(produce(), start_ms, end_ms)


def every_year(first: int, last: int, form: str = "%Y") -> Calendar:
    """Give an image a year."""

    def produce() -> Iterator[Span]:
        for year in range(first, last + 1):
            day = datetime(year, 1, 1, tzinfo=UTC)
            after = milliseconds(datetime(year + 1, 1, 1, tzinfo=UTC))
            yield Span(day.strftime(form), milliseconds(day), after)

    return lambda start_ms, end_ms: _inside(produce(), start_ms, end_ms)


def _year_of(moment_ms: float) -> int:
    try:
        return datetime.fromtimestamp(moment_ms / 1000.0, UTC).year
    except (OverflowError, ValueError):
        return 9999
