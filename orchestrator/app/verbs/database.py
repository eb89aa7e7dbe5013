"""`db`: a copy of the state database, whether it is whole, and another version's schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.app.records import Records
from orchestrator.app.verbs.busy import Busy, unwatched
from orchestrator.core.errors import UserError
from orchestrator.core.locks import LockedError, exclusive, holder_of
from orchestrator.engine.leases import Worker
from orchestrator.engine.stores import care, migrate
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import POSTGRES
from orchestrator.engine.stores.sql import SqlStore

BACKUPS = "backups"  # the folder for copies, in the state folder, where no other is named
# What an earlier schema has no place for.
LOST = {
    "0005": "which daemon led last, and the name of an installation that several machines share",
    "0004": (
        "which process had a unit last, and pieces that workers brought and nobody has placed, which are brought again"
    ),
    "0003": (
        "limits that were learned and what processes hold of them, costs by attempt and month, paused jobs, "
        "notifications, dates that a person triggered, and of runs priority, deadline and lease; runs, units, parts "
        "and results stay"
    ),
}


@dataclass(frozen=True, slots=True)
class Copied:
    """
    A copy of the database.

    Attributes:
        path: Where it is.
        bytes: Its size.
        schema: The version of its schema.
    """

    path: Path
    bytes: int
    schema: str


@dataclass(frozen=True, slots=True)
class Moved:
    """
    A database that has another schema now.

    Attributes:
        before: The version of its schema before.
        after: And now.
        copy: The copy that was made before; None where nothing was to be done.
    """

    before: str
    after: str
    copy: Copied | None


def back_up(app: Records, target: Path | None = None, *, overwrite: bool = False, busy: Busy = unwatched) -> Copied:
    """
    Write a whole, verified copy of the state database to a file, while a daemon works on it.

    Args:
        app: Whose.
        target: The file, or a folder for a file named after the time; by default `backups` in the state folder.
        overwrite: Whether a file that is there may be replaced.
        busy: Told what takes a while.

    Raises:
        UserError: There is no state, or a file of that name is there already.
        StateError: The database is damaged; nothing was replaced.
        SpaceError, TransientError: It cannot be done now.
    """
    _check_state(app)
    _check_file(app, "`pg_dump --format=custom` makes a copy while everything works, `pg_restore` puts it back")
    path = _named(app, target)
    if path.exists() and not overwrite:
        raise UserError(f"{path} is there already; choose another name, or replace it with --overwrite")
    if path == app.database:
        raise UserError(f"{path} is the database itself; name another file for the copy")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with busy("copying the state database, and looking through the copy"):
        size = care.back_up(app.database, path)
    return Copied(path, size, care.version_of(path))


def _named(app: Records, target: Path | None) -> Path:
    folder = app.settings.state_dir / BACKUPS if target is None else target.expanduser().resolve()
    if target is not None and not folder.is_dir():
        return folder
    return folder / f"state-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"


def check(app: Records, *, repair: bool = False, busy: Busy = unwatched) -> tuple[list[care.Flaw], list[str]]:
    """
    Return what is wrong with the state database, and what was mended; `repair` counts anew what is counted.

    Raises:
        UserError: There is no state.
        TransientError: It is busy.
    """
    _check_state(app)
    if not app.is_file:
        return _check_server(app, repair=repair, busy=busy)
    with busy("looking through the state database"):
        found = care.look_through(app.database, migrate.HEAD)
    if not repair or not any(finding.counters for finding in found):
        return found, []
    mended = care.repair(app.database)
    return care.look_through(app.database, migrate.HEAD), mended


def _check_server(app: Records, *, repair: bool, busy: Busy) -> tuple[list[care.Flaw], list[str]]:
    with closing(Database(app.store_url, app.clock)) as database:
        with busy("looking through the state database"), database.read() as db:
            found = care.look_through_server(db)
        if not repair or not any(finding.counters for finding in found):
            return found, []
        with database.write() as db:
            mended = care.mend_rows(db.exec_driver_sql, POSTGRES)
        with database.read() as db:
            return care.look_through_server(db), mended


def upgrade(app: Records, busy: Busy = unwatched) -> Moved:
    """
    Bring the database to this program's schema, after a copy was made.

    Raises:
        UserError: There is no state.
        LockedError: Something works on it.
        StateError, IntegrityError: It is damaged, or a newer program wrote it.
    """
    _check_file(app, "every command brings its schema up to date when it opens it; `pg_dump` makes a copy before")
    with _alone(app):
        before = care.version_of(app.database)
        if before == migrate.HEAD:
            return Moved(before, before, None)
        copy = back_up(app, busy=busy)
        SqlStore(f"sqlite:///{app.database}", app.clock).close()
        return Moved(before, migrate.HEAD, copy)


def downgrade(app: Records, version: str, busy: Busy = unwatched) -> Moved:
    """
    Take the database back to an earlier schema, after a copy was made; see `LOST` for what goes.

    Raises:
        UserError: There is no state, or no way back to that schema.
        LockedError: Something works on it.
        StateError, IntegrityError: It is damaged, or not at this program's schema.
    """
    if version not in LOST:
        raise UserError(
            f"there is no way back to schema {version!r}, only to {', '.join(LOST)}; put a copy of it in its place"
        )
    _check_file(app, "put back the copy that `pg_dump` made before the upgrade, with `pg_restore`")
    with _alone(app):
        before = care.version_of(app.database)
        if before == version:
            return Moved(before, before, None)
        copy = back_up(app, busy=busy)
        migrate.take_back(f"sqlite:///{app.database}", version)
        return Moved(before, version, copy)


@contextmanager
def _alone(app: Records) -> Iterator[None]:
    """Make sure that nobody else works on the state, and that no daemon begins to."""
    _check_state(app)
    with without_daemon(app):
        if care.version_of(app.database) == migrate.HEAD:
            with closing(SqlStore(f"sqlite:///{app.database}", app.clock)) as store:
                _check_unleased(store, app.clock.now().timestamp())
        yield


@contextmanager
def without_daemon(app: Records) -> Iterator[None]:
    """
    Keep daemons of a state folder from beginning for the time of the block.

    Raises:
        LockedError: One works there.
    """
    path = app.folder() / "serve.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(path, "this state folder"))
        except LockedError:
            raise LockedError(
                f"a daemon (process {holder_of(path) or 'that ended just now'}) works on the state in {path.parent}: "
                "end it first, with SIGTERM or Ctrl-C (`systemctl stop`), and give the same command again"
            ) from None
        yield


def _check_unleased(store: SqlStore, now: float) -> None:
    for run in store.runs.latest(None, limit=1000):
        if run.lease_until > now:
            worker = Worker.parse(run.worker)
            raise LockedError(
                f"run {run.id} is being worked on by {worker.told() if worker else 'another process'}: end it first; "
                f"one that died is waited for until its lease is over, in {run.lease_until - now:.0f} s"
            )


def _check_file(app: Records, instead: str) -> None:
    """Make sure that the database is SQLite's: what is done to its file is another's task in PostgreSQL."""
    if not app.is_file:
        raise UserError(f"the state is in PostgreSQL: {instead}; see docs/howto/several-machines.md")


def _check_state(app: Records) -> None:
    if not app.has_state():
        raise UserError(f"there is no state in {app.settings.state_dir}; name another folder with --state-dir")
