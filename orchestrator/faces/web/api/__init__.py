"""
The API for programs: what `--json` tells, over HTTP.

Each answer is an object of docs/reference/json.md or a list of them; an error is the object `error`, with the status
that its exit code has. `document.py` makes the OpenAPI document from the same table that is served.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app.verbs.checkup import checkup_of
from orchestrator.core import log
from orchestrator.core.errors import OrchestratorError, UnknownNameError
from orchestrator.faces.objects import JsonObject
from orchestrator.faces.web.api.asked import ApiRequest, read_body, read_words
from orchestrator.faces.web.api.document import document
from orchestrator.faces.web.api.endpoints import BASE, ENDPOINTS, Endpoint
from orchestrator.faces.web.api.statuses import STATUSES
from orchestrator.faces.web.pages import acted, body
from orchestrator.faces.web.refusals import PROGRAMS, refusal
from orchestrator.faces.web.site import Site

_METHODS = ["GET", "HEAD", "POST"]


def routes(site: Site) -> list[Route]:
    """Return the routes of the API, the last of which tells that there is no other."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    found = [Route(f"{BASE}{path}", _handler(site, known), methods=_METHODS) for path, known in by_path.items()]
    found.append(Route(f"{BASE}/openapi.json", lambda _request: _answer(200, document())))
    found.append(Route(f"{PROGRAMS}{{rest:path}}", _nothing_here, methods=_METHODS))
    return found


def _handler(site: Site, known: Mapping[str, Endpoint]) -> Callable[[Request], Response]:
    def handle(request: Request) -> Response:
        endpoint = known.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            allowed = ", ".join(known)
            sentence = f"{request.url.path} takes {allowed}, not {request.method}"
            return refusal(405, sentence, headers={"Allow": allowed})
        return _carried_out(site, endpoint, request)

    return handle


def _carried_out(site: Site, endpoint: Endpoint, request: Request) -> Response:
    try:
        told = endpoint.call(_asked(site, endpoint, request))
    except (OrchestratorError, OSError) as error:
        code = error.exit_code if isinstance(error, OrchestratorError) else 1
        status = 404 if isinstance(error, UnknownNameError) else STATUSES[code]
        return refusal(status, _sentence(str(error)), code)
    except Exception as error:  # noqa: BLE001  a fault of ours: programs are told in their way, the log says where it happened
        log.get("web").error("web.fault", path=request.url.path, exc_info=error)
        return refusal(500, _sentence(f"{type(error).__name__}: {error}"), 1)
    if endpoint.logged:
        _write_down(request, endpoint, told)
    unwell = isinstance(told, dict) and told.get("healthy") is False
    return _answer(503 if unwell else 200, told)


def _asked(site: Site, endpoint: Endpoint, request: Request) -> ApiRequest:
    words = read_words(endpoint.words, request.query_params.multi_items())
    content = body(request) if endpoint.method == "POST" else b""
    sent = read_body(endpoint.body, content, request.headers.get("content-type", ""))
    return ApiRequest(site.app, request.path_params, words, sent, checkup_of(site.app, site.reload))


def _write_down(request: Request, endpoint: Endpoint, told: JsonObject | list[JsonObject]) -> None:
    """Write down what a program did: to each run that it was done to, else to a job."""
    names = {"job": job} if (job := request.path_params.get("job")) else {}
    for one in told if isinstance(told, list) else [told]:
        acted(request, endpoint.verb, one.get("run", ""), by="api", **names)


def _nothing_here(request: Request) -> Response:
    return refusal(404, f"there is nothing at {request.url.path}; {BASE}/openapi.json lists what there is")


def _sentence(text: str) -> str:
    masked: str = log.mask(" ".join(text.split()))
    return masked


def _answer(status: int, told: JsonObject | list[JsonObject] | Mapping[str, Any]) -> Response:
    content = json.dumps(told, default=str, ensure_ascii=False).encode()
    return Response(content, status, media_type="application/json")
