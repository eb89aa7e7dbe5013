"""What ended long ago is forgotten, and its room given back; what protects something stays."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest
from care_kit import ENDING, NOW, a_run, rows
from old_worlds import STATES, restore

from orchestrator.engine.stores import care, migrate
from orchestrator.engine.stores.retention import Retention
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.states import RunState

DAY = 86400.0
# Old enough for everything to go at NOW.
ALL = Retention(runs_seconds=DAY, details_seconds=DAY, events_seconds=DAY, keep=0)


def forget(store, retention=ALL):
    """Do what `orchestrator prune --yes` does."""
    now = NOW.timestamp()
    doomed = store.pruning.doomed(retention, now)
    for run_id in doomed.runs:
        store.pruning.remove(run_id, retention, now)
    for run_id in doomed.thin:
        store.pruning.thin(run_id, retention, now)
    store.pruning.remove_events(retention, now)
    store.pruning.reclaim()
    return doomed


def test_after_a_prune_the_database_is_as_small_as_an_empty_one(store, path, tmp_path):
    """Thousands of parts, units and events go with their runs, and so does their room on the disk."""
    store.pruning.checkpoint()
    floor = store.pruning.size()
    for name in "abc":
        a_run(store, name, tmp_path, tasks=300, units=300)
    store.pruning.checkpoint()
    full = store.pruning.size()

    forget(store)

    assert rows(path) == {}
    assert store.pruning.size() <= floor < full / 2
    assert care.look_through(path, migrate.HEAD) == []


def test_an_old_database_gives_its_room_back_too(path, tmp_path, clock):
    """One that was begun before room was given back in steps is written anew once."""
    restore(STATES / "schema_0003.sql", tmp_path, path)
    with closing(SqlStore(f"sqlite:///{path}", clock)) as store:
        before = store.pruning.size()
        with store._db.write() as db:
            db.exec_driver_sql("DELETE FROM documents")

        store.pruning.reclaim()

        assert store.pruning.size() < 0.8 * before
        assert care.look_through(path, migrate.HEAD) == []


@pytest.mark.parametrize("what", ["remove", "thin"])
def test_a_run_that_was_taken_up_again_meanwhile_stays_whole(store, path, tmp_path, what):
    """Between the list of what goes and its turn; whatever state it reaches until then."""
    run_id = a_run(store, "a", tmp_path, tasks=2, units=2, states=(*ENDING[:2], "FAILED"))
    go = getattr(store.pruning, what)
    store.runs.set_state(run_id, RunState.EXPORTING)
    before = rows(path)

    gone = go(run_id, ALL, NOW.timestamp())

    assert (gone, rows(path)) == (False, before)


@pytest.mark.parametrize("why", ["ended again", "is counted", "has objects", "has a file"])
def test_what_protects_a_run_is_asked_again_when_it_goes(store, clock, path, tmp_path, why):
    """It was taken up again meanwhile, and ended."""
    run_id = a_run(store, "a", tmp_path, tasks=2, states=(*ENDING[:2], "FAILED"))
    doomed = store.pruning.doomed(ALL, NOW.timestamp()).runs
    if why == "ended again":
        clock.at = NOW
        store.runs.set_state(run_id, RunState.EXPORTING)
        store.runs.set_state(run_id, RunState.FAILED)
    elif why == "is counted":
        with store._db.write() as db:
            db.exec_driver_sql("INSERT INTO usage VALUES (?, '2026-11', 'batch', 1.0)", (run_id,))
    elif why == "has objects":
        store.ledger.own(run_id, [StoredObject("o", 1, "1", None, None, "")])
    else:
        (tmp_path / "a.tif").write_bytes(b"x")
        store.outputs.claim(str(tmp_path / "a.tif"), run_id, "a")
    before = rows(path)

    gone = store.pruning.remove(run_id, ALL, NOW.timestamp())

    assert (doomed, gone, rows(path)) == ((run_id,), False, before)


@pytest.mark.parametrize("states", [ENDING[:n] for n in range(1, 5)], ids=ENDING[:4])
def test_a_run_that_has_not_ended_stays(store, path, tmp_path, states):
    """However old; with its events and all its rows."""
    a_run(store, "a", tmp_path, tasks=2, units=2, states=states)
    before = rows(path)

    forget(store)

    assert rows(path) == before


def test_a_run_whose_result_is_there_stays_and_only_its_details_go(store, path, tmp_path):
    """What protects the file from being replaced by another job is never forgotten."""
    run_id = a_run(store, "a", tmp_path, tasks=2)
    (tmp_path / "a_clipped.tif").write_bytes(b"x")
    store.outputs.claim(str(tmp_path / "a_clipped.tif"), run_id, "a")

    doomed = forget(store)

    assert (doomed.runs, doomed.thin) == ((), (run_id,))
    assert rows(path) == {"runs": 1, "documents": 3, "outputs": 1}


@pytest.mark.parametrize(("there", "stays"), [(True, False), (False, True)], ids=["gone", "not mounted"])
def test_a_run_whose_result_is_gone_goes_where_its_folder_is_there(store, tmp_path, there, stays):
    """A disk that is not mounted now may hold it."""
    folder = tmp_path / "out"
    run_id = a_run(store, "a", folder)
    store.outputs.claim(str(folder / "a_clipped.tif"), run_id, "a")
    if there:
        folder.mkdir()

    forget(store)

    assert store.runs.count() == stays


def test_a_run_with_objects_in_a_cloud_stays(store, tmp_path):
    """Until `clean` has taken them away: nothing else knows that they are ours."""
    run_id = a_run(store, "a", tmp_path, states=(*ENDING[:2], "FAILED"))
    store.ledger.own(run_id, [StoredObject("o", 1, "1", None, None, "")])

    first = forget(store)
    store.ledger.settle({store.ledger.of(run_id)[0].id: Deletion.DELETED})
    second = forget(store)

    assert (first.runs, second.runs) == ((), (run_id,))


def test_a_run_whose_exports_may_still_run_stays(store, tmp_path):
    """One that could not be cancelled when it failed."""
    a_run(store, "a", tmp_path, states=(*ENDING[:2], "FAILED"))
    with store._db.write() as db:
        db.exec_driver_sql("UPDATE tasks SET state = 'RUNNING'")

    assert forget(store).runs == ()


def test_a_run_that_this_month_counts_stays(store, tmp_path):
    """The budget of a month is counted of its rows."""
    run_id = a_run(store, "a", tmp_path)
    with store._db.write() as db:
        db.exec_driver_sql("INSERT INTO usage VALUES (?, '2026-10', 'batch', 1.0)", (run_id,))

    first = forget(store).runs
    with store._db.write() as db:
        db.exec_driver_sql("UPDATE usage SET month = '2026-09'")

    assert (first, forget(store).runs) == ((), (run_id,))


@pytest.mark.parametrize(("age", "keep", "left"), [(99, 0, 2), (101, 0, 3), (1, 2, 2), (0, 0, 3)])
def test_age_and_count_decide(store, clock, tmp_path, age, keep, left):
    """Runs of 100, 50 and 10 days: those younger than the age stay, and the newest of a number; no age is for ever."""
    for name, days in (("a", 100), ("b", 50), ("c", 10)):
        clock.at = NOW - timedelta(days=days)
        a_run(store, name, tmp_path)
    if age == 1:
        forget(store, Retention(runs_seconds=DAY, keep=keep))
    else:
        forget(store, Retention(runs_seconds=age * DAY, keep=keep))

    assert store.runs.count() == left


def test_dates_of_schedules_stay_known(store):
    """The last ones of each job, whatever their age: a date that was fired is never fired again."""
    days = [f"2020-01-01T{n // 60:02d}:{n % 60:02d}" for n in range(520)]
    store.dates.skip("nightly", dict.fromkeys(days, "missed"))
    store.dates.skip("other", {"2019-01-01T00:00": "missed"})

    forget(store)

    assert store.dates.known("nightly", days) == frozenset(days[20:])
    assert store.dates.known("other", ["2019-01-01T00:00"]) == {"2019-01-01T00:00"}


def test_dates_that_a_person_asked_for_push_out_none_of_the_schedule(store):
    """The timetable looks on from the last that is the schedule's own, however many others are newer."""
    store.dates.skip("nightly", {"2020-01-01T01:30+00:00": "missed"})
    with store._db.write() as db:
        rows = [("nightly", f"2021-01-01T{n // 60:02d}:{n % 60:02d}+00:00") for n in range(520)]
        db.exec_driver_sql("INSERT INTO fires VALUES (?, ?, 'old', '2021', '', 1)", rows)

    forget(store)

    assert store.dates.last("nightly", "2022", 9) == ["2020-01-01T01:30+00:00"]
    assert len(store.dates.latest(1000, job_name="nightly")) == 501


def test_the_log_beside_the_database_is_cut(store, path):
    """It grows while somebody reads; afterwards its room is given back."""
    with store._db.read() as db:
        db.exec_driver_sql("SELECT count(*) FROM events").all()
        for _ in range(30):
            store.events.record("r", "x", {"text": "x" * 100_000})
        grown = path.with_name("state.db-wal").stat().st_size

    store.pruning.checkpoint()

    assert grown > 3_000_000
    assert path.with_name("state.db-wal").stat().st_size == 0
