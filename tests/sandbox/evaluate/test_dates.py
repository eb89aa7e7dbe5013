"""Dates: what is read, how it is written and cut, by the examples of the API reference."""

from __future__ import annotations

import calendar
import datetime as dt

import pytest
from evaluate_kit import DAY, answer, call, constant
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate import EvaluationError


def date(text, zone=None):
    return call("Date", value=text, timeZone=zone)


def milliseconds(*fields):
    return calendar.timegm(dt.datetime(*fields).timetuple()) * 1000  # noqa: DTZ001 - UTC by timegm


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("2020", (2020, 1, 1)),
        ("2020-1", (2020, 1, 1)),
        ("2020-1-5", (2020, 1, 5)),
        ("2017-6-24T00:14:46", (2017, 6, 24, 0, 14, 46)),
        ("2020-7-1T13:00", (2020, 7, 1, 13)),
        ("1996-001", (1996, 1, 1)),
        ("1996-366", (1996, 12, 31)),
        ("1996-01-01T08:00", (1996, 1, 1, 8)),
        ("2020-01-01T00:00:00Z", (2020, 1, 1)),
        ("2020-01-01T00:00:00+02:00", (2019, 12, 31, 22)),
    ],
)
def test_dates_are_read(text, fields):
    """Zeros in front may be missing, and so may whatever is smaller than a year."""
    assert answer(date(text))["value"] == milliseconds(*fields)


@pytest.mark.parametrize("text", ["2021-02-29", "2021-366", "2021-13-1", "20210101", "1/5/2020", "2020-1-5T25:00"])
def test_what_is_no_date_is_refused(text):
    """The service's sentence names the text."""
    with pytest.raises(EvaluationError, match=f"Bad date/time '{text}'"):
        answer(date(text))


@given(moment=st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)))  # noqa: DTZ001 - UTC by the test
def test_an_unpadded_date_is_the_padded_one(moment):
    """Zeros do not matter."""
    padded = moment.strftime("%Y-%m-%dT%H:%M:%S")
    bare = f"{moment.year}-{moment.month}-{moment.day}T{moment.hour}:{moment.minute}:{moment.second}"

    assert answer(date(bare)) == answer(date(padded))


def test_text_is_read_in_its_time_zone():
    """The year 2020 begins in the mountains at seven o'clock UTC."""
    assert answer(date("2020", "US/Mountain"))["value"] == milliseconds(2020, 1, 1, 7)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("YYYY GG", "1975 AD"),
        ("CC YY", "19 75"),
        ("xxxx ww", "1975 30"),
        ("yy DDD", "75 204"),
        ("MM dd", "07 23"),
        ("M d", "7 23"),
        ("MMM MMMM", "Jul July"),
        ("e E", "3 Wed"),
        ("e EEEEEEEE", "3 Wednesday"),
        ("a K h", "PM 9 9"),
        ("a KK hh", "PM 09 09"),
        ("H k m s S", "21 21 13 59 0"),
        ("HH kk mm ss SS", "21 21 13 59 00"),
        ("z", "UTC"),
        ("zzzz", "Coordinated Universal Time"),
        ("Z", "+0000"),
        ("ZZ", "+00:00"),
        ("ZZZ", "UTC"),
        ("YY 'yada' MM", "75 yada 07"),
        ("YY ''MM'' dd", "75 '07' 23"),
        ("'it''s' yyyy", "it's 1975"),
    ],
)
def test_dates_are_written_by_joda_patterns(pattern, expected):
    """The reference's examples for every letter, and quotes in quotes."""
    assert answer(call("Date.format", date=date("1975-07-23T21:13:59"), format=pattern)) == expected


@pytest.mark.parametrize(("hour", "expected"), [(0, "AM 0 12 0 24"), (12, "PM 0 12 12 12"), (23, "PM 11 11 23 23")])
def test_hours_are_counted_from_zero_and_from_one(hour, expected):
    """The hour of a half day and its clock, the hour of a day and its clock."""
    assert answer(call("Date.format", date=date(f"2020-01-01T{hour}:30"), format="a K h H k")) == expected


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Etc/GMT", "2020-08-18T00:00:00"),
        ("Zulu", "2020-08-18T00:00:00"),
        ("America/Los_Angeles", "2020-08-17T17:00:00"),
        ("PST8PDT", "2020-08-17T17:00:00"),
        ("Australia/Tasmania", "2020-08-18T10:00:00"),
        ("Etc/GMT-10", "2020-08-18T10:00:00"),
        ("+05:30", "2020-08-18T05:30:00"),
    ],
)
def test_dates_are_written_in_time_zones(zone, expected):
    """Without a pattern, ISO 8601 in the hour of the zone."""
    assert answer(call("Date.format", date=date("2020-08-18"), timeZone=zone)) == expected


