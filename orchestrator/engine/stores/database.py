"""The database behind every family of tables, and its transactions."""

from __future__ import annotations

import copy
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, RootTransaction, bindparam, func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from orchestrator.core import crash
from orchestrator.core.clock import Clock
from orchestrator.core.errors import ClosedStateError, ConfigError, FencedError, SpaceError, StateError, TransientError
from orchestrator.engine.stores import migrate
from orchestrator.engine.stores.address import open_backend, shown
from orchestrator.engine.stores.backend import Backend, TransactionMode, begin
from orchestrator.engine.stores.dialect import MOVED, Trouble, locks_rows
from orchestrator.engine.stores.records import DatabaseFacts
from orchestrator.engine.stores.schema import leadership, runs
from orchestrator.engine.stores.sqlite import ADVICE, trouble_of_sqlite

_T = TypeVar("_T")
_FENCE = select(runs.c.fence).where(runs.c.id == bindparam("of_run"))
LEADER = "daemon"  # what is led
_TERM = select(leadership.c.fence).where(leadership.c.name == LEADER)
# What is looked at before anything is written, in one statement.
_MARK = select(migrate.VERSIONS.c.version_num)
_LOOK = select(
    _MARK.scalar_subquery().label("version"),
    _FENCE.scalar_subquery().label("fence"),
    _TERM.scalar_subquery().label("term"),
)
_CLOCK = select(func.extract("epoch", func.clock_timestamp()))


class Database:
    """One database at the present schema; safe for all threads of a process, and for several processes."""

    def __init__(self, url: str, clock: Clock, password: Callable[[], str] | None = None) -> None:
        """
        Open the database at an address, and bring it to the present schema.

        A server's `password` is asked for at each connection, and goes before the address's: it may be changed.

        Raises:
            ConfigError: It is no address, or the server that answers there does not let us in.
            IntegrityError: A newer program wrote it, or something else than this program.
            StateError, SpaceError, TransientError: It cannot be used, or not now.
        """
        self._backend = open_backend(url, password)
        self._engine = self._backend.engine
        self._clock = clock
        self._lease: tuple[str, int] | None = None
        self._term: int | None = None
        try:
            with transactions_told(self._backend):
                migrate.upgrade(self._backend)
        except BaseException:
            self.close()  # nobody else can: whoever asked for a store has none
            raise

    @contextmanager
    def write(self, mode: TransactionMode = TransactionMode.WRITE) -> Iterator[Connection]:
        """
        Open a transaction that writes; it is durable when the block ends.

        One of mode BESIDE changes only rows that it locks by statements, the counts last and in the order of their
        keys: then others of its kind go on beside it.

        Where the state was moved to another database since this one was opened, nothing is written: `MovedError`.

        The ends of a block in `SqlRuns.admit` are the crash points `SqlRuns.admit.uncommitted` and `.committed`.
        """
        writer = sys._getframe(2).f_code.co_qualname  # noqa: SLF001  0 is this, 1 the context manager's entrance
        with _told(self._backend), self._opened(mode) as (db, transaction):
            self._look(db)
            yield db
            crash.point(f"{writer}.uncommitted")
            self._backend.commit(db, transaction)
        crash.point(f"{writer}.committed")

    def _look(self, db: Connection) -> None:
        """
        Make sure that this process may write: the state is here, and what it was given is nobody else's by now.

        Raises:
            MovedError: The state is in another database.
            FencedError: The run, or the leadership, is another's.
        """
        run_id, fence = self._lease or ("", 0)
        found = db.execute(_LOOK, {"of_run": run_id}).one()
        if found.version == MOVED and (moved := migrate.move_of(db)) is not None:
            raise moved.error()
        if self._lease is not None:
            _check_fence(found.fence, run_id, fence)
        if self._term is not None:
            _check_term(found.term, self._term)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that reads one state of the whole database."""
        with _told(self._backend), self._opened(TransactionMode.READ) as (db, transaction):
            yield db
            transaction.commit()

    @contextmanager
    def _opened(self, mode: TransactionMode) -> Iterator[tuple[Connection, RootTransaction]]:
        """Open a transaction, which is taken back unless it is committed."""
        db, transaction = begin(self._engine, mode)
        with db:  # what is not committed is rolled back when it is given back
            yield db, transaction

    def under(self, run_id: str, fence: int) -> Database:
        """
        Return this database for the holder of a lease: it writes nothing any more once another has the run.

        The look at the number and what is written are one transaction, so that no process that was stopped or cut off,
        and comes back, changes what goes on without it. Who claims a run is alone: no claim comes in between.
        """
        leased = copy.copy(self)
        leased._lease = (run_id, fence)  # noqa: SLF001  of its own kind
        return leased

    def led(self, term: int) -> Database:
        """Return this database for the daemon that leads: it writes nothing any more once another does; as `under`."""
        fenced = copy.copy(self)
        fenced._term = term  # noqa: SLF001  of its own kind
        return fenced

    def server_seconds(self, db: Connection) -> float:
        """Return the time of day as seconds since 1970: a server's own, or this machine's for a file that is here."""
        return float(db.execute(_CLOCK).scalar_one()) if locks_rows(db) else self.seconds()

    @property
    def path(self) -> Path:
        """The database's file, where it is one."""
        return Path(str(self._engine.url.database))

    def now(self) -> str:
        """Return the time for people, RFC 3339."""
        return self._clock.now().isoformat(timespec="milliseconds")

    def seconds(self) -> float:
        """Return the time of day as seconds since 1970."""
        return self._clock.now().timestamp()

    def revision(self) -> int:
        """Return a number that is another one after any connection, of any process, has changed the database."""
        return self._outside(self._backend.revision)

    def facts(self) -> DatabaseFacts:
        """Return which database this is, and how quickly it answers."""
        with self.read():
            pass  # a connection is there
        began = time.perf_counter()
        with self.read() as db:
            version = str(db.exec_driver_sql(self._backend.version_query).scalar_one())
        seconds = time.perf_counter() - began
        url = self._engine.url.render_as_string(hide_password=True)
        return DatabaseFacts(self._backend.kind, version.split(maxsplit=1)[0], shown(url), seconds)

    def reclaim(self) -> None:
        """Give the room of removed rows back, in steps between which others write."""
        self._outside(self._backend.reclaim)

    def checkpoint(self) -> None:
        """Write what lies beside the database into it."""
        self._outside(self._backend.checkpoint)

    def size(self) -> int:
        """Return the bytes that it takes."""
        return self._outside(self._backend.size)

    def _outside(self, act: Callable[[], _T]) -> _T:
        """Do what is part of no transaction."""
        with _told(self._backend), told():
            return act()

    def close(self) -> None:
        self._backend.close()


