"""The interface for programs below the page."""

from __future__ import annotations

from starlette.routing import Route

from orchestrator.faces.web.site import Site


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what is answered below /api."""
    return []
