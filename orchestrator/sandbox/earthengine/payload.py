"""The body of a request, which Earth Engine's front end lets in up to a size."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.web import ProtocolViolation, Request

MAX_PAYLOAD_BYTES = 10_485_760


def payload(request: Request) -> dict[str, Any]:
    """
    Read the body as a JSON object.

    Raises:
        ProtocolViolation: If it is too large, or none.
    """
    if len(request.body) > MAX_PAYLOAD_BYTES:
        raise ProtocolViolation(f"Request payload size exceeds the limit: {MAX_PAYLOAD_BYTES} bytes.")
    return request.json()
