"""Brings a database to the present schema. Alembic is loaded only where an older one is to be changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, PrimaryKeyConstraint, String, Table, inspect, text

from orchestrator.core.errors import ConfigError, IntegrityError, MovedError, UserError
from orchestrator.engine.stores.address import open_backend
from orchestrator.engine.stores.backend import MODE, Backend, TransactionMode
from orchestrator.engine.stores.dialect import MOVED, POSTGRES, VERSION, locks_rows
from orchestrator.engine.stores.schema import metadata

HEAD = "0006"
_MIGRATIONS = Path(__file__).with_name("migrations")
# As Alembic makes it.
VERSIONS = Table(
    VERSION,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


_OF_EVERY_RUN = {"id", "job_name", "fingerprint", "turn"}  # columns of `runs` in every schema there ever was
_MEND_FILE = "put a copy in its place, or begin with another --state-dir"
_MEND_SERVER = "put back a backup (`pg_restore`), or name another database in [store] url"


def upgrade(backend: Backend) -> None:
    """
    Apply the migrations the database lacks. Of several processes that find it so, one does, and the others wait.

    Raises:
        IntegrityError: The database was written by a newer program, or is damaged.
        ConfigError: It cannot hold a state, or is another program's.
    """
    if _is_at_head(backend.engine):
        return
    backend.check()
    _migrate(backend, HEAD, back=False)


def _is_at_head(engine: Engine) -> bool:
    with engine.connect() as connection, connection.begin():
        version = _version(connection)
        moved = move_of(connection)
        if not moved:
            check_ours(connection)
        to_do = _MEND_SERVER if locks_rows(connection) else _MEND_FILE
    if moved:
        raise moved.error()
    if version is not None and not version.isdigit():
        raise IntegrityError(
            f"the state database has schema version {version!r}, expected {HEAD}: it is damaged; {to_do}"
        )
    if version is not None and version > HEAD:
        raise IntegrityError(
            f"the state database is at schema {version}, newer than this program's {HEAD}; upgrade the program"
        )
    return version == HEAD


def check_ours(connection: Connection) -> None:
    """
    Make sure that a server's database is empty or has a state in it, not another program's tables with names of ours.

    Raises:
        ConfigError: It is another program's.
    """
    if not locks_rows(connection):
        return  # a file of the state folder
    seen = inspect(connection)
    if _version(connection) is None:
        foreign = sorted({*metadata.tables, MOVED} & set(seen.get_table_names()))
    else:
        names = {column["name"] for column in seen.get_columns("runs")} if seen.has_table("runs") else set()
        foreign = [] if names >= _OF_EVERY_RUN else [VERSION]
    if foreign:
        raise ConfigError(
            f"[store] url names a database in which another program has tables ({', '.join(foreign)}), and this one "
            "would have tables of the same name: make a database for it alone, as with `sudo -u postgres createdb "
            "--owner ROLE --encoding UTF8 --template template0 NAME`, and name that; nothing was changed"
        )


def downgrade(backend: Backend, version: str) -> None:
    """
    Take a database of the present schema back to an earlier one; what that has no place for is lost.

    Raises:
        IntegrityError: It is at another schema.
    """
    with backend.engine.connect() as connection, connection.begin():
        found = _version(connection)
    if found != HEAD:
        raise IntegrityError(f"the state database is at schema {found}, not at this program's {HEAD}")
    _migrate(backend, version, back=True)


def take_back(url: str, version: str) -> None:
    """As `downgrade`, of a database that is not opened yet."""
    backend = open_backend(url)
    try:
        downgrade(backend, version)
    finally:
        backend.close()


def has_schema(backend: Backend) -> bool:
    """Tell whether a database has a state in it, without making one."""
    with backend.engine.connect() as connection, connection.begin():
        return _version(connection) is not None


def _migrate(backend: Backend, version: str, *, back: bool) -> None:
    opened = backend.engine.connect().execution_options(**{MODE: TransactionMode.MIGRATE})
    with opened as connection, backend.unguarded(connection), connection.begin() as transaction:
        if _version(connection) is None:  # nobody was quicker
            _begin(backend, connection)
        if _version(connection) != version:
            _take(connection, version, back=back)
        if broken := backend.settle(connection):
            raise IntegrityError(f"the state database could not be brought to schema {version}: {broken} lacks its run")
        backend.commit(connection, transaction)


def _take(connection: Connection, version: str, *, back: bool) -> None:
    from alembic import command  # noqa: PLC0415  costs half a second, needed once per schema
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    (command.downgrade if back else command.upgrade)(config, version)


def _begin(backend: Backend, connection: Connection) -> None:
    """
    Make the tables of a new database.

    They are at once the present ones, to which the migrations lead, too; or what the backend has them begin with.
    """
    version, tables = backend.baseline() or (HEAD, metadata)
    tables.create_all(connection)
    VERSIONS.create(connection)
    connection.execute(VERSIONS.insert().values(version_num=version))


def check_head(connection: Connection) -> None:
    """
    Make sure that a database is at the present schema.

    Raises:
        UserError: It is not.
    """
    if moved := move_of(connection):
        raise MovedError(f"{moved.told()}: move it from there")
    if not (found := version_in(connection)):
        raise UserError("there is no state in that database: look at its name and at the host")
    if found != HEAD:
        raise UserError(f"the state there has schema {found}, expected {HEAD}: `orchestrator status` brings it up")


def version_in(connection: Connection) -> str:
    """Return the schema version of an opened database, empty where it has none."""
    return _version(connection) or ""


@dataclass(frozen=True, slots=True)
class MoveMark:
    """
    What a database says whose state is in another now.

    Attributes:
        whither: The address of the other without a password, or its file.
        moved_at: When, RFC 3339.
    """

    whither: str
    moved_at: str

    def told(self) -> str:
        """Return where the state is now, as a sentence without an end."""
        at = f"{self.moved_at[:16].replace('T', ' ')} UTC"
        if self._is_server:
            return f"the state of this folder was moved to {self.whither} on {at}"
        return f"the state of this database was moved to the file {self.whither} on {at}"

    def to_do(self) -> str:
        """Return what to write into the settings, so that they name where the state is."""
        if self._is_server:
            return f'write `url = "{self.whither.replace(":***@", "@")}"` under [store] in config.toml'
        return "take `url` out of [store] in config.toml (and ORCHESTRATOR_STORE__URL out of the environment)"

    def error(self) -> MovedError:
        """Return what ends whoever would work on it."""
        return MovedError(f"{self.told()}: {self.to_do()}")

    @property
    def _is_server(self) -> bool:
        return self.whither.startswith(f"{POSTGRES}://")


def move_of(connection: Connection) -> MoveMark | None:
    """Return where the state of an opened database was moved to; None: it is there, or there is none."""
    if _version(connection) != MOVED:
        return None
    row = connection.execute(text(f"SELECT whither, moved_at FROM {MOVED}")).one()  # noqa: S608  a name of ours
    return MoveMark(row.whither, row.moved_at)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found or ""
