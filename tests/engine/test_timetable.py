"""Scheduled jobs over restarts, full disks, downtime and upgrades: a date is fired once, or skipped with a reason."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from timetable_house import BEGAN, House

from orchestrator.core.errors import AreaError, SpaceError
from orchestrator.engine.scheduler import Moment
from orchestrator.engine.timetable import order_date


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.store.close()


def test_a_new_job_begins_with_the_latest_date_of_the_last_day(house):
    """Who starts the daemon at noon gets last night's result, and nothing of the night before."""
    house.job().look()

    assert (house.dates(skipped=False), house.dates(skipped=True)) == (["2026-01-01T01:30"], [])


def test_a_new_job_whose_date_was_longer_ago_waits(house):
    """A weekly job that is declared on Thursday begins next Monday, also when the daemon is down then."""
    house.job(cron="0 1 * * 1").look()
    before = house.dates(skipped=False)
    house.restart()
    house.look("2026-01-08T09:00")  # Monday was the 5th

    assert before == []
    assert house.dates(skipped=False) == ["2026-01-05T01:00"]


def test_looking_again_fires_nothing_again(house):
    """However often, and by whichever process."""
    house.job().look()
    for minute in range(5):
        house.restart()
        house.look(BEGAN + timedelta(minutes=minute))

    assert house.dates(skipped=False) == ["2026-01-01T01:30"]


@pytest.mark.parametrize(
    ("catch_up", "fired"),
    [("latest", ["06"]), ("all", ["02", "03", "04", "05", "06"]), ("none", [])],
    ids=["latest", "all", "none"],
)
def test_after_days_of_downtime_every_date_is_fired_or_skipped_with_a_reason(house, catch_up, fired):
    """Nothing of five nights goes by in silence."""
    house.job(catch_up=catch_up).look("2026-01-01T01:31")
    house.restart()
    house.look("2026-01-06T07:00")

    nights = {f"2026-01-{day:02d}T01:30" for day in range(2, 7)}
    late = {f"2026-01-{day}T01:30" for day in fired}
    assert set(house.dates(skipped=False)) == late | {"2026-01-01T01:30"}
    assert set(house.dates(skipped=True)) == nights - late


def test_a_beat_of_seven_days_outlives_downtime(house):
    """Down on the day it is due and the day after: it is run on the third, once."""
    house.job(every="7d").look("2026-01-08T12:00")  # beats on Saturdays: the 3rd, the 10th
    house.restart()
    house.look("2026-01-12T12:00")
    house.look("2026-01-12T12:01")

    assert house.dates(skipped=False) == ["2026-01-10T00:00"]


def test_a_disk_that_is_full_at_the_due_minute_loses_no_date(house, monkeypatch):
    """What cannot be written down is written at a later tick, and said once."""
    house.job().look()
    fire = house.store.runs.fire
    monkeypatch.setattr(
        house.store.runs, "fire", lambda _order, **_: (_ for _ in ()).throw(SpaceError("no space left"))
    )
    for minute in range(30, 45):
        house.look(f"2026-01-02T01:{minute}")
    monkeypatch.setattr(house.store.runs, "fire", fire)
    house.look("2026-01-02T01:45")

    assert house.dates(skipped=False) == ["2026-01-01T01:30", "2026-01-02T01:30"]
    assert [name for name, _ in house.told if name.startswith("job.")] == ["job.trouble", "job.recovered"]


def test_one_bad_job_does_not_keep_the_others(house):
    """A missing area file and a fault of ours are each said once; the good job runs each night."""

    def no_area():
        raise AreaError("/data/east.gpkg is not there")

    def broken():
        raise KeyError("ours")

    house.job("east", jobs=no_area).job("west", jobs=broken).job()
    for hour in range(72):
        house.look(BEGAN + timedelta(hours=hour))

    assert len(house.dates(skipped=False)) == 4
    assert house.timetable.troubles == {"east": "/data/east.gpkg is not there", "west": "KeyError: 'ours'"}
    assert [facts["job"] for name, facts in house.told if name == "job.trouble"] == ["east", "west"]


def test_a_job_that_is_mended_runs_and_says_what_it_missed(house):
    """Its dates in the time of trouble are rows with the trouble in them."""
    there = False

    def areas():
        if not there:
            raise AreaError("/data/east.gpkg is not there")
        return [("east", house.declared("east"))]

    house.job("east", jobs=areas)
    for hour in range(72):
        house.look(BEGAN + timedelta(hours=hour))
    there = True
    house.look(BEGAN + timedelta(hours=73))

    assert house.dates(skipped=False, job="east") == ["2026-01-04T01:30"]
    skipped = [row for row in house.store.dates.latest(9) if row.skipped]
    assert sorted(row.logical_date[:10] for row in skipped) == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert all("not there" in row.skipped for row in skipped)


