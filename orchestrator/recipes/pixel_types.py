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


def pixel_spec(bands: Sequence[str], dtype: str, nodata: str) -> PixelSpec:
    """
    Return what a pixel will be.

    Args:
        bands: Names in order; at least one.
        dtype: Number type.
        nodata: Value of masked pixels; empty is outside what the type usually holds.

    Raises:
        RecipeError: The type is unknown, or does not hold the value.
    """
    spec = PixelSpec(tuple(bands), dtype, 0)
    return PixelSpec(spec.bands, spec.dtype, _finite(nodata) if nodata else _outside(dtype))


def cast(image: Any, bands: Sequence[str], dtype: str) -> Any:
    """Return `bands` of an `ee.Image` in a number type."""
    return image.select(list(bands)).cast(dict.fromkeys(bands, EE_TYPES[dtype]))


def _outside(dtype: str) -> float:
    return -9999.0 if dtype.startswith("float") else float(whole_numbers(dtype)[1])


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
