"""
What a mapped function keeps of its argument, told from its body in the expression graph without calling it.

Where a property, or the place, of the result is surely that of the argument, a filter that looks at nothing else
finds the same elements before the map as after it; so it may go first, down to the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.registry import parameters

Node = Mapping[str, Any]
Arguments = Mapping[str, Node]

PLACE = ".geo"  # where an element lies, among the names of properties
_INDEX = "system:index"
_ID = "system:id"  # of an image of the catalogue alone, which is no property
_UNTOLD = object()


class Fate(Enum):
    """What becomes of a property: as in the argument; that or absent; or nobody knows."""

    KEPT = 1
    KEPT_OR_ABSENT = 2
    UNKNOWN = 3


class Keeping:
    """
    Tells of one function definition which properties of its first argument its result has unchanged.

    Args:
        values: Of the whole expression, by key.
        body: Key of the function's body.
        argument: Name of its first argument.
    """

    def __init__(self, values: Mapping[str, Node], body: str, argument: str) -> None:
        self._values = values
        self._body = body
        self._argument = argument
        self._memo: dict[tuple[str, str], Fate] = {}

    def __call__(self, name: str) -> bool:
        """Tell whether the result surely has the argument's value of a property, `.geo` among them, or lack of it."""
        if name == _ID:
            return False
        found = self._referred(self._body, name)
        # A map gives an element without an index that of its argument.
        return found is Fate.KEPT or (name == _INDEX and found is Fate.KEPT_OR_ABSENT)

    def _referred(self, key: str, name: str) -> Fate:
        if (key, name) not in self._memo:
            self._memo[key, name] = Fate.UNKNOWN  # ends circular references; they fail in evaluation
            self._memo[key, name] = self.fate(self._values.get(key), name)
        return self._memo[key, name]

    def fate(self, node: Node | None, name: str) -> Fate:
        """Tell what became of a property of the argument in a value of the body."""
        if node is None:
            return Fate.UNKNOWN
        if "valueReference" in node:
            return self._referred(node["valueReference"], name)
        if "argumentReference" in node:
            return Fate.KEPT if node["argumentReference"] == self._argument else Fate.UNKNOWN
        call = node.get("functionInvocationValue", {})
        rule = _RULES.get(call.get("functionName") or "")
        if rule is None:
            return Fate.UNKNOWN
        return rule(self, call["functionName"], (call.get("arguments") or {}), name)

    def carried(self, function: str, arguments: Arguments, name: str) -> Fate:
        """Tell what became of a property in a function's first argument."""
        return self.fate(arguments.get(parameters(function)[0].name), name)

    def literal(self, node: Node | None) -> Any:
        """Give a value that stands in the expression, an absent one as null; of a dictionary its keys are enough."""
        while node is not None and "valueReference" in node:
            node = self._values.get(node["valueReference"])
        call = {} if node is None else node.get("functionInvocationValue", {})
        if call.get("functionName") == "Image.constant":  # as the client writes a number in place of an image
            return self.literal((call.get("arguments") or {}).get("value"))
        if node is None or "constantValue" in node:
            return None if node is None else node["constantValue"]
        if "dictionaryValue" in node:
            return dict.fromkeys(node["dictionaryValue"].get("values") or {})
        if "arrayValue" in node:
            items = [self.literal(item) for item in node["arrayValue"].get("values") or ()]
            return _UNTOLD if any(item is _UNTOLD for item in items) else items
        return _UNTOLD


def _bands_only(keeping: Keeping, function: str, arguments: Arguments, name: str) -> Fate:
    """Other bands; properties and place are the first argument's."""
    return keeping.carried(function, arguments, name)


def _all_but_place(keeping: Keeping, function: str, arguments: Arguments, name: str) -> Fate:
    return Fate.UNKNOWN if name == PLACE else keeping.carried(function, arguments, name)


def _set_one(keeping: Keeping, function: str, arguments: Arguments, name: str) -> Fate:
    key = keeping.literal(arguments.get("key"))
    return keeping.carried(function, arguments, name) if isinstance(key, str) and key != name else Fate.UNKNOWN


def _set_many(keeping: Keeping, function: str, arguments: Arguments, name: str) -> Fate:
    given = keeping.literal(arguments.get("properties"))
    told = isinstance(given, dict) and name not in given
    return keeping.carried(function, arguments, name) if told else Fate.UNKNOWN


def _linked(keeping: Keeping, function: str, arguments: Arguments, name: str) -> Fate:
    given = keeping.literal(arguments.get("linkedProperties"))
    names = [given] if isinstance(given, str) else [] if given is None else given
    told = isinstance(names, list) and name not in names
    return keeping.carried(function, arguments, name) if told else Fate.UNKNOWN


def _copied(keeping: Keeping, function: str, arguments: Arguments, name: str) -> Fate:
    """Copied from the argument itself it is the argument's; what is not copied is the target's own."""
    own = keeping.carried(function, arguments, name)
    wanted, excluded = (keeping.literal(arguments.get(key)) for key in ("properties", "exclude"))
    if not isinstance(wanted, list | None) or not isinstance(excluded, list | None):
        return own if name == PLACE else Fate.UNKNOWN
    copied = not name.startswith("system:") if wanted is None else name in wanted
    if name == PLACE or not copied or name in (excluded or ()):
        return own
    if own is Fate.UNKNOWN:
        return own
    source = keeping.fate(arguments.get("source"), name)
    return Fate.KEPT if source is Fate.KEPT else own if source is Fate.KEPT_OR_ABSENT else Fate.UNKNOWN


def _computed(keeping: Keeping, function: str, arguments: Arguments, name: str) -> Fate:
    """Arithmetic with a number keeps place and index, and drops all other properties."""
    right = keeping.literal(arguments.get(parameters(function)[1].name))
    if isinstance(right, bool) or not isinstance(right, (int, float)):
        return Fate.UNKNOWN
    kept = name in {PLACE, _INDEX}
    return keeping.carried(function, arguments, name) if kept else Fate.KEPT_OR_ABSENT


Rule = Callable[[Keeping, str, Arguments, str], Fate]
_KINDS = ("Byte", "Uint8", "Int8", "Uint16", "Int16", "Short", "Uint32", "Int32", "Int", "Float", "Double")
# After the pages of these functions, all of which speak of bands, masks or pixels of the first image alone.
_OF_BANDS = ("select", "rename", "addBands", "updateMask", "selfMask", "unmask", "cast", "resample", "slice")

_RULES: dict[str, Rule] = {
    **{f"Image.{name}": _bands_only for name in _OF_BANDS},
    **{f"Image.to{kind}": _bands_only for kind in _KINDS},
    **{f"Image.{kind.lower()}": _bands_only for kind in _KINDS},
    **{f"Image.{name}": _computed for name in ("add", "subtract", "multiply", "divide")},
    "Image.clip": _all_but_place,
    "Element.set": _set_one,
    "Element.setMulti": _set_many,
    "Element.copyProperties": _copied,
    "Image.copyProperties": _copied,
    "Image.linkCollection": _linked,
}