def test_with_overlap_skip_a_date_does_not_stack_on_a_slow_run(house):
    """While last night's run has not ended, tonight's date is skipped, naming it; afterwards it goes on."""
    house.job(overlap="skip").look()
    (slow,) = house.store.queue.waiting()
    house.look("2026-01-02T01:30")
    house.end_runs()
    house.look("2026-01-03T01:30")

    assert house.dates(skipped=False) == ["2026-01-01T01:30", "2026-01-03T01:30"]
    (skipped,) = [row for row in house.store.dates.latest() if row.skipped]
    assert slow.id in skipped.skipped


def test_a_queue_has_an_end(house, monkeypatch):
    """A job of each minute on a service that stands still leaves so many runs, then rows that say so."""
    monkeypatch.setattr("orchestrator.engine.timetable.MOST_AT_ONCE", 10)
    house.job(cron="* * * * *")
    for minute in range(13):
        house.look(BEGAN + timedelta(minutes=minute))

    assert (len(house.dates(skipped=False)), len(house.dates(skipped=True))) == (10, 3)


def test_a_job_of_several_areas_is_fired_for_each_and_found_whole_after_a_crash(house, monkeypatch):
    """Killed between two areas, the next look adds what is missing and doubles nothing."""
    areas = [(f"nightly_{n}", house.declared(f"nightly_{n}")) for n in range(4)]
    house.job(jobs=lambda: areas)
    fire, left = house.store.runs.fire, [2]

    def dies(order, **more):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return fire(order, **more)

    monkeypatch.setattr(house.store.runs, "fire", dies)
    with pytest.raises(KeyboardInterrupt):
        house.look()
    monkeypatch.setattr(house.store.runs, "fire", fire)
    house.restart()
    house.look()
    house.look()

    assert [house.dates(skipped=False, job=name) for name, _ in areas] == [["2026-01-01T01:30"]] * 4
    assert len(house.store.queue.waiting()) == 4


@pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
def test_a_date_fired_before_the_upgrade_is_not_fired_again(house, zone):
    """A row without offset, of a version that had none, stands for its hour, also where that comes twice."""
    house.job(cron="*/30 * * * *", zone=zone)
    with sqlite3.connect(house.path) as database:
        rows = [("nightly", f"2026-11-01T01:{m}", "old", "2026-11-01T05:30:00+00:00", "") for m in ("00", "30")]
        database.executemany("INSERT INTO fires VALUES (?, ?, ?, ?, ?, 0)", rows)
    database.close()

    house.look("2026-11-01T06:45" if zone != "UTC" else "2026-11-01T01:45")

    assert house.dates(skipped=False) == ["2026-11-01T01:00", "2026-11-01T01:30"]
    assert house.store.queue.waiting() == []


