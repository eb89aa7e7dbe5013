"""The database's file: copied while others write, looked through, pruned to the floor, taken back to another schema."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from old_worlds import STATES, restore

from orchestrator.core.errors import IntegrityError, SpaceError
from orchestrator.engine.stores import care, migrate
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.retention import Retention
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState
from orchestrator.model.unit import UnitPlan

NOW = datetime(2026, 11, 26, tzinfo=UTC)
DAY = 86400.0
ENDING = ("PLANNED", "EXPORTING", "ASSEMBLING", "PUBLISHED", "CLEANED")
# Old enough for everything to go at NOW.
ALL = Retention(runs_seconds=DAY, details_seconds=DAY, events_seconds=DAY, keep=0)


class Clock:
    """A time of day that a test sets."""

    at = NOW - timedelta(days=100)

    def now(self):
        return self.at

    def monotonic(self):
        return 0.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def store(path, clock):
    opened = SqlStore(f"sqlite:///{path}", clock)
    yield opened
    opened.close()


def a_run(store, name, folder, *, tasks=1, units=0, states=ENDING):
    """Carry a run through states, with tasks of one part each, units and an event."""
    job = Job(name, str(folder), AreaSource("0,0,1,1"), "2024-01-01", "2024-02-01")
    run = store.runs.admit(Admission(name, "", job.fingerprints(), job.to_json(), name))
    plans = [TaskPlan(n, Window(256 * n, 0, 256, 256), 256, 256) for n in range(tasks)]
    store.runs.save_plan(run.id, "{}", "", "{}", plans, [UnitPlan("pixels", f"{n:06d}") for n in range(units)])
    for state in states[1:]:
        store.runs.set_state(run.id, RunState(state))
    store.events.record(run.id, "run.done", {"n": 1})
    return run.id


def rows(path):
    """Return how many rows each table has, of those that have any."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # noqa: S608
    return {
        name: count for name, count in counts.items() if count and name not in ("alembic_version", "sqlite_sequence")
    }


# ------------------------------------------------------------------- copies


def test_a_copy_is_one_state_of_a_database_that_others_write(store, path, tmp_path):
    """Two rows that are always written together are in it together, whatever is committed meanwhile."""
    a_run(store, "a", tmp_path, tasks=200)
    ended = threading.Event()

    def write():
        n = 0
        while not ended.is_set():
            n += 1
            with store._db.write() as db:
                for name in ("a", "b"):
                    db.exec_driver_sql("INSERT OR REPLACE INTO lessons VALUES (?, 'n', ?)", (name, n))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copies = [tmp_path / f"copy-{n}.db" for n in range(5)]
        for copy in copies:
            care.back_up(path, copy)
    finally:
        ended.set()
        writer.join()

    for copy in copies:
        assert rows(copy)["tasks"] == 200
        with closing(sqlite3.connect(copy)) as db:
            assert len(db.execute("SELECT DISTINCT value FROM lessons").fetchall()) <= 1


def test_a_copy_is_one_file_for_its_owner_alone(store, path, tmp_path):
    """Without a log beside it, so that copying the one file is enough; nothing unfinished is left."""
    a_run(store, "a", tmp_path)

    care.back_up(path, tmp_path / "copies.db")

    assert (tmp_path / "copies.db").stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.glob("*copies*")) == ["copies.db"]
    assert rows(tmp_path / "copies.db") == rows(path)


def damaged(path):
    """Overwrite the middle of a database, as a dying disk does."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    content = bytearray(path.read_bytes())
    half = len(content) // 8192 * 4096
    content[half : half + 12288] = bytes(range(256)) * 48
    path.write_bytes(content)


def test_a_damaged_database_is_not_copied_over_a_good_copy(store, path, tmp_path):
    """What would be restored from it is looked through before it takes the earlier copy's name."""
    a_run(store, "a", tmp_path, tasks=200)
    care.back_up(path, tmp_path / "copy.db")
    before = (tmp_path / "copy.db").read_bytes()
    store.close()
    damaged(path)

    with pytest.raises(IntegrityError, match="damaged"):
        care.back_up(path, tmp_path / "copy.db")

    assert (tmp_path / "copy.db").read_bytes() == before


def test_a_copy_on_a_full_disk_leaves_nothing(store, path, tmp_path, monkeypatch):
    """It is said in a sentence, and room that was taken is given back."""
    a_run(store, "a", tmp_path, tasks=200)
    real = sqlite3.connect

    def narrow(target, *more, **given):
        database = real(target, *more, **given)
        if str(target).endswith(".tmp"):
            database.execute("PRAGMA max_page_count=4").close()
        return database

    monkeypatch.setattr(care.sqlite3, "connect", narrow)

    with pytest.raises(SpaceError, match="free some space"):
        care.back_up(path, tmp_path / "copy.db")

    assert not list(tmp_path.glob("*copy*"))


# ------------------------------------------------------------------- looking


