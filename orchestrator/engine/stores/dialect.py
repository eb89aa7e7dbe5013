"""What SQLAlchemy cannot say for every database alike. Another database needs its own words here and nowhere else."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, create_engine, event, func, select, text
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import DatabaseError, OperationalError


def insert_where_absent(table: Table, key: Collection[str] = ()) -> Insert:
    """Insert rows; where one of the same key (any key, unless named) is there, it stays as it is."""
    return insert(table).on_conflict_do_nothing(index_elements=list(key) or None)


def insert_or_update(table: Table, key: Collection[str], columns: Collection[str]) -> Insert:
    """Insert rows; where one of the same key is there, it takes these columns of the new one."""
    statement = insert(table)
    taken = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(index_elements=list(key), set_=taken)


def insert_and_add(table: Table, key: Collection[str], numbers: Collection[str]) -> Insert:
    """Insert rows; where one of the same key is there, these numbers of the new one are added to its own."""
    statement = insert(table)
    sums = {name: table.columns[name] + statement.excluded[name] for name in numbers}
    return statement.on_conflict_do_update(index_elements=list(key), set_=sums)


def json_value(column: ColumnElement[Any], path: str) -> ColumnElement[Any]:
    """Return the value at a path (`$.area.source`) of a column that holds JSON; NULL where there is none."""
    return func.json_extract(func.nullif(column, ""), path)


def json_least(column: ColumnElement[Any], path: str) -> ColumnElement[Any]:
    """Return the least value of the object at a path of a column that holds JSON; NULL where it is empty, or none."""
    values = func.json_each(func.nullif(column, ""), path).table_valued("value")
    return select(func.min(values.c.value)).correlate(column.table).scalar_subquery()


def seconds_after(moment: ColumnElement[str], since: ColumnElement[str] | str) -> ColumnElement[float]:
    """How many seconds a time (RFC 3339, UTC) is after another."""
    return (func.julianday(moment) - func.julianday(since)) * 86_400


def number_in(document: ColumnElement[str], name: str) -> ColumnElement[int]:
    """A number in a JSON object, 1 where it has none of that name."""
    return func.coalesce(func.json_extract(document, f"$.{name}"), 1)


class Trouble(Enum):
    """Why the database did not do what it was asked."""

    FULL = auto()  # the disk
    BUSY = auto()  # another process has it
    DAMAGED = auto()
    UNUSABLE = auto()  # its file cannot be opened, read or written
    OURS = auto()  # the statement is wrong


# https://sqlite.org/rescode.html; the lower eight bits are the primary code.
_TROUBLES = {
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_CORRUPT: Trouble.DAMAGED,
    sqlite3.SQLITE_NOTADB: Trouble.DAMAGED,
}


def trouble_of(error: DatabaseError) -> Trouble:
    """Tell what kind of trouble an error is, by its code."""
    return _kind(error.orig, Trouble.UNUSABLE if isinstance(error, OperationalError) else Trouble.OURS)


def trouble_of_sqlite(error: sqlite3.DatabaseError) -> Trouble:
    """As `trouble_of`, of an error of SQLite itself."""
    return _kind(error, Trouble.UNUSABLE if isinstance(error, sqlite3.OperationalError) else Trouble.OURS)


def _kind(error: BaseException | None, usual: Trouble) -> Trouble:
    code = getattr(error, "sqlite_errorcode", None)
    return usual if code is None else _TROUBLES.get(code & 0xFF, usual)


# A new database gives room back in steps, for which it must know so from the first table on. The log beside it is
# cut to `journal_size_limit` bytes after each time it was written into the database, which is every 1000 pages.
_PRAGMAS = (
    *("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"),
    *("wal_autocheckpoint=1000", f"journal_size_limit={16 << 20}"),
)


def open_database(url: str) -> Engine:
    """
    Return a database whose commits are durable and whose transactions say at their beginning whether they write.

    SQLite in WAL mode with synchronous=FULL; a connection waits half a minute for another process.
    """
    engine = create_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # SQLAlchemy's begin event, below, opens transactions; sqlite3 must not open its own.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once when another process wrote in between.
        if connection.get_execution_options().get("write", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # touches no file, so there is no error to translate, and most transactions only read
            plain: Any = connection.connection.driver_connection
            plain.execute("BEGIN").close()

    return engine


@contextmanager
def unguarded(connection: Connection) -> Iterator[None]:
    """Let tables be made anew while others refer to them: SQLite asks for this outside of a transaction."""
    plain: Any = connection.connection.driver_connection
    plain.execute("PRAGMA foreign_keys=OFF").close()
    try:
        yield
    finally:
        plain.execute("PRAGMA foreign_keys=ON").close()


def broken_references(connection: Connection) -> str:
    """Return the first row that refers to one that is not there, empty where all do."""
    row = connection.execute(text("PRAGMA foreign_key_check")).first()
    return "" if row is None else f"row {row[1]} of {row[0]}"
