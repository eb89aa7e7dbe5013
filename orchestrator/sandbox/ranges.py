"""A file as an answer: all of it, or the range that is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.sandbox.streams import FileBody
from orchestrator.sandbox.web import ApiError, Request, Response, error_response, service_of

_RANGE = re.compile(r"bytes=([0-9]{0,4000})-([0-9]{0,4000})")  # Python reads no longer numbers


def media_response(
    path: Path, size: int, request: Request, headers: Mapping[str, str], *, service: str = ""
) -> Response:
    """
    Answer with a file, or the part of it that `Range` asks for.

    A range whose end lies before its beginning is none (RFC 9110, 14.1.1): the whole file is sent. One that begins
    beyond the end is 416, with the size in `Content-Range`.

    Raises:
        FileNotFoundError: The file has gone.
    """
    asked = request.headers.get("range")
    found = _RANGE.fullmatch(asked.strip()) if asked else None
    common = {"Accept-Ranges": "bytes", **headers}
    if found is None or found.groups() == ("", "") or _backwards(*found.groups()):
        return Response(200, common, FileBody.opened(path, 0, size))
    first, last = _resolve_range(found.group(1), found.group(2), size)
    if first > last or first >= size:
        form = service or service_of(request.path)
        refused = error_response(ApiError(416, "Request range not satisfiable"), service=form)
        return replace(refused, headers={**refused.headers, "Content-Range": f"bytes */{size}"})
    common["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(206, common, FileBody.opened(path, first, last - first + 1))


def _backwards(first: str, last: str) -> bool:
    return bool(first and last) and int(first) > int(last)


def _resolve_range(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:  # the last n bytes
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
