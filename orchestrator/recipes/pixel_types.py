"""What a recipe that is given its image by a user makes of the image's pixels: names, number type, nodata."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import RecipeError
from orchestrator.model.spec import PixelSpec, whole_numbers

# Earth Engine's names of our number types.
EE_TYPES: Mapping[str, str] = MappingProxyType(
    {name: name for name in ("uint32", "uint16", "uint8", "int32", "int16", "int8")}
    | {"float32": "float", "float64": "double"}
)

# Types of which pictures use every number, and the next that has one to spare.
_WIDER: Mapping[str, str] = MappingProxyType({"uint8": "int16", "int8": "int16", "uint16": "int32"})


def pixel_spec(bands: Sequence[str], dtype: str, nodata: str, image_dtype: str = "") -> PixelSpec:
    """
    Return what a pixel will be.

    Args:
        bands: Names in order; at least one.
        dtype: Number type.
        nodata: Value of masked pixels; empty is outside what the type usually holds.
        image_dtype: Type of the image's numbers, where they are stored in another; masked pixels are then none of them.

    Raises:
        RecipeError: A type is unknown, or does not hold the value.
    """
    spec, image = PixelSpec(tuple(bands), dtype, 0), PixelSpec(tuple(bands), image_dtype or dtype, 0)
    return PixelSpec(spec.bands, spec.dtype, _finite(nodata) if nodata else _outside(dtype, image.dtype))


def cast(image: Any, bands: Sequence[str], dtype: str, image_dtype: str = "") -> Any:
    """Return `bands` of an `ee.Image` in a number type, after another one where their numbers are of that."""
    chosen = image.select(list(bands))
    if image_dtype and image_dtype != dtype:
        chosen = chosen.cast(dict.fromkeys(bands, EE_TYPES[image_dtype]))
    return chosen.cast(dict.fromkeys(bands, EE_TYPES[dtype]))


def with_spare(dtype: str) -> str:
    """Return the type in which numbers of a type are stored, so that one is left for masked pixels."""
    return _WIDER.get(dtype, dtype)


def spare_notes(dtype: str, nodata: str, image_dtype: str = "") -> tuple[str, ...]:
    """Return what is to be said of masked pixels, whose value nobody chose, and of true values."""
    wider = image_dtype not in {"", dtype}
    if nodata or dtype.startswith("float") or (dtype.endswith("32") and not wider):
        return ()
    value = _outside(dtype, image_dtype or dtype)
    shared = (
        f"Masked pixels hold {value:g}, and where the image has that value it counts as no data, too: --param "
        "nodata=V takes a number that no pixel has, --param dtype=TYPE a wider type."
    )
    stored = (
        f"The image's numbers are {image_dtype}, which leaves none for masked pixels: they are stored as {dtype}, "
        f"masked pixels as {value:g}. --param dtype={image_dtype} --param nodata=V keeps {image_dtype}, where V is a "
        "number that no pixel has."
    )
    return (stored if wider else shared,)


def _outside(dtype: str, image_dtype: str) -> float:
    """Return a number that the type usually does not hold; of a wider type one that is none of the image's numbers."""
    if dtype.startswith("float"):
        return -9999.0
    if image_dtype != dtype and image_dtype.startswith("u"):
        return -1.0
    return float(whole_numbers(dtype)[1])


def _finite(text: str) -> float:
    """Read a nodata value; whether the number type holds it is the business of `PixelSpec`."""
    try:
        value = float(text)
    except ValueError:
        raise RecipeError(f"nodata {text!r} is no number") from None
    if not math.isfinite(value):
        raise RecipeError(
            f"nodata {text!r} is no finite number, and Earth Engine takes no other as a constant; choose one that no "
            "pixel has, or leave it out for -9999"
        )
    return value
