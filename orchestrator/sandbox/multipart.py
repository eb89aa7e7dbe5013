"""Bodies of type `multipart/related`: how Google's clients upload metadata and bytes in one request."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.web import ProtocolViolation, Request


@dataclass(frozen=True, slots=True)
class Upload:
    metadata: dict[str, Any]
    content_type: str
    data: bytes


def read(request: Request) -> Upload:
    """
    Split a `multipart/related` body into its JSON and its bytes.

    Raises:
        ProtocolViolation: If it is not made of exactly these two parts.
    """
    found = re.search(r'boundary="?([^";]+)"?', request.headers.get("content-type", ""))
    if found is None:
        raise ProtocolViolation("Multipart upload without a boundary.")
    # A part begins after the delimiter's line end and ends before the line end of the next delimiter.
    pieces = re.split(
        rb"(?:\r?\n|^)--" + re.escape(found.group(1).encode()) + rb"(?:--)?[ \t]*(?=\r?\n|$)", request.body
    )
    parts = [_part(piece) for piece in pieces[1:-1]]
    if len(parts) != 2:
        raise ProtocolViolation(f"Multipart upload must have two parts, found {len(parts)}.")
    (_, head), (content_type, data) = parts
    try:
        return Upload(json.loads(head or b"{}"), content_type, data)
    except ValueError as error:
        raise ProtocolViolation(f"Multipart upload: the first part is no JSON: {error}") from error


def _part(piece: bytes) -> tuple[str, bytes]:
    body = re.sub(rb"^\r?\n", b"", piece, count=1)
    head, _, data = (
        re.split(rb"(\r?\n\r?\n)", body, maxsplit=1) if re.search(rb"\r?\n\r?\n", body) else (body, b"", b"")
    )
    found = re.search(rb"content-type:\s*([^\r\n]+)", head, re.IGNORECASE)
    return (found.group(1).decode() if found else "application/octet-stream"), data
