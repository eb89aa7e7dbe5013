"""
Bits of images: logic and shifts of whole numbers, pixel by pixel.

The pages say that the type of the output is the union of the input types. Logic can leave the interval of that union,
never its bits, and the interval is made wider; what a shift to the left makes larger than the union is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.image_algebra import TypeRule, combine_by_type, union
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, thin
from orchestrator.sandbox.earthengine.evaluate.values import Image
from orchestrator.sandbox.scenes.catalogue import PixelType

Array = NDArray[Any]
_UNDEFINED = np.iinfo(np.int64).min  # a result that there is not; no band holds it
_EXACT = 2.0**53  # beyond, not every whole number is a double
_MOST_SHIFT = 62


def _and_type(left: PixelType, right: PixelType) -> PixelType:
    return _of_bits(union(left, right), low_only=True)


def _logic_type(left: PixelType, right: PixelType) -> PixelType:
    return _of_bits(union(left, right))


def _of_bits(joint: PixelType, *, low_only: bool = False) -> PixelType:
    """Widen an interval to all numbers of its bits, or down to zero alone."""
    if joint.precision != "int":
        return joint
    low, high = pixel_types.bounds(joint)
    if low >= 0 and low_only:
        return PixelType("int", 0, high)
    bits = max(int(high).bit_length() if high >= 0 else 0, int(-low - 1).bit_length() if low < 0 else 0)
    return PixelType("int", -(2**bits) if low < 0 else 0, max(2**bits - 1, high))


def _left_type(left: PixelType, right: PixelType) -> PixelType:
    """Of two constants, the union holds the result, too."""
    joint = union(left, right)
    constant = left.precision == right.precision == "int" and (left.minimum, right.minimum) == (
        left.maximum,
        right.maximum,
    )
    if not constant or left.minimum is None or right.minimum is None or not 0 <= right.minimum <= _MOST_SHIFT:
        return joint
    result = pixel_types.of_number(int(left.minimum) << int(right.minimum))
    return pixel_types.union((joint, result)) if result.precision == "int" else joint


def _right_type(left: PixelType, right: PixelType) -> PixelType:
    """A shift to the right comes nearer to zero, or to -1."""
    joint = union(left, right)
    if joint.precision != "int":
        return joint
    low, high = pixel_types.bounds(joint)
    return PixelType("int", min(low, 0), max(high, 0))


def _shifted_left(values: Array, count: Array) -> Array:
    known, safe = _counts(count)
    found = np.left_shift(values, safe)
    return np.where(known & (np.right_shift(found, safe) == values), found, _UNDEFINED)


def _shifted_right(values: Array, count: Array) -> Array:
    known, safe = _counts(count)
    return np.where(known, np.right_shift(values, safe), _UNDEFINED)


def _counts(count: Array) -> tuple[Array, Array]:
    known = (count >= 0) & (count <= _MOST_SHIFT)
    return known, np.where(known, count, 0)


def _on_integers(left: Array, right: Array, *, operation: Callable[[Array, Array], Array], whole: bool) -> Array:
    """Operate on 64 bits; of a fraction, unless it is the mean of whole numbers in a pyramid, there is no result."""
    with np.errstate(invalid="ignore"):
        a, b = left.astype(np.int64), right.astype(np.int64)
    found = operation(a, b)
    return found if whole else np.where((a == left) & (b == right), found, _UNDEFINED)


def _held(tile: Tile, *, name: str, kind: PixelType) -> Tile:
    """Give the pixels in the type that is declared."""
    values = thin(tile.values)
    low, high = pixel_types.bounds(kind) if kind.precision == "int" else (-_EXACT, _EXACT)
    stored = values.astype(pixel_types.dtype_of(kind))
    good = (values >= max(low, -_EXACT)) & (values <= min(high, _EXACT)) & (stored == values)
    if tile.valid is not None:
        good = good | ~thin(tile.valid)
    if not good.all():
        raise not_imitated(f"{name}: a result that the type of the output does not hold, or of a fraction,")
    return Tile(np.broadcast_to(stored, tile.values.shape), tile.valid)


def _register(name: str, alias: str, operation: Callable[[Array, Array], Array], rule: TypeRule) -> None:
    full = f"Image.{name}"

    def made(kind: PixelType) -> tuple[Callable[[Array, Array], Array], Callable[[Tile], Tile]]:
        whole = kind.precision == "int"
        return partial(_on_integers, operation=operation, whole=whole), partial(_held, name=full, kind=kind)

    def apply(left: Image, right: Image) -> Image:
        return combine_by_type(full, left, right, made, rule)

    function(full, f"Image.{alias}")(apply)


_register("bitwiseAnd", "bitwise_and", np.bitwise_and, _and_type)
_register("bitwiseOr", "bitwise_or", np.bitwise_or, _logic_type)
_register("bitwiseXor", "bitwise_xor", np.bitwise_xor, _logic_type)
_register("leftShift", "left_shift", _shifted_left, _left_type)
_register("rightShift", "right_shift", _shifted_right, _right_type)
