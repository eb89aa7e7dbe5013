"""Arithmetic, comparison and logic of images, band by band and pixel by pixel."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.array_bands import array_band, elementwise
from orchestrator.sandbox.earthengine.evaluate.arrays import shaped, storage
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import default_band, mapped, paired, pointwise
from orchestrator.sandbox.earthengine.evaluate.nodes import ConstantNode, PointwiseNode
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, both, thin
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand
from orchestrator.sandbox.scenes.catalogue import PixelType

Array = NDArray[Any]
Operation = Callable[[Array, Array], Array]
_LARGEST = 2.0**31 - 1
Finish = Callable[[Tile], Tile]
TypeRule = Callable[[PixelType, PixelType], PixelType]


def combine(name: str, left: Image, right: Image, operation: Operation, rule: TypeRule) -> Image:
    """Apply an operation to matching bands; valid where both operands are."""
    return combine_by_type(name, left, right, lambda _kind: (operation, None), rule)


def combine_by_type(
    name: str,
    left: Image,
    right: Image,
    made: Callable[[PixelType], tuple[Operation, Finish | None]],
    rule: TypeRule,
) -> Image:
    """Apply to matching bands the operation that is made for their common type, and what is then done to its tiles."""
    bands = []
    for first, second, band_name in paired(name, left, right):
        kind = rule(first.type, second.type)
        operation, finish = made(kind)
        if first.type.dimensions or second.type.dimensions:
            bands.append(_of_arrays(name, band_name, partial(_typed, operation, finish, kind), kind, first, second))
            continue
        apply = partial(_apply, operation=operation, dtype=pixel_types.dtype_of(kind), finish=finish)
        node = pointwise(apply, first.node, second.node)
        bands.append(default_band(band_name, node, kind, _leading(first, second)))
    return _carrier(left, right).with_bands(bands)


def _of_arrays(name: str, label: str, operation: Callable[..., Array], kind: PixelType, *bands: ImageBand) -> ImageBand:
    """Make a band of an operation on the elements of arrays of one shape, or of arrays and numbers."""
    dimensions = max(band.type.dimensions for band in bands)
    apply = partial(elementwise, name=name, function=operation)
    return array_band(label, apply, shaped(kind, dimensions), *bands, like=_leading(bands[0], bands[-1]))


def _typed(operation: Operation, finish: Finish | None, kind: PixelType, left: Array, right: Array) -> Array:
    dtype = storage(kind)
    found = operation(_working(left, dtype), _working(right, dtype))
    return found if finish is None else finish(Tile(found)).values.astype(dtype)


def _leading(first: ImageBand, second: ImageBand) -> ImageBand:
    """The operand whose default projection is kept: a bare number has none of its own."""
    return second if isinstance(first.node, ConstantNode) else first


def _carrier(left: Image, right: Image) -> Image:
    """The operand whose footprint and index are kept; other properties do not survive arithmetic."""
    constant, other = (all(isinstance(band.node, ConstantNode) for band in side.bands) for side in (left, right))
    source = right if constant and not other else left
    kept = {key: source.properties[key] for key in ("system:index",) if key in source.properties}
    return replace(source, properties=kept, asset_id=None, grid=None)


def _apply(left: Tile, right: Tile, *, operation: Operation, dtype: np.dtype[Any], finish: Finish | None) -> Tile:
    a, b = thin(left.values), thin(right.values)
    values = operation(_working(a, dtype), _working(b, dtype))
    found = Tile(np.broadcast_to(values, left.values.shape), both(left.valid, right.valid))
    return found if finish is None else finish(found)


def _working(values: Array, dtype: np.dtype[Any]) -> Array:
    """Bring an operand to the type of the result; means of a pyramid stay fractions."""
    if values.dtype == dtype or (values.dtype.kind == "f" and dtype.kind != "f"):
        return values
    return values.astype(dtype)


def _compare(left: Tile, right: Tile, *, operation: Operation) -> Tile:
    a, b = thin(left.values), thin(right.values)
    values = operation(a, b).view(np.uint8)
    return Tile(np.broadcast_to(values, left.values.shape), both(left.valid, right.valid))


def compare(name: str, left: Image, right: Image, operation: Operation) -> Image:
    """Apply a comparison: the answer is 0 or 1."""
    bands = []
    for first, second, band_name in paired(name, left, right):
        if first.type.dimensions or second.type.dimensions:
            bands.append(_of_arrays(name, band_name, operation, pixel_types.BOOLEAN, first, second))
            continue
        node = pointwise(partial(_compare, operation=operation), first.node, second.node)
        bands.append(default_band(band_name, node, pixel_types.BOOLEAN, _leading(first, second)))
    return _carrier(left, right).with_bands(bands)


def _divide(left: Array, right: Array) -> Array:
    """Divide; by zero gives zero."""
    if right.size == 1:
        divisor = right.flat[0]
        return left / divisor if divisor != 0 else np.zeros_like(left)
    zero = right == 0
    if not zero.any():
        return left / right
    out = np.zeros(np.broadcast_shapes(left.shape, right.shape), np.result_type(left, right))
    return np.divide(left, right, out=out, where=~zero)


def _modulo(left: Array, right: Array) -> Array:
    safe = np.where(right == 0, np.ones_like(right), right)
    return np.where(right == 0, np.zeros_like(left), np.fmod(left, safe))


def _power(left: Array, right: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.power(left, right)


def union(left: PixelType, right: PixelType) -> PixelType:
    return pixel_types.union((left, right))


def _remaining(left: PixelType, right: PixelType) -> PixelType:
    """A remainder comes nearer to zero than the operands are."""
    return pixel_types.union((left, right, pixel_types.of_number(0)))


def _always(kind: PixelType) -> TypeRule:
    return lambda _left, _right: kind


def binary(name: str, operation: Operation, rule: TypeRule) -> None:
    def apply(left: Image, right: Image) -> Image:
        return combine(f"Image.{name}", left, right, operation, rule)

    function(f"Image.{name}")(apply)


def _bounded(scalar: Callable[[float, float], float]) -> TypeRule:
    return partial(pixel_types.arithmetic, operation=scalar)


binary("add", np.add, _bounded(operator.add))
binary("subtract", np.subtract, _bounded(operator.sub))
binary("multiply", np.multiply, _bounded(operator.mul))
binary("divide", _divide, pixel_types.quotient)
binary("mod", _modulo, _remaining)
binary("pow", _power, _always(pixel_types.DOUBLE))
binary("min", np.minimum, union)
binary("max", np.maximum, union)
binary("hypot", np.hypot, pixel_types.quotient)
binary("first", lambda left, _right: left, union)


def _comparison(name: str, operation: Operation) -> None:
    def apply(left: Image, right: Image) -> Image:
        return compare(f"Image.{name}", left, right, operation)

    function(f"Image.{name}")(apply)


_comparison("eq", np.equal)
_comparison("neq", np.not_equal)
_comparison("gt", np.greater)
_comparison("gte", np.greater_equal)
_comparison("lt", np.less)
_comparison("lte", np.less_equal)
_comparison("and", np.logical_and)
_comparison("or", np.logical_or)


@function("Image.not")
def negation(image: Image) -> Image:
    return _mapped(
        "Image.not",
        image,
        lambda tile: Tile(_zero(tile.values), tile.valid),
        lambda values: values == 0,
        lambda _kind: pixel_types.BOOLEAN,
    )


def _mapped(
    name: str,
    image: Image,
    on_tile: Callable[[Tile], Tile],
    on_arrays: Callable[[Array], Array],
    rule: Callable[[PixelType], PixelType],
) -> Image:
    """Apply a function to each band, of numbers or of arrays."""
    bands = (
        _of_arrays(name, band.name, on_arrays, rule(shaped(band.type, 0)), band)
        if band.type.dimensions
        else mapped(image.with_bands([band]), on_tile, rule).bands[0]
        for band in image.bands
    )
    return image.with_bands(bands)


def _zero(values: Array) -> Array:
    return np.broadcast_to((thin(values) == 0).view(np.uint8), values.shape)


def unary(
    name: str, operation: Callable[[Array], Array], rule: Callable[[PixelType], PixelType], most: float | None = None
) -> None:
    """Register a function of one number; results whose magnitude is more than `most` are refused."""

    def on_tile(tile: Tile) -> Tile:
        with np.errstate(all="ignore"):
            values = operation(thin(tile.values))
        # Undefined results (roots and logarithms of negative numbers) are masked.
        undefined = values.dtype.kind == "f" and not np.isfinite(values).all()
        valid = both(tile.valid, np.broadcast_to(np.isfinite(values), tile.values.shape)) if undefined else None
        found = Tile(np.broadcast_to(values, tile.values.shape), valid if undefined else tile.valid)
        if most is not None and values.dtype.kind == "f" and (found.mask() & (np.abs(found.values) > most)).any():
            raise not_imitated(f"Image.{name}: a number of more than 32 bits")
        return found

    full = f"Image.{name}"
    function(full)(lambda image: _mapped(full, image, on_tile, operation, rule))


def fraction(kind: PixelType) -> PixelType:
    return pixel_types.quotient(kind, kind)


def _whole(kind: PixelType) -> PixelType:
    return kind if kind.precision == "int" else pixel_types.NAMED_TYPES["int32"]


def _magnitude(kind: PixelType) -> PixelType:
    if kind.precision != "int":
        return PixelType(kind.precision)
    low, high = pixel_types.bounds(kind)
    return PixelType("int", 0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high)))


def as_fraction(operation: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda values: operation(values if values.dtype == np.float64 else values.astype(np.float32))


for _name, _curve in (
    ("sqrt", np.sqrt),
    ("exp", np.exp),
    ("log", np.log),
    ("log10", np.log10),
    ("sin", np.sin),
    ("cos", np.cos),
    ("tan", np.tan),
    ("asin", np.arcsin),
    ("acos", np.arccos),
    ("atan", np.arctan),
):
    unary(_name, as_fraction(_curve), fraction)
unary("abs", lambda values: np.abs(values.astype(np.float64) if values.dtype.kind in "iu" else values), _magnitude)
for _name, _step in (("floor", np.floor), ("ceil", np.ceil)):
    unary(_name, _step, _whole, most=_LARGEST)
unary("round", lambda values: np.floor(values + 0.5) if values.dtype.kind == "f" else values, _whole, most=_LARGEST)
unary("signum", lambda values: np.sign(values.astype(np.float64)), lambda _kind: PixelType("int", -1, 1))


@function("Image.clamp")
def clamp(image: Image, low: float, high: float) -> Image:
    return mapped(image, partial(_clamped, low=low, high=high), partial(_clamped_kind, low=low, high=high))


def _clamped(tile: Tile, *, low: float, high: float) -> Tile:
    # In double precision, because a bound may lie outside the range of the pixels' own type.
    wide = thin(tile.values).astype(np.float64, copy=False)
    return Tile(np.broadcast_to(np.clip(wide, low, high), tile.values.shape), tile.valid)


def _clamped_kind(kind: PixelType, *, low: float, high: float) -> PixelType:
    """The type is kept unless it cannot hold the bounds that values are moved to."""
    if kind.precision != "int":
        return PixelType(kind.precision)
    lowest, highest = (min(max(bound, low), high) for bound in pixel_types.bounds(kind))
    return pixel_types.union((kind, pixel_types.of_number(lowest), pixel_types.of_number(highest)))


@function("Image.unitScale")
def unit_scale(image: Image, low: float, high: float) -> Image:
    def on_tile(tile: Tile) -> Tile:
        return Tile((tile.values.astype(np.float32) - low) / (high - low), tile.valid)

    return mapped(image, on_tile, pixel_types.FLOAT)


@function("Image.normalizedDifference")
def normalized_difference(image: Image, names: list[Any] | None) -> Image:
    chosen = image.bands[:2] if names is None else [image.band(str(name)) for name in names]
    if len(chosen) != 2 or None in chosen:
        raise EvaluationError(f"Image.normalizedDifference: Bands {names} not found in {image.names}.")
    first, second = chosen
    assert first is not None  # noqa: S101 - established above
    assert second is not None  # noqa: S101 - established above
    node = pointwise(_normalized, first.node, second.node)
    return _carrier(image, image).with_bands([default_band("nd", node, pixel_types.FLOAT, first)])


def _normalized(left: Tile, right: Tile) -> Tile:
    """(a - b) / (a + b), masked where either is negative, as the function's documentation says."""
    a, b = left.values.astype(np.float32), right.values.astype(np.float32)
    negative = (a < 0) | (b < 0)
    valid = both(left.valid, right.valid)
    return Tile(_divide(a - b, a + b), both(valid, ~negative) if negative.any() else valid)


@function("Image.where")
def where(image: Image, test: Image, value: Image) -> Image:
    bands = []
    for band, condition, _ in paired("Image.where", image, test):
        replacement = value.bands[0] if len(value.bands) == 1 else value.band(band.name) or value.bands[0]
        kind = union(band.type, replacement.type)
        inputs = (band.node, condition.node, replacement.node)
        replaced = partial(_replaced, dtype=pixel_types.dtype_of(kind))
        node = PointwiseNode(replaced, inputs, band.node.support, fractions=True)
        bands.append(default_band(band.name, node, kind, band))
    return image.with_bands(bands)


def _replaced(tile: Tile, test: Tile, value: Tile, *, dtype: np.dtype[Any]) -> Tile:
    """Where the test is true and both it and the value are valid, take the value; the input's mask stays."""
    chosen = (test.values != 0) & (test.weights() > 0) & (value.weights() > 0)
    dtype = np.result_type(dtype, tile.values.dtype) if tile.values.dtype.kind == "f" else dtype
    return Tile(np.where(chosen, value.values, tile.values).astype(dtype, copy=False), tile.valid, tile.weight)
