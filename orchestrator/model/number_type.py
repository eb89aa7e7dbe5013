"""One number type for several bands, and a number of it that none of them holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from orchestrator.model.spec import whole_numbers

_WHOLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
_EXACT = 2**24  # the widest whole numbers that a float32 holds exactly


class NumberRange(Protocol):
    """What numbers a band may hold."""

    @property
    def precision(self) -> str:
        """`int`, `float` or `double`."""

    @property
    def low(self) -> float:
        """The least; of whole numbers only."""

    @property
    def high(self) -> float:
        """The greatest, likewise."""


def number_type(bands: Sequence[NumberRange], *, spare: bool = False) -> str:
    """
    Return the smallest number type that holds every number of the bands.

    Args:
        bands: At least one.
        spare: Whether a number must be left for "nothing here" where one is cheap: a byte that uses all its numbers
            becomes two. Whole numbers of 16 or 32 bits that are all used stay what they are.
    """
    low, high = min(band.low for band in bands), max(band.high for band in bands)
    if all(band.precision == "int" for band in bands):
        for dtype in _WHOLE:
            least, most = whole_numbers(dtype)
            full = dtype.endswith("int8") and (low, high) == (least, most)
            if least <= low and high <= most and not (spare and full):
                return dtype
        return "float64"
    wide = any(b.precision == "double" or (b.precision == "int" and max(-b.low, b.high) > _EXACT) for b in bands)
    return "float64" if wide else "float32"


def nothing_of(dtype: str, bands: Sequence[NumberRange]) -> float:
    """
    Return what stands for "nothing here" in a type of whole numbers: one that no band holds, where there is one.

    That is the greatest of the type; the least where a band may hold the greatest. Where all numbers are used it is the
    greatest, of types with negative ones the least.
    """
    least, most = whole_numbers(dtype)
    free_most, free_least = max(band.high for band in bands) < most, min(band.low for band in bands) > least
    return float(most if free_most or (least == 0 and not free_least) else least)
