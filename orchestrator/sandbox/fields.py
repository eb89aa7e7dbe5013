"""Google's partial responses: `fields=nextPageToken,files(id,name)` and `fields=items/name`."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.sandbox.web import ProtocolViolation

Mask = dict[str, Any]  # a name to the mask below it; an empty mask keeps everything

_TOKEN = re.compile(r"[\w$@*.\-]+|[(),/]")


def parse(text: str) -> Mask:
    """
    Read a field mask.

    Raises:
        ProtocolViolation: If the text is no mask.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise ProtocolViolation(f"Invalid field selection {text}")
    mask, rest = _siblings(tokens, text)
    if rest:
        raise ProtocolViolation(f"Invalid field selection {text}")
    return mask


def _siblings(tokens: list[str], text: str) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while True:
        below, tokens = _path(tokens, text)
        for name, inner in below.items():
            mask.setdefault(name, {}).update(inner)
        if not tokens or tokens[0] != ",":
            return mask, tokens
        tokens = tokens[1:]


def _path(tokens: list[str], text: str) -> tuple[Mask, list[str]]:
    if not tokens or tokens[0] in "(),/":
        raise ProtocolViolation(f"Invalid field selection {text}")
    name, tokens = tokens[0], tokens[1:]
    if tokens and tokens[0] == "/":
        below, tokens = _path(tokens[1:], text)
        return {name: below}, tokens
    if tokens and tokens[0] == "(":
        below, tokens = _siblings(tokens[1:], text)
        if not tokens or tokens[0] != ")":
            raise ProtocolViolation(f"Invalid field selection {text}")
        return {name: below}, tokens[1:]
    return {name: {}}, tokens


def apply(mask: Mask, value: Any) -> Any:
    """Keep what `mask` names; lists are masked item by item."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [apply(mask, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: apply(mask[name], item) for name, item in value.items() if name in mask}


def select(text: str | None, value: Any, *, default: str | None = None) -> Any:
    """Apply the mask in `text`, or the service's `default` mask, or nothing."""
    chosen = text or default
    return value if chosen is None else apply(parse(chosen), value)
