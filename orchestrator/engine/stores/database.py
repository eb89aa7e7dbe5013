"""The file behind every family of tables: SQLite in WAL mode with synchronous=FULL, transactions opened by us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from orchestrator.core.clock import Clock
from orchestrator.core.errors import IntegrityError, SpaceError, TransientError
from orchestrator.engine.stores.migrate import upgrade


class Database:
    """One database at the present schema; safe for all threads of a process, and for several processes."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._engine = _connect(url)
        self._clock = clock
        try:
            with _disk_errors():
                upgrade(self._engine)
        except BaseException:
            self.close()  # nobody else can: whoever asked for a store has none
            raise

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; it is durable when the block ends."""
        with _disk_errors(), self._engine.connect().execution_options(write=True) as db, db.begin():
            yield db

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that reads one state of the whole database."""
        with _disk_errors(), self._engine.connect() as db, db.begin():
            yield db

    def now(self) -> str:
        """Return the time for people, RFC 3339."""
        return self._clock.now().isoformat(timespec="milliseconds")

    def seconds(self) -> float:
        """Return the time of day as seconds since 1970."""
        return self._clock.now().timestamp()

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Say whose turn it is when the database's file cannot be read or written."""
    try:
        yield
    except OperationalError as error:
        sentence = str(error.orig)
        if "full" in sentence:
            raise SpaceError(f"the state database cannot be written: {sentence}; free some space") from error
        if "locked" in sentence or "busy" in sentence:
            raise TransientError(f"the state database is busy: {sentence}") from error
        raise IntegrityError(f"the state database cannot be used: {sentence}; see docs/howto/recover.md") from error
    except DatabaseError as error:
        if "malformed" in str(error.orig) or "not a database" in str(error.orig):
            raise IntegrityError(f"the state database is damaged: {error.orig}; see docs/howto/recover.md") from error
        raise


def _connect(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # SQLAlchemy's begin event, below, opens transactions; sqlite3 must not open its own.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once when another process wrote in between.
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
