"""The database's file: copied while others write, looked through, taken back to another schema."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest
from care_kit import ENDING, a_run, rows
from old_worlds import STATES, restore
from unit_kit import plans

from orchestrator.core.errors import IntegrityError, SpaceError, StateError
from orchestrator.engine.stores import care, migrate
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.states import Who
from orchestrator.model.unit import BroughtPiece

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

    with pytest.raises(StateError, match="damaged"):
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


def test_what_an_earlier_program_has_no_state_for_waits_again(path, clock):
    """A piece that was brought is brought again there, and the kept counts are true."""
    store = SqlStore(f"sqlite:///{path}", clock)
    run = store.runs.admit(Admission("night", "", ("f",), "{}")).id
    store.units.add(run, plans("a", "b", "c"))
    a, b, _ = store.units.claim(run, "fetch", 3, now=0.0, seconds=9.0)
    store.units.bring(a, BroughtPiece("pieces/a", 1, "0" * 64, as_bytes=True))
    store.units.hold(b, "quota", Who.TIME)
    store.close()

    migrate.take_back(f"sqlite:///{path}", "0004")

    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT key, state FROM units ORDER BY key").fetchall() == [
            ("a", "WAITING"),
            ("b", "WAITING"),
            ("c", "CLAIMED"),
        ]
        assert db.execute("SELECT state, units FROM unit_counts ORDER BY state").fetchall() == [
            ("CLAIMED", 1),
            ("WAITING", 2),
        ]


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
