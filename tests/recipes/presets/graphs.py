"""What stands in an expression: assets, days, conditions, and what is done to pixels with which numbers."""

from __future__ import annotations

import ee

# What only moves bands and masks about.
_PLUMBING = {
    f"Image.{name}"
    for name in ("select", "rename", "addBands", "constant", "load", "updateMask", "and", "eq", "cat", "merge")
}
_NUMBERS = ("image2", "value2", "value", "low", "high", "min", "max")


def walk(image):
    """Return (function, arguments) of every call of an expression; constants are as they are, calls dicts."""
    values = ee.serializer.encode(image, for_cloud_api=True)["values"]
    found = [call for value in values.values() for call in _calls(value)]
    return [
        (call.get("functionName", ""), {name: _told(each, values) for name, each in call["arguments"].items()})
        for call in found
    ]


def _told(node, values, deep=3):
    """Return what a node is, calls within calls as far as `deep`."""
    if "constantValue" in node:
        return node["constantValue"]
    if "valueReference" in node:
        return _told(values[node["valueReference"]], values, deep)
    if "arrayValue" in node:
        return [_told(each, values, deep) for each in node["arrayValue"]["values"]]
    call = node.get("functionInvocationValue")
    if not call or not deep:
        return None
    given = {name: _told(each, values, deep - 1) for name, each in call["arguments"].items()}
    name = call.get("functionName", "")
    return given["value"] if name == "Image.constant" else {"call": name, **given}


def _calls(node):
    if isinstance(node, list):
        for each in node:
            yield from _calls(each)
    elif isinstance(node, dict):
        if call := node.get("functionInvocationValue"):
            yield call
        for each in node.values():
            yield from _calls(each)


class Read:
    """An expression, read."""

    def __init__(self, image):
        self.calls = walk(image)

    @property
    def assets(self):
        return {given["id"] for name, given in self.calls if name in ("ImageCollection.load", "Image.load")}

    @property
    def days(self):
        return {(given["start"], given["end"]) for name, given in self.calls if name == "DateRange"}

    @property
    def conditions(self):
        """Return (filter, field, value) of every filter on a property; those on places and days are left out."""
        return {
            (name.removeprefix("Filter."), given.get("leftField"), given.get("rightValue"))
            for name, given in self.calls
            if name.startswith("Filter.") and name not in ("Filter.intersects", "Filter.dateRangeContains")
        }

    @property
    def operations(self):
        """Return what is done to pixels, with its numbers; the masked image that keeps bands is left out."""
        return {
            _said(name, given)
            for name, given in self.calls
            if name.partition(".")[0] in ("Image", "reduce", "Terrain", "Collection", "ImageCollection")
            and name not in _PLUMBING
            and name not in ("Collection.filter", "Collection.map", "ImageCollection.load")
            and name not in ("ImageCollection.merge", "ImageCollection.fromImages")
            and not _is_blank(given)
        }


def _said(name, given):
    order = ("min", "max") if name == "Image.visualize" else _NUMBERS
    numbers = [given[key] for key in order if isinstance(given.get(key), (int, float)) and given[key] is not True]
    return " ".join(map(str, [name.partition(".")[2], *numbers, *(given.get("bands") or ())]))


def _is_blank(given):
    """Tell whether a call is on constants alone."""
    value = given.get("value")
    return isinstance(value, dict) and isinstance(value.get("input"), list)
