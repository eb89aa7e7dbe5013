"""Why a PostgreSQL server was not reached, or did not let us in, by what libpq and the server say; and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import URL
from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

from orchestrator.core.nearest import hint
from orchestrator.engine.stores.dialect import Trouble

# "Database Connection Control Functions", Parameter Key Words: https://www.postgresql.org/docs/current/libpq-connect.html
_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
        "channel_binding": ("disable", "prefer", "require"),
        "gssencmode": ("disable", "prefer", "require"),
        "load_balance_hosts": ("disable", "random"),
        "sslcertmode": ("disable", "allow", "require"),
        "sslnegotiation": ("postgres", "direct"),
    }
)
_NUMBERS = frozenset(
    {
        "connect_timeout",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "sslcompression",
        "sslsni",
    }
)
# Of a connection that could not be made libpq tells the sentence alone. The server's is in the server's language, and
# stands behind this; libpq's own are English unless a program asks for another language, which this one does not.
_ANSWERED = re.compile(r"failed: \w+: +(?P<sentence>\S.*)", re.DOTALL)
_WAITS = ("too many", "remaining connection slots", "starting up", "shutting down", "recovery", "not yet accepting")
# What libpq says of an address that no time mends: a value, a file it names, or TLS as it is asked for.
_MISTAKEN = re.compile(
    r"server does not support SSL|certificate verify failed|does not match host name|invalid (?:\S+ ){1,3}value|"
    r"certificate file|private key file|sslmode value|channel binding (?:is )?required|service file|"
    r"definition of service|authentication method requirement|SSL error: .*(?:alert|version|cipher|certificate)"
)
_ABSENT = re.compile(r'database "(?P<name>[^"]+)" does not exist')
_NO_ROLE = re.compile(r'role "(?P<name>[^"]+)" does not exist')
_PASSWORD = re.compile(r"no password supplied|password authentication failed")
_PAGE = "docs/howto/several-machines.md"


def mistake_in(url: URL, known: list[str]) -> str:
    """
    Return what is wrong with what stands behind the `?` of an address; empty where nothing is known to be.

    Args:
        url: The address.
        known: The names of libpq's parameters.
    """
    for name, value in url.query.items():
        if name not in known:
            return f"{name!r} behind its ? is no parameter of a connection to PostgreSQL; {hint(name, known)}"
        for one in (value,) if isinstance(value, str) else value:
            if name in _CHOICES and one not in _CHOICES[name]:
                return f"{name} is {one!r}, expected {', '.join(_CHOICES[name])}"
            if name in _NUMBERS and not one.strip().removeprefix("-").isdecimal():
                return f"{name} is {one!r}, expected a whole number"
    return ""


def trouble_without_code(error: DatabaseError) -> Trouble:
    """Tell what kind of trouble an error is to which the server gave no code, as of each that makes a connection."""
    if error.statement is None and isinstance(error, ProgrammingError):
        return Trouble.REFUSED  # the address itself
    if error.connection_invalidated:
        return Trouble.GONE
    if not isinstance(error, OperationalError):
        return Trouble.OURS
    sentence = str(error.orig)
    answered = _ANSWERED.search(sentence)
    if answered is None:
        return Trouble.REFUSED if _MISTAKEN.search(sentence) or _PASSWORD.search(sentence) else Trouble.GONE
    return Trouble.GONE if any(word in answered["sentence"] for word in _WAITS) else Trouble.REFUSED


def advice_on_refusal(sentence: str) -> str:
    """Return what to do where a server does not let us in, for its sentence."""
    if _MISTAKEN.search(sentence):
        return (
            "correct what stands behind the ? of its address ([store] url), or let the server do what is asked there: "
            f"the server is up, and time does not mend it ({_PAGE})"
        )
    if found := _ABSENT.search(sentence):
        return (
            f"correct the name in its address ([store] url), or make it: `sudo -u postgres createdb --owner ROLE "
            f"--encoding UTF8 --template template0 {found['name']}`"
        )
    if found := _NO_ROLE.search(sentence):
        return (
            "correct the role in its address ([store] url), or make it: `sudo -u postgres createuser --pwprompt "
            f"{found['name']}`"
        )
    if _PASSWORD.search(sentence):
        return (
            "give the role's password in the environment as PGPASSWORD, in ~/.pgpass, in the file that `password_file` "
            "under [store] names, or in the address, where each letter that is no letter, digit, - or _ is "
            "percent-encoded (@ is %40)"
        )
    return (
        "see [store] url and password_file; is there such a database (`createdb`), and may its role connect and create "
        f"tables there? {_PAGE}"
    )
