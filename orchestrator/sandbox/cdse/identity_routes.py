"""The realm CDSE of an OpenID Connect provider, as far as programs use it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from orchestrator.sandbox.cdse import tokens
from orchestrator.sandbox.cdse.identity import SCOPE, Identity
from orchestrator.sandbox.cdse_errors import IDENTITY
from orchestrator.sandbox.web import Request, Response, Route, json_response, not_imitated, route

REALM = "/auth/realms/CDSE"
CONNECT = REALM + "/protocol/openid-connect"
TOKEN = CONNECT + "/token"
_ENDPOINTS = {
    "authorization_endpoint": "auth",
    "token_endpoint": "token",
    "introspection_endpoint": "token/introspect",
    "userinfo_endpoint": "userinfo",
    "end_session_endpoint": "logout",
    "jwks_uri": "certs",
    "revocation_endpoint": "revoke",
    "device_authorization_endpoint": "auth/device",
}
_GRANTS = ("refresh_token", "password", "client_credentials")


class IdentityRoutes:
    """Tokens, the configuration that leads to them, and the key that they are signed with."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def routes(self) -> list[Route]:
        return [
            route(IDENTITY, "cdse.token", "POST", TOKEN, self._token, query=None),
            route(IDENTITY, "cdse.certs", "GET", CONNECT + "/certs", _certificates, query=None),
            route(IDENTITY, "cdse.configuration", "GET", REALM + r"/\.well-known/openid-configuration", _configuration),
            *(self._absent(method, path) for method in ("GET", "POST") for path in _absent_paths()),
        ]

    def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        told = self._identity.grant(form, request.base_url + REALM)
        return json_response(told, headers={"Cache-Control": "no-store"})

    @staticmethod
    def _absent(method: str, path: str) -> Route:
        def refuse(request: Request) -> Response:
            raise not_imitated(f"the endpoint {request.path} of the identity provider")

        return route(IDENTITY, "cdse.identity", method, path, refuse, query=None)


def _absent_paths() -> list[str]:
    return [f"{CONNECT}/{path}" for path in _ENDPOINTS.values() if path not in ("token", "certs")]


def _certificates(request: Request) -> Response:  # noqa: ARG001  every handler takes the request
    return json_response(tokens.certificates())


def _configuration(request: Request) -> Response:
    base = request.base_url + CONNECT
    told: dict[str, Any] = {"issuer": request.base_url + REALM}
    told |= {name: f"{base}/{path}" for name, path in _ENDPOINTS.items()}
    told |= {"grant_types_supported": list(_GRANTS), "response_types_supported": ["token"]}
    told |= {"subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"]}
    told |= {"token_endpoint_auth_methods_supported": ["client_secret_post"], "scopes_supported": SCOPE.split()}
    return json_response(told)
