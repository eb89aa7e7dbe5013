"""Chips of a training set as a contact sheet."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.faces.web.pages import page
from orchestrator.faces.web.site import Site


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [Route("/runs/{run}/chips", _show)]


def _show(request: Request) -> Response:
    return page(request, "chips.html")
