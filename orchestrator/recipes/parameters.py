"""Parameters of recipes: a frozen dataclass each, read from `--param key=value` or a job file."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from orchestrator.core.errors import RecipeError

P = TypeVar("P")


def read_parameters(cls: type[P], given: Mapping[str, Any], recipe: str) -> P:
    """
    Build `cls` from `given`; text is converted to the type of each field's default.

    Raises:
        RecipeError: A name is unknown, or a value is not of its type.
    """
    known = {f.name: f.default for f in fields(cls)}  # type: ignore[arg-type]  # P is always a dataclass
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(known)}"
            raise RecipeError(f"recipe {recipe} has no parameter {name!r}; {hint}")
        values[name] = _convert(value, known[name], f"parameter {name!r} of recipe {recipe}")
    return cls(**values)


def _convert(value: Any, default: Any, what: str) -> Any:
    kind = type(default)
    try:
        if kind is bool and isinstance(value, str):
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[value.lower()]
        converted = kind(value)
    except (KeyError, OverflowError, TypeError, ValueError):
        raise RecipeError(f"{what} is {value!r}, which is no {kind.__name__}; its default is {default!r}") from None
    if isinstance(converted, float) and not math.isfinite(converted):
        raise RecipeError(f"{what} is {value!r}, which is no finite number; its default is {default!r}")
    return converted
