"""Who we are to Copernicus: a user with a password, perhaps with a second factor, or an OAuth client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from orchestrator.clients.credentials import check_key_file
from orchestrator.core.errors import ConfigError, CredentialError
from orchestrator.core.log import one_line

# Of a sandbox that was told no other.
SANDBOX_USER = "user"
SANDBOX_PASSWORD = "password"  # noqa: S105  everybody's
_LONGEST = 4096  # bytes of a key file


@dataclass(frozen=True, slots=True)
class Account:
    """
    Names and secrets; none of the secrets is shown by `repr`.

    Attributes:
        user: Name of a user, an e-mail address.
        password: Theirs.
        totp: The code that the second factor shows now; good for one login.
        client_id: Name of an OAuth client, instead of a user.
        client_secret: Its secret.
        access_key: Of S3, which then goes before the others for files.
        secret_key: Its secret.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    totp: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    access_key: str = ""
    secret_key: str = field(default="", repr=False)

    @property
    def is_complete(self) -> bool:
        return bool((self.user and self.password) or (self.client_id and self.client_secret))

    @property
    def name(self) -> str:
        """Who it is, for people."""
        return f"user {self.user}" if self.user else f"client {self.client_id}"


NAMES = tuple(one.name for one in fields(Account))


def account_for(given: Mapping[str, str], key_file: Path | None = None, *, url: str = "") -> Account:
    """
    Return who we are: what was given by name goes before what the key file says.

    A sandbox (`url`) to whom nothing was given is spoken to as its own user.

    Raises:
        ConfigError: The key file cannot be read, may be read by others, or has a name that is not known; half an
            account is given. No message has a value in it.
    """
    told = {name: value for name, value in given.items() if value}
    account = Account(**{**(_read(key_file) if key_file else {}), **told})
    if account == Account() and url:
        return Account(SANDBOX_USER, SANDBOX_PASSWORD)
    _check_pair("user", account.user, "password", account.password)
    _check_pair("access_key", account.access_key, "secret_key", account.secret_key)
    _check_pair("client_id", account.client_id, "client_secret", account.client_secret)
    return account


def need(account: Account) -> Account:
    """
    Return an account that can log in.

    Raises:
        CredentialError: There is none; says how to name one.
    """
    if not account.is_complete:
        raise CredentialError(
            "files of Copernicus are for users of dataspace.copernicus.eu (registering is free): set "
            "ORCHESTRATOR_CREDENTIALS__CDSE__USER and ORCHESTRATOR_CREDENTIALS__CDSE__PASSWORD, or `key_file` under "
            "[credentials.cdse]; or add --sandbox to try without an account"
        )
    return account


def _check_pair(name: str, value: str, secret: str, hidden: str) -> None:
    if bool(value) != bool(hidden):
        there, lacking = (name, secret) if value else (secret, name)
        raise ConfigError(f"[credentials.cdse] has `{there}` and no `{lacking}`; set both, or neither")


def _read(path: Path) -> dict[str, str]:
    if path.is_dir():
        return {name: _content(path / name).strip() for name in NAMES if (path / name).is_file()}
    found: dict[str, str] = {}
    for number, line in enumerate(_content(path).splitlines(), 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals or name not in NAMES:
            # The line may be a secret, whole or in part: it is counted, not shown.
            raise ConfigError(
                one_line(f"the key file {path}, line {number}: write `NAME = ...`, of {', '.join(NAMES)}")
            )
        found[name] = _unquoted(value)
    return found


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _content(path: Path) -> str:
    check_key_file(path)
    try:
        content = path.read_bytes()
        if len(content) > _LONGEST:
            raise ConfigError(
                one_line(f"the key file {path} has {len(content)} bytes; it is no file of names and secrets")
            )
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(one_line(f"the key file {path} is no text")) from None
    except OSError as error:
        raise ConfigError(one_line(f"the key file {path} cannot be read: {error.strerror}")) from None
