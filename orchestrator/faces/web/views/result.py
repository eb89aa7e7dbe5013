"""What a run made: on the map, with what proves it, and its files to take along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from orchestrator.app.verbs import shown_results
from orchestrator.core.errors import NeedsPerson, RunFailed, UserError
from orchestrator.faces.web.pages import page, said, site_of

if TYPE_CHECKING:
    from orchestrator.faces.web.site import Site

MAPPED = frozenset({"mosaic", "cube"})
_KINDS = {".tif": "image/tiff", ".json": "application/json", ".png": "image/png", ".csv": "text/csv; charset=utf-8"}


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [
        Route("/runs/{run}/result", _show),
        Route("/runs/{run}/compare", _compare),
        Route("/runs/{run}/checksum", _checksum, methods=["POST"]),
        Route("/runs/{run}/files/{name}", _file),
    ]


def _show(request: Request) -> Response:
    name = request.path_params["run"]
    try:
        shown = shown_results.shown_result(site_of(request).app, name)
    except (NeedsPerson, RunFailed) as error:
        return page(request, "result.html", run=name, shown=None, why=str(error))
    return page(request, "result.html", run=shown.run, shown=shown, why="", mapped=shown.product in MAPPED)


def _compare(request: Request) -> Response:
    app = site_of(request).app
    shown = shown_results.shown_result(app, request.path_params["run"])
    other = request.query_params.get("with", "")
    if not other:
        return page(request, "compare.html", shown=shown, other=None)
    beside = shown_results.shown_result(app, other)
    for each in (shown, beside):
        if each.path.suffix != ".tif":
            raise UserError(f"the result of run {each.run} is {each.path.name}; only GeoTIFFs are compared here")
    return page(request, "compare.html", shown=shown, other=beside)


def _checksum(request: Request) -> Response:
    told = shown_results.compare_checksum(site_of(request).app, request.path_params["run"])
    return said(request, told)


def _file(request: Request) -> Response:
    """Return a file of the result; a part of it where `Range` asks for one."""
    name = request.path_params["name"]
    found = shown_results.file_of(site_of(request).app, request.path_params["run"], name)
    kind = _KINDS.get(found.path.suffix, "application/octet-stream")
    return FileResponse(found.path, media_type=kind, filename=found.path.name)
