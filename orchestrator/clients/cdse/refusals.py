"""What the Copernicus Data Space refused, said as an error of the house."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.clients.answers import asked_wait, shorten
from orchestrator.core.errors import (
    CredentialError,
    NotFoundError,
    OrchestratorError,
    PermanentError,
    ThrottleError,
    TransientError,
)
from orchestrator.core.log import one_line

# Codes of the download service, seen in its answers.
TOO_MANY_SESSIONS = "DAT-ZIP-100"
WRONG_AUDIENCE = "DAT-ZIP-609"
_ADVICE = {WRONG_AUDIENCE: "an OAuth client gets no files there: set `user` and `password` under [credentials.cdse]"}


def refused(status: int, headers: Mapping[str, str], content: bytes, what: str) -> OrchestratorError:
    """
    Return the error for an answer that is no success; `what` names the thing asked for.

    A page of somebody in between proves nothing: it is waited out, whatever its status. A missing right (403) is no
    login that failed: nobody logs in anew because of it.
    """
    said = _told(content)
    code, sentence = _words(said)
    named = f"HTTP {status}" + (f" {code}" if code else "")
    message = one_line(f"{what}: {named}: {shorten(sentence or content)}", 500)
    if status == 429 or code == TOO_MANY_SESSIONS:
        return ThrottleError(message, asked_wait(headers))
    if not 400 <= status < 500 or status in {408, 409, 425}:
        return TransientError(message)
    if said is None:
        return TransientError(f"{message} (the answer is not the service's)")
    if code in _ADVICE:
        return CredentialError(f"{message}; {_ADVICE[code]}")
    return _KINDS.get(status, PermanentError)(message)


_KINDS: Mapping[int, type[OrchestratorError]] = {401: CredentialError, 404: NotFoundError, 410: NotFoundError}


def _told(content: bytes) -> dict[str, Any] | None:
    """Return an answer in one of the service's forms, an object; None for all else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _words(said: dict[str, Any] | None) -> tuple[str, str]:
    """Return code and sentence of the forms seen: of downloads, of the catalogue, of FastAPI's checks, of Keycloak."""
    if said is None:
        return "", ""
    if "error" in said:
        return str(said["error"]), str(said.get("error_description", ""))
    detail = said.get("detail", said.get("message", ""))
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        first = detail[0]
        return "", f"{'.'.join(str(word) for word in first.get('loc', ()))}: {first.get('msg', '')}"
    if isinstance(detail, dict):
        detail = detail.get("message", detail)
    return str(said.get("code", "")), str(detail)
