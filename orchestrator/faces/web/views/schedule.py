"""The jobs of config.toml: when they run, what became of their dates; to pause one, and to run one now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app.verbs import schedule
from orchestrator.app.verbs.agenda import OUTCOME_WORDS, agenda
from orchestrator.core.units import format_count
from orchestrator.faces.web.pages import acted, form, fragment, page, said, site_of
from orchestrator.faces.web.site import Site

_OVERLAPS = {
    "queue": "waits until it has ended",
    "skip": "is skipped",
    "replace": "takes its place: the earlier run is cancelled",
}
_CATCH_UPS = {"latest": "the latest one is run", "all": "all are run", "none": "none is run"}


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [
        Route("/schedule", _show),
        Route("/schedule/part/jobs", _jobs),
        Route("/schedule/pause", _pause, methods=["POST"]),
        Route("/schedule/resume", _resume, methods=["POST"]),
        Route("/schedule/trigger", _trigger, methods=["POST"]),
    ]


def _show(request: Request) -> Response:
    return page(request, "schedule.html", **_facts(request))


def _jobs(request: Request) -> Response:
    return fragment(request, "parts/schedule_jobs.html", lambda: _facts(request))


def _facts(request: Request) -> Mapping[str, Any]:
    site = site_of(request)
    return {
        "agenda": agenda(site.app, site.reload),
        "overlaps": _OVERLAPS,
        "catch_ups": _CATCH_UPS,
        "outcomes": OUTCOME_WORDS,
        "wall": _wall,
        "key": _key,
    }


def _wall(name: str) -> str:
    """Write the name of a date as a clock on the wall of the job's time zone shows it."""
    return f"{datetime.fromisoformat(name):%a %d %b, %H:%M}"


def _key(name: str) -> str:
    """Return what an element of a job is called: names of jobs may have any letters."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def _pause(request: Request) -> Response:
    given = form(request)
    name, why = given.get("job", ""), given.get("reason", "")
    schedule.pause(site_of(request).app, name, why)
    acted(request, "pause", job=name, why=why)
    return said(request, f"{name} is paused: its dates go by until it is resumed.")


def _resume(request: Request) -> Response:
    name = form(request).get("job", "")
    was_paused = schedule.resume(site_of(request).app, name)
    acted(request, "resume", job=name)
    return said(request, f"{name} goes on." if was_paused else f"{name} was not paused.")


def _trigger(request: Request) -> Response:
    given = form(request)
    name = given.get("job", "")
    begun = schedule.trigger(site_of(request).app, name, given.get("date", "").strip().replace(" ", "T"))
    for run in begun:
        acted(request, "trigger", run.id, job=name, logical_date=run.logical_date)
    runs, date = format_count(len(begun), "run"), begun[0].logical_date[:16].replace("T", " ")
    return said(request, f"{runs} of {name} for {date}: the daemon takes it up.", then=f"/runs/{begun[0].id}")
