"""Writes a job file, or a part of one: the little of TOML that it needs, so that reading it gives the same values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.core.errors import UserError

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(content: Mapping[str, Any]) -> str:
    """
    Return a table as TOML: plain keys first, then a table for each mapping.

    Raises:
        UserError: A value has no form in TOML; the message names its key.
    """
    return "\n".join(_table(content, ())) + "\n"


def _table(content: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in content.items() if not isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(value, (*path, key))}" for key, value in plain.items()]
    for key, value in content.items():
        if isinstance(value, Mapping):
            heading = ".".join(_key(word) for word in (*path, key))
            lines += ["", f"[{heading}]", *_table(value, (*path, key))]
    return lines


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _text(text, text)


def _value(value: Any, path: tuple[str, ...]) -> str:
    name = ".".join(path)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise UserError(f"{name} is {value}, and a job file holds whole numbers of 64 bits; give it as text")
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"{value}"  # TOML writes inf and nan as Python does
    if isinstance(value, str):
        return _text(value, name)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(one, path) for one in value)}]"
    raise UserError(
        f"{name} is {value!r} ({type(value).__name__}), which a job file cannot hold; give text, a number, true or "
        "false, or a list of them"
    )


def _text(text: str, name: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"{name} holds half a character (a lone surrogate), which a job file cannot hold") from None
    # JSON's escapes are TOML's, but for the one control character that JSON lets stand.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
