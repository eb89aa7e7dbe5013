"""Bodies of type `multipart/related`: how Google's clients upload metadata and bytes in one request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.web import ProtocolViolation, Request, json_object

DEFAULT_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Upload:
    """
    Attributes:
        typed: Whether the bytes came with a content type of their own.
    """

    metadata: dict[str, Any]
    content_type: str
    data: bytes
    typed: bool = True


def read(request: Request) -> Upload:
    """
    Split a `multipart/related` body into its JSON and its bytes.

    Raises:
        ProtocolViolation: If it is not made of exactly these two parts.
    """
    found = re.search(r'boundary="?([^";]+)"?', request.headers.get("content-type", ""))
    if found is None:
        raise ProtocolViolation("Multipart upload without a boundary.")
    # One client ends its lines with CRLF, the other with LF; the bytes themselves may end with either.
    mark = b"--" + found.group(1).encode()
    newline = b"\r\n" if request.body.startswith(mark + b"\r\n") else b"\n"
    pieces = (newline + request.body).split(newline + mark)
    parts = [_part(piece, newline) for piece in pieces[1:-1]]
    if len(parts) != 2:
        raise ProtocolViolation(f"Multipart upload must have two parts, found {len(parts)}.")
    (_, head), (content_type, data) = parts
    try:
        metadata = json_object(head or b"{}")
    except ProtocolViolation as error:
        raise ProtocolViolation(f"Multipart upload, first part: {error.message}") from error
    return Upload(metadata, content_type or DEFAULT_TYPE, data, bool(content_type))


def _part(piece: bytes, newline: bytes) -> tuple[str, bytes]:
    """Split a part, which begins with the line end of its delimiter, into its content type, if any, and its bytes."""
    head, _, data = piece.partition(newline * 2)
    found = re.search(rb"content-type:\s*([^\r\n]+)", head, re.IGNORECASE)
    return (found.group(1).decode().strip() if found else ""), data
