"""Errors in the forms of the Copernicus Data Space: one of the catalogue, one of the downloads, one of Keycloak."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

IDENTITY, CATALOGUE, DOWNLOAD = "cdse-identity", "cdse-catalogue", "cdse-download"

TOO_MANY_SESSIONS = "DAT-ZIP-100", "Max session number exceeded"  # published by users of eodag
MALFORMED_PATH = "DAT-ZIP-104", "Malformed OData request path"
EXPIRED = "DAT-ZIP-109", "Token is expired"
NO_TOKEN = "DAT-ZIP-604", "Token not found"
WRONG_AUDIENCE = "DAT-ZIP-609", "Token audience not allowed"
_CODES = {message: code for code, message in (TOO_MANY_SESSIONS, MALFORMED_PATH, EXPIRED, NO_TOKEN, WRONG_AUDIENCE)}
# RFC 6749's names of what an ordered status of the token endpoint says.
_GRANTS = {400: "invalid_request", 401: "invalid_grant", 429: "temporarily_unavailable", 503: "temporarily_unavailable"}


def _identity(status: int, message: str, code: str) -> dict[str, Any]:
    return {"error": code or _GRANTS.get(status, "server_error"), "error_description": message}


def _catalogue(status: int, message: str, code: str) -> dict[str, Any]:  # noqa: ARG001  one form for all
    return {"detail": {"message": message, "request_id": str(uuid.uuid4())}}


def _download(status: int, message: str, code: str) -> dict[str, Any]:  # noqa: ARG001
    named = code or _CODES.get(message, "")
    told = {"code": named} if named else {}
    return {"trace-id": uuid.uuid4().hex, **told, "message": message}


FORMS: dict[str, Callable[[int, str, str], dict[str, Any]]] = {
    IDENTITY: _identity,
    CATALOGUE: _catalogue,
    DOWNLOAD: _download,
}
