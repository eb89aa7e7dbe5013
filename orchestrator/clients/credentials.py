"""Who we are to Google: a key file, the machine's own identity, somebody we may act for, or nobody (a sandbox)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import google.auth
import google.auth.exceptions
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import service_account

from orchestrator.core import log
from orchestrator.core.errors import ConfigError, CredentialError

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
        ConfigError: The key file is missing, readable by everybody, or not a service account's key.
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


def _from_key(path: Path, scopes: tuple[str, ...]) -> Any:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}") from error
    if mode & stat.S_IRWXO:
        raise ConfigError(f"the key file {path} is open to everybody on this machine; chmod 0400 it")
    try:
        make: Any = service_account.Credentials.from_service_account_file
        return make(str(path), scopes=list(scopes))
    except (OSError, ValueError, google.auth.exceptions.GoogleAuthError) as error:
        # The library's sentence names missing fields, never their content.
        raise ConfigError(f"the key file {path} is not a service account's key: {type(error).__name__}") from None


def _from_machine(scopes: tuple[str, ...]) -> Any:
    _say_if_open(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", ""))
    try:
        credentials, _ = google.auth.default(scopes=list(scopes))
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise CredentialError(
            f"this machine has no Google credentials of its own: {error}; "
            "attach a service account, set a key file, or run `gcloud auth application-default login`"
        ) from error
    return credentials


def _say_if_open(named: str) -> None:
    """Log a key that the environment names and everybody may read: it is the machine's affair, so it is taken."""
    try:
        mode = Path(named).stat().st_mode
    except (OSError, ValueError):
        return  # google-auth says what is wrong with the name
    if named and mode & stat.S_IRWXO:
        shown = f"{stat.S_IMODE(mode):04o}"
        log.get("credentials").warning("key_file.open_to_everybody", path=named, mode=shown, advice="chmod 0400")
