"""Scenes and patches of a run: where they lie, and pictures of them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app.verbs import scene_views
from orchestrator.faces.web.pages import JSON, site_of, to_json
from orchestrator.faces.web.site import Site


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [
        Route("/runs/{run}/footprints.json", _footprints),
        Route("/runs/{run}/patches/{which}.png", _patches),
    ]


def _footprints(request: Request) -> Response:
    found = scene_views.scenes_of(site_of(request).app, request.path_params["run"])
    features = [
        {"type": "Feature", "properties": {"tile": scene.tile, "sensing": scene.sensing}, "geometry": scene.footprint}
        for scene in found.scenes
        if scene.footprint
    ]
    return Response(to_json({"type": "FeatureCollection", "features": features}), media_type=JSON)


def _patches(request: Request) -> Response:
    params = request.path_params
    content = scene_views.patch_picture(site_of(request).app, params["run"], params["which"])
    return Response(content, media_type="image/png")
