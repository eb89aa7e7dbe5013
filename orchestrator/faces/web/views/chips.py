"""Chips of a run: a contact sheet, and where they lie, by split."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app.verbs import chip_views
from orchestrator.app.verbs.chip_views import ChipSheet
from orchestrator.faces.web.pages import JSON, page, site_of, to_json
from orchestrator.faces.web.site import Site

NAMES = ("split", "state", "label")


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [
        Route("/runs/{run}/part/chips", _part),
        Route("/runs/{run}/chips.json", _map),
        Route("/runs/{run}/chips/{identifier}.png", _picture),
    ]


def sheet_facts(request: Request, run: str, sheet: ChipSheet) -> dict[str, Any]:
    """Return what the contact sheet shows: the chips that the address asks for, a page of them."""
    asked = {name: request.query_params.get(name, "") for name in NAMES}
    chosen = sheet.chosen(**asked)
    pages = max(1, -(-len(chosen) // chip_views.PAGE))
    text = request.query_params.get("page", "1")
    number = min(pages, max(1, int(text) if text.isdigit() and len(text) < 9 else 1))
    first = (number - 1) * chip_views.PAGE
    shown = chosen[first : first + chip_views.PAGE]
    return {
        "run": run,
        "sheet": sheet,
        "asked": asked,
        "chosen": chosen,
        "page": number,
        "pages": pages,
        "chips": shown,
    }


def _part(request: Request) -> Response:
    run = request.path_params["run"]
    sheet = chip_views.chip_sheet(site_of(request).app, run)
    return page(request, "parts/chips_sheet.html", **sheet_facts(request, run, sheet))


def _map(request: Request) -> Response:
    sheet = chip_views.chip_sheet(site_of(request).app, request.path_params["run"])
    features = [
        {
            "type": "Feature",
            "properties": {"chip": chip.identifier, "state": chip.state, "split": chip.split, "label": chip.label},
            "geometry": {"type": "Polygon", "coordinates": [[*_joined(chip.corners), chip.corners[0]]]},
        }
        for chip in sheet.chips
        if chip.corners
    ]
    told = {"type": "FeatureCollection", "features": features}
    return Response(to_json({"bounds": sheet.bounds, "splits": list(sheet.splits), "chips": told}), media_type=JSON)


def _joined(corners: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Return corners on one side of longitude 180, so that a polygon is not drawn around the Earth."""
    wide = max(x for x, _ in corners) - min(x for x, _ in corners) > 180
    return [(x + 360 if wide and x < 0 else x, y) for x, y in corners]


def _picture(request: Request) -> Response:
    params = request.path_params
    content = chip_views.chip_picture(site_of(request).app, params["run"], params["identifier"])
    return Response(content, media_type="image/png")
