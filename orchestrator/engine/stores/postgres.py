"""
PostgreSQL: many writers, on many machines.

What writes takes one advisory lock of the database, so that it is alone as on SQLite, and what it read stays so until
it ends; what claims and ends units takes the same lock shared, and locks single rows (`TransactionMode`).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from psycopg.pq import Conninfo
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import URL, Connection, Engine, RootTransaction, bindparam, create_engine, event, text
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from orchestrator.core.errors import ClosedStateError, ConfigError
from orchestrator.engine.stores.backend import MODE, TransactionMode, begin
from orchestrator.engine.stores.dialect import VERSION, Trouble
from orchestrator.engine.stores.migrations import postgres_0004
from orchestrator.engine.stores.postgres_refusals import advice_on_refusal, mistake_in, trouble_without_code
from orchestrator.engine.stores.schema import metadata

# "Numbers of the error conditions": https://www.postgresql.org/docs/current/errcodes-appendix.html
_TROUBLES = {
    "25006": Trouble.READ_ONLY,  # read_only_sql_transaction
    "25P03": Trouble.GONE,  # idle_in_transaction_session_timeout: this process was stopped, and is back
    "25P04": Trouble.GONE,
    "40001": Trouble.BUSY,
    "40P01": Trouble.BUSY,
    "42501": Trouble.REFUSED,  # insufficient_privilege
    "53100": Trouble.FULL,
    "55P03": Trouble.BUSY,  # lock_not_available: `lock_timeout`
    "57014": Trouble.BUSY,  # query_canceled: a time limit of the server's
    "58030": Trouble.UNUSABLE,  # io_error
    "3D000": Trouble.REFUSED,  # no such database
    "3F000": Trouble.REFUSED,  # no such schema
    "55000": Trouble.READ_ONLY,  # object_not_in_prerequisite_state: what a standby says of locks
}
_CLASSES = {
    "08": Trouble.GONE,
    "28": Trouble.REFUSED,
    "53": Trouble.BUSY,  # too many connections, no memory
    "57": Trouble.GONE,  # shut down, crashed, not yet up
    "XX": Trouble.DAMAGED,
}
_ADVICE: Mapping[Trouble, str] = MappingProxyType(
    {
        Trouble.FULL: "free some space on the server",
        Trouble.GONE: "is the server up, and is [store] url right?",
        Trouble.READ_ONLY: (
            "name the server that may be written (of several: ?target_session_attrs=read-write at the end of [store] "
            "url), or let the database be written"
        ),
        Trouble.DAMAGED: "stop, and put back a backup (`pg_restore`): docs/howto/several-machines.md",
        Trouble.UNUSABLE: "see the server's log, and docs/howto/several-machines.md",
    }
)

# What libpq is told unless the address says otherwise: a server whose machine is gone is noticed within a minute.
_PARAMETERS: Mapping[str, Any] = MappingProxyType(
    {
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        "application_name": "orchestrator",
        "client_encoding": "utf8",
    }
)
# A process that was stopped in the middle of a transaction has the others wait for no longer than this.
_SESSION = (
    "SET TimeZone = 'UTC'; SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '20s'; "
    # Whatever the role or the server was told: what is committed here is durable.
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
_OLDEST = 130_000  # snapshots and transaction ids of 64 bits
# The one lock of a database that whoever writes takes; a number that no other program is likely to take.
_LOCK = 7_954_318_206_114
_ALONE, _SHARED = f"SELECT pg_advisory_xact_lock({_LOCK})", f"SELECT pg_advisory_xact_lock_shared({_LOCK})"
_BEGIN: Mapping[TransactionMode, str] = MappingProxyType(
    {
        TransactionMode.READ: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        TransactionMode.WRITE: f"BEGIN ISOLATION LEVEL READ COMMITTED; {_ALONE}",
        TransactionMode.BESIDE: f"BEGIN ISOLATION LEVEL READ COMMITTED; {_SHARED}",
        TransactionMode.MIGRATE: f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '600s'; {_ALONE}",
    }
)
_XID = "SELECT CAST(pg_current_xact_id_if_assigned() AS text)"
_FATE = text("SELECT pg_xact_status(CAST(CAST(:xid AS text) AS xid8))")
# How long a server that is restarting is waited for when it went before it said whether it had committed.
_FATE_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
# What Alembic, migrations and this program make has texts; they are compared as SQLite compares them.
_OTHERWISE_SORTED = text(
    "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
    "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation k ON k.oid = a.attcollation "
    "WHERE c.relkind = 'r' AND c.relnamespace = CAST(current_schema() AS regnamespace) AND NOT a.attisdropped "
    "AND a.attnum > 0 AND k.collname <> 'C' AND c.relname IN :ours ORDER BY 1, 2"
).bindparams(bindparam("ours", sorted({*metadata.tables, *postgres_0004.metadata.tables, VERSION}), expanding=True))


class _Text(StrDumperUnknown):
    """PostgreSQL has no letter of number 0, which a service's sentence may hold."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


