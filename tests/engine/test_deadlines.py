"""Runs that are to end by a time of day: in which windows they are worked on, and what is deferred."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timetable_house import House

from orchestrator.core.errors import ConfigError
from orchestrator.engine.deadlines import deferral
from orchestrator.engine.scheduler import Schedule
from orchestrator.engine.work import HoldError
from orchestrator.model.grid import Window
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState, Who

NIGHTLY = Schedule("30 1 * * *", finish_by="06:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.store.close()


# ----------------------------------------------------------------------------------------- windows


@pytest.mark.parametrize(
    ("zone", "due", "end"),
    [
        pytest.param("UTC", "2026-06-01T01:30", "2026-06-01T06:00", id="the same morning"),
        pytest.param("UTC", "2026-06-01T06:00", "2026-06-02T06:00", id="at the end itself: the next day's"),
        pytest.param("UTC", "2026-06-01T22:00", "2026-06-02T06:00", id="over midnight"),
        pytest.param("Europe/Ljubljana", "2026-06-01T01:30", "2026-06-01T04:00", id="in its own time zone"),
        # Clocks go from 02:00 to 03:00 at 01:00 UTC: 06:00 is 04:00 UTC, an hour sooner than the day before.
        pytest.param("Europe/Ljubljana", "2026-03-29T00:30", "2026-03-29T04:00", id="the night that lacks an hour"),
        # Clocks go back from 03:00 to 02:00 at 01:00 UTC: 06:00 is 05:00 UTC.
        pytest.param("Europe/Ljubljana", "2026-10-24T23:30", "2026-10-25T05:00", id="the night that has one more"),
    ],
)
def test_a_window_ends_at_the_next_such_time_on_the_wall(zone, due, end):
    """Whatever clocks do in between."""
    assert Schedule("30 1 * * *", timezone=zone, finish_by="06:00").end_of(at(due)) == at(end)


@given(
    minute=st.integers(0, 3 * 366 * 1440),
    clock=st.tuples(st.integers(0, 23), st.integers(0, 59)),
    zone=st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "America/Havana"]),
)
def test_the_end_of_a_window_is_found_by_whoever_looks_at_the_wall_each_minute(minute, clock, zone):
    """The first minute after the beginning at which the clock shows it, or jumps over it."""
    begin = at("2025-01-01T00:00") + timedelta(minutes=minute)
    wanted, place = clock[0] * 60 + clock[1], ZoneInfo(zone)

    found = Schedule(every="1d", timezone=zone, finish_by=f"{clock[0]:02d}:{clock[1]:02d}").end_of(begin)

    before = _shown(begin.astimezone(place))
    for n in range(1, 1600):
        now = _shown((begin + timedelta(minutes=n)).astimezone(place))
        passed = {one % 1440 for one in range(before + 1, now + 1)} if now > before else {now % 1440}
        if wanted in passed and not _comes_again(begin + timedelta(minutes=n), place, wanted):
            break
        before = now
    assert found == begin + timedelta(minutes=n)


def _shown(moment: datetime) -> int:
    """Return the minutes on the wall since the year 1."""
    return moment.toordinal() * 1440 + moment.hour * 60 + moment.minute


def _comes_again(moment: datetime, place: ZoneInfo, wanted: int) -> bool:
    """Tell whether this is the second time that the wall shows it on this day: the window ended the first time."""
    local = moment.astimezone(place)
    return local.fold == 1 and local.hour * 60 + local.minute == wanted


@pytest.mark.parametrize("text", ["6", "24:00", "06:60", "6 am", "06:00:00"])
def test_an_end_that_is_no_time_of_day_is_refused(text):
    """With the value and an example."""
    with pytest.raises(ConfigError, match=r"is no time of day; write for example '06:00'"):
        Schedule("30 1 * * *", finish_by=text)


# ------------------------------------------------------------------------------------- which cannot


@pytest.mark.parametrize(
    ("now", "hours_left", "until"),
    [
        pytest.param("2026-06-01T02:00", 3.0, "", id="it makes it"),
        pytest.param("2026-06-01T02:00", None, "", id="nothing is known of it"),
        pytest.param("2026-06-01T04:00", 3.0, "2026-06-02T01:30", id="the next window is long enough"),
        pytest.param("2026-06-01T04:00", 5.0, "", id="no window is long enough: some of it now"),
        pytest.param("2026-06-01T06:00", 5.0, "2026-06-02T01:30", id="but not beyond the end"),
        pytest.param("2026-06-01T06:00", None, "2026-06-02T01:30", id="the time is over"),
    ],
)
def test_what_cannot_end_in_its_window_goes_on_in_the_next(now, hours_left, until):
    """And says when."""
    seconds = None if hours_left is None else hours_left * 3600

    found = deferral(NIGHTLY, at("2026-06-01T06:00"), at(now), seconds, "its pace")

    assert (found.until if found else None) == (at(until) if until else None)
    assert found is None or "goes on at 2026-06-02T01:30+00:00" in found.why


@given(hours=st.floats(0.1, 40), late=st.floats(0, 12))
def test_whatever_a_run_takes_it_ends_after_some_windows_and_never_outside_of_one(hours, late):
    """Deferred again and again, it would never end: then it is not deferred but worked on."""
    now, left, end = at("2026-06-01T01:30") + timedelta(hours=late), hours * 3600, at("2026-06-01T06:00")
    for _ in range(20):
        found = deferral(NIGHTLY, end, now, left, "its pace")
        if found is None:
            worked = min(left, (end - now).total_seconds())
            left -= worked
            now += timedelta(seconds=worked)
            assert now <= end
            if left <= 0:
                return
        else:
            assert now >= end or left <= (found.finish_by - found.until).total_seconds()
            now, end = found.until, found.finish_by
    raise AssertionError(f"{left} s are left after twenty nights")


# --------------------------------------------------------------------------------------- the daemon


def nightly(house, **keys):
    """Fire a job with a window at 01:30, and return its run, which is exporting."""
    house.job(finish_by="06:00", **keys).look("2026-01-01T01:30")
    (waiting,) = house.store.queue.waiting()
    begin(house, waiting.id)
    return waiting.id


def begin(house, run_id):
    tasks = [TaskPlan(n, Window(0, 256 * n, 256, 256), 256, 256) for n in range(100)]
    house.store.runs.save_plan(run_id, "{}", "{}", "{}", tasks)
    house.store.runs.set_state(run_id, RunState.EXPORTING)


def asked(house, run_id):
    """Return until when a run is asked to be held, and why; None where it may go on."""
    try:
        house.interrupts.obey(run_id)
    except HoldError as hold:
        return datetime.fromtimestamp(hold.until, UTC), str(hold)
    return None


def test_a_run_that_has_not_ended_by_then_is_deferred_and_says_so(house):
    """Held until the next window, with an event; within its window nobody asks it to leave."""
    run_id = nightly(house)
    house.look("2026-01-01T05:59")
    before = asked(house, run_id)
    house.look("2026-01-01T06:00")
    after = asked(house, run_id)

    assert before is None
    assert after == (
        at("2026-01-02T01:30"),
        "finish_by 06:00 has come before it had ended; it goes on at 2026-01-02T01:30+00:00",
    )
    assert [event.name for event in house.store.events.latest(run_id)] == ["run.deferred"]


def test_in_the_next_window_it_has_the_next_deadline(house):
    """It goes on, and the new date waits for it; at six it is asked again."""
    run_id = nightly(house)
    house.look("2026-01-01T06:00")
    house.store.runs.set_state(
        run_id, RunState.HELD, "deferred", who=Who.TIME, next_at=at("2026-01-02T01:30").timestamp()
    )
    asked(house, run_id)
    house.look("2026-01-02T01:30")
    in_window = asked(house, run_id)
    house.store.runs.set_state(run_id, RunState.EXPORTING)
    house.look("2026-01-02T06:00")

    assert in_window is None
    assert house.store.runs.head(run_id).finish_by == at("2026-01-02T06:00").timestamp()
    assert asked(house, run_id)[0] == at("2026-01-03T01:30")


def test_what_was_asked_and_not_obeyed_does_not_outlive_the_reason(house):
    """It got no slot all day; when its next window has begun, it may go on in it."""
    run_id = nightly(house)
    house.look("2026-01-01T06:00")
    house.look("2026-01-02T01:30")

    assert asked(house, run_id) is None


def test_one_that_is_too_slow_is_deferred_before_the_time(house):
    """100 pieces, ten in ten minutes, and an hour is left: 90 minutes will not do."""
    run_id = nightly(house)
    for minute in range(10):
        house.clock.time = at("2026-01-01T04:50") + timedelta(minutes=minute)
        house.store.events.record(run_id, "part.downloaded", {"bytes": 1000})
    house.look("2026-01-01T05:00")

    until, why = asked(house, run_id)

    assert until == at("2026-01-02T01:30")
    assert "would not end by 06:00, in 1 h" in why
    assert "about 1 h 40 min are left by its pace" in why


def test_one_that_would_begin_too_late_waits_for_the_next_window(house):
    """Earlier ones took two hours and four, and one is left: it has not begun, and does not."""
    house.job(finish_by="06:00", catch_up="all").look("2026-01-01T01:30")
    for day in (1, 2):
        house.look(f"2026-01-0{day}T01:30")
        (waiting,) = house.store.queue.waiting()
        begin(house, waiting.id)
        for state in ("ASSEMBLING", "PUBLISHED", "CLEANED"):
            house.clock.time = at(f"2026-01-0{day}T0{2 * day + 1}:30")  # 2 h after it was fired, and 4 h
            house.store.runs.set_state(waiting.id, RunState(state))
    house.look("2026-01-03T05:00")  # the machine was down
    (late,) = house.store.queue.waiting()

    until, why = asked(house, late.id)

    assert until == at("2026-01-04T01:30")
    assert "about 2 h 00 min are left by the shortest of its job's last runs" in why


def test_what_is_being_finished_is_let_end(house):
    """All pixels are there; minutes are left."""
    run_id = nightly(house)
    house.store.runs.set_state(run_id, RunState.ASSEMBLING)
    house.look("2026-01-01T07:00")

    assert asked(house, run_id) is None


def test_a_job_without_a_window_is_never_asked(house):
    """The default."""
    house.job().look("2026-01-01T01:30")
    (waiting,) = house.store.queue.waiting()
    house.look("2026-01-05T01:30")

    assert (waiting.finish_by, asked(house, waiting.id)) == (0.0, None)


def test_after_a_restart_it_is_asked_again(house):
    """What was asked is not stored: it follows from the rows."""
    run_id = nightly(house)
    house.look("2026-01-01T06:00")
    asked(house, run_id)
    house.restart()
    house.look("2026-01-01T07:00")

    assert asked(house, run_id)[0] == at("2026-01-02T01:30")


def test_a_window_that_is_days_away_is_waited_for_day_by_day(house):
    """A week's hold would pass for a wrong clock's; a minute before a day's is over, the next one is asked for."""
    house.job(cron="30 1 * * 1", finish_by="06:00").look("2026-01-05T01:30")
    (run,) = house.store.queue.waiting()
    begin(house, run.id)
    holds = []
    looks = [at("2026-01-05T05:57") + timedelta(days=day, minutes=minute) for day in range(7) for minute in range(6)]
    looks += [at("2026-01-12T01:27") + timedelta(minutes=minute) for minute in range(6)]
    looks += [at("2026-01-12T05:57") + timedelta(minutes=minute) for minute in range(6)]
    for house.clock.time in looks:
        house.timetable.look()
        head = house.store.runs.head(run.id)
        if head.state is RunState.HELD and head.next_at <= house.clock.time.timestamp():
            house.store.runs.set_state(run.id, RunState.EXPORTING)
        if house.store.runs.head(run.id).state is RunState.EXPORTING and (hold := asked(house, run.id)):
            holds.append(hold[0])
            house.store.runs.set_state(run.id, RunState.HELD, hold[1], who=Who.TIME, next_at=hold[0].timestamp())

    days = [at("2026-01-06T06:00") + timedelta(days=n) for n in range(6)]
    assert holds == [*days, at("2026-01-12T01:30"), at("2026-01-13T06:00")]


def test_of_a_run_that_had_no_slot_it_is_said_that_it_had_not_begun(house):
    """The daemon was down all night: last night's date waits for tonight."""
    house.job(finish_by="06:00").look("2026-01-01T01:30")
    (waiting,) = house.store.queue.waiting()
    house.look("2026-01-01T06:00")

    assert asked(house, waiting.id)[1].startswith("finish_by 06:00 has come before it had begun; it goes on at")
