"""SQLite: one file, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, RootTransaction, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.util import LRUCache

from orchestrator.engine.stores.backend import MODE, TransactionMode
from orchestrator.engine.stores.dialect import Trouble

# A new database gives room back in steps, for which it must know so from the first table on. The log beside it is
# cut to `journal_size_limit` bytes after each time it was written into the database, which is every 1000 pages.
_PRAGMAS = (
    *("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"),
    *("wal_autocheckpoint=1000", f"journal_size_limit={16 << 20}"),
)
# Pages given back in one transaction; others write in between.
_STEP_PAGES = 2000

# https://sqlite.org/rescode.html; the lower eight bits are the primary code.
_TROUBLES = {
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_CORRUPT: Trouble.DAMAGED,
    sqlite3.SQLITE_NOTADB: Trouble.DAMAGED,
}
ADVICE: Mapping[Trouble, str] = MappingProxyType(
    {
        Trouble.FULL: "free some space",
        Trouble.DAMAGED: (
            "stop, and put back a copy that `orchestrator db backup` made, or rebuild it with `orchestrator recover`: "
            "see docs/howto/recover.md"
        ),
        Trouble.UNUSABLE: "see docs/howto/recover.md",
    }
)


class Sqlite:
    """
    A file whose commits are durable and whose transactions say at their beginning whether they write.

    WAL mode with synchronous=FULL; a connection waits half a minute for another process.
    """

    kind = "SQLite"
    version_query = "SELECT sqlite_version()"

    def __init__(self, url: URL) -> None:
        self.engine = _engine(url)
        self._watcher = _Watcher(self.engine)

    @property
    def path(self) -> Path:
        """The database's file."""
        return Path(str(self.engine.url.database))

    def check(self) -> None:
        """Do nothing: every SQLite holds a state."""

    def commit(self, _db: Connection, transaction: RootTransaction) -> None:
        transaction.commit()

    def trouble_of(self, error: DatabaseError) -> Trouble:
        return _kind(error.orig, Trouble.UNUSABLE if isinstance(error, OperationalError) else Trouble.OURS)

    def advise(self, trouble: Trouble, _sentence: str) -> str:
        return ADVICE.get(trouble, "")

    def revision(self) -> int:
        return self._watcher.look()

    def baseline(self) -> None:
        """Begin with the present tables."""

    @contextmanager
    def unguarded(self, connection: Connection) -> Iterator[None]:
        """SQLite asks for this outside of a transaction."""
        plain: Any = connection.connection.driver_connection
        plain.execute("PRAGMA foreign_keys=OFF").close()
        try:
            yield
        finally:
            plain.execute("PRAGMA foreign_keys=ON").close()

    def settle(self, connection: Connection) -> str:
        row = connection.execute(text("PRAGMA foreign_key_check")).first()
        return "" if row is None else f"row {row[1]} of {row[0]}"

    def reclaim(self) -> None:
        with self._plain() as plain:
            if plain.execute("PRAGMA auto_vacuum").fetchone()[0] == 2:
                while plain.execute("PRAGMA freelist_count").fetchone()[0]:
                    plain.execute(f"PRAGMA incremental_vacuum({_STEP_PAGES})").fetchall()
            else:  # of an earlier version: from here on it gives its room back in steps
                plain.execute("PRAGMA auto_vacuum=INCREMENTAL").close()
                plain.execute("VACUUM").close()
        self.checkpoint()

    def checkpoint(self) -> None:
        with self._plain() as plain:
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def size(self) -> int:
        found = 0
        for file in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            with suppress(FileNotFoundError):
                found += file.stat().st_size
        return found

    def close(self) -> None:
        self._watcher.close()
        self.engine.dispose()

    @contextmanager
    def _plain(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection without a transaction: what gives room back cannot be part of one."""
        with self.engine.connect() as db:
            plain: sqlite3.Connection = db.connection.driver_connection  # type: ignore[assignment]
            yield plain


class _Compiled(LRUCache[Any, Any]):
    """
    Statements as SQL, kept for every database of this process: to compile one costs more than to run it.

    SQLAlchemy keeps them for each engine anew, since the dialect is part of what it finds them by; there is one SQLite.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


_COMPILED = _Compiled(500)  # as many as an engine keeps


def _engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 30}, execution_options={"compiled_cache": _COMPILED})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # SQLAlchemy's begin event, below, opens transactions; sqlite3 must not open its own.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once when another process wrote in between.
        if connection.get_execution_options().get(MODE, TransactionMode.READ) is not TransactionMode.READ:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # touches no file, so there is no error to translate, and most transactions only read
            plain: Any = connection.connection.driver_connection
            plain.execute("BEGIN").close()

    return engine


class _Watcher:
    """
    One connection that never writes, so that whatever changes was changed by others.

    https://sqlite.org/pragma.html#pragma_data_version: values are compared with those of the same connection alone.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._guard = threading.Lock()
        self._connection: PoolProxiedConnection | None = None

    def look(self) -> int:
        with self._guard:
            if self._connection is None:
                self._connection = self._engine.raw_connection()
            plain: Any = self._connection.driver_connection
            return int(plain.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def trouble_of_sqlite(error: sqlite3.DatabaseError) -> Trouble:
    """As `Sqlite.trouble_of`, of an error of SQLite itself."""
    return _kind(error, Trouble.UNUSABLE if isinstance(error, sqlite3.OperationalError) else Trouble.OURS)


def _kind(error: BaseException | None, usual: Trouble) -> Trouble:
    code = getattr(error, "sqlite_errorcode", None)
    return usual if code is None else _TROUBLES.get(code & 0xFF, usual)
