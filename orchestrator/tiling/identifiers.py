"""
What a tile is called: the same name for the same envelope, as geetiles 0.1.7 writes it.

The identifier is a checksum of the text that numpy prints of the envelope's ring, rounded to five decimals; that of a
file is one of its identifiers in order. The text depends on how numpy aligns columns, which is therefore done here,
for many rings at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.raster.arrays import Floats

_DIGITS, _DECIMALS = 13, 5
_MODULUS = 10**15
_HEXADECIMAL = frozenset("0123456789abcdef")
# From here on numpy prints exponents: numpy.set_printoptions, `suppress`.
_LEAST, _WIDEST, _LARGEST = 1e-4, 1000.0, 1e6
_ONE = 10**_DECIMALS
_POWERS = 10 ** np.arange(1, 7)
# SW SE NE NW SW, as places in (west, south, east, north).
_RING = ((0, 1), (2, 1), (2, 3), (0, 3), (0, 1))
_BLANK, _ZERO, _MINUS = (ord(letter) for letter in " 0-")
_BLOCK = 100_000  # rings whose texts are held at once


def identify(lonlat: Sequence[object] | NDArray[np.object_]) -> list[str]:
    """Return the identifiers of geometries in degrees, in their order; two of one envelope have the same."""
    bounds = np.round(shapely.bounds(np.asarray(lonlat, dtype=object)), _DECIMALS).reshape(-1, 4)
    found = [""] * len(bounds)
    for first in range(0, len(bounds), _BLOCK):
        for index, text in _ring_texts(bounds[first : first + _BLOCK]):
            found[first + index] = _hexadecimal(text)
    return found


def is_identifier(told: object) -> bool:
    """Tell whether a tile may be called so: then a file can be."""
    return isinstance(told, str) and len(told) == _DIGITS and set(told) <= _HEXADECIMAL


def file_hash(identifiers: Iterable[str]) -> str:
    """Return the checksum of a file of tiles: of its identifiers in order."""
    return _hexadecimal(" ".join(identifiers).encode())


def _hexadecimal(text: bytes) -> str:
    number = int.from_bytes(hashlib.sha256(text).digest()) % _MODULUS
    return f"{number:0{_DIGITS}x}"


def _ring_texts(numbers: Floats) -> Iterator[tuple[int, bytes]]:
    """Yield what numpy prints of each ring, an array of (5, 2), with its place in `numbers`, of (rings, 4)."""
    plain = _is_plain(numbers)
    for index in np.flatnonzero(~plain).tolist():
        yield index, _ring(_by_numpy(numbers[index].tolist()))
    rest = np.flatnonzero(plain)
    values = np.rint(np.abs(numbers[rest]) * _ONE).astype(np.int64)
    minus = np.signbit(numbers[rest])
    before, behind = _length(values // _ONE) + minus, _decimals(values % _ONE)
    widths = before.max(axis=1, initial=0) * 10 + behind.max(axis=1, initial=0)
    for width in np.unique(widths).tolist():
        same = np.flatnonzero(widths == width)
        columns = _columns(values[same], minus[same], width // 10, behind[same], width % 10)
        yield from zip(rest[same].tolist(), _texts(columns), strict=True)


def _is_plain(numbers: Floats) -> NDArray[np.bool_]:
    """Tell which rings numpy prints without exponents: the largest number is not a thousand times the smallest."""
    sizes = np.abs(numbers)
    largest = sizes.max(axis=1, initial=0)
    least = np.where(sizes > 0, sizes, np.inf).min(axis=1, initial=np.inf)
    return np.asarray((least >= _LEAST) & (largest <= _WIDEST * least) & (largest < _LARGEST))


def _length(whole: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many digits whole numbers have."""
    return np.searchsorted(_POWERS, whole, side="right").astype(np.int64) + 1


def _decimals(rest: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of five decimals are written, without zeros behind."""
    written = np.zeros(rest.shape, dtype=np.int64)
    for power in range(1, _DECIMALS + 1):
        written += rest % 10**power > 0
    return written


def _columns(
    values: NDArray[np.int64], minus: NDArray[np.bool_], before: int, decimals: NDArray[np.int64], behind: int
) -> NDArray[np.uint8]:
    """
    Return numbers as text of one width: points below each other, blanks before and behind.

    No number has more than five decimals here, so that the shortest text is the whole number.

    Args:
        values: Sizes in units of the fifth decimal, (rings, 4).
        minus: Which are negative.
        before: Letters before the point.
        decimals: How many each has.
        behind: Letters behind the point.
    """
    text = np.full((*values.shape, before + 1 + behind), _BLANK, dtype=np.uint8)
    whole, rest = np.divmod(values, _ONE)
    length = _length(whole)
    for place in range(before):
        digit = whole // 10**place % 10 + _ZERO
        sign = np.where(minus & (place == length), _MINUS, _BLANK)
        text[..., before - 1 - place] = np.where(place < length, digit, sign)
    text[..., before] = ord(".")
    for place in range(behind):
        digit = rest // 10 ** (_DECIMALS - 1 - place) % 10 + _ZERO
        text[..., before + 1 + place] = np.where(place < decimals, digit, _BLANK)
    return text


def _texts(columns: NDArray[np.uint8]) -> Iterator[bytes]:
    """Yield the text of each ring, from the letters of its four numbers, (rings, 4, letters)."""
    count, width = len(columns), columns.shape[2]
    frame = np.frombuffer(_ring([f"{number}" * width for number in range(4)]), dtype=np.uint8)
    texts = np.tile(frame, (count, 1))
    for number in range(4):
        for start in _starts(width, number):
            texts[:, start : start + width] = columns[:, number]
    letters, length = texts.tobytes(), texts.shape[1]
    return (letters[at : at + length] for at in range(0, count * length, length))


def _starts(width: int, number: int) -> Iterator[int]:
    """Yield where one of the four numbers stands in the text of a ring."""
    for line, pair in enumerate(_RING):
        for column in (0, 1):
            if pair[column] == number:
                yield 2 + line * (2 * width + 5) + column * (width + 1)


def _ring(numbers: Sequence[str]) -> bytes:
    """Return the text of a ring of which the numbers are texts."""
    lines = (f"[{numbers[x]} {numbers[y]}]" for x, y in _RING)
    return f"[{chr(10).join(lines)}]".replace("\n", "\n ").encode()


def _by_numpy(numbers: list[float]) -> list[str]:
    """Return four numbers as numpy prints them in an array, with exponents."""
    with np.printoptions(precision=8, suppress=False, floatmode="maxprec", sign="-", legacy=False, formatter=None):
        text = np.array2string(np.array(numbers), separator=";", max_line_width=1000)
    return text[1:-1].split(";")
