"""
What a tile is called: the same name for the same envelope, as geetiles 0.1.7 writes it.

The identifier is a checksum of the text that numpy prints of the envelope's ring, rounded to five decimals; that of a
file is one of its identifiers in order. The text depends on how numpy aligns columns, which is therefore done here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

_DIGITS, _DECIMALS = 13, 5
_MODULUS = 10**15
# From here on numpy prints exponents: numpy.set_printoptions, `suppress`.
_LEAST, _WIDEST = 1e-4, 1000.0


def identify(lonlat: Sequence[object] | NDArray[np.object_]) -> list[str]:
    """Return the identifiers of geometries in degrees, in their order; two of one envelope have the same."""
    return [_hexadecimal(text) for text in _ring_texts(shapely.bounds(np.asarray(lonlat, dtype=object)))]


def file_hash(identifiers: Iterable[str]) -> str:
    """Return the checksum of a file of tiles: of its identifiers in order."""
    return _hexadecimal(" ".join(identifiers))


def _hexadecimal(text: str) -> str:
    number = int(hashlib.sha256(text.encode()).hexdigest(), 16) % _MODULUS
    return f"{number:0{_DIGITS}x}"


def _ring_texts(bounds: NDArray[np.float64]) -> Iterable[str]:
    """Yield what numpy prints of each ring SW SE NE NW SW, an array of (5, 2)."""
    for numbers in np.round(bounds, _DECIMALS).reshape(-1, 4).tolist():
        west, south, east, north = (_is_plain(numbers) and _aligned(numbers)) or _by_numpy(numbers)
        sw, se, ne, nw = f"[{west} {south}]", f"[{east} {south}]", f"[{east} {north}]", f"[{west} {north}]"
        yield f"[{sw}\n {se}\n {ne}\n {nw}\n {sw}]"


def _is_plain(numbers: list[float]) -> bool:
    """Tell whether numpy prints them without exponents: the largest is not a thousand times the smallest."""
    sizes = [abs(number) for number in numbers if number]
    return not sizes or (min(sizes) >= _LEAST and max(sizes) / min(sizes) <= _WIDEST)


def _aligned(numbers: list[float]) -> list[str]:
    """
    Return four numbers as one column: points below each other, blanks before and behind.

    No number has more than five decimals here, so that the shortest text is the whole number.
    """
    parts = [(whole, "" if rest == "0" else rest) for whole, _, rest in (repr(each).partition(".") for each in numbers)]
    before, behind = max(len(whole) for whole, _ in parts), max(len(rest) for _, rest in parts)
    return [f"{whole:>{before}}.{rest:<{behind}}" for whole, rest in parts]


def _by_numpy(numbers: list[float]) -> list[str]:
    """Return four numbers as numpy prints them in an array, with exponents."""
    with np.printoptions(precision=8, suppress=False, floatmode="maxprec", sign="-", legacy=False, formatter=None):
        text = np.array2string(np.array(numbers), separator=";", max_line_width=1000)
    return text[1:-1].split(";")
