"""
The functions this sandbox imitates, and how they are called.

A function is registered under Earth Engine's name and receives its arguments by position, in the order in which the
installed client's list of algorithms declares them, with defaults filled in. So the list is the only place that
knows names, order, types and defaults of arguments.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, UnknownFunctionError

F = TypeVar("F", bound=Callable[..., Any])

_functions: dict[str, Implementation] = {}


@dataclass(frozen=True, slots=True)
class Implementation:
    """
    A registered function.

    Attributes:
        call: Takes the declared arguments by position.
        needs_catalogue: Whether it wants the catalogue as its first argument.
        lazy: Whether its arguments arrive as functions that evaluate them.
    """

    call: Callable[..., Any]
    needs_catalogue: bool
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared argument of an Earth Engine function."""

    name: str
    type: str
    optional: bool
    default: Any


def function(*names: str, catalogue: bool = False, lazy: bool = False) -> Callable[[F], F]:
    """
    Register a function under one or more names.

    With `catalogue`, it is handed the catalogue first. With `lazy`, each argument is a function without arguments
    that evaluates it, or null where it was left out.
    """

    def register(implementation: F) -> F:
        for name in names:
            if name in _functions:
                raise ValueError(f"{name} is registered twice")
            _functions[name] = Implementation(implementation, catalogue, lazy)
        return implementation

    return register


def imitated() -> frozenset[str]:
    """Name every function this sandbox imitates."""
    return frozenset(_functions)


def lookup(name: str) -> Implementation:
    """
    Find a function.

    Raises:
        UnknownFunctionError: If this sandbox does not imitate it.
    """
    try:
        return _functions[name]
    except KeyError:
        raise UnknownFunctionError(name) from None


@lru_cache(maxsize=1)
def _declarations() -> dict[str, tuple[Parameter, ...]]:
    spec = importlib.util.find_spec("ee")
    if spec is None or spec.origin is None:
        raise EvaluationError("The earthengine-api package is not installed: its list of algorithms is missing.")
    listed = json.loads((Path(spec.origin).parent / "tests" / "algorithms.json").read_text())["algorithms"]
    return {
        entry["name"].removeprefix("algorithms/"): tuple(map(_parameter, entry.get("arguments", ())))
        for entry in listed
    }


def _parameter(entry: Mapping[str, Any]) -> Parameter:
    return Parameter(entry["argumentName"], entry["type"], entry.get("optional", False), entry.get("defaultValue"))


def parameters(name: str) -> tuple[Parameter, ...]:
    """Give the declared arguments of a function, in order."""
    return _declarations().get(name, ())


def declared() -> frozenset[str]:
    """Name every function the installed client knows."""
    return frozenset(_declarations())


def is_declared(name: str) -> bool:
    """Tell whether the installed client knows the function."""
    return name in _declarations()


def arranged(name: str, arguments: Mapping[str, Any]) -> list[tuple[Parameter, Any]]:
    """
    Put arguments into their declared order with defaults filled in.

    Raises:
        EvaluationError: If a required argument is missing or null, or one is not declared.
    """
    declared = parameters(name)
    unknown = set(arguments) - {parameter.name for parameter in declared}
    if unknown:
        raise EvaluationError(f"{name}: Unrecognized arguments: {', '.join(sorted(unknown))}.")
    found = []
    for parameter in declared:
        value = arguments.get(parameter.name)
        if value is None:
            value = parameter.default
        if value is None and not parameter.optional:
            raise EvaluationError(f"{name}: Parameter '{parameter.name}' is required.")
        found.append((parameter, value))
    return found
