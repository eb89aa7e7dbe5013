"""Dictionaries."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Algorithm


@function("Dictionary")
def make(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return dict(zip(value[::2], value[1::2], strict=True))
    return dict(value or {})


@function("Dictionary.fromLists")
def from_lists(keys: list[str], values: list[Any]) -> dict[str, Any]:
    if len(keys) != len(values):
        raise EvaluationError("Dictionary.fromLists: Lists must have the same length.")
    return dict(zip(keys, values, strict=True))


@function("Dictionary.get")
def get(dictionary: dict[str, Any], key: str, default: Any) -> Any:
    if key not in dictionary and default is None:
        raise EvaluationError(f"Dictionary.get: Dictionary does not contain key: '{key}'.")
    return dictionary.get(key, default)


@function("Dictionary.set")
def put(dictionary: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {**dictionary, key: value}


@function("Dictionary.keys")
def keys(dictionary: dict[str, Any]) -> list[str]:
    return sorted(dictionary)


@function("Dictionary.values")
def values(dictionary: dict[str, Any], names: list[str] | None) -> list[Any]:
    return [dictionary[name] for name in (sorted(dictionary) if names is None else names)]


@function("Dictionary.size")
def size(dictionary: dict[str, Any]) -> int:
    return len(dictionary)


@function("Dictionary.contains")
def contains(dictionary: dict[str, Any], key: str) -> bool:
    return key in dictionary


@function("Dictionary.combine")
def combine(first: dict[str, Any], second: dict[str, Any], overwrite: bool) -> dict[str, Any]:
    return {**first, **second} if overwrite else {**second, **first}


@function("Dictionary.map")
def mapped(dictionary: dict[str, Any], algorithm: Algorithm) -> dict[str, Any]:
    return {key: algorithm(key, value) for key, value in dictionary.items()}


@function("Dictionary.select")
def select(dictionary: dict[str, Any], names: list[str], ignore_missing: bool) -> dict[str, Any]:
    missing = [name for name in names if name not in dictionary]
    if missing and not ignore_missing:
        raise EvaluationError(f"Dictionary.select: Dictionary does not contain key: '{missing[0]}'.")
    return {name: dictionary[name] for name in names if name in dictionary}


@function("Dictionary.remove")
def remove(dictionary: dict[str, Any], names: list[str], ignore_missing: bool) -> dict[str, Any]:
    del ignore_missing
    return {key: value for key, value in dictionary.items() if key not in names}
