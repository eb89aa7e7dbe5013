"""Special functions of images, whole numbers of 64 bits, bits, and older spellings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.functions.image_algebra import (
    as_fraction,
    binary,
    fraction,
    unary,
    union,
)
from orchestrator.sandbox.earthengine.evaluate.functions.image_structure import cast
from orchestrator.sandbox.earthengine.evaluate.functions.number_special import lanczos
from orchestrator.sandbox.earthengine.evaluate.images import default_band, mapped, paired
from orchestrator.sandbox.earthengine.evaluate.nodes import PointwiseNode
from orchestrator.sandbox.earthengine.evaluate.registry import function, lookup
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, thin
from orchestrator.sandbox.earthengine.evaluate.values import Image
from orchestrator.sandbox.scenes.catalogue import PixelType

Array = NDArray[Any]

_CURVES: dict[str, Callable[[Array], Array]] = {
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "cbrt": np.cbrt,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "erfInv": scipy.special.erfinv,
    "erfcInv": scipy.special.erfcinv,
    "gamma": lambda values: np.where(values > 0, scipy.special.gamma(values), np.nan),
    "digamma": scipy.special.digamma,
    "trigamma": lambda values: np.asarray(scipy.special.polygamma(1, values)),
}
for _name, _curve in _CURVES.items():
    unary(_name, as_fraction(_curve), fraction)
unary("lanczos", lambda values: np.asarray(np.vectorize(lanczos)(values.astype(np.float64))), fraction)

binary("gammainc", lambda x, a: scipy.special.gammainc(a, x), lambda _left, _right: pixel_types.FLOAT)
binary("firstNonZero", lambda left, right: np.where(left != 0, left, right), union)

function("Image.first_nonzero")(lookup("Image.firstNonZero").call)

_LONG = pixel_types.NAMED_TYPES["int64"]
for _name in ("int64", "long", "toInt64", "toLong"):
    function(f"Image.{_name}")(partial(cast, kind=_LONG))


def _whole(name: str, image: Image) -> None:
    for band in image.bands:
        if band.type.precision != "int":
            raise EvaluationError(f"{name}: Band '{band.name}' must be of an integer type.")


@function("Image.bitCount")
def bit_count(image: Image) -> Image:
    """Count the ones of the 64 bit two's complement."""
    _whole("Image.bitCount", image)

    def on_tile(tile: Tile) -> Tile:
        counts = np.bitwise_count(thin(tile.values).astype(np.int64).view(np.uint64))
        return Tile(np.broadcast_to(counts, tile.values.shape), tile.valid)

    return mapped(image, on_tile, PixelType("int", 0, 64))


@function("Image.bitwiseNot", "Image.bitwise_not")
def bitwise_not(image: Image) -> Image:
    """Turn every bit, in the smallest signed type that holds the input."""
    _whole("Image.bitwiseNot", image)

    def on_tile(tile: Tile) -> Tile:
        turned = np.invert(thin(tile.values).astype(np.int64))
        return Tile(np.broadcast_to(turned, tile.values.shape), tile.valid)

    return mapped(image, on_tile, _signed)


def _signed(kind: PixelType) -> PixelType:
    low, high = pixel_types.bounds(kind)
    for name in ("int8", "int16", "int32"):
        signed = pixel_types.NAMED_TYPES[name]
        bottom, top = pixel_types.bounds(signed)
        if bottom <= low and high <= top:
            return signed
    return _LONG


@function("Image.blend")
def blend(bottom: Image, top: Image) -> Image:
    """Lay an image over another: where it is masked, the lower one is seen."""
    bands = []
    for below, above, name in paired("Image.blend", bottom, top):
        kind = pixel_types.union((below.type, above.type))
        nodes = (below.node, above.node)
        apply = partial(_laid_over, dtype=pixel_types.dtype_of(kind))
        support = nodes[0].support if nodes[0].support is nodes[1].support else None
        bands.append(default_band(name, PointwiseNode(apply, nodes, support, fractions=True), kind, below))
    return replace(bottom.with_bands(bands), asset_id=None)


def _laid_over(below: Tile, above: Tile, *, dtype: np.dtype[Any]) -> Tile:
    if above.valid is None:
        return above
    values = np.where(above.valid, above.values, below.values)
    fractions = values.dtype.kind == "f" and dtype.kind != "f"  # means of a pyramid
    valid = None if below.valid is None else above.valid | below.valid
    return Tile(values if fractions else values.astype(dtype, copy=False), valid)
