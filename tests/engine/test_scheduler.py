"""When jobs run: once for each time their schedule names, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.errors import ConfigError
from orchestrator.engine.scheduler import Schedule, logical_date, logical_time

NIGHTLY = Schedule(cron="30 1 * * *", timezone="America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_late_wake_up_names_the_time_it_is_for():
    """A machine that was down at 01:00 catches up at 05:00 with the run of 01:00."""
    moment = logical_time(Schedule(cron="0 1 * * *"), at("2024-06-01T05:12:00"))

    assert logical_date(moment) == "2024-06-01T01:00"


def test_what_is_older_than_the_catch_up_is_left():
    """A weekly job is not run days late when the machine comes back."""
    assert logical_time(Schedule(cron="0 1 * * mon"), at("2024-06-06T05:00:00")) is None


def test_an_hour_that_comes_twice_has_one_run():
    """On the night clocks are put back in New York, 01:30 comes twice; both wake-ups name the same run."""
    first = logical_time(NIGHTLY, at("2026-11-01T05:31:00"))
    second = logical_time(NIGHTLY, at("2026-11-01T06:31:00"))

    assert logical_date(first) == logical_date(second) == "2026-11-01T01:30"


def test_an_interval_keeps_its_beat_over_restarts():
    """Every 12 hours means the same hours, whenever the daemon was started."""
    starts = [at("2024-06-01T12:00:00") + timedelta(minutes=m) for m in range(0, 700, 50)]

    found = {logical_date(logical_time(Schedule(every="12h"), start)) for start in starts}

    assert found == {"2024-06-01T12:00"}


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(Schedule(cron="61 1 * * *"), id="minute 61"),
        pytest.param(Schedule(cron="daily"), id="a word"),
        pytest.param(Schedule(every="soon"), id="no duration"),
        pytest.param(Schedule(cron="0 1 * * *", timezone="Mars/Base"), id="no such timezone"),
        pytest.param(Schedule(cron="0 1 * * *", every="1h"), id="both"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused(schedule):
    """The message shows how to write one."""
    with pytest.raises(ConfigError, match="cron"):
        schedule.trigger(at("2024-06-01T00:00:00"))