@pytest.mark.parametrize("zones", [("Asia/Tokyo", "America/Los_Angeles"), ("America/Los_Angeles", "Asia/Tokyo")])
def test_another_time_zone_loses_no_hour(house, zones):
    """An hourly job that is moved to the other side of the world: the wall shows some times again, which are others."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for zone, begin, end in ((zones[0], 0, 24), (zones[1], 24, 48)):
        house.entries.clear()
        house.job(every="1h", zone=zone)
        house.restart()
        for hour in range(begin, end):
            house.look(first + timedelta(hours=hour))

    fired = {datetime.fromisoformat(name) for name in house.names(skipped=False)}
    assert fired == {first + timedelta(hours=n) for n in range(48)}
    assert house.names(skipped=True) == []


def test_a_date_that_another_offset_stands_for_says_so(house):
    """The rule about clocks was changed, and it was fired under the old one: it has a row, and is not fired again."""
    house.job(every="1h", zone="Europe/London").look("2026-07-01T00:00")
    house.entries.clear()
    house.job(every="1h", zone="UTC")
    house.restart()
    for minute in range(3):
        house.look(f"2026-07-01T01:0{minute}")

    assert house.names(skipped=False) == ["2026-07-01T01:00+01:00"]
    assert house.names(skipped=True) == ["2026-07-01T01:00+00:00"]
    (row,) = [row for row in house.store.dates.latest() if row.skipped]
    assert "2026-07-01T01:00+01:00 stands for it" in row.skipped


def test_a_clock_that_was_set_back_fires_nothing_twice(house):
    """The rows tell, not the memory of a process."""
    house.job().look("2026-01-05T12:00")
    for day in (2, 3, 4, 5):
        house.look(f"2026-01-{day:02d}T12:00")
        house.restart()
    house.look("2026-01-06T01:30")

    fired = house.dates(skipped=False)
    assert len(fired) == len(set(fired))
    assert {"2026-01-05T01:30", "2026-01-06T01:30"} <= set(fired)


@pytest.mark.parametrize(
    ("night", "zone", "names"),
    [
        pytest.param(
            "2026-11-01T04:00",
            "America/New_York",
            ["01:00-04:00", "01:00-05:00", "01:30-04:00", "01:30-05:00", "02:00-05:00", "02:30-05:00"],
            id="twice",
        ),
        pytest.param("2026-03-08T04:00", "America/New_York", ["01:00-05:00", "01:30-05:00"], id="not at all"),
        pytest.param(
            "2026-04-04T13:00",
            "Australia/Lord_Howe",
            ["01:00+11:00", "01:30+10:30", "01:30+11:00", "02:00+10:30", "02:30+10:30"],
            id="half an hour twice",
        ),
    ],
)
def test_a_daemon_that_watches_the_night_finds_each_date_once(house, night, zone, names):
    """Looked at every ten minutes, through the hour that comes twice, or not at all."""
    house.job(cron="*/30 1-2 * * *", zone=zone).look(night)
    before = {*house.names(skipped=False)}
    for minutes in range(0, 300, 10):
        house.look(datetime.fromisoformat(night).replace(tzinfo=UTC) + timedelta(minutes=minutes))

    assert sorted(name[11:] for name in house.names(skipped=False) if name not in before) == names
    assert house.names(skipped=True) == []


def test_a_date_that_a_person_asks_for_hides_none_that_was_missed(house):
    """Run by hand while the daemon was down: what was due before it is run all the same, and it has no second run."""
    house.job(catch_up="all").look("2026-01-01T01:30")
    (entry,) = house.entries
    house.clock.time = datetime(2026, 1, 3, 12, 17, tzinfo=UTC)
    asked = Moment(house.clock.time, "2026-01-03T12:17+00:00")
    for _ in range(2):
        order_date(house.store, entry, "nightly", house.declared("nightly"), asked, installation="here", triggered=True)
    house.restart()
    house.look("2026-01-05T07:00")

    days = [f"2026-01-0{day}T01:30" for day in range(1, 6)]
    assert house.dates(skipped=False) == sorted([*days, "2026-01-03T12:17"])
    assert len(house.store.queue.waiting()) == 6


@pytest.mark.parametrize(("by_hand", "fired"), [(False, False), (True, True)], ids=["the schedule", "a person"])
def test_a_date_that_was_skipped_is_fired_by_a_person_alone(house, by_hand, fired):
    """The store itself says so, whoever asks it at the same time."""
    house.job()
    moment = Moment(datetime(2026, 1, 1, 1, 30, tzinfo=UTC), "2026-01-01T01:30+00:00")
    house.store.dates.skip("nightly", {moment.date: "missed"})
    how = {"installation": "here", "triggered": by_hand}

    run = order_date(house.store, house.entries[0], "nightly", house.declared("nightly"), moment, **how)

    assert (run is not None, len(house.store.queue.waiting())) == (fired, int(fired))


def test_a_new_job_does_not_begin_with_a_date_whose_window_is_over(house):
    """Declared at noon, with a window that ended at six: tonight's is its first, and nobody is told anything."""
    house.job(finish_by="06:00").look()
    at_noon = list(house.told)
    house.look("2026-01-02T01:30")

    assert (at_noon, house.dates(skipped=False)) == ([], ["2026-01-02T01:30"])


def test_a_new_job_that_catches_nothing_up_has_missed_nothing(house):
    """It was not there yesterday."""
    house.job(catch_up="none").look()

    assert (house.dates(skipped=False), house.dates(skipped=True), house.told) == ([], [], [])


def test_what_a_person_asks_for_has_no_deadline(house):
    """Of a date whose window is long over: it is meant now, and is never deferred."""
    house.job(finish_by="06:00").look()
    (entry,) = house.entries
    moment = Moment(datetime(2025, 12, 24, 1, 30, tzinfo=UTC), "2025-12-24T01:30+00:00")

    order_date(house.store, entry, "nightly", house.declared("nightly"), moment, installation="here", triggered=True)
    house.look("2026-01-01T13:00")

    (waiting,) = house.store.queue.waiting()
    assert (waiting.finish_by, [name for name, _ in house.told]) == (0.0, [])
