"""The page as one application: gate, live stream, files, views and the interface for programs, joined."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from orchestrator.core import log
from orchestrator.core.errors import (
    FencedError,
    NeedsPerson,
    NotFoundError,
    OrchestratorError,
    RunFailed,
    TransientError,
    UserError,
)
from orchestrator.core.locks import LockedError
from orchestrator.faces.web import api, live, views
from orchestrator.faces.web.gate import Gate
from orchestrator.faces.web.pages import page, said
from orchestrator.faces.web.refusals import is_for_programs, refusal
from orchestrator.faces.web.site import HERE, Site, digest

# Verbs are asked in threads; more at once would only take turns at the state.
THREADS = 12
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".pbf": "application/x-protobuf",
    ".txt": "text/plain; charset=utf-8",
}


def make(site: Site) -> ASGIApp:
    """Return the application for a server, behind its gate; its life is that of the thread that looks at the state."""

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        site.live.start()
        try:
            yield
        finally:
            site.live.stop()

    joined = Starlette(
        routes=[
            *live.stream_routes(site.live),
            Route("/static/{path:path}", _static, methods=["GET"]),
            Route("/basemap.pmtiles", _basemap, methods=["GET"]),
            Route("/favicon.ico", lambda _request: FileResponse(HERE / "static" / "favicon.svg")),
            *api.routes(site),
            *(route for view in views.ALL for route in view.routes(site)),
        ],
        exception_handlers={OrchestratorError: _refused, HTTPException: _refused, Exception: _broken},
        lifespan=life,
    )
    joined.state.site = site
    # Around everything, so that the answer to a fault of ours has the gate's headers, too.
    return Gate(joined, site.options, site.live.now)


# ---------------------------------------------------------------- files


def _static(request: Request) -> Response:
    """Return a file of ours; asked for by its content it is kept for ever, else compared each time."""
    path = request.path_params["path"]
    if path not in _listed():
        raise HTTPException(404)
    tag = f'"{digest(path)}"'
    named = request.query_params.get("v") == digest(path)
    kept = "public, max-age=31536000, immutable" if named else "no-cache"
    headers = {"Cache-Control": kept, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    file = HERE / "static" / path
    return FileResponse(file, headers=headers, media_type=_KINDS.get(file.suffix, "application/octet-stream"))


def _basemap(request: Request) -> Response:
    """Return the owner's map below ours, a piece at a time: PMTiles are read by ranges."""
    basemap = request.app.state.site.options.basemap
    if basemap is None:
        raise HTTPException(404)
    return FileResponse(basemap, headers={"Cache-Control": "no-cache"}, media_type="application/octet-stream")


@functools.cache
def _listed() -> frozenset[str]:
    """Return what may be asked for: no name leads out of the folder, since only what lies in it is one."""
    root = HERE / "static"
    return frozenset(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())


# ---------------------------------------------------------------- errors

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (LockedError, 409),
    (FencedError, 409),
    (NeedsPerson, 409),  # there is no result, and why is said
    (RunFailed, 409),
    (NotFoundError, 404),
    (UserError, 400),
    (TransientError, 503),
)


def status_of(error: Exception) -> int:
    """Return the HTTP status that an error of ours is answered with."""
    if isinstance(error, HTTPException):
        return error.status_code
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _refused(request: Request, error: Exception) -> Response:
    status = status_of(error)
    sentence = error.detail if isinstance(error, HTTPException) else log.one_line(str(error))
    if status == 404 and isinstance(error, HTTPException) and error.detail == "Not Found":
        sentence = "there is no such page"
    return _answer(request, status, sentence)


def _broken(request: Request, error: Exception) -> Response:
    """Say so in one line; where it happened stands in the log."""
    log.get("web").error("web.fault", path=request.url.path, exc_info=error)
    return _answer(request, 500, f"this is a fault of the page: {type(error).__name__}; its log says where")


def _answer(request: Request, status: int, sentence: str) -> Response:
    if is_for_programs(request.url.path):
        return refusal(status, sentence, 1 if status >= 500 else 2)
    if "text/html" not in request.headers.get("accept", "text/html"):
        return JSONResponse({"error": sentence}, status)
    if request.headers.get("hx-request") == "true":
        return said(request, sentence, "failed" if status >= 500 else "refused", status=status)
    return page(request, "said.html", status, sentence=sentence, kind="refused", back="/")
