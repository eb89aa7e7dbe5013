"""Now: what needs a person, what runs, what waits, what holds it back, what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app.verbs.overview import overview
from orchestrator.faces.web.pages import acted, fragment, page, said, site_of
from orchestrator.faces.web.site import Site
from orchestrator.faces.web.views.words import WORDS

_LOOKED = "looked"  # the cookie: until when this browser's owner has seen what failed
_LOOKED_SECONDS = 400 * 86_400  # as long as browsers keep one (RFC 6265bis, 5.5)


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [
        Route("/", _show),
        Route("/now/part/all", _part),
        Route("/now/seen", _seen, methods=["POST"]),
    ]


def _show(request: Request) -> Response:
    return page(request, "now.html", **_facts(request, request.cookies.get(_LOOKED, "")))


def _part(request: Request) -> Response:
    return fragment(request, "parts/now.html", lambda: _facts(request, request.query_params.get("since", "")))


def _facts(request: Request, looked: str) -> Mapping[str, Any]:
    since = _moment(looked)
    query = f"?{urlencode({'since': since})}" if since else ""
    return {"seen": overview(site_of(request).app, since), "query": query, "since": since, **WORDS}


def _seen(request: Request) -> Response:
    """Remember in this browser that its owner has seen what failed until now."""
    acted(request, "seen")
    answer = said(request, "What failed until now is not shown any more; the list of runs has it.", then="/")
    now = site_of(request).app.clock.now().isoformat(timespec="milliseconds")
    is_safe = request.url.scheme == "https"
    answer.set_cookie(_LOOKED, now, max_age=_LOOKED_SECONDS, httponly=True, samesite="strict", secure=is_safe)
    return answer


def _moment(text: str) -> str:
    """Return a time as it is stored; nothing where it is none, such as from a cookie of somebody else's."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return ""