def is_begun(url: str) -> bool:
    """Tell whether a database has a state in it, without making one. Errors as of `Database`."""
    backend = open_backend(url)
    try:
        with transactions_told(backend):
            return migrate.has_schema(backend)
    finally:
        backend.close()


def check_fence(db: Connection, run_id: str, fence: int) -> None:
    """
    Make sure that a lease is nobody else's by now; a run that has no row has the lease 0.

    Raises:
        FencedError: It is.
    """
    _check_fence(db.execute(_FENCE, {"of_run": run_id}).scalar(), run_id, fence)


def _check_fence(found: int | None, run_id: str, fence: int) -> None:
    if (found or 0) != fence:
        raise FencedError(
            f"run {run_id} was taken over by another process after this one had not been heard of for too long (lease "
            f"{fence}); nothing more is changed here, `orchestrator watch {run_id}` follows it"
        )


def check_leadership(db: Connection, term: int) -> None:
    """
    Make sure that no other daemon leads by now.

    Raises:
        FencedError: One does.
    """
    _check_term(db.execute(_TERM).scalar(), term)


def _check_term(found: int | None, term: int) -> None:
    if (found or 0) != term:
        raise FencedError(
            f"another daemon leads by now, since this one (term {term}) had not been heard of for too long; nothing "
            "more is changed here"
        )


@contextmanager
def transactions_told(backend: Backend) -> Iterator[None]:
    """Say whose turn it is when a database cannot be opened: who asked can mend what is refused."""
    try:
        yield
    except DatabaseError as error:
        trouble = backend.trouble_of(error)
        if trouble is Trouble.REFUSED:
            sentence = _sentence(error.orig)
            advice = backend.advise(trouble, sentence)
            raise ConfigError(f"the state database does not let us in: {sentence}; {advice}") from error
        _tell(backend, trouble, error.orig, error)
        raise


@contextmanager
def _told(backend: Backend) -> Iterator[None]:
    """Say whose turn it is when the database cannot be read or written."""
    try:
        yield
    except PoolTimeoutError as error:
        raise TransientError("the state database is busy: every connection of this process is in use") from error
    except DatabaseError as error:
        _tell(backend, backend.trouble_of(error), error.orig, error)
        raise


@contextmanager
def told() -> Iterator[None]:
    """As for the errors of a store, for those of SQLite itself."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        _raise_for(trouble_of_sqlite(error), str(error), ADVICE.get(trouble_of_sqlite(error), ""), error)
        raise


def _tell(backend: Backend, trouble: Trouble, cause: BaseException | None, error: Exception) -> None:
    sentence = _sentence(cause)
    _raise_for(trouble, sentence, backend.advise(trouble, sentence), error)


def _raise_for(trouble: Trouble, sentence: str, advice: str, error: Exception) -> None:
    if trouble is Trouble.FULL:
        raise SpaceError(f"the state database cannot be written: {sentence}; {advice}") from error
    if trouble is Trouble.BUSY:
        raise TransientError(f"the state database is busy: {sentence}") from error
    if trouble is Trouble.GONE:
        raise TransientError(f"the state database does not answer: {sentence}; {advice}") from error
    if trouble is Trouble.READ_ONLY:
        raise ClosedStateError(f"the state database cannot be written: {sentence}; {advice}") from error
    if trouble is Trouble.DAMAGED:
        raise StateError(f"the state database is damaged: {sentence}; {advice}") from error
    if trouble is Trouble.REFUSED:
        raise ClosedStateError(f"the state database cannot be used: {sentence}; {advice}") from error
    if trouble is Trouble.UNUSABLE:
        raise StateError(f"the state database cannot be used: {sentence}; {advice}") from error


def _sentence(cause: BaseException | None) -> str:
    """Return what a database said in one line, without what stands behind its first sentences."""
    return " ".join(str(cause).split("\nLINE ", 1)[0].split())
