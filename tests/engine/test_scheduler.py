"""When jobs run: what crontab(5) says, in every timezone, whatever clocks do."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from wall_clock import FIRST, MEANINGS, ZONES, evaluated, walls_of

from orchestrator.core.errors import ConfigError
from orchestrator.engine.crontab import Crontab
from orchestrator.engine.scheduler import ANCHOR, Moment, Schedule, judge, wall_of

YEARS = int(os.environ.get("ORCHESTRATOR_TEST_CRON_YEARS", "3"))
MINUTES = YEARS * 366 * 1440


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def names(schedule: Schedule, first: str, last: str) -> list[str]:
    """Return the names of what is due after `first`, up to and with `last`, both UTC."""
    return [moment.date for moment in schedule.moments(at(first), at(last))]


@pytest.mark.parametrize(
    ("weekday", "first"),
    [
        # 1 June 2026 is a Monday.
        pytest.param("0", "2026-06-07", id="0 is Sunday"),
        pytest.param("1", "2026-06-01", id="1 is Monday"),
        pytest.param("2", "2026-06-02", id="2 is Tuesday"),
        pytest.param("3", "2026-06-03", id="3 is Wednesday"),
        pytest.param("4", "2026-06-04", id="4 is Thursday"),
        pytest.param("5", "2026-06-05", id="5 is Friday"),
        pytest.param("6", "2026-06-06", id="6 is Saturday"),
        pytest.param("7", "2026-06-07", id="7 is Sunday too"),
        pytest.param("SUN", "2026-06-07", id="a name in capitals"),
        pytest.param("mon", "2026-06-01", id="a name"),
        pytest.param("5-7", "2026-06-05", id="a range up to 7"),
        pytest.param("fri-sun", "2026-06-05", id="a range of names up to Sunday"),
        pytest.param("6,7", "2026-06-06", id="a list"),
        pytest.param("*/4", "2026-06-04", id="every fourth: Sunday and Thursday"),
    ],
)
def test_weekdays_are_numbered_as_in_crontab(weekday, first):
    """crontab(5): day of week 0-7, 0 or 7 is Sunday."""
    schedule = Schedule(cron=f"30 1 * * {weekday}")

    assert schedule.next(at("2026-05-31T23:59")).date == f"{first}T01:30+00:00"


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        pytest.param("30 4 1,15 * 5", [1, 5, 12, 15, 19, 26], id="the manual's example: 1st, 15th and every Friday"),
        pytest.param("30 4 1,15 * *", [1, 15], id="only days of the month"),
        pytest.param("30 4 * * 5", [5, 12, 19, 26], id="only days of the week"),
        pytest.param("30 4 */2 * 5", [5, 19], id="a field that begins with a star restricts, it does not add"),
        pytest.param("30 4 13 * */2", [13], id="nor in the other field"),
        pytest.param("30 4 31 * *", [], id="a day this month has not"),
    ],
)
def test_day_of_month_and_day_of_week_add_up(expression, days):
    """crontab(5): where both are restricted, a day that matches either is enough; one with a star must match."""
    found = names(Schedule(cron=expression), "2026-06-01T00:00", "2026-06-30T23:59")

    assert found == [f"2026-06-{day:02d}T04:30+00:00" for day in days]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        pytest.param("@yearly", "0 0 1 1 *", id="yearly"),
        pytest.param("@annually", "0 0 1 1 *", id="annually"),
        pytest.param("@monthly", "0 0 1 * *", id="monthly"),
        pytest.param("@weekly", "0 0 * * 0", id="weekly"),
        pytest.param("@daily", "0 0 * * *", id="daily"),
        pytest.param("@midnight", "0 0 * * *", id="midnight"),
        pytest.param("@hourly", "0 * * * *", id="hourly"),
        pytest.param("0-59/20 8,12-14 * jan-mar,12 *", "0,20,40 8,12,13,14 * 1,2,3,12 *", id="ranges, steps, lists"),
        pytest.param("5/20 * * * *", "5,25,45 * * * *", id="a step from a number on"),
        pytest.param("00 04 * * *", "0 4 * * *", id="leading zeros"),
    ],
)
def test_short_forms_mean_what_the_manual_says(text, same):
    """Each equals the long form."""
    assert Crontab.parse(text) == Crontab.parse(same)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"cron": "61 1 * * *"}, "minute '61': 61 is not 0 to 59", id="minute 61"),
        pytest.param({"cron": "0 24 * * *"}, "hour '24': 24 is not 0 to 23", id="hour 24"),
        pytest.param({"cron": "0 0 0 * *"}, "day of month '0': 0 is not 1 to 31", id="day 0"),
        pytest.param({"cron": "0 0 * 13 *"}, "month '13': 13 is not 1 to 12 or jan to dec", id="month 13"),
        pytest.param({"cron": "0 0 * * 8"}, "day of week '8': 8 is not 0 to 7", id="weekday 8"),
        pytest.param({"cron": "0 0 * * monday"}, "day of week 'monday' is not 0 to 7 or sun to sat", id="a long name"),
        pytest.param({"cron": "0 0 * * fri-mon"}, "'fri-mon' runs backwards", id="backwards"),
        pytest.param({"cron": "*/0 * * * *"}, "the step '0'", id="no step"),
        pytest.param({"cron": "0 0 30 2 *"}, "day of month '30' does not come in month '2'", id="never"),
        pytest.param({"cron": "0 0 1 * * *"}, "6 fields", id="seconds"),
        pytest.param({"cron": "daily"}, "1 fields", id="a word"),
        pytest.param({"cron": "1,,2 * * * *"}, "minute ''", id="an empty item"),
        pytest.param({"every": "soon"}, "every 'soon'", id="no duration"),
        pytest.param({"every": "0s"}, "shorter than a minute", id="nothing"),
        pytest.param({"cron": "0 1 * * *", "timezone": "Mars/Base"}, "timezone 'Mars/Base'", id="no such timezone"),
        pytest.param({"cron": "0 1 * * *", "every": "1h"}, "either `cron` or `every`", id="both"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused(given, says):
    """One line with the field, the value and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        Schedule(**given)

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- an independent evaluation


