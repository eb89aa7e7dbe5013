"""
The views, a file each: `routes(site)` returns what it answers.

Handlers are plain functions, which are called in threads; what they need of the state they ask verbs for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.routing import Route

from orchestrator.faces.web.site import Site
from orchestrator.faces.web.views import actions, chips, doctor, new, now, rasters, result, run, runs, scenes, schedule


class SiteView(Protocol):
    """What a file of this room has."""

    def routes(self, site: Site) -> list[Route]:
        """Return what it answers."""


# The first that fits a path answers.
ALL: Sequence[SiteView] = (now, runs, actions, result, rasters, chips, scenes, run, new, schedule, doctor)
