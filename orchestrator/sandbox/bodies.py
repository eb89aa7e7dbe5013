"""Fields of JSON bodies, read by their type: what Google's front end would refuse must not fail inside a method."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.web import ProtocolViolation


def text(body: Mapping[str, Any], name: str) -> str | None:
    """
    Return the text `name` of `body`; None if it is absent or null.

    Raises:
        ProtocolViolation: If it is something else.
    """
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _invalid(value, name, "TYPE_STRING")


def texts(body: Mapping[str, Any], name: str) -> list[str]:
    """
    Return the list of texts `name` of `body`; empty if it is absent or null.

    Raises:
        ProtocolViolation: If it is something else.
    """
    value = body.get(name)
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise _invalid(value, name, "TYPE_STRING")


def boolean(body: Mapping[str, Any], name: str) -> bool:
    """
    Return the truth `name` of `body`; False if it is absent or null.

    Raises:
        ProtocolViolation: If it is something else.
    """
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise _invalid(value, name, "TYPE_BOOL")


def labels(body: Mapping[str, Any], name: str) -> dict[str, str | None]:
    """
    Return the map `name` of `body` from text to text or null; empty if it is absent or null.

    Raises:
        ProtocolViolation: If it is something else.
    """
    value = body.get(name)
    if value is None:
        return {}
    if isinstance(value, dict) and all(each is None or isinstance(each, str) for each in value.values()):
        return value
    raise _invalid(value, name, "TYPE_MAP")


def _invalid(value: Any, name: str, kind: str) -> ProtocolViolation:
    return ProtocolViolation(f"Invalid value at '{name}' ({kind}), {json.dumps(value)[:200]}")
