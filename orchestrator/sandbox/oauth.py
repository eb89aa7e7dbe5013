"""A token endpoint and a service account of nobody, so that clients that insist on credentials work unchanged."""

from __future__ import annotations

from functools import cache
from urllib.parse import parse_qs

from orchestrator.sandbox.web import ApiError, Request, Response, Route, json_response, route

GRANTS = frozenset({"urn:ietf:params:oauth:grant-type:jwt-bearer", "refresh_token"})  # RFC 7523, RFC 6749
_BITS = 2048


def routes(project: str) -> list[Route]:
    """Give tokens to everybody; `project` is the one that key file and configuration name."""

    def key(request: Request) -> Response:
        """A service account's key file, in Google's form."""
        return json_response(
            {
                "type": "service_account",
                "project_id": project,
                "private_key_id": "1",
                "private_key": _private_key(),
                "client_email": f"nobody@{project}.iam.gserviceaccount.com",
                "client_id": "1",
                "token_uri": f"{request.base_url}/token",
            }
        )

    def config(request: Request) -> Response:
        """What the command `earthengine` reads as its configuration."""
        return json_response({"url": request.base_url, "project": project})

    return [
        route("oauth", "oauth.token", "POST", r"/token", _token),
        route("control", "control", "GET", r"/sandbox/key", key),
        route("control", "control", "GET", r"/sandbox/ee-config", config),
    ]


def _token(request: Request) -> Response:
    """Give a token to whoever asks in a known way; signatures are not checked."""
    grant = parse_qs(request.body.decode("ascii", "replace")).get("grant_type", [""])[0]
    if grant not in GRANTS:
        raise ApiError(400, f"unsupported_grant_type: {grant}")
    return json_response({"access_token": "sandbox", "expires_in": 3600, "token_type": "Bearer"})


@cache
def _private_key() -> str:
    """Make a key that opens nothing: clients sign with it, and nobody looks at the signature."""
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415  few ask for it
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
