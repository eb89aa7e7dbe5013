"""Who we are to Google: a key file, the machine's own identity, somebody we may act for, or nobody (a sandbox)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import google.auth
import google.auth.exceptions
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import service_account

from orchestrator.core import log as logs
from orchestrator.core.errors import ConfigError, CredentialError
from orchestrator.core.log import one_line
from orchestrator.core.system import user_id

log = logs.get(__name__)

# Earth Engine, everything in Cloud Storage short of administration, and Drive: its narrower scope (drive.file) does
# not show the files Earth Engine itself writes there.
SCOPES = (
    "https://www.googleapis.com/auth/earthengine",
    "https://www.googleapis.com/auth/devstorage.read_write",
    "https://www.googleapis.com/auth/drive",
)
# Reading a bucket's own settings (doctor) and acting for another account need the wide scope.
CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LIFETIME_SECONDS = 3600


def credentials_for(
    *,
    url: str | None = None,
    key_file: Path | None = None,
    impersonate: str | None = None,
    scopes: tuple[str, ...] = (*SCOPES, CLOUD_SCOPE),
) -> Any:
    """
    Return google-auth credentials; nothing is sent before their first use.

    A sandbox (`url`) is spoken to as nobody. Otherwise `key_file`, a service account's key, goes before the
    machine's Application Default Credentials; `impersonate` names the service account to act as.

    Raises:
        ConfigError: The key file is missing, open to everybody, somebody else's, or not a service account's key.
        CredentialError: The machine has no credentials of its own.
    """
    if url is not None:
        return AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth is typed in part
    own = _from_key(key_file, scopes) if key_file is not None else _from_machine(scopes)
    if impersonate is None:
        return own
    make: Any = impersonated_credentials.Credentials
    return make(
        source_credentials=own,
        target_principal=impersonate,
        target_scopes=list(scopes),
        lifetime=_LIFETIME_SECONDS,
    )


def check_key_file(path: Path) -> None:
    """
    Refuse a file of secrets that others may have read or written; say so where a group may.

    A key that root mounted is as good as ours: containers get theirs that way.

    Raises:
        ConfigError: It cannot be read, is open to everybody, may be written by a group, or belongs to somebody else.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(one_line(f"the key file {path} cannot be read: {error.strerror}")) from error
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(one_line(f"the key file {path} is not a file"))
    ours = user_id()
    if ours is None:
        return  # rights are lists there (Windows), and what `stat` says of them is made up
    if found.st_mode & stat.S_IRWXO:
        raise ConfigError(one_line(f"the key file {path} is open to everybody on this machine; chmod 0400 it"))
    if found.st_uid not in (ours, 0):
        raise ConfigError(
            one_line(f"the key file {path} belongs to user {found.st_uid}, not to us ({ours}); use a copy of our own")
        )
    if found.st_mode & stat.S_IWGRP:
        raise ConfigError(one_line(f"the key file {path} may be changed by its group {found.st_gid}; chmod 0400 it"))
    if found.st_mode & stat.S_IRGRP:
        meaning = f"its group {found.st_gid} may read it; chmod 0400 it unless that is meant"
        log.warning("credentials.group_readable", file=str(path), meaning=meaning)


def _from_key(path: Path, scopes: tuple[str, ...]) -> Any:
    check_key_file(path)
    try:
        make: Any = service_account.Credentials.from_service_account_file
        return make(str(path), scopes=list(scopes))
    except (OSError, ValueError, google.auth.exceptions.GoogleAuthError) as error:
        # The library's sentence names missing fields, never their content.
        text = f"the key file {path} is not a service account's key: {type(error).__name__}"
        raise ConfigError(one_line(text)) from None


def _is_secret(path: Path) -> bool:
    """Tell whether a credentials file holds a secret: one that only says whom to ask for a token may be read by all."""
    try:
        return json.loads(path.read_bytes()).get("type") not in ("external_account", None)
    except (OSError, ValueError, AttributeError):
        return False  # the library says what is wrong with it


def _from_machine(scopes: tuple[str, ...]) -> Any:
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named and _is_secret(Path(named)):
        check_key_file(Path(named))
    try:
        credentials, _ = google.auth.default(scopes=list(scopes))
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise CredentialError(
            f"this machine has no Google credentials of its own: {one_line(str(error), 300)}; "
            "attach a service account, set a key file, or run `gcloud auth application-default login`"
        ) from error
    return credentials
