"""The checks of doctor, as they come, and how to mend what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestrator.app.verbs.checkup import KEPT_SECONDS, Checkup, checkup_of
from orchestrator.app.verbs.findings import Finding
from orchestrator.faces.web.pages import page, site_of
from orchestrator.faces.web.site import Site

# A command is what stands between backticks and begins with a program; settings stand there, too.
_COMMAND = re.compile(r"(?:orchestrator|gcloud|chmod|pip|docker|systemctl|kill|timedatectl)\b.*")


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [
        Route("/doctor", _show),
        Route("/doctor/part/findings", _findings),
        Route("/doctor/look", _look, methods=["POST"]),
    ]


def _show(request: Request) -> Response:
    return page(request, "doctor.html", **_facts(_checkup(request)))


def _findings(request: Request) -> Response:
    return page(request, "parts/doctor_findings.html", **_facts(_checkup(request)))


def _look(request: Request) -> Response:
    checkup = _checkup(request)
    checkup.look(anew=True)
    if request.headers.get("hx-request") != "true":
        return RedirectResponse("/doctor", 303)
    return page(request, "parts/doctor_findings.html", **_facts(checkup))


def _checkup(request: Request) -> Checkup:
    site = site_of(request)
    return checkup_of(site.app, site.reload)


def _facts(checkup: Checkup) -> Mapping[str, Any]:
    seen = checkup.look()
    worst_first = sorted(seen.findings, key=lambda finding: ("error", "warning", "ok").index(finding.verdict))
    shown = [Shown(finding, tuple(_words(finding.seen)), tuple(_words(finding.mend))) for finding in worst_first]
    return {"seen": seen, "shown": shown, "kept": int(KEPT_SECONDS), "states": _STATES}


_STATES: Mapping[str, str] = {"ok": "PASSED", "warning": "WARNING", "error": "WRONG"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding, with the words of what was seen and of how to mend it: each with `""`, `code` or `command`."""

    finding: Finding
    seen: tuple[tuple[str, str], ...]
    mend: tuple[tuple[str, str], ...]


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Yield a sentence in pieces; what stands between backticks is code, or a command that can be copied."""
    for number, piece in enumerate(text.split("`")):
        if piece:
            yield piece, ("command" if _COMMAND.fullmatch(piece) else "code") if number % 2 else ""
