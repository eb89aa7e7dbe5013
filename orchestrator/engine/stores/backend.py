"""What a database of a kind does in its own way: transactions, and the care of what it stores in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import DatabaseError, DBAPIError

from orchestrator.engine.stores.dialect import Trouble

MODE = "mode"  # the execution option of a connection that says what its transactions are


class TransactionMode(StrEnum):
    """What a transaction is for, said at its beginning."""

    READ = "read"  # one state of the whole database
    WRITE = "write"  # alone: what it reads stays so until it ends
    BESIDE = "beside"  # beside others of its kind, never beside one of WRITE; single rows are locked
    MIGRATE = "migrate"  # as WRITE, and waits longer for those before


class Backend(Protocol):
    """
    A database of one kind.

    Attributes:
        engine: Its connections, whose transactions begin as the execution option `MODE` says; READ unless told.
        kind: What people call it.
        version_query: Asks for its version; the first word of the answer.
    """

    engine: Engine
    kind: str
    version_query: str

    def check(self) -> None:
        """Make sure that the database can hold a state; raises `ConfigError`, which says what it lacks."""

    def commit(self, db: Connection, transaction: RootTransaction) -> None:
        """Commit a transaction that writes; when it returns, what was written is durable."""

    def trouble_of(self, error: DatabaseError) -> Trouble:
        """Tell what kind of trouble an error is, by its code."""

    def advise(self, trouble: Trouble, sentence: str) -> str:
        """Return what to do about a trouble, for what the database said of it; empty where nothing is known."""

    def revision(self) -> int:
        """Return a number that is another one after anything was changed."""

    def baseline(self) -> tuple[str, Any] | None:
        """Return the version at which a new database begins and what makes its tables; None: the present ones."""

    def unguarded(self, connection: Connection) -> AbstractContextManager[None]:
        """Let tables be made anew while others refer to them, where a transaction must not begin before."""

    def settle(self, connection: Connection) -> str:
        """Finish a migration; return the first row that refers to one that is not there, empty where all do."""

    def reclaim(self) -> None:
        """Give the room of removed rows back, in steps between which others write."""

    def checkpoint(self) -> None:
        """Write what lies beside the database into it."""

    def size(self) -> int:
        """Return the bytes it takes."""

    def close(self) -> None:
        """Let go of every connection."""


def begin(engine: Engine, mode: TransactionMode, *, is_new: bool = False) -> tuple[Connection, RootTransaction]:
    """
    Begin a transaction; a connection that was cut since it was last used is replaced by a new one, once.

    The caller closes the connection, which takes back what was not committed.
    """
    db = engine.connect().execution_options(**{MODE: mode})
    try:
        return db, db.begin()
    except DBAPIError as error:
        db.close()
        if is_new or not error.connection_invalidated:
            raise
    except BaseException:
        db.close()
        raise
    return begin(engine, mode, is_new=True)
