"""The database behind every family of tables, and its transactions."""

from __future__ import annotations

import copy
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, bindparam, select
from sqlalchemy.exc import DatabaseError

from orchestrator.core import crash
from orchestrator.core.clock import Clock
from orchestrator.core.errors import FencedError, SpaceError, StateError, TransientError
from orchestrator.engine.stores.dialect import Trouble, open_database, trouble_of, trouble_of_sqlite
from orchestrator.engine.stores.migrate import upgrade
from orchestrator.engine.stores.schema import runs

_FENCE = select(runs.c.fence).where(runs.c.id == bindparam("of_run"))


class Database:
    """One database at the present schema; safe for all threads of a process, and for several processes."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._engine = open_database(url)
        self._clock = clock
        self._lease: tuple[str, int] | None = None
        self._watcher = _Watcher(self._engine)
        try:
            with _disk_errors():
                upgrade(self._engine)
        except BaseException:
            self.close()  # nobody else can: whoever asked for a store has none
            raise

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """
        Open a transaction that writes; it is durable when the block ends.

        The ends of a block in `SqlRuns.admit` are the crash points `SqlRuns.admit.uncommitted` and `.committed`.
        """
        writer = sys._getframe(2).f_code.co_qualname  # noqa: SLF001  0 is this, 1 the context manager's entrance
        with _disk_errors(), self._engine.connect().execution_options(write=True) as db, db.begin():
            if self._lease is not None:
                check_fence(db, *self._lease)
            yield db
            crash.point(f"{writer}.uncommitted")
        crash.point(f"{writer}.committed")

    def under(self, run_id: str, fence: int) -> Database:
        """
        Return this database for the holder of a lease: it writes nothing any more once another has the run.

        The look at the number and what is written are one transaction, so that no process that was stopped or cut off,
        and comes back, changes what goes on without it.
        """
        leased = copy.copy(self)
        leased._lease = (run_id, fence)  # noqa: SLF001  of its own kind
        return leased

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that reads one state of the whole database."""
        with _disk_errors(), self._engine.connect() as db, db.begin():
            yield db

    @contextmanager
    def maintain(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection without a transaction: what gives room back cannot be part of one."""
        with _disk_errors(), told(), self._engine.connect() as db:
            plain: sqlite3.Connection = db.connection.driver_connection  # type: ignore[assignment]
            yield plain

    @property
    def path(self) -> Path:
        """The database's file."""
        return Path(str(self._engine.url.database))

    def now(self) -> str:
        """Return the time for people, RFC 3339."""
        return self._clock.now().isoformat(timespec="milliseconds")

    def seconds(self) -> float:
        """Return the time of day as seconds since 1970."""
        return self._clock.now().timestamp()

    def revision(self) -> int:
        """Return a number that is another one after any connection, of any process, has changed the database."""
        with _disk_errors(), told():
            return self._watcher.look()

    def close(self) -> None:
        self._watcher.close()
        self._engine.dispose()


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


def check_fence(db: Connection, run_id: str, fence: int) -> None:
    """
    Make sure that a lease is nobody else's by now; a run that has no row has the lease 0.

    Raises:
        FencedError: It is.
    """
    if (db.execute(_FENCE, {"of_run": run_id}).scalar() or 0) != fence:
        raise FencedError(
            f"run {run_id} was taken over by another process after this one had not been heard of for too long (lease "
            f"{fence}); nothing more is changed here, `orchestrator watch {run_id}` follows it"
        )


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Say whose turn it is when the database's file cannot be read or written."""
    try:
        yield
    except DatabaseError as error:
        _tell(trouble_of(error), str(error.orig), error)
        raise


@contextmanager
def told() -> Iterator[None]:
    """As for the errors of a store, for those of SQLite itself."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        _tell(trouble_of_sqlite(error), str(error), error)
        raise


def _tell(trouble: Trouble, sentence: str, error: Exception) -> None:
    if trouble is Trouble.FULL:
        raise SpaceError(f"the state database cannot be written: {sentence}; free some space") from error
    if trouble is Trouble.BUSY:
        raise TransientError(f"the state database is busy: {sentence}") from error
    if trouble is Trouble.DAMAGED:
        raise StateError(
            f"the state database is damaged: {sentence}; stop, and put back a copy that `orchestrator db backup` made, "
            "or rebuild it with `orchestrator recover`: see docs/howto/recover.md"
        ) from error
    if trouble is Trouble.UNUSABLE:
        raise StateError(f"the state database cannot be used: {sentence}; see docs/howto/recover.md") from error
