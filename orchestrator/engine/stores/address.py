"""Which database an address means."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.core.errors import ConfigError
from orchestrator.core.optional import required
from orchestrator.engine.stores.backend import Backend
from orchestrator.engine.stores.dialect import POSTGRES

_ENCODED = (
    "a password in it is percent-encoded (@ is written %40, / %2F, : %3A), or stands in the file that `password_file` "
    "under [store] names"
)
_NO_URL = (
    "[store] url is no address of a database; expected postgresql://USER@HOST/DATABASE, or nothing for SQLite; "
    f"{_ENCODED}"
)
# Behind a password, as SQLAlchemy takes an address apart: it ends at the first @.
_BEHIND_PASSWORD = re.compile(r"[^:/]+://[^:/]*:[^@]*@(?P<rest>.*)", re.DOTALL)


def open_backend(url: str, password: Callable[[], str] | None = None) -> Backend:
    """
    Return the database at an address, without asking it anything: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.

    A server's `password` is asked for at each connection, where it is given; else it is in the address, or nowhere.

    Raises:
        ConfigError: It is no such address.
        ExtraError: What speaks to PostgreSQL is not installed.
    """
    found = _parsed(url)
    if found.get_backend_name() == "sqlite":
        from orchestrator.engine.stores.sqlite import Sqlite  # noqa: PLC0415  one of the two is needed

        return Sqlite(found)
    if found.get_backend_name() in {POSTGRES, "postgres"}:
        required("psycopg", "postgres", "a state in PostgreSQL")
        from orchestrator.engine.stores.postgres import Postgres  # noqa: PLC0415  likewise

        return Postgres(found, password)
    raise ConfigError(f"[store] url begins with {found.drivername!r}, expected postgresql://USER@HOST/DATABASE")


def file_of(url: str) -> Path | None:
    """Return the file that is the database; None: a server has it."""
    found = _parsed(url)
    return Path(str(found.database)) if found.get_backend_name() == "sqlite" else None


def shown(url: str) -> str:
    """Return an address for people: without a password, nor what stands behind it."""
    found = _parsed(url)
    if found.get_backend_name() == "sqlite":
        return found.database or "memory"
    return found.set(query={}, drivername=POSTGRES).render_as_string(hide_password=True)


def with_password(url: str, password: str) -> str:
    """
    Return an address with a password.

    Raises:
        ConfigError: It is no address, or has one already.
    """
    found = _parsed(url)
    if found.password is not None:
        raise ConfigError("[store] url holds a password, and password_file names one, too: keep one of the two")
    return found.set(password=password).render_as_string(hide_password=False)


def _parsed(url: str) -> URL:
    behind = _BEHIND_PASSWORD.match(url)
    if behind and "@" in behind["rest"]:
        # Half a password would be taken for the host, and be repeated by whoever does not find it.
        raise ConfigError(f"[store] url: behind its password there is another @; {_ENCODED}")
    try:
        return make_url(url)
    except (ArgumentError, ValueError):  # whose sentence repeats the address, and with it a password
        raise ConfigError(_NO_URL) from None
