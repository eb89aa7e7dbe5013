"""What a pixel is: its bands, its number type, the value that says "nothing here"."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.core.errors import RecipeError

DTYPE_BYTES = MappingProxyType(
    {"uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 4, "int32": 4, "float32": 4, "float64": 8}
)


@dataclass(frozen=True, slots=True)
class PixelSpec:
    """
    The pixels of an output; all bands share one number type.

    Attributes:
        bands: Names, in the order of the file.
        dtype: numpy's name of the number type.
        nodata: The value of pixels without data, as the number type holds it: a float32 rounds 0.1 to the nearest
            number it has. NaN and the infinities are values of the floating types. No true value may equal it.
        scale: Physical value = stored value × scale + offset.
        offset: See `scale`.
        classes: The numbers name classes, of which there is no mean.
    """

    bands: tuple[str, ...]
    dtype: str
    nodata: float
    scale: float = 1.0
    offset: float = 0.0
    classes: bool = False

    def __post_init__(self) -> None:
        if not self.bands:
            raise RecipeError("an image without bands cannot be exported; name at least one with --bands")
        if len(set(self.bands)) != len(self.bands):
            raise RecipeError(f"bands {', '.join(self.bands)} name one band twice; name each once")
        if self.dtype not in DTYPE_BYTES:
            raise RecipeError(f"dtype {self.dtype!r} is not one of {', '.join(DTYPE_BYTES)}")
        object.__setattr__(self, "nodata", held_as(self.nodata, self.dtype))

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes of one pixel of all bands, before compression."""
        return len(self.bands) * DTYPE_BYTES[self.dtype]


def held_as(value: float, dtype: str) -> float:
    """
    Return `value` as a number of type `dtype` holds it, rounded to the nearest it has.

    Raises:
        RecipeError: It is out of the type's range, or no whole number where the type has only those.
    """
    if not dtype.startswith("float"):
        low, high = whole_numbers(dtype)
        if not math.isfinite(value) or value != int(value) or not low <= value <= high:
            raise RecipeError(f"nodata {_shown(value)} is no {dtype}; choose a whole number from {low} to {high}")
        return value
    if dtype == "float64" or not math.isfinite(value):
        return float(value)
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        raise RecipeError(
            f"nodata {value} is out of the range of float32, which ends at 3.4028235e+38; choose a number nearer 0"
        ) from None


def whole_numbers(dtype: str) -> tuple[int, int]:
    """Return the least and the greatest number of an integer type."""
    bits = 8 * DTYPE_BYTES[dtype]
    return (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _shown(value: float) -> str:
    """Write a number as a person does: 256 rather than 256.0, but never a rounded one."""
    return str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else repr(value)
