"""Properties of images and features."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import (
    BAND_NAMES,
    BANDS,
    ID,
    Element,
    Image,
    number_in,
    property_of,
    text_in,
    with_properties,
)


@function("Element.get")
def get(element: Any, name: str) -> Any:
    return property_of(element, name)


@function("Element.getNumber")
def get_number(element: Any, name: str) -> float | None:
    """Give a property that is a number; null stays null."""
    found = get(element, name)
    return None if found is None else number_in("Element.getNumber", found)


@function("Element.getString")
def get_string(element: Any, name: str) -> str | None:
    """Give a property that is a text; null stays null."""
    found = get(element, name)
    return None if found is None else text_in("Element.getString", found)


@function("Element.set")
def set_one(element: Element, key: str, value: Any) -> Any:
    return with_properties(element, {key: value})


@function("Element.setMulti")
def set_many(element: Element, properties: dict[str, Any]) -> Any:
    return with_properties(element, properties)


@function("Element.propertyNames")
def property_names(element: Any) -> list[str]:
    names = sorted(name for name in element.properties if name != ID)
    return [*names, BANDS, BAND_NAMES] if isinstance(element, Image) else names


@function("Element.toDictionary")
def to_dictionary(element: Any, names: list[str] | None) -> dict[str, Any]:
    if names is not None:
        for name in names:
            if property_of(element, name) is None:
                raise not_imitated(f"Element.toDictionary: the property '{name}' of an element without it")
        return {name: property_of(element, name) for name in names}
    return {key: value for key, value in element.properties.items() if not key.startswith("system:")}


@function("Element.copyProperties", "Image.copyProperties")
def copy_properties(
    target: Element | None, source: Any, properties: list[str] | None, exclude: list[str] | None
) -> Any:
    if properties is not None and exclude:
        raise EvaluationError("Element.copyProperties: 'exclude' must not be specified if 'properties' is.")
    if target is None or source is None:
        return target
    names = properties
    if names is None:
        names = [name for name in source.properties if not name.startswith("system:")]
    kept = [name for name in names if name not in (exclude or ()) and name in source.properties]
    return with_properties(target, {name: source.properties[name] for name in kept})