@pytest.mark.parametrize("zone", ZONES)
def test_every_time_is_found_and_no_other(zone):
    """Eight expressions over years of minutes: due exactly when a clock on the wall, watched each minute, says so."""
    walls = walls_of(zone, MINUTES)
    last = FIRST + timedelta(minutes=MINUTES - 1)

    for expression in MEANINGS:
        moments = list(Schedule(cron=expression, timezone=zone).moments(FIRST - timedelta(minutes=1), last))

        found = sorted(
            ((m.at - FIRST) // timedelta(minutes=1), int(np.datetime64(wall_of(m.date), "m").astype(int)))
            for m in moments
        )
        assert found == evaluated(expression, walls)
        assert len({m.date for m in moments}) == len(moments)


# ------------------------------------------------------------------------------- names of dates


def test_an_hour_that_comes_twice_has_each_of_its_dates_twice():
    """A job that goes by the clock on the wall runs in both; the offset tells their names apart."""
    schedule = Schedule(cron="*/30 1 * * *", timezone="America/New_York")

    assert names(schedule, "2026-11-01T04:00", "2026-11-01T12:00") == [
        "2026-11-01T01:00-04:00",
        "2026-11-01T01:30-04:00",
        "2026-11-01T01:00-05:00",
        "2026-11-01T01:30-05:00",
    ]


def test_a_nightly_job_runs_once_in_a_night_whose_hour_comes_twice():
    """crontab(5): running the same job twice is avoided."""
    schedule = Schedule(cron="30 1 * * *", timezone="America/New_York")

    assert names(schedule, "2026-11-01T00:00", "2026-11-02T00:00") == ["2026-11-01T01:30-04:00"]


def test_a_time_that_clocks_jump_over_is_due_at_the_jump():
    """crontab(5): such jobs run immediately, and keep their names."""
    schedule = Schedule(cron="30 2 * * *", timezone="Europe/Ljubljana")

    found = list(schedule.moments(at("2026-03-29T00:00"), at("2026-03-29T12:00")))

    assert found == [Moment(at("2026-03-29T01:00"), "2026-03-29T02:30+01:00")]


@pytest.mark.parametrize("zone", ZONES)
def test_a_name_tells_when_its_date_was_due(zone):
    """From the row of a date follows where to look on: no date after it is lost, none before it found again."""
    schedule = Schedule(cron="0,30 0-3 * * *", timezone=zone)

    for moment in schedule.moments(FIRST, FIRST + timedelta(days=366)):
        assert schedule.when(moment.date) == moment.at


def test_a_beat_survives_restarts():
    """Every 7 days means the same days, whenever it is asked: those counted from the anchor."""
    schedule = Schedule(every="7d")

    found = {schedule.next(at("2026-06-07T00:00") + timedelta(hours=h)).at for h in range(0, 144, 7)}

    assert len(found) == 1
    assert (found.pop() - ANCHOR) % timedelta(days=7) == timedelta()


# ----------------------------------------------------------------------------- what becomes of them

DUE = [Moment(at(f"2026-06-01T{hour:02d}:00"), f"2026-06-01T{hour:02d}:00") for hour in range(6)]
NOW = at("2026-06-01T05:02")


@pytest.mark.parametrize(
    ("catch_up", "fired"),
    [
        pytest.param("latest", ["05:00"], id="latest"),
        pytest.param("all", ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00"], id="all"),
        pytest.param("none", ["05:00"], id="none but what is on time"),
    ],
)
def test_missed_dates_are_caught_up_as_the_job_says(catch_up, fired):
    """Each date is fired, or has a reason."""
    verdicts = judge(DUE, NOW, catch_up)

    assert [v.moment.date[-5:] for v in verdicts if not v.skipped] == fired
    assert [v.moment for v in verdicts] == DUE
    assert all(catch_up in v.skipped for v in verdicts if v.skipped)


def test_of_very_many_missed_dates_the_newest_are_caught_up():
    """A year of minutes does not become half a million runs."""
    due = list(Schedule(cron="* * * * *").moments(NOW - timedelta(days=1), NOW))

    fired = [v.moment for v in judge(due, NOW, "all") if not v.skipped]

    assert fired == due[-100:]


def test_with_none_a_late_date_is_left():
    """Ten minutes are late enough."""
    assert all(v.skipped for v in judge(DUE, at("2026-06-01T05:11"), "none"))
