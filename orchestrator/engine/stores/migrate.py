"""Brings a database to the present schema. Alembic is loaded only when there is something to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from orchestrator.core.errors import IntegrityError

HEAD = "0003"
_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(engine: Engine) -> None:
    """
    Apply the migrations the database lacks.

    Raises:
        IntegrityError: The database was written by a newer program.
    """
    version = _version(engine)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise IntegrityError(
            f"the state database is at schema {version}, newer than this program's {HEAD}; upgrade the program"
        )
    from alembic import command  # noqa: PLC0415  costs half a second, needed once per schema
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.connect().execution_options(write=True) as connection, _unguarded(connection), connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if broken := connection.execute(text("PRAGMA foreign_key_check")).all():
            raise IntegrityError(f"the state database could not be brought to schema {HEAD}: {broken[0]} lacks its run")


@contextmanager
def _unguarded(connection: Connection) -> Iterator[None]:
    """Let tables be made anew while others refer to them: SQLite asks for this outside of a transaction."""
    plain: Any = connection.connection.driver_connection
    plain.execute("PRAGMA foreign_keys=OFF").close()
    try:
        yield
    finally:
        plain.execute("PRAGMA foreign_keys=ON").close()


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return found
