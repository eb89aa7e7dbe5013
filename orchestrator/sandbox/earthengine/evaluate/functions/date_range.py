"""Spans of time."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.moments import moment
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Date, DateRange


@function("DateRange")
def span(start: Any, end: Any, zone: str | None) -> DateRange:
    """Give [start, end); without an end, the millisecond of the start; of a range, the range itself."""
    if isinstance(start, DateRange) and end is None:
        return start  # as the client writes `filterDate` of a range
    first = moment(start, zone).ms
    return DateRange(first, first + 1 if end is None else moment(end, zone).ms)


@function("DateRange.unbounded")
def unbounded() -> DateRange:
    return DateRange(None, None)


@function("DateRange.isUnbounded")
def is_unbounded(span: DateRange) -> bool:
    """Tell whether all dates are in the range; one that has only one end is not documented."""
    return span.start_ms is None and span.end_ms is None


def _bound(name: str, found: int | None) -> int:
    if found is None:
        raise not_imitated(f"{name}: the bound of a range without one")
    return found


@function("DateRange.start")
def start(span: DateRange) -> Date:
    return Date(_bound("DateRange.start", span.start_ms))


@function("DateRange.end")
def end(span: DateRange) -> Date:
    return Date(_bound("DateRange.end", span.end_ms))


@function("DateRange.isEmpty")
def is_empty(span: DateRange) -> bool:
    return span.is_empty


@function("DateRange.contains")
def contains(span: DateRange, other: Any) -> bool:
    """Tell whether a date, or every date of a range, lies in the range."""
    if not isinstance(other, DateRange):
        return span.contains(moment(other).ms)
    _filled("DateRange.contains", other)
    after = span.start_ms is None or (other.start_ms is not None and span.start_ms <= other.start_ms)
    before = span.end_ms is None or (other.end_ms is not None and other.end_ms <= span.end_ms)
    return after and before


def _filled(name: str, *spans: DateRange) -> None:
    """
    Refuse empty ranges.

    Raises:
        EvaluationError: If one is: the reference does not tell what follows of it.
    """
    if any(span.is_empty for span in spans):
        raise not_imitated(f"{name}: an empty range of dates")


def _overlap(first: DateRange, second: DateRange) -> DateRange:
    starts = [span.start_ms for span in (first, second) if span.start_ms is not None]
    ends = [span.end_ms for span in (first, second) if span.end_ms is not None]
    return DateRange(max(starts, default=None), min(ends, default=None))


@function("DateRange.intersects")
def intersects(span: DateRange, other: DateRange) -> bool:
    """Tell whether a moment lies in both."""
    _filled("DateRange.intersects", span, other)
    return not _overlap(span, other).is_empty


@function("DateRange.intersection")
def intersection(span: DateRange, other: DateRange) -> DateRange:
    """Give the range of the moments that lie in both; of ranges that do not meet, none is documented."""
    _filled("DateRange.intersection", span, other)
    found = _overlap(span, other)
    if found.is_empty:
        raise not_imitated("DateRange.intersection: ranges that do not meet")
    return found


@function("DateRange.union")
def union(span: DateRange, other: DateRange) -> DateRange:
    """Give the least range that has every moment of both, and those between them."""
    _filled("DateRange.union", span, other)
    starts = [each.start_ms for each in (span, other)]
    ends = [each.end_ms for each in (span, other)]
    return DateRange(
        None if None in starts else min(start for start in starts if start is not None),
        None if None in ends else max(end for end in ends if end is not None),
    )
