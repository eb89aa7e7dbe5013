"""Arrays in and out of lists, dictionaries and properties."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate.arrays import Array, made
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated, shown
from orchestrator.sandbox.earthengine.evaluate.functions.dictionary import get as entry
from orchestrator.sandbox.earthengine.evaluate.functions.element import get as property_of
from orchestrator.sandbox.earthengine.evaluate.functions.sequence import get as item
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Feature, number_in


def array_in(name: str, value: Any) -> Array:
    """
    Give a value that must be an array.

    Raises:
        EvaluationError: If it is none.
    """
    if isinstance(value, Array):
        return value
    raise EvaluationError(f"{name}: The value is not an array: {shown(value)}.")


@function("List.getArray")
def from_list(items: list[Any], at: int) -> Array:
    return array_in("List.getArray", item(items, at))


@function("Dictionary.getArray")
def from_dictionary(items: dict[str, Any], key: str) -> Array:
    return array_in("Dictionary.getArray", entry(items, key, None))


@function("Element.getArray")
def from_element(element: Any, key: str) -> Array | None:
    """Give a property that is an array; null stays null."""
    found = property_of(element, key)
    return None if found is None else array_in("Element.getArray", found)


@function("Dictionary.toArray")
def of_dictionary(items: dict[str, Any], keys: list[str] | None, axis: int) -> Array:
    """Give numbers, or rows of numbers as tutorials do with means, in the order of the keys, or in the keys' own."""
    if axis != 0:
        raise not_imitated(f"Dictionary.toArray: axis {axis}")
    values = [entry(items, key, None) for key in (sorted(items) if keys is None else keys)]
    return made([value.values.tolist() if isinstance(value, Array) else value for value in values])


@function("Feature.toArray")
def of_feature(feature: Feature, keys: list[str]) -> Array:
    return made([number_in("Feature.toArray", feature.properties.get(key)) for key in keys])
