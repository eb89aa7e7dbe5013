"""Arithmetic, comparison, logic and casts of arrays, element by element."""

from __future__ import annotations

from functools import partial

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.array_numbers import BINARY, UNARY, Elementwise
from orchestrator.sandbox.earthengine.evaluate.arrays import INT64, Array, aligned, cast
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.scenes.catalogue import PixelType

_LEGACY = {
    "bitwiseNot": "bitwise_not",
    "bitwiseAnd": "bitwise_and",
    "bitwiseOr": "bitwise_or",
    "bitwiseXor": "bitwise_xor",
    "leftShift": "left_shift",
    "rightShift": "right_shift",
    "firstNonZero": "first_nonzero",
}

_GROWING = {"Array.abs": np.abs, "Array.add": np.add, "Array.subtract": np.subtract, "Array.multiply": np.multiply}


def _applied(*arrays: Array, name: str, rule: Elementwise) -> Array:
    """Apply a function; what is undefined, or does not fit the type, is refused."""
    kind = rule.kind(*(array.kind for array in arrays))
    operands = [batch[0] for batch in aligned(name, *(array.values[np.newaxis] for array in arrays))]
    if len(arrays) > 1:  # a number meets every element, but alone it stays a number
        operands = [
            array.values if array.dimensions == 0 else each for array, each in zip(arrays, operands, strict=True)
        ]
    with np.errstate(all="ignore"):
        values = np.asarray(rule.apply(*operands))
    # Powers of zero are infinite on their page; of nothing else it is told what an undefined result is.
    if values.dtype.kind == "f" and (name != "Array.pow" or np.isnan(values).any()):
        finite = all(np.isfinite(operand).all() for operand in operands)
        if finite and not np.isfinite(values).all():
            raise not_imitated(f"{name}: an undefined or infinite result")
    if kind.precision == "int" and values.size:
        _check_range(name, values, kind, operands)
    return Array.of(values, kind)


def _check_range(name: str, values: np.ndarray, kind: PixelType, operands: list[np.ndarray]) -> None:
    low, high = pixel_types.bounds(kind)
    exact = values
    if name in _GROWING:  # as doubles they do not turn over
        exact = _GROWING[name](*(operand.astype(np.float64) for operand in operands))
    if (exact < low).any() or (exact > high).any() or (exact.dtype.kind == "f" and (exact >= 2.0**63).any()):
        raise not_imitated(f"{name}: a result outside the integer type of its operands")


for _table in (UNARY, BINARY):
    for _name, _rule in _table.items():
        _names = [f"Array.{_name}", *([f"Array.{_LEGACY[_name]}"] if _name in _LEGACY else [])]
        function(*_names)(partial(_applied, name=_names[0], rule=_rule))

for _name, _kind in (*pixel_types.CASTS, ("Int64", "int64"), ("Long", "int64")):
    _type = INT64 if _kind == "int64" else pixel_types.NAMED_TYPES[_kind]
    function(f"Array.to{_name}", f"Array.{_name.lower()}")(partial(cast, kind=_type))
