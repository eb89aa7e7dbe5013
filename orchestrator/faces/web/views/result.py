"""What a run made: on the map, with what proves it, and its files to take along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from orchestrator.app.verbs import chip_views, scene_views, shown_results, table_views
from orchestrator.core.errors import NeedsPerson, RunFailed, UserError
from orchestrator.faces.web.pages import page, said, site_of
from orchestrator.faces.web.views import chips

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
    app, name = site_of(request).app, request.path_params["run"]
    try:
        shown = shown_results.shown_result(app, name)
    except (NeedsPerson, RunFailed) as error:
        return page(request, "result.html", run=name, shown=None, why=str(error))
    try:
        # What lies in a bucket is neither drawn nor read here.
        body, facts, wrong = *(("", {}) if shown.place else _body(request, shown.run, shown.product)), ""
    except UserError as error:  # the proof and the files are shown all the same
        body, facts, wrong = "", {}, str(error)
    return page(request, "result.html", **(facts | {"run": shown.run, "shown": shown, "body": body, "wrong": wrong}))


def _body(request: Request, run: str, product: str) -> tuple[str, dict[str, Any]]:
    """Return the part of the page that shows what the product is, and what that part needs."""
    app = site_of(request).app
    if product in MAPPED:
        return "parts/result_map.html", {}
    if product == chip_views.PRODUCT:
        return "parts/chips.html", chips.sheet_facts(request, run, chip_views.chip_sheet(app, run))
    if product == table_views.PRODUCT:
        place = request.query_params.get("place", "")
        return "parts/table.html", {"table": table_views.table_of(app, run, place=place)}
    if product == scene_views.PRODUCT:
        return "parts/scenes.html", {"scenes": scene_views.scenes_of(app, run)}
    return ("parts/patches.html", {}) if product == scene_views.PATCHES else ("", {})


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
    found = shown_results.listed_file(site_of(request).app, request.path_params["run"], name)
    kind = _KINDS.get(found.path.suffix, "application/octet-stream")
    return FileResponse(found.path, media_type=kind, filename=found.path.name)
