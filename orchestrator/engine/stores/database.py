"""The database behind every family of tables, and its transactions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from orchestrator.core import crash
from orchestrator.core.clock import Clock
from orchestrator.core.errors import SpaceError, StateError, TransientError
from orchestrator.engine.stores.dialect import Trouble, open_database, trouble_of
from orchestrator.engine.stores.migrate import upgrade


class Database:
    """One database at the present schema; safe for all threads of a process, and for several processes."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._engine = open_database(url)
        self._clock = clock
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
            yield db
            crash.point(f"{writer}.uncommitted")
        crash.point(f"{writer}.committed")

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
    except DatabaseError as error:
        trouble, sentence = trouble_of(error), str(error.orig)
        if trouble is Trouble.FULL:
            raise SpaceError(f"the state database cannot be written: {sentence}; free some space") from error
        if trouble is Trouble.BUSY:
            raise TransientError(f"the state database is busy: {sentence}") from error
        if trouble is Trouble.DAMAGED:
            raise StateError(f"the state database is damaged: {sentence}; see docs/howto/recover.md") from error
        if trouble is Trouble.UNUSABLE:
            raise StateError(f"the state database cannot be used: {sentence}; see docs/howto/recover.md") from error
        raise
