"""Batch requests: several calls in one body of `multipart/mixed`, each answered as if it had come alone."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request, Response, Route, digits, reason_phrase, route

MAX_CALLS = 1000  # what Google's own storage client sends at most; the guide advises 100
CONTENT_TYPE = "content-type"

Call = Callable[[Request], Response | None]


def routes(service: str, path: str, call: Call) -> list[Route]:
    """
    Make the route of a service's batch requests.

    Args:
        service: Its name, such as `storage`.
        path: Where they are sent, such as `/batch/storage/v1`.
        call: Answers a call as if it had come alone; None for a connection that a fault would break.
    """

    def handle(request: Request) -> Response:
        return answer(request, call)

    return [route(service, f"{service}.batch", "POST", re.escape(path), handle)]


def answer(request: Request, call: Call) -> Response:
    """
    Answer every call in the body of `request`, in its order.

    Raises:
        ProtocolViolation: If the body is no batch; the calls before the faulty one are done by then.
    """
    found = re.search(r'multipart/mixed;.*boundary="?([^";]+)"?', request.headers.get(CONTENT_TYPE, ""))
    if found is None:
        raise ProtocolViolation("Failed to parse batch request, error: no multipart/mixed body with a boundary.")
    body = request.body.replace(b"\r\n", b"\n")
    pieces = (b"\n" + body).split(b"\n--" + found.group(1).encode())[1:-1]
    if not pieces:
        raise ProtocolViolation("Failed to parse batch request, error: 0 items parsed.")
    if len(pieces) > MAX_CALLS:
        raise ApiError(400, f"The batch request exceeds the maximum of {MAX_CALLS} calls.")
    boundary = f"batch_{uuid.uuid4().hex}"
    answered = [_answered(piece, request, call) for piece in pieces]
    lead = f"--{boundary}\r\n".encode()
    whole = b"".join(lead + each for each in answered) + f"--{boundary}--\r\n".encode()
    return Response(200, {"Content-Type": f"multipart/mixed; boundary={boundary}"}, whole)


def _answered(piece: bytes, request: Request, call: Call) -> bytes:
    """Answer one part: its own headers, then a whole HTTP request."""
    outer, _, inner = piece.lstrip(b"\n").partition(b"\n\n")
    number = _headers(outer.decode("latin-1").splitlines()).get("content-id", "").strip("<>")
    response = call(_inner(inner, request)) or Response(502)
    head = "Content-Type: application/http\r\n" + (f"Content-ID: <response-{number}>\r\n" if number else "")
    lines = [f"HTTP/1.1 {response.status} {reason_phrase(response.status)}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines.append(f"Content-Length: {response.length}")
    if not isinstance(response.body, bytes):
        response.close()
        raise ApiError(400, "Media downloads are not supported in batch requests.")
    return (f"{head}\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + response.body + b"\r\n"


def _inner(text: bytes, request: Request) -> Request:
    head, _, body = text.lstrip(b"\n").partition(b"\n\n")
    first, *rest = head.decode("latin-1").splitlines() or [""]
    parts = first.split()
    if len(parts) < 2:
        raise ProtocolViolation(f"Failed to parse batch request, error: {first!r} is no request line.")
    target = urlsplit(parts[1])
    path = target.path + (f"?{target.query}" if target.query else "")
    if path.startswith(("/batch", "/upload", "/download")) or "alt=media" in target.query:
        raise ProtocolViolation("Uploads, downloads and batches are not supported in batch requests.")
    headers = _headers(rest)
    size = headers.get("content-length", "")
    content = body[: int(size)] if digits(size) else body.removesuffix(b"\n")
    return Request.of(parts[0].upper(), path, headers, content, request.base_url)


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
