"""Spans of time, and dates read by a pattern of Joda-Time."""

from __future__ import annotations

import datetime as dt

import pytest
from evaluate_kit import value

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError


def ms(*fields):
    return int(dt.datetime(*fields, tzinfo=dt.UTC).timestamp() * 1000)


def span(start, end):
    return {"DateRange": [start, end]}


JULY, LATE, LATER = span("2017-06-24", "2017-07-24"), span("2017-07-01", "2018-08-24"), span("2018-01-01", "2019-01-01")
EMPTY, ALWAYS = span("2017-07-24", "2017-06-24"), {"DateRange.unbounded": []}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param({"DateRange.intersection": [JULY, LATE]}, [ms(2017, 7, 1), ms(2017, 7, 24)], id="both"),
        pytest.param({"DateRange.intersection": [ALWAYS, JULY]}, [ms(2017, 6, 24), ms(2017, 7, 24)], id="with all"),
        pytest.param({"DateRange.union": [JULY, LATE]}, [ms(2017, 6, 24), ms(2018, 8, 24)], id="either"),
        pytest.param({"DateRange.union": [JULY, LATER]}, [ms(2017, 6, 24), ms(2019, 1, 1)], id="and what is between"),
    ],
)
def test_ranges_are_combined(written, expected):
    """All moments of both, or of either."""
    assert value(written) == {"type": "DateRange", "dates": expected}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param({"DateRange.intersects": [JULY, LATE]}, True, id="they meet"),
        pytest.param({"DateRange.intersects": [JULY, LATER]}, False, id="they do not"),
        pytest.param({"DateRange.intersects": [JULY, span("2017-07-24", "2018")]}, False, id="one ends as one begins"),
        pytest.param({"DateRange.isUnbounded": [{"DateRange.union": [ALWAYS, JULY]}]}, True, id="all dates"),
        pytest.param({"DateRange.isUnbounded": [JULY]}, False, id="some dates"),
        pytest.param({"DateRange.contains": [ALWAYS, JULY]}, True, id="all contain some"),
        pytest.param({"DateRange.contains": [JULY, ALWAYS]}, False, id="some do not contain all"),
    ],
)
def test_ranges_are_compared(written, expected):
    """Ends are exclusive."""
    assert value(written) is expected


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({"DateRange.intersection": [JULY, LATER]}, id="no moment in both"),
        pytest.param({"DateRange.union": [JULY, EMPTY]}, id="with an empty range"),
        pytest.param({"DateRange.start": [ALWAYS]}, id="start of all time"),
        pytest.param({"DateRange.end": [ALWAYS]}, id="end of all time"),
        pytest.param(ALWAYS, id="how all time is written"),
        pytest.param({"Date.parse": ["MM-dd", "02-03"]}, id="no year"),
        pytest.param({"Date.parse": ["MM/dd/yy", "1/1/45"]}, id="a century that depends on today"),
        pytest.param({"Date.parse": ["yyyy ww", "2020 10"]}, id="weeks"),
    ],
)
def test_what_no_source_tells_of_ranges_is_refused(written):
    """A guess would be worse."""
    with pytest.raises(NotImitatedError):
        value(written)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("yyyy MM dd", "2021 4 30", ms(2021, 4, 30)),
        ("YYYY/MM/dd", "2021/4/30", ms(2021, 4, 30)),
        ("MM/dd/yy", "4/30/21", ms(2021, 4, 30)),
        ("MM/dd/yy", "4/30/99", ms(1999, 4, 30)),
        ("MMM. dd, yyyy", "Apr. 30, 2021", ms(2021, 4, 30)),
        ("d MMMM, yyyy", "6 October, 2013", ms(2013, 10, 6)),
        ("yyyyMMdd'T'HHmmss", "20210430T071531", ms(2021, 4, 30, 7, 15, 31)),
        ("yyyyDDD", "2020060", ms(2020, 2, 29)),
        ("yyyy-MM-dd h:mm a", "2021-04-30 12:05 AM", ms(2021, 4, 30, 0, 5)),
        ("yyyy-MM-dd h:mm a", "2021-04-30 1:05 PM", ms(2021, 4, 30, 13, 5)),
        ("yyyy-MM-dd HH:mm:ss.SSS", "2021-04-30 00:00:00.5", ms(2021, 4, 30) + 500),
        ("yyyy", "2021", ms(2021, 1, 1)),
    ],
)
def test_dates_are_read_by_a_pattern(pattern, text, expected):
    """Zeros in front may be missing, names of months are English, what is missing is that of 1970-01-01."""
    assert value({"Date.parse": [pattern, text]})["value"] == expected


def test_dates_are_read_in_a_time_zone():
    """The text is the local time."""
    assert value({"Date.parse": ["yyyy-MM-dd", "2021-07-01", "America/Los_Angeles"]})["value"] == ms(2021, 7, 1, 7)


@pytest.mark.parametrize("text", ["2021-13-01", "2021-02-30", "April", "2021-1"])
def test_what_is_no_date_of_the_pattern_is_an_error(text):
    """The sentence repeats the text."""
    with pytest.raises(EvaluationError, match=text):
        value({"Date.parse": ["yyyy-MM-dd", text]})


def test_the_long_name_of_the_pacific_time_is_written():
    """The only long name that an example shows, and its winter's."""
    names = [value({"Date.format": [{"Date": [day]}, "zzzz", "PST8PDT"]}) for day in ("1975-07-23", "1975-01-23")]
    assert names == ["Pacific Daylight Time", "Pacific Standard Time"]