@pytest.mark.parametrize(("pattern", "expected"), [("z", "PDT"), ("Z", "-0700"), ("ZZ", "-07:00"), ("ZZZ", "PST8PDT")])
def test_time_zones_are_written(pattern, expected):
    """Name, offset, offset with a colon, and id."""
    node = call("Date.format", date=date("1975-07-23T21:13:59"), format=pattern, timeZone="PST8PDT")

    assert answer(node) == expected


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(call("Date.format", date=date("2020"), format="yyyy 'open"), "not closed", id="quote"),
        pytest.param(
            call("Date.format", date=date("2020"), format="QQ"), "Illegal pattern component: 'QQ'", id="letter"
        ),
        pytest.param(
            call("Date.format", date=date("2020"), format="zzzz", timeZone="Europe/Berlin"),
            "not imitated",
            id="long name",
        ),
        pytest.param(call("Date.advance", date=date("2020"), delta=0.5, unit="month"), "not imitated", id="half month"),
        pytest.param(call("Date.get", date=date("2020"), unit="decade"), "Invalid unit: 'decade'", id="unit"),
        pytest.param(call("Date.advance", date=date("2020"), delta=9999, unit="year"), "not imitated", id="far year"),
        pytest.param(call("Date.format", date=call("Date", value=1e18)), "not imitated", id="far moment"),
        pytest.param(call("Date.fromYMD", year=2021, month=2, day=30), "2021-2-30 is no date", id="day"),
    ],
)
def test_nonsense_is_refused(node, sentence):
    """The sentence names the part that is wrong or unknown."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


@given(day=st.dates(dt.date(1901, 1, 1), dt.date(2199, 12, 31)))
def test_weeks_are_those_of_the_iso_calendar(day):
    """Weeks begin on Monday, and the first one has the year's first Thursday."""
    year, week, weekday = day.isocalendar()
    found = date(day.isoformat())

    assert answer(call("Date.get", date=found, unit="week")) == week
    assert answer(call("Date.format", date=found, format="xxxx-ww-e")) == f"{year:04}-{week:02}-{weekday}"


@pytest.mark.parametrize(
    ("unit", "start", "end"),
    [
        ("year", (2021, 1, 1), (2022, 1, 1)),
        ("month", (2021, 4, 1), (2021, 5, 1)),
        ("week", (2021, 4, 26), (2021, 5, 3)),
        ("day", (2021, 4, 30), (2021, 5, 1)),
        ("hour", (2021, 4, 30, 7), (2021, 4, 30, 8)),
        ("second", (2021, 4, 30, 7, 15, 31), (2021, 4, 30, 7, 15, 32)),
    ],
)
def test_the_unit_around_a_date_is_whole(unit, start, end):
    """getRange covers the unit, and getFraction tells how much of it is over."""
    found = date("2021-4-30T07:15:31.24")
    first, last = milliseconds(*start), milliseconds(*end)

    assert answer(call("Date.getRange", date=found, unit=unit))["dates"] == [first, last]
    assert answer(call("Date.getFraction", date=found, unit=unit)) == pytest.approx(
        (milliseconds(2021, 4, 30, 7, 15, 31) + 240 - first) / (last - first)
    )


@pytest.mark.parametrize(
    ("unit", "larger", "expected"),
    [
        ("month", "year", 3),
        ("day", "year", 119),
        ("day", "month", 29),
        ("minute", "day", 7 * 60 + 15),
        ("second", "minute", 31),
        ("year", "month", 0),
    ],
)
def test_units_are_counted_from_zero(unit, larger, expected):
    """The reference's examples; a unit that is larger than the other counts 0."""
    node = call("Date.getRelative", date=date("2021-4-30T07:15:31.24"), unit=unit, inUnit=larger)

    assert answer(node) == expected


@pytest.mark.parametrize(
    ("unit", "days"), [("year", 146097 / 400), ("month", 146097 / 4800), ("weeks", 7), ("day", 1), ("hours", 1 / 24)]
)
def test_differences_are_in_units_of_average_length(unit, days):
    """The Gregorian calendar has 146,097 days in 400 years."""
    node = call("Date.difference", date=date("2020-01-01"), start=date("2018-01-01"), unit=unit)

    assert answer(node) == pytest.approx(730 / days)
    assert answer(call("Date.unitRatio", numerator="day", denominator=unit)) == pytest.approx(1 / days)


def test_days_keep_their_hour_in_a_time_zone():
    """A day over the change to summer time has 23 hours; without a zone it has 24."""
    start = date("2021-03-27T12:00", "Europe/Berlin")

    there = answer(call("Date.advance", date=start, delta=1, unit="day", timeZone="Europe/Berlin"))
    plain = answer(call("Date.advance", date=start, delta=1, unit="day"))

    assert plain["value"] - there["value"] == DAY / 24


def test_fields_are_updated():
    """Only the given fields change."""
    node = call("Date.update", date=date("2021-4-30T07:15:31.24"), year=2010, minute=59)

    assert answer(node)["value"] == milliseconds(2010, 4, 30, 7, 59, 31) + 240


@pytest.mark.parametrize(("end", "empty"), [("2017-07-25", False), ("2017-07-24", True), ("2017-06-24", True)])
def test_a_range_may_be_empty(end, empty):
    """A range whose start is not before its end contains no dates, and is a value all the same."""
    assert answer(call("DateRange.isEmpty", dateRange=call("DateRange", start="2017-07-24", end=end))) is empty


@pytest.mark.parametrize(
    ("other", "inside"),
    [
        (call("DateRange", start="2017-06-30", end="2017-07-10"), True),
        (call("DateRange", start="2010-06-24", end="2020-07-24"), False),
        (call("Date", value="2017-06-24"), True),
        (call("Date", value="2017-07-24"), False),
        (constant("2017-07-01"), True),
    ],
)
def test_ranges_contain_dates_and_ranges(other, inside):
    """The start is inside, the end is not."""
    span = call("DateRange", start="2017-06-24", end="2017-07-24")

    assert answer(call("DateRange.contains", dateRange=span, other=other)) is inside
