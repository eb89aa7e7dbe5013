"""How programs are told that they are refused: the object `error`, whoever refuses, the gate or the API."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from orchestrator.faces.objects import message

PROGRAMS = "/api/"  # whose addresses begin so
ASKED_WRONGLY = 2
_LATER = "5"  # seconds


def is_for_programs(path: str) -> bool:
    """Tell whether programs are answered there."""
    return path.startswith(PROGRAMS)


def refusal(
    status: int, sentence: str, exit_code: int = ASKED_WRONGLY, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error as programs are told it, with the exit code that the command would end with."""
    told = message("error", {"exit_code": exit_code, "sentence": sentence})
    later = {"Retry-After": _LATER} if status in (429, 503) else {}
    content = json.dumps(told, ensure_ascii=False).encode()
    return Response(content, status, {**later, **(headers or {})}, "application/json")


def for_programs(answer: Response) -> Response:
    """Return a refusal that says its sentence as text, as programs are told it."""
    later = {name: value for name, value in answer.headers.items() if name not in ("content-type", "content-length")}
    sentence = bytes(answer.body).decode("utf-8", "replace").strip()
    return refusal(answer.status_code, sentence, headers=later)
