"""The body of a request, which Earth Engine's front end lets in up to a size."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.web import ProtocolViolation, Request

MAX_PAYLOAD_BYTES = 10_485_760


def payload(request: Request) -> dict[str, Any]:
    """
    Read the body as a JSON object, without fields that are null: in protocol buffers' JSON that is "not set".

    Raises:
        ProtocolViolation: If it is too large, or none.
    """
    if len(request.body) > MAX_PAYLOAD_BYTES:
        raise ProtocolViolation(f"Request payload size exceeds the limit: {MAX_PAYLOAD_BYTES} bytes.")
    return {name: each for name, each in request.json().items() if each is not None}
