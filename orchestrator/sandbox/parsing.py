"""JSON as clients send it, held to a depth that every later walk over it can bear."""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 2000  # of lists and objects; Google's client nests some sixty, and refers to what would be deeper


def parsed(text: str | bytes) -> Any:
    """
    Read JSON.

    Raises:
        ValueError: If it is none, or nested deeper than `MAX_DEPTH`.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _deeper(value, MAX_DEPTH):
        raise ValueError(_TOO_DEEP)
    return value


_TOO_DEEP = f"Lists and objects are nested deeper than {MAX_DEPTH} levels."


def _deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [child for each in level if isinstance(each, (dict, list)) for child in _inside(each)]
        if not level:
            return False
    return any(isinstance(each, (dict, list)) for each in level)


def _inside(value: dict[str, Any] | list[Any]) -> Any:
    return value.values() if isinstance(value, dict) else value
