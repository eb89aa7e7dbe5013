"""Who the program is to Copernicus."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from getpass import getpass

from orchestrator.api.connection import current
from orchestrator.core.errors import CredentialError


@dataclass(frozen=True)
class CDSEAuth:
    """
    A user's name and secrets; none of them is shown by `repr`.

    Attributes:
        username: An e-mail address; empty is whom the settings name.
        password: Theirs.
        client_id: Taken, and of no effect: users are those of the public client.
        totp: The code that a second factor shows now.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    client_id: str = "cdse-public"
    totp: str | None = field(default=None, repr=False)


def prompt_auth() -> CDSEAuth:
    """
    Return whom the settings name under `[credentials.cdse]`; where they name nobody, ask in the terminal.

    Raises:
        CredentialError: Nobody is named, and there is no terminal to ask in.
    """
    if current().knows_copernicus_account:
        return CDSEAuth()
    if not sys.stdin.isatty():
        raise CredentialError(
            "who are you to Copernicus? Nobody can be asked here: set ORCHESTRATOR_CREDENTIALS__CDSE__USER and "
            "ORCHESTRATOR_CREDENTIALS__CDSE__PASSWORD"
        )
    username = input("Copernicus Data Space user (e-mail): ").strip()
    password = getpass("Password: ")
    return CDSEAuth(username, password, totp=getpass("Code of the second factor (empty without one): ").strip() or None)
