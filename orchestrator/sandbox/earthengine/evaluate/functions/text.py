"""Strings."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.registry import function


@function("String")
def make(value: Any) -> str:
    return str(encoded(value))


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
    del flags
    return re.split(pattern, text) if pattern else list(text)


@function("String.replace")
def replace(text: str, pattern: str, replacement: str, flags: str) -> str:
    return re.sub(pattern, replacement, text, count=0 if "g" in flags else 1)


@function("String.match")
def match(text: str, pattern: str, flags: str) -> list[str]:
    if "g" in flags:
        return [found.group(0) for found in re.finditer(pattern, text)]
    found = re.search(pattern, text)
    return [] if found is None else [found.group(0), *found.groups()]


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


@function("String.equals")
def equals(text: str, target: str) -> bool:
    return text == target


@function("String.compareTo")
def compare(left: str, right: str) -> int:
    return (left > right) - (left < right)
