"""Which functions of images take bands of arrays: all others refuse them, by the function's name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.values import Image

_EVERY = None  # argument
_WELCOME: dict[str, frozenset[str] | None] = {
    **dict.fromkeys(
        (
            # element by element, or what stands around the pixels
            *("add", "subtract", "multiply", "divide", "mod", "pow", "min", "max", "hypot", "first"),
            *("eq", "neq", "gt", "gte", "lt", "lte", "and", "or", "not"),
            *("bitwiseAnd", "bitwiseOr", "bitwiseXor", "leftShift", "rightShift"),
            *("sqrt", "exp", "log", "log10", "sin", "cos", "tan", "asin", "acos", "atan"),
            *("abs", "floor", "ceil", "round", "signum"),
            *("toByte", "byte", "toUint8", "uint8", "toInt8", "int8", "toUint16", "uint16", "toInt16", "int16"),
            *("toShort", "short", "toUint32", "uint32", "toInt32", "int32", "toInt", "int"),
            *("toFloat", "float", "toDouble", "double"),
            *("select", "rename", "addBands", "cat", "slice", "bandNames", "bandTypes", "id", "date", "toArray"),
            *("copyProperties", "projection", "geometry", "clip", "reproject", "clipToBoundsAndScale"),
            *("setDefaultProjection", "getArray", "reduceRegion", "sample", "neighborhoodToArray"),
        ),
        _EVERY,
    ),
    "updateMask": frozenset({"image"}),
}


def refuse_arrays(function: str, arguments: Iterable[tuple[str, Any]]) -> None:
    """
    Refuse array bands where a function is not known to take them.

    Args:
        function: Its full name.
        arguments: Names and values.

    Raises:
        NotImitatedError: With the function's name.
    """
    family, _, name = function.partition(".")
    if family not in {"Image", "Terrain"} or name.startswith(("array", "matrix")):
        return
    for argument, value in arguments:
        if not isinstance(value, Image) or not any(band.type.dimensions for band in value.bands):
            continue
        allowed = _WELCOME.get(name, frozenset())
        if allowed is not None and argument not in allowed:
            raise not_imitated(f"{function} of array bands")
