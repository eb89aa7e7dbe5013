"""Which recipes there are, and what each of their parameters means: as the code itself says it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from orchestrator.core.errors import RecipeError
from orchestrator.core.nearest import hint
from orchestrator.recipes.parameters import read_parameters, told_parameters
from orchestrator.recipes.registry import CODE, PARAMETERS, RECIPES, UNDATED

_ROOM = "orchestrator.recipes"
_WORD = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class ParameterTold:
    """
    A parameter of a recipe.

    Attributes:
        name: As a job file has it.
        default: What it is where nothing is said, as text.
        kind: `number`, `flag` or `text`.
        meaning: One sentence or two.
        words: Some that it may be, where it is one of several; others may be possible.
    """

    name: str
    default: str
    kind: str
    meaning: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecipeTold:
    """
    A recipe.

    Attributes:
        name: As a job file has it.
        summary: What its pixels are, a sentence.
        parameters: In order.
        undated: Whether a job may leave its dates out.
        runs_code: Whether it can run a Python file.
    """

    name: str
    summary: str
    parameters: tuple[ParameterTold, ...]
    undated: bool
    runs_code: bool


def recipe_names() -> tuple[str, ...]:
    """Return their names, the usual one first."""
    return tuple(RECIPES)


@cache
def describe_recipe(name: str) -> RecipeTold:
    """
    Return what is to be known of a recipe; loads it, which takes a second the first time.

    Raises:
        RecipeError: There is none of that name.
    """
    if name not in PARAMETERS:
        raise RecipeError(f"recipe {name!r} is unknown; {hint(name, PARAMETERS)}")
    cls = _declared(name)
    told = told_parameters(cls)
    parameters = tuple(_parameter(key, default, meaning) for key, (default, meaning) in told.items())
    summary = _summary(sys.modules[cls.__module__].__doc__ or "")
    return RecipeTold(name, summary, parameters, name in UNDATED, name in CODE)


def check_parameter(recipe: str, name: str, value: Any) -> None:
    """
    Look at one parameter by itself, the others at their defaults.

    Raises:
        RecipeError: There is none of that name, or it cannot be that.
    """
    read_parameters(_declared(recipe), {name: value}, recipe)


def _declared(recipe: str) -> type[Any]:
    file, _, cls = PARAMETERS[recipe].partition(":")
    found: type[Any] = getattr(import_module(f"{_ROOM}.{file}"), cls)
    return found


def _parameter(name: str, default: Any, meaning: str) -> ParameterTold:
    kind = "flag" if isinstance(default, bool) else "number" if isinstance(default, (int, float)) else "text"
    words = tuple(dict.fromkeys(_WORD.findall(meaning)))
    return ParameterTold(name, str(default), kind, meaning, words if kind == "text" and default in words else ())


def _summary(text: str) -> str:
    """Return the first sentence of a file's docstring without the name it begins with."""
    first = " ".join(text.strip().split("\n\n")[0].split())
    sentence = first.partition(": ")[2] or first
    return sentence[:1].upper() + sentence[1:]
