"""Strings."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.number import plain
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.regular import compiled, literal_replacement


@function("String")
def make(value: Any) -> str:
    """Write a number as its shortest digits; the text of anything but numbers and texts is not documented."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return plain("String", value)
    raise not_imitated(f"String: the text of a value of type {type(value).__name__}")


@function("String.cat")
def join(left: str, right: str) -> str:
    return left + right


@function("String.length")
def length(text: str) -> int:
    return len(text)


@function("String.slice")
def cut(text: str, start: int, end: int | None) -> str:
    return text[start:end]


@function("String.split")
def split(text: str, pattern: str, flags: str) -> list[str]:
    """Split at matches; of an empty pattern, into characters. Groups are no part of the answer, nor is an empty end."""
    found = compiled("String.split", pattern, flags)
    if not pattern:
        return list(text)
    parts, at = [], 0
    for match in found.finditer(text):
        if match.start() == match.end():
            raise not_imitated(f"String.split: a match of no characters by '{pattern}'")
        parts.append(text[at : match.start()])
        at = match.end()
    parts.append(text[at:])
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


@function("String.replace")
def replace(text: str, pattern: str, replacement: str, flags: str) -> str:
    """Replace the first match, or all of them with the flag `g`."""
    wanted = literal_replacement("String.replace", replacement)
    return compiled("String.replace", pattern, flags).sub(lambda _match: wanted, text, count=0 if "g" in flags else 1)


@function("String.match")
def match(text: str, pattern: str, flags: str) -> list[str]:
    """Give the first match, or all of them with the flag `g`; an empty list where nothing matches."""
    found = compiled("String.match", pattern, flags)
    if "g" in flags:
        return [part.group(0) for part in found.finditer(text)]
    if found.groups:
        raise not_imitated(f"String.match: capturing groups in '{pattern}' without the flag 'g'")
    first = found.search(text)
    return [] if first is None else [first.group(0)]


@function("String.toUpperCase")
def upper(text: str) -> str:
    return text.upper()


@function("String.toLowerCase")
def lower(text: str) -> str:
    return text.lower()


@function("String.trim")
def trim(text: str) -> str:
    return text.strip()


@function("String.index")
def index(text: str, pattern: str) -> int:
    return text.find(pattern)


@function("String.rindex")
def last_index(text: str, pattern: str) -> int:
    return text.rfind(pattern)


@function("String.equals")
def equals(text: str, target: Any) -> bool:
    return isinstance(target, str) and text == target


@function("String.compareTo")
def compare(left: str, right: str) -> int:
    return (left > right) - (left < right)


@function("String.encodeJSON")
def encode_json(value: Any) -> str:
    """Write primitives, lists and dictionaries, keys sorted, without blanks."""
    plain = encoded(value)
    if isinstance(value, (list, dict, str, int, float)) or value is None:
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    raise not_imitated(f"String.encodeJSON: a value of type {type(value).__name__}")


@function("String.decodeJSON")
def decode_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise not_imitated(f"String.decodeJSON: what is no JSON, '{text[:40]}',") from None
