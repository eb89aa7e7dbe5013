"""Brings a database to the present schema. Alembic is loaded only when there is something to do."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.stores.dialect import broken_references, open_database, unguarded

HEAD = "0005"
_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(engine: Engine) -> None:
    """
    Apply the migrations the database lacks.

    Raises:
        IntegrityError: The database was written by a newer program, or by none.
    """
    version = _version(engine)
    if version == HEAD:
        return
    if version is not None and not version.isdigit():
        raise IntegrityError(
            f"the state database has schema version {version!r}, expected {HEAD}: it is damaged; put a copy in its "
            "place, or begin with another --state-dir"
        )
    if version is not None and version > HEAD:
        raise IntegrityError(
            f"the state database is at schema {version}, newer than this program's {HEAD}; upgrade the program"
        )
    _migrate(engine, HEAD, back=False)


def downgrade(engine: Engine, version: str) -> None:
    """
    Take a database of the present schema back to an earlier one; what that has no place for is lost.

    Raises:
        IntegrityError: It is at another schema.
    """
    if (found := _version(engine)) != HEAD:
        raise IntegrityError(f"the state database is at schema {found}, not at this program's {HEAD}")
    _migrate(engine, version, back=True)


def take_back(url: str, version: str) -> None:
    """As `downgrade`, of a database that is not opened yet."""
    engine = open_database(url)
    try:
        downgrade(engine, version)
    finally:
        engine.dispose()


def _migrate(engine: Engine, version: str, *, back: bool) -> None:
    from alembic import command  # noqa: PLC0415  costs half a second, needed once per schema
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.connect().execution_options(write=True) as connection, unguarded(connection), connection.begin():
        config.attributes["connection"] = connection
        (command.downgrade if back else command.upgrade)(config, version)
        if broken := broken_references(connection):
            raise IntegrityError(f"the state database could not be brought to schema {version}: {broken} lacks its run")


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return found or ""
