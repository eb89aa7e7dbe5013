"""Whether an expression is nothing but a stored image, whose pixels the service can send without computing them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.model.grid import Grid

# Functions that leave the values alone, or that show in the number type of the reply, and what they call their image.
_HARMLESS: Mapping[str, str] = {"Image.select": "input", "Image.cast": "image"} | {
    f"Image.to{name}": "value"
    for name in ("Uint8", "Int8", "Uint16", "Int16", "Uint32", "Int32", "Float", "Double", "Byte", "Short", "Int")
}
_NAME = re.compile(r"[A-Za-z0-9_]+")
# Two lattices are one where their pixels lie this near, in pixels.
_SAME = 1e-9


def asset_of(image: str) -> str | None:
    """Return the id of the stored image that an expression only selects bands of; None where it does anything else."""
    try:
        graph = json.loads(image)
        node = _resolved({"valueReference": graph["result"]}, graph["values"])
        while node.get("functionName") in _HARMLESS:
            if not _is_harmless(node, graph["values"]):
                return None
            node = _resolved(node["arguments"][_HARMLESS[node["functionName"]]], graph["values"])
        arguments = node.get("arguments", {})
        alone = node.get("functionName") == "Image.load" and arguments.keys() == {"id"}
        asset = arguments["id"].get("constantValue") if alone else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return asset if isinstance(asset, str) else None


def _resolved(value: Mapping[str, Any], values: Mapping[str, Any]) -> Mapping[str, Any]:
    while "valueReference" in value:
        value = values[value["valueReference"]]
    call: Mapping[str, Any] = value.get("functionInvocationValue", {})
    return call


def _constant(value: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """Return a constant, also where the client wrote a part of it elsewhere: a text that stands twice."""
    while "valueReference" in value:
        value = values[value["valueReference"]]
    if "arrayValue" in value:
        return [_constant(one, values) for one in value["arrayValue"]["values"]]
    return value.get("constantValue")


def _is_harmless(call: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Tell whether bands keep their names: renamed ones, or chosen by a pattern or a number, are another matter."""
    if call["functionName"] != "Image.select":
        return True
    selectors = _constant(call["arguments"].get("bandSelectors", {}), values)
    named = isinstance(selectors, list) and all(isinstance(s, str) and _NAME.fullmatch(s) for s in selectors)
    return named and "newNames" not in call["arguments"]


def on_lattice(grid: Grid, bands: Sequence[Mapping[str, Any]], names: Sequence[str]) -> bool:
    """Tell whether the pixels of `grid` are those of the stored bands, so that nothing is resampled."""
    by_name = {band.get("id"): band.get("grid", {}) for band in bands}
    return all(name in by_name and _same_lattice(grid, by_name[name]) for name in names)


def _same_lattice(grid: Grid, stored: Mapping[str, Any]) -> bool:
    affine = stored.get("affineTransform", {})
    a, _b, c, _d, e, f = grid.transform
    scale = (affine.get("scaleX", 0.0), affine.get("scaleY", 0.0))
    sheared = affine.get("shearX", 0.0) or affine.get("shearY", 0.0)
    if stored.get("crsCode") != grid.crs or sheared or scale != (a, e):
        return False
    shifts = ((c - affine.get("translateX", 0.0)) / a, (f - affine.get("translateY", 0.0)) / e)
    return all(abs(shift - round(shift)) <= _SAME for shift in shifts)
