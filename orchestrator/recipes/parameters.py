"""Parameters of recipes: a frozen dataclass each, read from `--param key=value` or a job file."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
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


def told_parameters(cls: type[Any]) -> dict[str, tuple[Any, str]]:
    """Return the parameters that `cls` declares, by name: the default, and what its docstring says of it."""
    _, _, told = (cls.__doc__ or "").partition("Attributes:")
    entries = re.split(r"^ {8}(\w+): ", told, flags=re.MULTILINE)
    meanings = {name: " ".join(text.split()) for name, text in zip(entries[1::2], entries[2::2], strict=True)}
    return {f.name: (f.default, meanings.get(f.name, "")) for f in fields(cls)}


def provenance(recipe: str, parameters: Any, attribution: str, licence: str) -> dict[str, Any]:
    """Return what `Recipe.facts` says of every recipe: its parameters, and what its sources ask to be said."""
    return {
        "recipe": recipe,
        "parameters": asdict(parameters),
        "attribution": attribution,
        "licence": licence,
    }


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


def check_choice(recipe: str, name: str, value: str, known: Collection[str]) -> None:
    """
    Refuse a parameter that is none of the words it may be.

    Raises:
        RecipeError: It is none.
    """
    if value not in known:
        raise RecipeError(f"parameter {name!r} of recipe {recipe} is {value!r}; choose {_either(list(known))}")


def check_between(recipe: str, name: str, value: float, low: float, high: float = math.inf) -> None:
    """
    Refuse a parameter that is out of its range.

    Raises:
        RecipeError: It is less than `low` or more than `high`.
    """
    if not low <= value <= high:
        wanted = f"from {low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
        raise RecipeError(f"parameter {name!r} of recipe {recipe} is {value:g}; it must be {wanted}")


def choose_bands(recipe: str, asked: Sequence[str], known: Collection[str], usual: Sequence[str]) -> tuple[str, ...]:
    """
    Return the bands that are asked for, or the usual ones.

    Raises:
        RecipeError: One is not known.
    """
    if unknown := [band for band in asked if band not in known]:
        raise RecipeError(f"recipe {recipe} has no band {unknown[0]!r}; choose from {', '.join(known)}")
    return tuple(asked) or tuple(usual)


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
