"""Strings."""

from __future__ import annotations

import json
import math
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.number import plain
from orchestrator.sandbox.earthengine.evaluate.limits import whole
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.regular import compiled, literal_replacement


@function("String")
def make(value: Any) -> str:
    """Write a number as its shortest digits; the text of anything but numbers and texts is not documented."""
    if isinstance(value, str):
        return value
    return plain("String", value)


@function("String.cat")
def join(left: str, right: str) -> str:
    return left + right


_LAST_SINGLE = "\uffff"  # Java counts characters beyond it twice; whether the service does, no source tells
_LONGEST = 20  # digits of a whole number of 64 bits, with its sign
_BLANKS = " \t\n\r\f\v"


def _counted(name: str, text: str) -> str:
    """
    Give a text whose characters can be counted.

    Raises:
        EvaluationError: If it has characters that some count twice.
    """
    if text and max(text) > _LAST_SINGLE:
        raise not_imitated(f"String.{name}: positions in a text with the character '{max(text)}'")
    return text


@function("String.length")
def length(text: str) -> int:
    return len(_counted("length", text))


@function("String.slice")
def cut(text: str, start: int, end: int | None) -> str:
    return _counted("slice", text)[start:end]


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
    if text and not any(parts):
        raise not_imitated(f"String.split: a text of nothing but matches of '{pattern}'")
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
    """Give the first match and its groups, or all matches with the flag `g`; an empty list where nothing matches."""
    found = compiled("String.match", pattern, flags)
    if "g" in flags:
        return [part.group(0) for part in found.finditer(text)]
    first = found.search(text)
    groups = [] if first is None else [first.group(0), *first.groups()]
    if None in groups:
        raise not_imitated(f"String.match: a group of '{pattern}' that takes no part in the match")
    return groups


@function("String.toUpperCase")
def upper(text: str) -> str:
    return text.upper()


@function("String.toLowerCase")
def lower(text: str) -> str:
    return text.lower()


@function("String.trim")
def trim(text: str) -> str:
    """Take blanks away at both ends; which other characters than ASCII's are blanks, no source tells."""
    inner = text.strip(_BLANKS)
    if inner != inner.strip():
        raise not_imitated("String.trim: a text that begins or ends with a blank outside of ASCII")
    return inner


@function("String.index")
def index(text: str, pattern: str) -> int:
    return _counted("index", text).find(pattern)


@function("String.rindex")
def last_index(text: str, pattern: str) -> int:
    return _counted("rindex", text).rfind(pattern)


@function("String.equals")
def equals(text: str, target: Any) -> bool:
    return isinstance(target, str) and text == target


@function("String.compareTo")
def compare(left: str, right: str) -> int:
    return (left > right) - (left < right)


@function("String.encodeJSON")
def encode_json(value: Any) -> str:
    """Write primitives, lists and dictionaries, keys sorted, without blanks."""
    return json.dumps(_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _json(value: Any) -> Any:
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if not isinstance(value, (bool, str)) and value is not None:
        plain("String.encodeJSON", value)  # refuses numbers whose digits are not told, and all that is none
    return value


@function("String.decodeJSON")
def decode_json(text: str) -> Any:
    try:
        found = json.loads(text, parse_int=_whole_number, parse_float=_fraction, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise not_imitated(f"String.decodeJSON: what is no JSON, '{text[:40]}',") from None
    return found


def _whole_number(digits: str) -> int:
    return whole("String.decodeJSON", float(digits) if len(digits) > _LONGEST else int(digits))


def _fraction(digits: str) -> float:
    if not math.isfinite(found := float(digits)):
        raise ValueError
    return found


def _no_number(name: str) -> float:
    """Refuse NaN and Infinity, which Python's reader takes and JSON has not."""
    raise EvaluationError(f"String.decodeJSON: '{name}' is no JSON.")