def test_a_whole_database_has_no_findings(store, path, tmp_path):
    """With runs in several states, parts and units."""
    a_run(store, "a", tmp_path, tasks=3, units=5, states=ENDING[:2])

    assert care.look_through(path, migrate.HEAD) == []


WRONG = {
    "counted parts": ("UPDATE part_counts SET parts = parts + 1", "numbers of part_counts", False),
    "counted units": ("DELETE FROM unit_counts", "numbers of unit_counts", False),
    "needs": ("UPDATE units SET lacking = 7 WHERE key = '000001'", "1 numbers of units.lacking", False),
    "events": ("INSERT INTO events VALUES (99, 'gone', 'x', 'x', '{}', 0)", "1 events are of runs", False),
    "results": ("INSERT INTO outputs VALUES ('/a.tif', 'gone', '', '', 0)", "1 results are of runs", False),
    "references": ("INSERT INTO parts VALUES ('gone', 0, 0, 1, 1, '0', 'WAITING', 0, '', 0, 0)", "refer to", True),
    "columns": ("ALTER TABLE fires DROP COLUMN skipped", "the table fires lacks skipped", True),
    "an earlier schema": ("UPDATE alembic_version SET version_num = '0003'", "its schema is 0003", False),
    "no schema": ("DELETE FROM alembic_version", "its schema is none", False),
}


@pytest.mark.parametrize(("order", "said", "damage"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_found_and_said(store, path, tmp_path, order, said, damage):
    """By what it is, with what to do; and whether the file can still be trusted."""
    a_run(store, "a", tmp_path, tasks=3, units=5, states=ENDING[:2])
    store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(order)
        db.commit()

    found = care.look_through(path, migrate.HEAD)

    assert any(said in finding.what for finding in found), found
    assert any(finding.damaged for finding in found) == damage
    assert all(finding.to_do for finding in found)


def test_a_damaged_file_is_found(store, path, tmp_path):
    """SQLite's own sentences, and that a copy helps, or a new state made of what is in the cloud."""
    a_run(store, "a", tmp_path, tasks=200)
    store.close()
    damaged(path)

    (finding,) = care.look_through(path, migrate.HEAD)

    assert finding.damaged
    assert "the file is damaged" in finding.what
    assert "orchestrator db backup" in finding.to_do
    assert "orchestrator recover" in finding.to_do


def test_counters_are_counted_anew(store, path, tmp_path):
    """After a repair nothing is found any more, and no row but the counters was changed."""
    a_run(store, "a", tmp_path, tasks=3, units=5, states=ENDING[:2])
    with closing(sqlite3.connect(path)) as db:
        before = db.execute("SELECT * FROM part_counts").fetchall()
        for order, _, _ in (WRONG["counted parts"], WRONG["counted units"], WRONG["needs"], WRONG["events"]):
            db.execute(order)
        db.commit()

    mended = care.repair(path)

    assert len(mended) == 4
    assert care.look_through(path, migrate.HEAD) == []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM part_counts").fetchall() == before


# ------------------------------------------------------------------ pruning


def forget(store, retention=ALL):
    """Do what `orchestrator prune --yes` does."""
    now = NOW.timestamp()
    doomed = store.pruning.doomed(retention, now)
    for run_id in doomed.runs:
        store.pruning.remove(run_id)
    for run_id in doomed.thin:
        store.pruning.thin(run_id)
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
    store.ledger.settle(store.ledger.of(run_id)[0].id, Deletion.DELETED)
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


# ------------------------------------------------------------------ schemas


def columns(path):
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(row[1] for row in db.execute(f'PRAGMA table_info("{name}")')) for name in names}


def test_the_way_back_leads_to_the_earlier_schema_with_every_row(path, tmp_path, clock):
    """As the earlier program left it, row for row: it is continued there."""
    restore(STATES / "schema_0003.sql", tmp_path, path)
    before_columns, before = columns(path), rows(path)
    with closing(sqlite3.connect(path)) as db:
        runs = db.execute("SELECT * FROM runs ORDER BY id").fetchall()
    SqlStore(f"sqlite:///{path}", clock).close()

    migrate.take_back(f"sqlite:///{path}", "0003")

    assert (columns(path), rows(path)) == (before_columns, before)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM runs ORDER BY id").fetchall() == runs
    assert care.version_of(path) == "0003"


def test_a_way_back_and_on_again_is_whole(path, tmp_path, clock):
    """An earlier program was tried, and given up again."""
    restore(STATES / "schema_0003.sql", tmp_path, path)
    for _ in range(2):
        SqlStore(f"sqlite:///{path}", clock).close()
        migrate.take_back(f"sqlite:///{path}", "0003")
    SqlStore(f"sqlite:///{path}", clock).close()

    assert care.look_through(path, migrate.HEAD) == []


def test_only_a_database_of_this_schema_is_taken_back(path, tmp_path):
    """Of another nobody knows what would be lost."""
    restore(STATES / "schema_0002.sql", tmp_path, path)

    with pytest.raises(IntegrityError, match="is at schema 0002, not at this program's"):
        migrate.take_back(f"sqlite:///{path}", "0003")
