"""`db move`: the state goes into another database, SQLite's file or PostgreSQL, and work goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from orchestrator.app.heartbeat import FRESH_SECONDS
from orchestrator.app.records import Records
from orchestrator.app.verbs.busy import Busy, Tell, untold, unwatched
from orchestrator.app.verbs.database import without_daemon
from orchestrator.core.errors import UserError
from orchestrator.core.guard import make_private
from orchestrator.core.locks import LockedError
from orchestrator.engine.stores import care, migrate, moving
from orchestrator.engine.stores.address import file_of, open_backend, shown
from orchestrator.engine.stores.backend import TransactionMode, begin
from orchestrator.engine.stores.database import Database, transactions_told
from orchestrator.engine.stores.dialect import MOVED, wait_between_statements
from orchestrator.engine.stores.migrate import MoveMark


@dataclass(frozen=True, slots=True)
class StateMove:
    """
    A state that goes from one database to another.

    Attributes:
        whence: Where it was, without a password.
        whither: Where it is now, likewise.
        rows: How many rows of each table there are.
        done: Whether it was moved; else it would be.
    """

    whence: str
    whither: str
    rows: Mapping[str, int]
    done: bool


def move_state(
    app: Records,
    *,
    whence: str,
    whither: str,
    dry_run: bool = False,
    replace: bool = False,
    busy: Busy = unwatched,
    tell: Tell = untold,
) -> StateMove:
    """
    Copy the whole state from one database to another that is empty, compare both, and mark the first one.

    The first one stays as it is, but that no program opens it any more: it says where the state is. Where the second
    holds just this state already, since a move was ended before it could say so, the first one is marked.

    Args:
        app: Whose state folder, for the daemon's lock.
        whence: Address of the first.
        whither: Address of the second.
        dry_run: Look at both, change neither.
        replace: Remove what an earlier move out of the second left behind there, where it went into the first.
        busy: Told what takes a while.
        tell: Told of each table that has arrived.

    Raises:
        UserError: There is no state in the first, or one in the second.
        LockedError: Something works on it.
        IntegrityError, StateError: The first is damaged, or what arrived is not what was sent: neither was changed.
        SpaceError, TransientError: It cannot be done now; neither was changed.
    """
    if whence == whither:
        raise UserError(f"the state is in {shown(whence)} already")
    with without_daemon(app), _source(app, whence, busy) as source:
        _check_idle(app, source.rows)
        _check_target(whither, shown(whence), replace=replace, is_empty=dry_run)
        if dry_run:
            return StateMove(shown(whence), shown(whither), moving.counts(source.rows), done=False)
        _make_room(whither)
        if replace:
            _remove_left_behind(whither)
        with busy("moving the state"), closing(Database(whither, app.clock)) as target:
            rows = _arrive(source.rows, target, tell)
        moving.mark_moved(source.lock, shown(whither), app.clock.now().isoformat(timespec="seconds"))
        source.commit()
    return StateMove(shown(whence), shown(whither), rows, done=True)


@dataclass(frozen=True, slots=True)
class _Source:
    """A database whose state is to go: its rows at the present schema, and what keeps everybody else from writing."""

    rows: Connection
    lock: Connection
    commit: Callable[[], None]


@contextmanager
def _source(app: Records, url: str, busy: Busy) -> Iterator[_Source]:
    backend = open_backend(url)
    with ExitStack() as stack:
        stack.callback(backend.close)
        stack.enter_context(transactions_told(backend))
        if isinstance(path := file_of(url), Path) and not path.is_file():
            raise UserError(f"there is no state in {path}")
        lock, transaction = begin(backend.engine, TransactionMode.WRITE)
        stack.enter_context(lock)
        wait_between_statements(lock)
        rows = lock if path is None else stack.enter_context(_copied(app, path, busy))
        if path is None:
            migrate.check_head(lock)
        yield _Source(rows, lock, partial(backend.commit, lock, transaction))


@contextmanager
def _copied(app: Records, path: Path, busy: Busy) -> Iterator[Connection]:
    """Read a file by a copy that was looked through: an older schema is brought up to date there alone."""
    with TemporaryDirectory(dir=app.folder(), prefix="move-") as folder:
        copy = Path(folder) / "state.db"
        with busy("copying the state database, and looking through the copy"):
            care.back_up(path, copy)
        with closing(Database(f"sqlite:///{copy}", app.clock)) as database, database.read() as db:
            yield db


def _check_idle(app: Records, db: Connection) -> None:
    """
    Make sure that nobody works on a state.

    Raises:
        LockedError: Somebody does, or did lately and may be dead: then its time is waited for.
    """
    found = moving.at_work(db, app.clock.now().timestamp(), FRESH_SECONDS)
    if found.processes:
        raise LockedError(
            f"{found.processes[0]} works on the state: end it first; one that died is waited for, "
            f"{FRESH_SECONDS:.0f} s after it was last heard of"
        )
    for run_id, lease in found.leases.items():
        if worker := app.worker_of(run_id, lease):
            raise LockedError(f"run {run_id} is being worked on by process {worker}: end it first")


def _check_target(url: str, whence: str, *, replace: bool, is_empty: bool) -> None:
    """
    Make sure that a state may go into a database, without making anything there.

    Args:
        url: Of the database.
        whence: Where the state comes from, as people are told.
        replace: Whether what an earlier move to there left behind may be removed.
        is_empty: Whether nothing else may be there; else that is looked at on arrival.

    Raises:
        UserError: It has a state, or what is left of one.
    """
    if file_of(url) is not None:
        return  # a file that was moved before is kept beside
    backend = open_backend(url)
    try:
        with transactions_told(backend):
            db, _ = begin(backend.engine, TransactionMode.READ)
            with db:
                migrate.check_ours(db)
                if moved := migrate.move_of(db):
                    _check_left_behind(moved, whence, url, replace=replace)
                elif is_empty and migrate.version_in(db):
                    moving.check_empty(db)
    finally:
        backend.close()


def _check_left_behind(moved: MoveMark, whence: str, url: str, *, replace: bool) -> None:
    name = url.partition("?")[0].rpartition("/")[2]
    anew = f"make it anew (`dropdb {name}`, then `createdb` as in docs/howto/several-machines.md)"
    if moved.whither != whence:
        raise UserError(
            f"{moved.told()}, and that is not where it would come from now: name another database, or {anew}"
        )
    if not replace:
        raise UserError(
            f"{moved.told()}, and what is in the database was left behind then and is old: add --replace-left-behind "
            f"to remove it and move the state there again, or {anew}"
        )


def _remove_left_behind(url: str) -> None:
    """Remove the tables of a state that was moved away from a database; where it has another state, do nothing."""
    backend = open_backend(url)
    try:
        with transactions_told(backend):
            db, transaction = begin(backend.engine, TransactionMode.WRITE)
            with db:
                if migrate.move_of(db):
                    moving.remove_left_behind(db)
                    backend.commit(db, transaction)
    finally:
        backend.close()


def _make_room(url: str) -> None:
    """Make the file of a new database its owner's alone; one whose state has gone elsewhere before is kept beside."""
    if (path := file_of(url)) is None:
        return
    if path.is_file() and care.version_of(path) == MOVED:
        kept = path.with_name(f"{path.stem}-moved-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db")
        path.rename(kept)
        for ending in ("-wal", "-shm"):
            path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)
    make_private(path)


def _arrive(rows: Connection, target: Database, tell: Tell) -> Mapping[str, int]:
    with target.write() as db:
        wait_between_statements(db)
        if any(moving.counts(db).values()):
            if not moving.is_same(rows, db):
                moving.check_empty(db)
            return moving.counts(db)  # it was moved by a command that was ended before it could say so
        found = moving.copy_rows(rows, db, lambda table, count: tell(f"{table}: {count} rows"))
    return {name: content.rows for name, content in found.items()}
