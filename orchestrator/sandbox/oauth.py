"""A token endpoint, so that a service account's key file with a local `token_uri` works against the sandbox."""

from __future__ import annotations

from urllib.parse import parse_qs

from orchestrator.sandbox.web import ApiError, Request, Response, Route, json_response, route

GRANTS = frozenset({"urn:ietf:params:oauth:grant-type:jwt-bearer", "refresh_token"})  # RFC 7523, RFC 6749


def routes() -> list[Route]:
    return [route("oauth", "oauth.token", "POST", r"/token", _token)]


def _token(request: Request) -> Response:
    """Give a token to whoever asks in a known way; signatures are not checked."""
    grant = parse_qs(request.body.decode("ascii", "replace")).get("grant_type", [""])[0]
    if grant not in GRANTS:
        raise ApiError(400, f"unsupported_grant_type: {grant}")
    return json_response({"access_token": "sandbox", "expires_in": 3600, "token_type": "Bearer"})
