"""The file under the store: its schema, and what is wrong with it, in one line."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import DatabaseError, OperationalError

from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import IntegrityError, StateError
from orchestrator.engine.stores import migrate
from orchestrator.engine.stores.address import open_backend
from orchestrator.engine.stores.dialect import Trouble
from orchestrator.engine.stores.schema import metadata
from orchestrator.engine.stores.sql import SqlStore


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def store(path):
    opened = SqlStore(f"sqlite:///{path}", SystemClock())
    yield opened
    opened.close()


def test_a_new_database_has_the_schema_of_the_program(store_url):
    """Its tables are exactly those the code speaks of, in both kinds."""
    with closing(SqlStore(store_url, SystemClock())) as store, store._db.read() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []


def schema_of(path: Path) -> dict[str, list]:
    """Return columns (by name: type, not null, default, key), references and indices of each table, and the version."""
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {"version": db.execute("SELECT version_num FROM alembic_version").fetchall()}
        for name in tables:
            columns = sorted(row[1:] for row in db.execute(f"PRAGMA table_info({name})"))
            references = sorted(row[2:] for row in db.execute(f"PRAGMA foreign_key_list({name})"))
            indices = sorted(
                (unique, partial, [row[2] for row in db.execute(f"PRAGMA index_info({index})")])
                for _, index, unique, _, partial in db.execute(f"PRAGMA index_list({name})")
            )
            found[name] = [columns, references, indices]
    return found


def test_migrations_lead_to_the_schema_of_the_program(tmp_path, monkeypatch):
    """A new database is made at once; one that was taken from the first schema through every migration is the same."""
    SqlStore(f"sqlite:///{tmp_path / 'new.db'}", SystemClock()).close()
    monkeypatch.setattr(migrate, "_begin", lambda *_: None)
    SqlStore(f"sqlite:///{tmp_path / 'migrated.db'}", SystemClock()).close()

    made = schema_of(tmp_path / "new.db")

    assert len(made) > 10
    assert made == schema_of(tmp_path / "migrated.db")


def test_what_is_committed_is_on_disk(store):
    """WAL with synchronous=FULL: a power cut after a commit loses nothing of it."""
    with store._db._engine.connect() as db:
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def held(path: Path) -> list[str]:
    """Return which of a database's files this process holds open."""
    names = (str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink())
    return [name for name in names if name.startswith(str(path.resolve()))]


def test_a_newer_database_is_refused(store, path):
    """An old program does not touch what a newer one wrote, and lets go of it."""
    store.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()

    with pytest.raises(IntegrityError, match="newer than this program") as refused:
        SqlStore(f"sqlite:///{path}", SystemClock())

    assert held(path) == [], refused  # named, so that its traceback still holds whatever was not closed


@pytest.mark.parametrize("order", ["DELETE FROM alembic_version", "UPDATE alembic_version SET version_num = ''"])
def test_a_database_without_a_schema_version_is_refused(store, path, order):
    """A sentence says what was found, what was expected and what to do."""
    store.close()
    with sqlite3.connect(path) as db:
        db.execute(order)
    db.close()

    with pytest.raises(IntegrityError, match="schema version '', expected"):
        SqlStore(f"sqlite:///{path}", SystemClock())


def test_a_damaged_database_is_said_in_one_line(tmp_path):
    """A file that is no database stops the program with a sentence, not with a traceback."""
    path = tmp_path / "state.db"
    path.write_bytes(b"this is not a database, but long enough to be taken for one at first sight" * 20)

    with pytest.raises(StateError, match="damaged"):
        SqlStore(f"sqlite:///{path}", SystemClock())


def a_full_disk(folder: Path) -> None:
    with sqlite3.connect(folder / "full.db") as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("PRAGMA max_page_count=2").close()
        db.execute("INSERT INTO t VALUES (zeroblob(100000))")


def a_busy_neighbour(folder: Path) -> None:
    first, second = (sqlite3.connect(folder / "busy.db", timeout=0, isolation_level=None) for _ in range(2))
    first.execute("BEGIN IMMEDIATE")
    second.execute("BEGIN IMMEDIATE")


def a_damaged_file(folder: Path) -> None:
    (folder / "damaged.db").write_bytes(b"no database" * 100)
    sqlite3.connect(folder / "damaged.db").execute("SELECT * FROM sqlite_master")


def a_folder_that_is_none(folder: Path) -> None:
    sqlite3.connect(folder / "none" / "state.db")


def a_wrong_value(folder: Path) -> None:
    sqlite3.connect(folder / "wrong.db").execute("CREATE TABLE full (busy CHECK (busy > 0))").connection.execute(
        "INSERT INTO full VALUES (0)"
    )


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("happens", "trouble"),
    [
        (a_full_disk, Trouble.FULL),
        (a_busy_neighbour, Trouble.BUSY),
        (a_damaged_file, Trouble.DAMAGED),
        (a_folder_that_is_none, Trouble.UNUSABLE),
        (a_wrong_value, Trouble.OURS),
    ],
)
def test_trouble_is_told_by_its_code(tmp_path, happens, trouble):
    """SQLite's sentences are for people: a table that is called `full` fills no disk."""
    with pytest.raises(sqlite3.DatabaseError) as raised:
        happens(tmp_path)

    kind = OperationalError if isinstance(raised.value, sqlite3.OperationalError) else DatabaseError
    assert open_backend("sqlite://").trouble_of(kind("statement", {}, raised.value)) is trouble
