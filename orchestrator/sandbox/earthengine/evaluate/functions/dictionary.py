"""Dictionaries."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.images import constant_image
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.regular import compiled
from orchestrator.sandbox.earthengine.evaluate.values import Algorithm, Image, number_in, text_in


@function("Dictionary")
def make(value: Any) -> dict[str, Any]:
    """Make a dictionary of another, or of a list of alternating keys and values."""
    if isinstance(value, list):
        if len(value) % 2:
            raise EvaluationError("Dictionary: A list of alternating keys and values must have an even length.")
        return from_lists(value[::2], value[1::2])
    if value is not None and not isinstance(value, dict):
        raise not_imitated(f"Dictionary: a dictionary of a value of type {type(value).__name__}")
    return {} if value is None else value


@function("Dictionary.fromLists")
def from_lists(keys: list[str], values: list[Any]) -> dict[str, Any]:
    if len(keys) != len(values):
        raise EvaluationError("Dictionary.fromLists: Lists must have the same length.")
    for key in keys:
        if not isinstance(key, str):
            raise EvaluationError(f"Dictionary.fromLists: Keys must be strings, found: {key}.")
    return dict(zip(keys, values, strict=True))


@function("Dictionary.get")
def get(dictionary: dict[str, Any], key: str, default: Any) -> Any:
    if key not in dictionary and default is None:
        raise EvaluationError(f"Dictionary.get: Dictionary does not contain key: '{key}'.")
    return dictionary.get(key, default)


@function("Dictionary.getNumber")
def get_number(dictionary: dict[str, Any], key: str) -> float:
    return number_in("Dictionary.getNumber", get(dictionary, key, None))


@function("Dictionary.getString")
def get_string(dictionary: dict[str, Any], key: str) -> str:
    return text_in("Dictionary.getString", get(dictionary, key, None))


@function("Dictionary.set")
def put(dictionary: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {**dictionary, key: value}


@function("Dictionary.keys")
def keys(dictionary: dict[str, Any]) -> list[str]:
    return sorted(dictionary)


@function("Dictionary.values")
def values(dictionary: dict[str, Any], names: list[str] | None) -> list[Any]:
    if names is None:
        return [dictionary[name] for name in sorted(dictionary)]
    return [get(dictionary, name, None) for name in names]


@function("Dictionary.size")
def size(dictionary: dict[str, Any]) -> int:
    return len(dictionary)


@function("Dictionary.contains")
def contains(dictionary: dict[str, Any], key: str) -> bool:
    return key in dictionary


@function("Dictionary.combine")
def combine(first: dict[str, Any], second: dict[str, Any], overwrite: bool) -> dict[str, Any]:
    """Join two dictionaries without their nulls."""
    left, right = ({key: value for key, value in part.items() if value is not None} for part in (first, second))
    return {**left, **right} if overwrite else {**right, **left}


@function("Dictionary.map")
def mapped(dictionary: dict[str, Any], algorithm: Algorithm) -> dict[str, Any]:
    """Give new values; a key whose value is null is dropped."""
    results = {key: algorithm(key, value) for key, value in dictionary.items()}
    return {key: value for key, value in results.items() if value is not None}


def selected(name: str, dictionary: dict[str, Any], selectors: list[str], *, ignore_missing: bool) -> list[str]:
    """
    Give the keys that selectors, which are keys or regular expressions, name.

    Raises:
        EvaluationError: If a selector names none, unless that is to be ignored.
    """
    found: dict[str, None] = {}
    for selector in selectors:
        exact = selector in dictionary
        pattern = None if exact else compiled(name, selector)
        keys = [selector] if pattern is None else [key for key in sorted(dictionary) if pattern.fullmatch(key)]
        if not keys and not ignore_missing:
            raise EvaluationError(f"{name}: Dictionary does not contain key: '{selector}'.")
        found.update(dict.fromkeys(keys))
    return list(found)


@function("Dictionary.select")
def select(dictionary: dict[str, Any], names: list[str], ignore_missing: bool) -> dict[str, Any]:
    chosen = selected("Dictionary.select", dictionary, names, ignore_missing=ignore_missing)
    return {name: dictionary[name] for name in chosen}


@function("Dictionary.remove")
def remove(dictionary: dict[str, Any], names: list[str], ignore_missing: bool) -> dict[str, Any]:
    chosen = selected("Dictionary.remove", dictionary, names, ignore_missing=ignore_missing)
    return {key: value for key, value in dictionary.items() if key not in chosen}


@function("Dictionary.rename")
def rename(dictionary: dict[str, Any], old: list[str], new: list[str], overwrite: bool) -> dict[str, Any]:
    """
    Give entries other keys.

    Raises:
        EvaluationError: If a key is missing, or a new one is another entry's, unless that is to be overwritten.
    """
    if len(old) != len(new) or len(set(new)) != len(new) or len(set(old)) != len(old):
        raise EvaluationError("Dictionary.rename: 'from' and 'to' must have the same length, and no key twice.")
    for key in old:
        if key not in dictionary:
            raise EvaluationError(f"Dictionary.rename: Dictionary does not contain key: '{key}'.")
    kept = {key: value for key, value in dictionary.items() if key not in old}
    if not overwrite and kept.keys() & set(new):
        raise EvaluationError(f"Dictionary.rename: The key '{min(kept.keys() & set(new))}' is there already.")
    return {**kept, **{key: dictionary[before] for before, key in zip(old, new, strict=True)}}


@function("Dictionary.getGeometry")
def get_geometry(dictionary: dict[str, Any], key: str) -> Geometry:
    found = get(dictionary, key, None)
    if not isinstance(found, Geometry):
        raise EvaluationError(f"Dictionary.getGeometry: The value is not a geometry: {found}.")
    return found


@function("Dictionary.toImage")
def to_image(dictionary: dict[str, Any], names: list[str] | None) -> Image:
    """Make a constant band of each value, in the order of the names, or sorted by name."""
    chosen = sorted(dictionary) if names is None else names
    return constant_image({name: get(dictionary, name, None) for name in chosen})