class Postgres:
    """A database of a PostgreSQL server."""

    kind = "PostgreSQL"
    version_query = "SHOW server_version"

    def __init__(self, url: URL, password: Callable[[], str] | None = None) -> None:
        """
        Take the address, and what is asked for the password at each connection; nothing is asked now.

        Raises:
            ConfigError: What stands behind its `?` is nothing that PostgreSQL's clients know.
        """
        known = [option.keyword.decode() for option in Conninfo.get_defaults()]
        if mistake := mistake_in(url, known):
            raise ConfigError(f"the address of the state database ([store] url): {mistake}")
        self.engine = _engine(url.set(drivername="postgresql+psycopg"))
        if password is not None:
            _ask_at_each_connection(self.engine, password)
        self._closed = threading.Event()

    def check(self) -> None:
        with self.engine.connect() as db:
            version = db.connection.driver_connection.info.server_version  # type: ignore[union-attr]
            encoding = db.exec_driver_sql("SHOW server_encoding").scalar()
        if version < _OLDEST:
            raise ConfigError(f"[store] url: the server is PostgreSQL {version // 10_000}, expected 13 or newer")
        if encoding != "UTF8":
            raise ConfigError(
                f"[store] url: the database is encoded in {encoding}, expected UTF8: make another with "
                "`createdb --encoding UTF8 --template template0`"
            )

    def commit(self, db: Connection, transaction: RootTransaction) -> None:
        """
        Commit a transaction.

        Where the connection is cut before the server has said that it did, it is asked over another one.
        """
        xid = db.exec_driver_sql(_XID).scalar()  # None: nothing was written
        try:
            transaction.commit()
        except DBAPIError as error:
            if not error.connection_invalidated or (xid is not None and not self._is_committed(xid)):
                raise

    def _is_committed(self, xid: str) -> bool:
        """Tell what became of a transaction; a server that is not there by the end has not done it, as far as known."""
        for seconds in _FATE_SECONDS:
            try:
                # Whoever has the lock after it knows that it has ended.
                db, _ = begin(self.engine, TransactionMode.WRITE)
                with db:
                    return bool(db.execute(_FATE, {"xid": xid}).scalar() == "committed")
            except DBAPIError:
                if self._closed.wait(seconds):
                    break
        return False

    def trouble_of(self, error: DatabaseError) -> Trouble:
        code = getattr(error.orig, "sqlstate", None)
        if code:
            usual = Trouble.UNUSABLE if isinstance(error, OperationalError) else Trouble.OURS
            return _TROUBLES.get(code) or _CLASSES.get(code[:2], usual)
        return trouble_without_code(error)

    def advise(self, trouble: Trouble, sentence: str) -> str:
        return advice_on_refusal(sentence) if trouble is Trouble.REFUSED else _ADVICE.get(trouble, "")

    def revision(self) -> int:
        """
        Return a number made from which transactions have ended and which are under way.

        It is a server's, not a database's: what is written to another database of the server counts, too.
        """
        db, _ = begin(self.engine, TransactionMode.READ)
        with db:
            seen = db.exec_driver_sql("SELECT CAST(pg_current_snapshot() AS text)").scalar()
        return int.from_bytes(hashlib.blake2b(str(seen).encode(), digest_size=7).digest(), "big")

    def baseline(self) -> tuple[str, Any]:
        """No PostgreSQL has a state of an earlier schema."""
        return "0004", postgres_0004.metadata

    @contextmanager
    def unguarded(self, _connection: Connection) -> Iterator[None]:
        """Do nothing: a migration says which reference it takes away and puts back."""
        yield

    def settle(self, connection: Connection) -> str:
        """Sort this program's texts by code point, whatever the database's language; references cannot be broken."""
        quote = connection.dialect.identifier_preparer.quote
        for table, column, kind in connection.execute(_OTHERWISE_SORTED).all():
            change = f'ALTER TABLE {quote(table)} ALTER COLUMN {quote(column)} TYPE {kind} COLLATE "C"'
            connection.exec_driver_sql(change)
        return ""

    def reclaim(self) -> None:
        with self.engine.connect() as db:
            plain: Any = db.connection.driver_connection
            for table in metadata.sorted_tables:
                plain.execute(f'VACUUM (ANALYZE) "{table.name}"')

    def checkpoint(self) -> None:
        """Do nothing: the server does so by itself."""

    def size(self) -> int:
        db, _ = begin(self.engine, TransactionMode.READ)
        with db:
            return int(db.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())

    def close(self) -> None:
        self._closed.set()
        self.engine.dispose()


def _engine(url: URL) -> Engine:
    told = {name: value for name, value in _PARAMETERS.items() if name not in url.query}
    engine = create_engine(url, connect_args=told, use_native_hstore=False, pool_size=5, max_overflow=20)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The begin event, below, opens transactions; psycopg must not open its own.
        connection.autocommit = True
        connection.adapters.register_dumper(str, _Text)
        connection.execute(_SESSION)

    @event.listens_for(engine, "begin")
    def open_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(_BEGIN[connection.get_execution_options().get(MODE, TransactionMode.READ)])

    return engine


def _ask_at_each_connection(engine: Engine, password: Callable[[], str]) -> None:
    """Let each connection be made with the password of now: who works for months outlives it."""
    was_let_in = threading.Event()

    @event.listens_for(engine, "do_connect")
    def ask(_dialect: Any, _record: Any, _words: Any, told: dict[str, Any]) -> None:
        try:
            told["password"] = password()
        except ConfigError as error:
            if not was_let_in.is_set():
                raise
            # It is being replaced, or somebody is at it: as a password that the server does not take any more.
            raise ClosedStateError(f"the state database cannot be used: {error}") from error

    @event.listens_for(engine, "connect")
    def note(_connection: Any, _record: Any) -> None:
        was_let_in.set()
