"""
Answers of views: whole pages, fragments that follow the state, data, and the sentence after an action.

What follows the state is made once for a revision, whoever asks, and answered by 304 to who has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestrator.core import log
from orchestrator.faces.web.gate import BODY
from orchestrator.faces.web.site import Site

HTML = "text/html; charset=utf-8"
JSON = "application/json"


def site_of(request: Request) -> Site:
    """Return the site that a request is for."""
    site: Site = request.app.state.site
    return site


# ---------------------------------------------------------------- what was sent


def body(request: Request) -> bytes:
    """Return what was sent, whole: the gate has read it, within its limits of size and time."""
    content: bytes = request.scope.get(BODY, b"")
    return content


def form(request: Request) -> QueryParams:
    """Return the fields of a form (`application/x-www-form-urlencoded`): the last of a name, and all by `getlist`."""
    return QueryParams(parse_qsl(body(request).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000))


# ---------------------------------------------------------------- answers


def page(request: Request, name: str, status: int = 200, **facts: Any) -> Response:
    """Return a whole page, `templates/NAME`, for which nothing is remembered."""
    return Response(render(request, name, facts), status, media_type=HTML)


def render(request: Request, name: str, facts: Mapping[str, Any]) -> str:
    """Return the text of a template; facts of the site stand beside those that are given."""
    site = site_of(request)
    return site.templates.get_template(name).render(
        **{"request": request, "path": request.url.path, "look": site.live.look, **facts}
    )


def fragment(request: Request, name: str, facts: Callable[[], Mapping[str, Any]]) -> Response:
    """
    Return a fragment that follows the state; `facts` is asked once for each address and revision.

    It depends on the address, with its query, and the state alone: all readers of a page see the same.
    """
    return _following(request, HTML, lambda: render(request, name, facts()).encode())


def data(request: Request, make: Callable[[], Any]) -> Response:
    """Return JSON that follows the state, as `fragment` does."""
    return _following(request, JSON, lambda: to_json(make()))


def to_json(value: Any) -> bytes:
    """Return a value as JSON; what is not a number is null."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def said(request: Request, sentence: str, kind: str = "done", *, then: str = "", status: int = 200) -> Response:
    """
    Return what an action came to: a note at the foot of the page, which screen readers say.

    Args:
        request: The action.
        sentence: What happened, or why not and what to do.
        kind: `done`, `refused` or `failed`.
        then: A path to go to instead of staying; the note is shown there no more.
        status: Of the answer; who did not come from a page of ours gets a page with the sentence.
    """
    if request.headers.get("hx-request") != "true":
        if then:
            return RedirectResponse(then, 303)
        return page(request, "said.html", status, sentence=sentence, kind=kind, back=_back(request))
    headers = {"HX-Redirect": then} if then else {"HX-Retarget": "#notes", "HX-Reswap": "beforeend"}
    return Response(render(request, "parts/note.html", {"sentence": sentence, "kind": kind}), status, headers, HTML)


def acted(request: Request, verb: str, run: str = "", **facts: Any) -> None:
    """
    Write down that a person did something: into the log, and among the events of the run where there is one.

    What is written says the verb, the run, and from where it was asked.
    """
    site, client = site_of(request), request.client.host if request.client else ""
    log.get("web").info("web.action", verb=verb, client=client, **({"run": run} if run else {}), **facts)
    if run:
        site.app.store.events.record(run, "web.action", {"verb": verb, "client": client, **facts})


def _back(request: Request) -> str:
    """Return the path that the action was asked from, where it is one of ours."""
    found = urlsplit(request.headers.get("referer", ""))
    return found.path if found.path.startswith("/") and not found.path.startswith("//") else "/"


# ---------------------------------------------------------------- what is made once


def _following(request: Request, media: str, make: Callable[[], bytes]) -> Response:
    site = site_of(request)
    key = f"{request.url.path}?{request.url.query}"
    made = site.cache.get(key, site.live.revision, make)
    headers = {"ETag": made.tag}
    if request.headers.get("if-none-match") == made.tag:
        return Response(status_code=304, headers=headers)
    return Response(made.content, headers=headers, media_type=media)
