"""What a schedule is said to be in words is when it is due."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine.crontab import Crontab
from orchestrator.engine.crontab_words import crontab_words, every_words

WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
YEAR = [f"{date(2024, month, 1):%B}" for month in range(1, 13)]
TWO_YEARS = [date(2024, 1, 1) + timedelta(days=n) for n in range(731)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 1 * * *", "at 01:00 every day"),
        ("@daily", "at 00:00 every day"),
        ("@hourly", "every hour on the hour every day"),
        ("30 1 1 * mon", "at 01:30 on day 1 of the month, and on every Monday as well"),
        ("0 0 13 * fri", "at 00:00 on day 13 of the month, and on every Friday as well"),
        ("0 1 */2 * mon", "at 01:00 on Monday where that is among days 1, 3, 5 and so on to 31 of the month"),
        ("0 0 1-31 * mon", "at 00:00 every day"),
        ("0 2 * * fri-sun", "at 02:00 on Friday to Sunday"),
        ("0 0 * * 7", "at 00:00 on Sunday"),
        ("5-59/10 * * * *", "at minutes 5, 15, 25 and so on to 55 of every hour every day"),
        ("*/7 * * * *", "at minutes 0, 7, 14 and so on to 56 of every hour every day"),
        ("*/10 8-18 * * mon-fri", "every 10 minutes of each hour from 08:00 to 18:59 on Monday to Friday"),
        ("* * * * *", "every minute of every hour every day"),
        ("0 */6 * * *", "at 00:00, 06:00, 12:00 and 18:00 every day"),
        ("15 3 1,15 jan,jul *", "at 03:15 on days 1 and 15 of the month in January and July"),
        ("0 0 29 2 *", "at 00:00 on day 29 of the month in February"),
    ],
    ids=lambda text: text,
)
def test_an_expression_is_said_as_crontab_means_it(text, words):
    """crontab(5): a day counts by month or week where both are given, by both where one begins with `*`."""
    assert crontab_words(Crontab.parse(text)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(60, "every minute"), (43200, "every 12 hours"), (86400, "every day"), (108000, "every 1 day 6 hours")],
)
def test_an_interval_is_said_in_its_largest_units(seconds, words):
    assert every_words(seconds) == words


def numbers(text, names):
    """Read what was listed, as a person would."""
    found = {name: n for n, name in enumerate(names)}
    if match := re.fullmatch(r"(.+), (.+), .+ and so on to (.+)", text):
        a, b, z = (found[word] for word in match.groups())
        return set(range(a, z + 1, b - a))
    ends = [[found[word] for word in part.split(" to ")] for part in re.split(r", | and ", text)]
    return {n for first, *last in ends for n in range(first, (last or [first])[0] + 1)}


def read(words):
    """Read the words back: minutes, hours, and which days they name."""
    months = set(range(12))
    if match := re.fullmatch(rf"(.*?) in ((?:{'|'.join(YEAR)}).*)", words):
        words, months = match[1], numbers(match[2], YEAR)
    of_month, of_week, both = None, None, all
    if match := re.fullmatch(r"(.*) on (\w+day.*) where that is among days? (.*) of the month", words):
        words, of_week, of_month = match[1], numbers(match[2], WEEK), numbers(match[3], NUMBERS)
    elif match := re.fullmatch(r"(.*) on days? (.*) of the month, and on every (.*) as well", words):
        words, of_month, of_week, both = match[1], numbers(match[2], NUMBERS), numbers(match[3], WEEK), any
    elif match := re.fullmatch(r"(.*) on days? (.*) of the month", words):
        words, of_month = match[1], numbers(match[2], NUMBERS)
    elif match := re.fullmatch(rf"(.*) on ((?:{'|'.join(WEEK)}).*)", words):
        words, of_week = match[1], numbers(match[2], WEEK)
    else:
        words = words.removesuffix(" every day")

    def on(day):
        told = [day.day in of_month] if of_month is not None else []
        told += [day.weekday() in of_week] if of_week is not None else []
        return day.month - 1 in months and (both(told) if told else True)

    return times(words), [day for day in TWO_YEARS if on(day)]


NUMBERS = [str(n) for n in range(60)]
HOURS = [f"{n:02}" for n in range(24)]


def times(words):
    """Read which minutes of a day are named."""
    if match := re.fullmatch(r"at (\d\d:.*)", words):
        pairs = [time.split(":") for time in re.split(r", | and ", match[1])]
        return {(int(hour), int(minute)) for hour, minute in pairs}
    if words == "every hour on the hour":
        return {(hour, 0) for hour in range(24)}
    when, where = re.fullmatch(r"(.*?) of (every hour|each hour from .*|the hours .*)", words).groups()
    hours = set(range(24))
    if match := re.fullmatch(r"each hour from (\d\d):00 to (\d\d):59", where):
        hours = set(range(int(match[1]), int(match[2]) + 1))
    elif where.startswith("the hours "):
        hours = numbers(where.removeprefix("the hours "), HOURS)
    if when == "every minute":
        minutes = set(range(60))
    elif match := re.fullmatch(r"every (\d+) minutes", when):
        minutes = set(range(0, 60, int(match[1])))
    else:
        minutes = numbers(re.sub(r"at minutes? ", "", when), NUMBERS)
    return {(hour, minute) for hour in hours for minute in minutes}


def part(first, last):
    """Return what one field of crontab may hold."""
    number = st.integers(first, last)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    one = st.one_of(st.just("*"), number.map(str), span)
    step = st.one_of(st.just(""), st.integers(1, last).map("/{}".format))
    item = st.tuples(one, step).map("".join)
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=3).map(",".join))


@settings(max_examples=150)
@given(st.tuples(part(0, 59), part(0, 23), part(1, 28), part(1, 12), part(0, 7)).map(" ".join))
def test_who_reads_the_words_knows_every_date(text):
    """Read back, they give the minutes and the days that the expression names, and no other."""
    crontab = Crontab.parse(text)

    named, days = read(crontab_words(crontab))

    assert named == {(hour, minute) for hour in crontab.hours for minute in crontab.minutes}
    assert days == [day for day in TWO_YEARS if crontab.on(day)]
