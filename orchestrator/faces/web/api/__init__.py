"""
The API for programs: what `--json` tells, over HTTP.

Each answer is an object of docs/reference/json.md or a list of them; an error is the object `error`, with the status
that its exit code has. `document.py` makes the OpenAPI document from the same table that is served.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import anyio.from_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app import Application
from orchestrator.app.verbs.checkup import checkup_of
from orchestrator.config import Loaded
from orchestrator.core import log
from orchestrator.core.errors import OrchestratorError, UnknownNameError
from orchestrator.faces.objects import Facts, message
from orchestrator.faces.web.api.asked import ApiRequest, read_body, read_words
from orchestrator.faces.web.api.document import document
from orchestrator.faces.web.api.endpoints import BASE, ENDPOINTS, Endpoint
from orchestrator.faces.web.api.statuses import STATUSES

ASKED_WRONGLY = 2


class Joined(Protocol):
    """What the API needs of the page."""

    @property
    def app(self) -> Application: ...
    @property
    def reload(self) -> Callable[[], Loaded]: ...


def routes(site: Joined) -> list[Route]:
    """Return the routes of the API, the last of which tells that there is no other."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    found = [Route(f"{BASE}{path}", _handler(site, known), methods=methods) for path, known in by_path.items()]
    found.append(Route(f"{BASE}/openapi.json", lambda _request: _answer(200, document()), methods=["GET"]))
    found.append(Route("/api/{rest:path}", _nothing_here, methods=methods))
    return found


def refusal(status: int, sentence: str, exit_code: int = ASKED_WRONGLY) -> Response:
    """Return an error as programs are told it, whoever refuses."""
    headers = {"Retry-After": "5"} if status in (429, 503) else {}
    return _answer(status, message("error", {"exit_code": exit_code, "sentence": sentence}), headers)


def _handler(site: Joined, known: Mapping[str, Endpoint]) -> Callable[[Request], Response]:
    def handle(request: Request) -> Response:
        endpoint = known.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            allowed = ", ".join(known)
            answer = refusal(405, f"{request.url.path} takes {allowed}, not {request.method}")
            answer.headers["Allow"] = allowed
            return answer
        return _carried_out(site, endpoint, request)

    return handle


def _carried_out(site: Joined, endpoint: Endpoint, request: Request) -> Response:
    try:
        told = endpoint.call(_asked(site, endpoint, request))
    except (OrchestratorError, OSError) as error:
        code = error.exit_code if isinstance(error, OrchestratorError) else 1
        status = 404 if isinstance(error, UnknownNameError) else STATUSES[code]
        return refusal(status, _sentence(str(error)), code)
    except Exception as error:  # noqa: BLE001  a fault of ours: programs are told in their way, the log says where it happened
        log.get("web").exception("web.fault", path=request.url.path)
        return refusal(500, _sentence(f"{type(error).__name__}: {error}"), 1)
    unwell = isinstance(told, dict) and told.get("healthy") is False
    return _answer(503 if unwell else 200, told)


def _asked(site: Joined, endpoint: Endpoint, request: Request) -> ApiRequest:
    words = read_words(endpoint.words, request.query_params.multi_items())
    content: bytes = anyio.from_thread.run(request.body) if endpoint.method == "POST" else b""
    body = read_body(endpoint.body, content, request.headers.get("content-type", ""))
    return ApiRequest(site.app, request.path_params, words, body, checkup_of(site.app, site.reload))


def _nothing_here(request: Request) -> Response:
    return refusal(404, f"there is nothing at {request.url.path}; {BASE}/openapi.json lists what there is")


def _sentence(text: str) -> str:
    masked: str = log.mask(" ".join(text.split()))
    return masked


NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def _answer(
    status: int, told: Facts | list[Facts] | Mapping[str, Any], headers: Mapping[str, str] = NO_HEADERS
) -> Response:
    content = json.dumps(told, default=str, ensure_ascii=False).encode()
    return Response(content, status, dict(headers), media_type="application/json")
